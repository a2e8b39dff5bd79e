"""A library is recorded once: by the official instrumentor where that is on, else by ours."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import requests
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.utils import suppress_http_instrumentation

from libraries.conftest import Recording, Server
from otel_replay.libraries import installing
from otel_replay.libraries.table import LIBRARIES


@pytest.fixture
def official() -> Iterator[None]:
    """The official instrumentors, switched on by the program after ours."""
    yield
    for instrumentor in (HTTPXClientInstrumentor(), RequestsInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


def test_ours_stays_off_where_the_program_switches_the_official_one_on(
    server: Server, recorded: Recording, official: None
) -> None:
    def program() -> None:
        httpx.get(f"{server.url}/ok?ours", trust_env=False)
        requests.get(f"{server.url}/ok?ours", timeout=30)
        HTTPXClientInstrumentor().instrument()
        RequestsInstrumentor().instrument()
        httpx.get(f"{server.url}/ok?theirs", trust_env=False)
        requests.get(f"{server.url}/ok?theirs", timeout=30)

    scopes = [span.scope.name for span in recorded(program).spans if span.name == "GET"]
    assert scopes == [
        "otel_replay",
        "otel_replay",
        "opentelemetry.instrumentation.httpx",
        "opentelemetry.instrumentation.requests",
    ]


def test_what_asks_for_no_spans_has_none(server: Server, recorded: Recording) -> None:
    def program() -> None:
        with suppress_http_instrumentation():
            httpx.get(f"{server.url}/ok", trust_env=False)

    assert [span.name for span in recorded(program).spans] == ["run libraries"]


def test_a_version_that_is_too_old_is_left_alone(
    server: Server, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = next(row for row in LIBRARIES if row.name == "httpx")
    monkeypatch.setattr(row, "least", "99")
    run = recorded(lambda: httpx.get(f"{server.url}/ok", trust_env=False))
    assert [span.name for span in run.spans] == ["run libraries"]
    assert "is too old: 99 at least" in installing.states()["httpx"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_REPLAY_DISABLED_LIBRARIES", "optuna, HTTPX"),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "httpx"),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "*"),
    ],
)
def test_a_library_can_be_left_alone(
    server: Server, recorded: Recording, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    plain = httpx.Client._send_single_request
    run = recorded(lambda: httpx.get(f"{server.url}/ok", trust_env=False))
    assert httpx.Client._send_single_request is plain
    assert [span.name for span in run.spans] == ["run libraries"]
