"""A provider as a program sets it, with an exporter that keeps what it gets; and the local OTLP receiver."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

from otel.program import Program
from otel_replay.otel import process_run

# The receiver is the sender's: a real gRPC and a real HTTP server.
sys.path.append(str(Path(__file__).parents[1] / "sender"))


@pytest.fixture
def set_up(store: Any, fresh_opentelemetry: None) -> Iterator[Callable[..., Program]]:
    """Sets a provider as the program would, with the options given."""
    made = []

    def call(**options: Any) -> Program:
        program = Program(**options)
        made.append(program)
        if len(made) == 1:
            trace.set_tracer_provider(program.provider)
        return program

    yield call
    for program in made:
        program.provider.shutdown()


@pytest.fixture
def program(set_up: Callable[..., Program]) -> Program:
    """A program that has set a provider before anything is recorded."""
    return set_up()


@pytest.fixture
def no_process_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process's own run is none yet, and is ended with the test."""
    monkeypatch.setattr(process_run, "_run", None)
    yield
    process_run._end()
