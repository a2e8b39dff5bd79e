"""From journal lines to OpenTelemetry span events, for those who listen to a span besides the journal.

OpenTelemetry keeps 128 events on a span and drops the oldest beyond that, silently. No decision may be
lost, so what does not fit goes out as continuation spans: children that carry the next 128, with ids that
follow from the span's id, so that sending the same run again gives the same spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan, Span
from opentelemetry.trace import SpanContext, SpanKind

from otel_replay.formats import continuation
from otel_replay.formats.continuation import (
    continuation_attributes,
    continuation_id,
    continuation_name,
    key_of_other_journal,
    key_of_own_journal,
)
from otel_replay.formats.event_shape import decision_attributes, decision_name
from otel_replay.formats.journal_v1 import decision_of_line, decode
from otel_replay.records import Decision
from otel_replay.records import Event as EventRecord
from otel_replay.storage.open_span import OpenSpan

__all__ = ["MomentEvent", "catch_up", "give_out", "give_out_chunk", "is_continuation"]


class MomentEvent(Event):
    """A span event that stands in the journal already."""


def is_continuation(span: ReadableSpan) -> bool:
    """True for the spans that this module makes: their events are in the journal under another span."""
    return continuation.is_continuation(span.attributes or {})


def give_out(span: Span, open_span: OpenSpan) -> None:
    """Just before `span` ends: hand what is pending to those who listen to it.

    The first chunk becomes events of the span itself as far as there is room; what is left over goes into
    continuations.
    """
    last = open_span.take_pending()
    first, open_span.held = open_span.held, None
    if first is None:
        first, last = last, []
    if not first:
        return
    moments = _events(first)
    limit = span._limits.max_events
    room = len(moments) if limit is None else max(0, limit - len(span._events))
    if open_span.away:
        _send_continuation(span, open_span, moments, open_span.chunks)
        return
    with span._lock:
        # All at once: `_add_event` would take the lock, and look whether the span has ended, for each.
        if span._end_time is None:
            span._events.extend(moments[:room])  # type: ignore[attr-defined]  # a BoundedList
    if moments[room:]:
        open_span.room = room  # the journal says so: who sends the run later must tell it the same way
        _send_continuation(span, open_span, moments[room:], 0)
    if last:
        _send_continuation(span, open_span, _events(last), open_span.chunks)


def catch_up(span: Span, open_span: OpenSpan) -> None:
    """For those who began to listen when `span` was open already: what it has had, from the journal."""
    writer = open_span.writer
    seen = {(event.name, event.timestamp) for event in span._events}
    lines = [line for line in _lines_in_journal(open_span) if _key(line) not in seen]
    for start in range(0, len(lines), writer.event_limit):
        chunk = lines[start : start + writer.event_limit]
        if len(chunk) < writer.event_limit:
            open_span.pending = chunk
            return
        if open_span.chunks == 0 and not open_span.away:
            open_span.held = chunk
        else:
            give_out_chunk(span, open_span, chunk, open_span.chunks)
        open_span.chunks += 1
    open_span.pending = []


def _lines_in_journal(open_span: OpenSpan) -> Iterator[bytes]:
    """The span's moments as this process has journaled them."""
    journal = open_span.writer.journal
    if journal is None:
        return
    name = open_span.span_id.encode()
    heads = (
        b'["decision","%b"' % name,
        b'{"kind":"decision","span":"%b"' % name,
        b'{"kind":"event","span":"%b"' % name,
    )
    with open(journal.path, "rb") as stream:
        for line in stream:
            if line.startswith(heads):
                yield line
            elif line.startswith(b"\0"):
                return


def _key(line: bytes) -> tuple[str, int]:
    [event] = _events([line])
    return event.name, event.timestamp


def give_out_chunk(span: Span, open_span: OpenSpan, lines: Sequence[bytes], number: int) -> None:
    """While `span` is open: hand a full chunk to those who listen, as continuation `number`."""
    _send_continuation(span, open_span, _events(lines), number)


def _send_continuation(span: Span, open_span: OpenSpan, events: list[MomentEvent], number: int) -> None:
    parent = span.get_span_context()
    journal = open_span.writer.journal_name
    key = key_of_other_journal(journal, number) if open_span.away else key_of_own_journal(number)
    identifier = continuation_id(open_span.span_id, key)
    start_ns = events[0].timestamp
    carrier = ReadableSpan(
        name=continuation_name(span.name),
        context=SpanContext(
            trace_id=parent.trace_id,
            span_id=int(identifier, 16),
            is_remote=False,
            trace_flags=parent.trace_flags,
            trace_state=parent.trace_state,
        ),
        parent=parent,
        resource=span.resource,
        attributes=continuation_attributes(open_span.span_id, number, open_span.writer.run_id),
        events=events,
        kind=SpanKind.INTERNAL,
        start_time=start_ns,
        end_time=max(start_ns, events[-1].timestamp),
        instrumentation_scope=span.instrumentation_scope,
    )
    span._span_processor.on_end(carrier)


def _events(lines: Sequence[bytes]) -> list[MomentEvent]:
    events = []
    for line in lines:
        row = decision_of_line(line)
        if row is not None:
            time_ns, action, reason, values, cell = row
            attributes = decision_attributes(action, reason, values, cell)
            events.append(MomentEvent(decision_name(action), attributes, time_ns))
            continue
        record = decode(line)
        if isinstance(record, Decision):
            name = decision_name(record.action)
            attributes = decision_attributes(record.action, record.reason, record.values, record.cell)
            attributes.update(record.extra)
        else:
            assert isinstance(record, EventRecord)
            name, attributes = record.name, dict(record.attributes)
        # The attributes are AnyValues already: they need none of the SDK's own checks and copies.
        events.append(MomentEvent(name, attributes, record.time_ns))
    return events
