"""The span processor that journals spans as they start, and their ends; `span_methods` sees what is between.

It hangs on `on_start` and `on_end`, because an exporter sees a span only when it has ended: of a process
that is killed, an exporter keeps no open span and perhaps nothing at all. Nothing in here raises into the
program: OpenTelemetry would hand an exception of a processor straight to the code that starts the span.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from time import time_ns
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import StatusCode
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from otel_replay.attributes import RUN_ID
from otel_replay.errors import told
from otel_replay.interruptions import let_through
from otel_replay.otel import offers
from otel_replay.otel.keys import RUN_KEY, get_context
from otel_replay.otel.moments_out import MomentEvent, is_continuation
from otel_replay.otel.process_run import writer_for_orphan
from otel_replay.otel.span_methods import listen, wrap_span_methods
from otel_replay.storage import active_runs
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_writer import RunWriter

__all__ = ["ReplaySpanProcessor", "covers", "links_of", "resource_id", "scope_id", "write_end", "write_start"]

_WRITTEN = "_otel_replay_written"
"""The attribute of an ended span that has gone through a processor of ours."""

_processors: weakref.WeakSet[ReplaySpanProcessor] = weakref.WeakSet()

_NOTHING = object()
_UNSET = StatusCode.UNSET
_STATUS = ("unset", "ok", "error")
"""By OpenTelemetry's numbers."""

_MOST_OPEN = 1_000
"""With so many open spans, or twice what was found last time, those that were dropped are looked for."""

OrphanWriter = Callable[[ReadableSpan], "RunWriter | None"]


class ReplaySpanProcessor(SpanProcessor):
    """Journals every recording span of the provider that it is added to.

    A span belongs to the run of its context, else of its parent, else to the run that `orphans` names.

    Parameters
    ----------
    orphans:
        Called with a span that no run claims; returns the writer of the run that takes it, or None to
        leave it out. By default: the process's own run (`otel_replay.otel.process_run`).
    """

    def __init__(self, orphans: OrphanWriter | None = None) -> None:
        self._orphans: OrphanWriter = writer_for_orphan if orphans is None else orphans
        # A reference alone: a span that is left out.
        self._open: dict[int, OpenSpan | weakref.ref[Span]] = {}
        self._most_open = _MOST_OPEN
        _processors.add(self)
        wrap_span_methods()

    # -- the processor's interface ---------------------------------------------------------------------------

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        """Write the span's start."""
        writer = None
        try:
            writer = self._writer_of(span, parent_context)
            if writer is None:
                self._open[span.context.span_id] = weakref.ref(span)
                if len(self._open) > self._most_open:
                    self._forget_dropped()
                return
            _mark(span, writer.run_id)
            if writer.span_clock is not None:
                span._start_time = writer.span_clock()
            open_span = write_start(writer, span)
            span._otel_replay = open_span  # type: ignore[attr-defined]  # our mark
            open_span.of = weakref.ref(span)
            self._open[span._context.span_id] = open_span  # type: ignore[union-attr]  # spans have one
            listen(span, open_span)
            if len(self._open) > self._most_open:
                self._forget_dropped()
        except Exception as error:
            let_through(error)
            _note(writer, error)

    def on_end(self, span: ReadableSpan) -> None:
        """Write the span's end, with the events that came past us."""
        open_span = None
        try:
            span_id = span._context.span_id  # type: ignore[union-attr]  # spans have one
            if span_id in self._open:
                known = self._open.pop(span_id)
                open_span = known if isinstance(known, OpenSpan) else None
            elif is_continuation(span):
                return
            else:
                # It started before this processor was added to the provider.
                writer = self._writer_of(span, None)
                open_span = write_start(writer, span) if writer is not None else None
            if span_id == offers.outermost:
                offers.outermost_ended()
            # Set on the span itself, which is what exporters get.
            span._otel_replay_written = True  # type: ignore[attr-defined]  # our mark
            if open_span is not None:
                if open_span.writer.span_clock is not None:
                    span._end_time = open_span.writer.span_clock()
                write_end(open_span, span)
        except Exception as error:
            let_through(error)
            _note(open_span.writer if open_span is not None else None, error)

    def shutdown(self) -> None:
        """Nothing to do: what was recorded is in the journal, and the run may go on."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Force the journals to the disk. Always True: nothing waits in memory."""
        del timeout_millis
        for writer in {span.writer for span in list(self._open.values()) if isinstance(span, OpenSpan)}:
            writer.sync()
        return True

    # -- inside ----------------------------------------------------------------------------------------------

    def _writer_of(self, span: ReadableSpan, context: otel_context.Context | None) -> RunWriter | None:
        writer = (get_context() if context is None else context).get(RUN_KEY)
        if isinstance(writer, RunWriter):
            return writer
        parent = self._open.get(span.parent.span_id) if span.parent is not None else None
        if isinstance(parent, OpenSpan):
            return parent.writer
        return self._orphans(span)

    def _forget_dropped(self) -> None:
        """Forget spans that nobody can end any more, as the program has dropped them."""
        for span_id, known in list(self._open.items()):
            reference = known.of if isinstance(known, OpenSpan) else known
            if reference is not None and reference() is None:
                self._open.pop(span_id, None)
                if isinstance(known, OpenSpan):
                    known.writer.open_spans.pop(known.span_id, None)
        self._most_open = max(_MOST_OPEN, 2 * len(self._open))


