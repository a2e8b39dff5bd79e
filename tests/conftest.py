"""What tests share: a store of their own, a fresh OpenTelemetry, runs read back, real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import hypothesis
import pytest
from store_kit import Store

from otel_replay.storage import active_runs

pytest_plugins = ["browser_kit", "generation_kit", "model_server"]

_KEPT = {"OTEL_REPLAY_ENGINES", "OTEL_REPLAY_STACK"}
"""Variables of the test machine: where the real Collector and Jaeger are built."""


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background lets them ignore Ctrl-C, and all they start with them.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples each time, on however busy a machine: what fails is what has changed. To look for others:
# pytest --hypothesis-profile=default
hypothesis.settings.register_profile(
    "the same each time",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("the same each time")

_CONTEXT = {"TRACEPARENT", "TRACESTATE", "BAGGAGE", "FORCE_COLOR"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that OpenTelemetry or otel-replay would read from the environment of whoever runs the tests."""
    for name in list(os.environ):
        if name in _CONTEXT or (name.startswith("OTEL_") and name not in _KEPT):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_run_is_left(no_environment: None) -> Iterator[None]:
    """A run that a test leaves open, or the process's own that it made, is not the next one's."""
    yield
    for writer in list(active_runs.WRITERS):
        writer.close("exit")
        active_runs.remove(writer)
    joined = sys.modules.get("otel_replay.hooks.joined")
    if joined is not None:
        joined.put_back()
    process_run = sys.modules.get("otel_replay.otel.process_run")
    if process_run is not None:
        process_run._run = None
        process_run.offers.withdraw_process_run()
    contexts = sys.modules.get("opentelemetry.context")
    if contexts is not None and contexts.get_current():
        # What began here and ended in another thread is still the current span: no other can put that right.
        contexts.attach(contexts.Context())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_environment: None) -> Store:
    """A store of the test's own, which is also where its child processes record."""
    root = tmp_path / "store"
    monkeypatch.setenv("OTEL_REPLAY_STORE", str(root))
    return Store(root)


@pytest.fixture
def fresh_opentelemetry() -> Iterator[None]:
    """OpenTelemetry without a tracer provider, as at the start of a process; put back at the end."""
    from opentelemetry import trace
    from opentelemetry.util._once import Once

    before, once = trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = None, Once()
    yield
    made = trace._TRACER_PROVIDER
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = before, once
    if made is not None and made is not before and hasattr(made, "shutdown"):
        made.shutdown()


Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """Runs a program in a real Python process, in the test's folder; warnings are errors in it."""

    def run(
        program: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        expect: int = 0,
        interpreter: Sequence[str] = (sys.executable,),
        flags: Sequence[str] = ("-W", "error"),
    ) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(program))
        done = subprocess.run(
            [*interpreter, *flags, str(path), *arguments],
            env={**os.environ, **(env or {})},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run
