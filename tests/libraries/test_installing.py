"""Libraries are hooked when they are asked for, once, and not at all where recording is off."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable

import httpx
import httpx2
import pytest
import urllib3
from store_kit import Store

import otel_replay
from libraries.conftest import Server
from otel_replay.hooks import audit
from otel_replay.libraries import installing
from otel_replay.libraries.table import LIBRARIES, named

FUNCTIONS = (
    (urllib3.connectionpool.HTTPConnectionPool, "_make_request"),
    (httpx.Client, "_send_single_request"),
    (httpx2.AsyncClient, "_send_single_request"),
    (logging.Logger, "callHandlers"),
)


def as_they_are() -> list[object]:
    """The functions that hooks stand in for."""
    return [vars(owner)[name] for owner, name in FUNCTIONS]


def test_with_recording_off_nothing_is_patched(
    hooked: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = as_they_are()
    monkeypatch.setenv("OTEL_REPLAY_DISABLED", "true")
    otel_replay.record_libraries()
    assert as_they_are() == plain
    assert audit._listeners == {}


def test_libraries_are_hooked_once_however_often_it_is_asked_for(
    hooked: Callable[..., None], server: Server, store: Store, fresh_opentelemetry: None
) -> None:
    otel_replay.record_libraries()
    first = as_they_are()
    otel_replay.record_libraries()
    assert as_they_are() == first
    with otel_replay.start_run("libraries"):
        httpx.get(f"{server.url}/ok", trust_env=False)
    assert [span.name for span in store.run().spans].count("GET") == 1


def test_libraries_that_are_named_are_left_alone(hooked: Callable[..., None]) -> None:
    plain = as_they_are()
    otel_replay.record_libraries(disabled=[row.name for row in LIBRARIES])
    assert as_they_are() == plain


def test_without_a_run_a_hooked_program_goes_on_and_leaves_no_store(
    hooked: Callable[..., None], server: Server, store: Store
) -> None:
    otel_replay.record_libraries()
    assert httpx.get(f"{server.url}/ok", trust_env=False).text == "yes"
    assert not store.root.exists()


def test_a_library_goes_by_its_other_names_too() -> None:
    assert named("aiohttp-client") is named("aiohttp")
    assert named("no such library") is None


def test_hooking_loads_no_library_and_no_opentelemetry() -> None:
    """What is not installed, or not imported by the program, costs nothing."""
    program = (
        "import sys\n"
        "from otel_replay.libraries.installing import install\n"
        "before = set(sys.modules)\n"
        "install()\n"
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('otel_replay.')))\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_library_that_cannot_be_hooked_says_why(
    hooked: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from otel_replay.hooks import guard

    monkeypatch.delattr(httpx.Client, "_send_single_request")
    otel_replay.record_libraries()
    assert installing.states()["httpx"].startswith("not recorded: ")
    assert guard.FAILURES.pop("hooking into httpx") == 1
