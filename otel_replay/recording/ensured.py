"""A run for programs that start none: begun when the first thing happens, ended with the process.

For interfaces without a run of their own, whose calls may come from anywhere. Where a run is being recorded,
what happens belongs to that one.
"""

from __future__ import annotations

import os
import threading

from otel_replay.otel.keys import OPEN_SPAN, RUN_KEY
from otel_replay.program import program_name
from otel_replay.recording.current import SPAN_KEY, get_context
from otel_replay.recording.joining import join_if_invited
from otel_replay.recording.orphans import open_span_here
from otel_replay.recording.run import Run, start_run
from otel_replay.storage.active_runs import WRITERS
from otel_replay.storage.open_span import OpenSpan

__all__ = ["end_ensured_run", "ensured_run", "ensured_span"]

_lock = threading.RLock()
_run: Run | None = None
_root: OpenSpan | None = None
"""The span of that run."""


def ensured_span(name: str = "") -> OpenSpan | None:
    """The open span that something belongs to which happens now; None where recording is switched off.

    Parameters
    ----------
    name:
        What the run is called if one is begun; the program's name by default.
    """
    if WRITERS:
        # Most calls go no further: a span is current, or the run that was begun here is the only one.
        context = get_context()
        span: OpenSpan | None = getattr(context.get(SPAN_KEY), OPEN_SPAN, None)
        if span is not None:
            return span
        if _root is not None and _root.writer is WRITERS[0] and context.get(RUN_KEY) is None:
            return _root
    if WRITERS or join_if_invited():
        span = open_span_here()
        if span is not None:
            return span
    return _begun(name)


def _begun(name: str) -> OpenSpan | None:
    global _run, _root
    with _lock:
        if _run is not None and not _run.recording:
            return None  # switched off: asked once, not with every call
        if not WRITERS:
            _run = start_run(name or program_name())
            # It is the process's: not only of the thread or task that happened to come first.
            _run.detach()
            _root = WRITERS[0].root if _run.recording and WRITERS else None
    return open_span_here() if WRITERS else None


def ensured_run() -> Run | None:
    """The run that :func:`ensured_span` has begun, if it goes on."""
    return _run if _run is not None and _run.recording else None


def end_ensured_run() -> None:
    """End that run now; what happens next begins another one. Never raises."""
    global _run, _root
    with _lock:
        run, _run, _root = _run, None, None
    if run is not None:
        run.end()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
