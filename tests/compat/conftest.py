"""What tests of the session logger, and of memory sessions, share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context as otel_context

from compat.memvid_kit import STATE
from otel_replay.compat import session_logger
from otel_replay.compat.memvid import Memvid
from otel_replay.compat.session_logger import SessionLogger


@pytest.fixture
def nothing_goes_on(monkeypatch):
    """Sessions and tasks that a test leaves open go on, as they should: but not in the next test."""
    begun, begin = [], SessionLogger._begin
    monkeypatch.setattr(SessionLogger, "_begin", lambda self: begun.append(begin(self)) or begun[-1])
    yield
    for run in begun:
        run.end()
    otel_context.attach(otel_context.Context())
    session_logger._open_here.set(())


@pytest.fixture
def sessions(tmp_path, monkeypatch, store):
    """The folder `.deia/sessions` of the document, which nobody has made."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".deia" / "sessions"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of a memory would be."""
    return tmp_path / "notes.mv2"


@pytest.fixture
def memory(path: Path, store: Any) -> Iterator[Memvid]:
    """A memory whose state is known."""
    with Memvid(path, state=lambda: STATE) as memory:
        yield memory