def _mark(span: Span, run_id: str) -> None:
    """Write the run's id on a span that nobody else has seen yet: without the locks that it has for later."""
    try:
        held = span._attributes
        # Without room for one more, OpenTelemetry would take out one of the program's own.
        if held.maxlen is None or len(held._dict) < held.maxlen:  # type: ignore[union-attr]  # never None
            held._dict[RUN_ID] = run_id  # type: ignore[union-attr]  # as above
    except AttributeError:
        span.set_attribute(RUN_ID, run_id)


def covers(span: ReadableSpan) -> bool:
    """Whether an ended span goes through a :class:`ReplaySpanProcessor` of this process, and so is recorded.

    An exporter may come before or after the processor.
    """
    if getattr(span, _WRITTEN, False):
        return True
    return any(span.context.span_id in processor._open for processor in list(_processors))


def _note(writer: RunWriter | None, error: Exception) -> None:
    """Count a span that could not be written, in its run or, where that is not known, in the oldest one."""
    for known in [writer] if writer is not None else active_runs.WRITERS[:1]:
        known.note_loss(f"span: {told(error)}")


# What follows reads the fields behind a span's properties: each property costs as much as writing a field.


def write_start(writer: RunWriter, span: ReadableSpan) -> OpenSpan:
    """Write the start of `span` and return the write side of it."""
    trace_id, span_id, _, flags, trace_state, _ = span._context  # type: ignore[misc]  # spans have one
    parent = span._parent
    resource, scope = _origin_of(span, writer)
    start: dict[str, Any] = {
        "kind": "start",
        "span": span_id.to_bytes(8, "big").hex(),
        "trace": trace_id.to_bytes(16, "big").hex(),
        "parent": parent.span_id.to_bytes(8, "big").hex() if parent is not None else "",
        "t": span._start_time or time_ns(),
        "name": span._name,
        # OTLP counts from 1 (internal), the SDK's enumeration from 0.
        "span_kind": span._kind._value_ + 1,
        "resource": resource,
        "scope": scope,
        "flags": flags,
        "attributes": _attributes_of(span).copy(),
    }
    if trace_state is not DEFAULT_TRACE_STATE and trace_state:
        start["state"] = trace_state.to_header()
    if span._links:
        start["links"] = links_of(span)
    open_span = writer.span_started(start)
    if "links" in start:
        open_span.links = len(start["links"])
    return open_span


