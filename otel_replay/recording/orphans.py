"""What happens outside any span of a run that has no span of its own, such as the process's own run.

Under `opentelemetry-instrument` a program's spans come as they are, and nobody has begun a run span around
them. The first decision that is made in none of them begins one for the process, which ends with it.
"""

from __future__ import annotations

import os
import threading

from otel_replay.otel.offers import inherited_parent
from otel_replay.program import program_name
from otel_replay.recording import shapes
from otel_replay.recording.current import current_open_span
from otel_replay.recording.spans import RecordedSpan
from otel_replay.storage import active_runs
from otel_replay.storage.open_span import OpenSpan

__all__ = ["open_span_here"]

_lock = threading.RLock()


def open_span_here() -> OpenSpan | None:
    """The open span that something belongs to which happens now, begun if need be; None: nothing records."""
    open_span = current_open_span()
    writer = next(iter(active_runs.WRITERS), None)
    if open_span is not None or writer is None:
        return open_span
    with _lock:
        if writer.root is None:
            from otel_replay.otel.provider import recording_tracer

            shape = shapes.process_shape(program_name())
            span = RecordedSpan(
                writer,
                recording_tracer(),
                shape.name,
                attributes=shape.attributes,
                parent=inherited_parent(),
            )
            writer.root = span._open
            active_runs.at_exit(span.end)
        return writer.root


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
