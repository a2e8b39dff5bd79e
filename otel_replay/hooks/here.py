"""What hooks record of a program that has not loaded OpenTelemetry, without loading it for them.

Where nothing of OpenTelemetry is loaded there is no current span: what happens belongs to the span of the
process, which is written here without the SDK. Loading that would take longer than many a program. As soon as
the program loads OpenTelemetry, or an exporter waits for what is recorded, all goes the usual way.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from otel_replay.attributes import SPAN_TYPE
from otel_replay.hooks.guard import Attempts, failed
from otel_replay.interruptions import let_through
from otel_replay.program import process_attributes, program_name
from otel_replay.settings import Settings, read_settings
from otel_replay.storage import active_runs
from otel_replay.storage.first_span import begin_first_span
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_opening import OpenedRun, end_run, open_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["decision", "span_here"]

_CONTEXTS = "opentelemetry.context"
_PARENT = "TRACEPARENT"
_DECISIONS, _LOADING = "recording decisions", "loading what records"
_attempts = Attempts()
"""To load what records, where OpenTelemetry is loaded."""
_lock = threading.RLock()
_tried_in = 0
"""The process that has joined its run here, or found that it cannot."""
_ended: OpenSpan | None = None
"""The span of the process, when that has come to its end: what is decided then still belongs to it."""


def decision(action: Any, reason: Any, values: Any = None, cell: Any = None) -> None:
    """Record a decision, as :func:`otel_replay.decision` does. Never raises."""
    try:
        usual = _usual() if _CONTEXTS in sys.modules else None
        if usual is None:
            # Where what records cannot be loaded, this is better than nothing.
            span = active_runs.fallback_span() or _ended or _joined()
            if span is not None:
                span.decision(action, reason, values, cell)
                return
            usual = _usual()
        if usual is None:
            raise ImportError("what records cannot be loaded")
    except Exception as error:
        let_through(error)
        failed(_DECISIONS, error)
        return
    usual(action, reason, values, cell)


def _usual() -> Callable[..., None] | None:
    """What records beside OpenTelemetry; None where it cannot be loaded."""
    if not _attempts.are_due(_LOADING):
        return None
    try:
        from otel_replay.recording.moments import decision
    except Exception as error:
        let_through(error)
        _attempts.failed()
        failed(_LOADING, error)
        return None
    _attempts.succeeded()
    return decision


def span_here() -> OpenSpan | None:
    """The open span that something belongs to which happens now; None where nothing records."""
    if _CONTEXTS not in sys.modules:
        span = active_runs.fallback_span() or _joined()
        if span is not None or _ended is not None:
            return span
    if not _attempts.are_due(_LOADING):
        return None
    try:
        from otel_replay.recording.joining import join_if_invited
        from otel_replay.recording.orphans import open_span_here
    except Exception:
        _attempts.failed()
        raise
    _attempts.succeeded()
    return open_span_here() if active_runs.WRITERS or join_if_invited() else None


def _joined() -> OpenSpan | None:
    """The span of this process, begun in the run that the environment names; None: the usual way knows."""
    global _tried_in
    with _lock:
        if _tried_in == os.getpid():
            return active_runs.fallback_span()  # another thread has begun it while this one waited
        if active_runs.WRITERS or active_runs.opener is not None:
            return None
        _tried_in = os.getpid()
        settings = read_settings()
        others = settings.decisions_as_logs or _is_for_opentelemetry()
        parent = os.environ.get(_PARENT, "").split("-")
        if settings.disabled or not settings.run_id or settings.replay or others or len(parent) != 4:
            return None
        return _begun(settings, parent[1], parent[2])


def _is_for_opentelemetry() -> bool:
    """Whether OpenTelemetry's variables say who else is to get what is recorded, or that nothing is."""
    if not any(name.startswith("OTEL_") and not name.startswith("OTEL_REPLAY_") for name in os.environ):
        return False  # nothing is loaded for it
    from otel_replay.otel.listeners import exporter_names, is_switched_off

    return bool(exporter_names()) or is_switched_off()


def _begun(settings: Settings, trace_id: str, parent_id: str) -> OpenSpan:
    began_ns = time.time_ns()
    name = program_name()
    opened = open_run(name, settings=settings, run_id=settings.run_id, joins=True)
    span = begin_first_span(
        opened.writer,
        f"process {name}",
        program=name,
        trace_id=trace_id,
        span_id=os.urandom(8).hex(),
        parent_id=parent_id,
        began_ns=began_ns,
        attributes={SPAN_TYPE: "process", **process_attributes()},
    )
    # What this process starts belongs below it.
    os.environ[_PARENT] = f"00-{trace_id}-{span.span_id}-01"
    active_runs.at_exit(lambda: _end(opened, span))
    return span


def _end(opened: OpenedRun, span: OpenSpan) -> None:
    global _ended
    _ended = span
    if os.getpid() == opened.writer.home_pid:
        ended_ns = opened.writer.clock()
        opened.writer.span_ended(span, ended_ns, {})
        end_run(opened, ended_ns=ended_ns)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