def write_end(open_span: OpenSpan, span: ReadableSpan) -> None:
    """Write the end of `span`, and before it the events that are not in the journal yet."""
    end: dict[str, Any] = {}
    start, status = open_span.start, span._status
    if status.status_code is not _UNSET:
        end["status"] = _STATUS[status.status_code.value]
        if status.description:
            end["message"] = status.description
    if span._name != start["name"]:
        end["name"] = span._name
    attributes, before = _attributes_of(span), start["attributes"]
    # OpenTelemetry moves what is set to the end of its map. While our mark is the last there, nothing was.
    if next(reversed(attributes), None) != RUN_ID or attributes != before:
        new = {key: value for key, value in attributes.items() if before.get(key, _NOTHING) is not value}
        if new:
            end["attributes"] = new
    if len(span._links) > open_span.links:
        end["links"] = links_of(span)[open_span.links :]
    if open_span.room is not None:
        end["room"] = open_span.room
    dropped = _dropped(span)
    # What a limit of the SDK took from the span stands in the journal, if it came by `add_event`.
    if dropped or len(span._events) != open_span.foreign_events:
        counts = {
            "dropped_attributes": span.dropped_attributes,
            "dropped_events": _write_unseen_events(open_span, span),
            "dropped_links": span.dropped_links,
        }
        end.update({what: count for what, count in counts.items() if count})
    open_span.writer.span_ended(open_span, span._end_time or time_ns(), end)


def _dropped(span: Any) -> int:
    """How much limits of the SDK have taken from the span."""
    try:
        return int(span._attributes.dropped + span._events.dropped + span._links.dropped)
    except AttributeError:  # not a span of the SDK's making
        return int(span.dropped_attributes + span.dropped_events + span.dropped_links)


def _origin_of(span: ReadableSpan, writer: RunWriter) -> tuple[int, int]:
    """The numbers of the span's resource and scope in the writer's journal."""
    resource, scope = span._resource, span._instrumentation_scope
    known = writer.origins
    numbers = known.get((id(resource), id(scope)))
    if numbers is None:
        # Into the table from before: if this begins another journal, that has a new one.
        known[id(resource), id(scope)] = numbers = resource_id(writer, resource), scope_id(writer, scope)
    return numbers


def _write_unseen_events(open_span: OpenSpan, span: ReadableSpan) -> int:
    """Events that somebody put into the span past `add_event`: the last ones of those that are not ours.

    Returns how many of them are gone already.
    """
    events = [event for event in span.events if not isinstance(event, MomentEvent)]
    unseen = max(0, len(events) + span.dropped_events - open_span.foreign_events)
    for event in events[len(events) - min(unseen, len(events)) :]:
        open_span.foreign_event(event.name, dict(event.attributes or {}), event.timestamp)
    return max(0, unseen - len(events))


def _attributes_of(span: ReadableSpan) -> dict[str, Any]:
    """The span's attributes, to read: the SDK's map behind its map, where there is one."""
    try:
        held: dict[str, Any] = span._attributes._dict  # type: ignore[union-attr]  # the SDK's own map is one
        return held
    except AttributeError:
        return dict(span.attributes or {})


def links_of(span: ReadableSpan) -> list[dict[str, Any]]:
    """The span's links as they stand in a journal line."""
    links = []
    for link in span.links or ():
        body: dict[str, Any] = {
            "trace": format(link.context.trace_id, "032x"),
            "span": format(link.context.span_id, "016x"),
        }
        if link.context.trace_state:
            body["state"] = link.context.trace_state.to_header()
        if link.context.trace_flags:
            body["flags"] = int(link.context.trace_flags)
        if link.attributes:
            body["attributes"] = dict(link.attributes)
        links.append(body)
    return links


def resource_id(writer: RunWriter, resource: Resource) -> int:
    """The number of `resource` in the writer's journal."""
    return writer.table_id("resource", resource, partial(resource_body, resource))


def scope_id(writer: RunWriter, scope: InstrumentationScope | None) -> int:
    """The number of `scope` in the writer's journal."""
    return writer.table_id("scope", scope, partial(scope_body, scope))


def resource_body(resource: Resource) -> dict[str, Any]:
    """A resource as it stands in a journal line."""
    body: dict[str, Any] = {"attributes": dict(resource.attributes)}
    if resource.schema_url:
        body["schema_url"] = resource.schema_url
    return body


def scope_body(scope: InstrumentationScope | None) -> dict[str, Any]:
    """An instrumentation scope as it stands in a journal line."""
    if scope is None:
        return {"name": ""}
    body: dict[str, Any] = {"name": scope.name}
    if scope.version:
        body["version"] = scope.version
    if scope.schema_url:
        body["schema_url"] = scope.schema_url
    if scope.attributes:
        body["attributes"] = dict(scope.attributes)
    return body
