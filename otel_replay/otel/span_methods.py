"""What happens to a span between its start and its end: events of others are seen, ours are handed out.

OpenTelemetry asks a processor neither about events nor before an end: `on_end` gets a span that is frozen.
So the SDK's `Span.add_event` and `Span.end` are wrapped, once for a process. For a span that is not recorded
they do what they did; nothing in here raises into the program.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Mapping
from time import time_ns
from typing import Any

from opentelemetry.sdk.trace import Span

from otel_replay.errors import told
from otel_replay.interruptions import let_through
from otel_replay.otel.keys import OPEN_SPAN
from otel_replay.otel.moments_out import catch_up, give_out, give_out_chunk
from otel_replay.storage.open_span import OpenSpan

__all__ = ["listen", "wrap_span_methods"]

_WRAPPED = "_otel_replay_wrapped"


def wrap_span_methods() -> None:
    """Have the SDK's spans call us; the first call does it."""
    if getattr(Span, _WRAPPED, False):
        return
    add_event_before, end_before = Span.add_event, Span.end

    @functools.wraps(add_event_before)
    def add_event(
        self: Span, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        open_span: OpenSpan | None = self._otel_replay  # type: ignore[attr-defined]  # our mark
        if open_span is not None and self._end_time is None:
            if timestamp is None:
                timestamp = time_ns()
            try:
                open_span.foreign_event(name, attributes, timestamp)
            except Exception as error:
                let_through(error)
                open_span.writer.note_loss(told(error))
        add_event_before(self, name, attributes, timestamp)

    @functools.wraps(end_before)
    def end(self: Span, end_time: int | None = None) -> None:
        open_span: OpenSpan | None = self._otel_replay  # type: ignore[attr-defined]  # our mark
        if open_span is not None and (open_span.pending is not None or _others_listen(self)):
            _hand_out(self, open_span)
        end_before(self, end_time)

    Span.add_event, Span.end = add_event, end  # type: ignore[method-assign]  # the point
    setattr(Span, OPEN_SPAN, None)  # of a span that is not recorded
    setattr(Span, _WRAPPED, True)


def _hand_out(span: Span, open_span: OpenSpan) -> None:
    if span._end_time is not None:
        return
    try:
        if open_span.pending is None:
            catch_up(span, open_span)
        give_out(span, open_span)
    except Exception as error:
        let_through(error)
        open_span.writer.note_loss(f"not handed to other exporters: {told(error)}")


def listen(span: Span, open_span: OpenSpan) -> None:
    """Where others listen to a span that has just started, hold what happens in it for them."""
    if _others_listen(span):
        open_span.heard = True
        open_span.pending = []
        open_span.on_full = functools.partial(_on_full, weakref.ref(span))
    if open_span.writer.as_logs:
        from otel_replay.otel.log_events import emit_line  # only where the setting asks for it

        open_span.heard = True
        open_span.on_line = emit_line


def _others_listen(span: Span) -> bool:
    """Whether the span's provider has other processors by now, and they export this span."""
    try:
        if len(span._span_processor._span_processors) < 2:  # type: ignore[attr-defined]  # the SDK's own has it
            return False
    except AttributeError:
        pass  # something that is not the SDK's may be anybody
    return bool(span.context.trace_flags.sampled)


def _on_full(reference: weakref.ref[Span], open_span: OpenSpan, lines: list[bytes], number: int) -> None:
    span = reference()
    try:
        if span is not None:
            give_out_chunk(span, open_span, lines, number)
    except Exception as error:
        let_through(error)
        open_span.writer.note_loss(f"not handed to other exporters: {told(error)}")
