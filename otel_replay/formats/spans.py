"""A whole span as OTLP knows it: what a run's records become on their way out, and what comes back in.

A :class:`Span` is a value, complete in itself: it carries its resource and its scope, not numbers that only a
journal can resolve. `span_records` is the way back: the records that the span would have been journalled as.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias

from otel_replay.attributes import CONTINUATION_OF
from otel_replay.formats.event_shape import decision_attributes, decision_name
from otel_replay.records import (
    AnyMap,
    Decision,
    Event,
    Link,
    LogEntry,
    Record,
    Resource,
    Scope,
    SpanEnd,
    SpanStart,
    StatusCode,
)

__all__ = [
    "NO_RESOURCE",
    "NO_SCOPE",
    "STATUS_CODES",
    "Log",
    "Moment",
    "Span",
    "event_shape_of",
    "log_records",
    "moments_owner",
    "span_records",
]

Moment: TypeAlias = Event | Decision
"""What can stand in a span's list of events."""

STATUS_CODES: tuple[StatusCode, ...] = ("unset", "ok", "error")
"""OTLP's status codes, by number."""

NO_RESOURCE = Resource(id=0)
NO_SCOPE = Scope(id=0)

_EMPTY: AnyMap = MappingProxyType({})


def _empty() -> AnyMap:
    return _EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span that is over, in the shape of OTLP's `Span` message (opentelemetry-proto, trace.proto)."""

    trace_id: str
    span_id: str
    name: str
    start_ns: int
    end_ns: int
    parent_id: str = ""
    span_kind: int = 1
    attributes: AnyMap = field(default_factory=_empty)
    events: tuple[Moment, ...] = ()
    links: tuple[Link, ...] = ()
    status: StatusCode = "unset"
    message: str = ""
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    resource: Resource = NO_RESOURCE
    scope: Scope = NO_SCOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log entry with the resource and the scope that its journal names by number."""

    entry: LogEntry
    resource: Resource = NO_RESOURCE
    scope: Scope = NO_SCOPE


def event_shape_of(moment: Moment) -> tuple[str, AnyMap, int]:
    """Name, attributes and number of dropped attributes of the OTLP event that `moment` becomes."""
    if isinstance(moment, Event):
        return moment.name, moment.attributes, moment.dropped_attributes
    attributes = decision_attributes(moment.action, moment.reason, moment.values, moment.cell)
    if moment.extra:
        attributes.update(moment.extra)
    return decision_name(moment.action), attributes, 0


def moments_owner(span_id: str, attributes: AnyMap) -> str:
    """The span whose moments stand in this one: itself, or the one that it continues."""
    owner = attributes.get(CONTINUATION_OF)
    return owner if isinstance(owner, str) else span_id


class _Numbers:
    """Resources and scopes by the number that a journal gives them; each is written before its first use."""

    def __init__(self) -> None:
        self._known: dict[str, list[Resource | Scope]] = {"resource": [], "scope": []}
        self._last: tuple[Resource, Scope, int, int] | None = None

    def of(self, resource: Resource, scope: Scope) -> tuple[int, int, list[Record]]:
        """The two numbers, and the records that introduce them where they are new."""
        last = self._last
        if last is not None and last[0] is resource and last[1] is scope:
            return last[2], last[3], []
        fresh: list[Record] = []
        numbers = self._number(resource, fresh), self._number(scope, fresh)
        self._last = (resource, scope, *numbers)
        return *numbers, fresh

    def _number(self, item: Resource | Scope, fresh: list[Record]) -> int:
        known = self._known[item.kind]
        plain = replace(item, id=0)
        if plain not in known:
            known.append(plain)
            fresh.append(replace(item, id=len(known)))
        return known.index(plain) + 1


def span_records(spans: Iterable[Span]) -> Iterator[Record]:
    """The records that `spans` would stand as in one journal: resource and scope, start, moments, end.

    `assemble` of these gives the same spans again, if no span has more moments than the journal's limit.
    """
    numbers = _Numbers()
    for span in spans:
        resource, scope, fresh = numbers.of(span.resource, span.scope)
        yield from fresh
        yield SpanStart(
            time_ns=span.start_ns,
            trace_id=span.trace_id,
            span_id=span.span_id,
            name=span.name,
            parent_id=span.parent_id,
            span_kind=span.span_kind,
            attributes=span.attributes,
            links=span.links,
            trace_state=span.trace_state,
            flags=span.flags,
            resource=resource,
            scope=scope,
        )
        for moment in span.events:
            yield moment if moment.span_id == span.span_id else replace(moment, span_id=span.span_id)
        yield SpanEnd(
            time_ns=span.end_ns,
            span_id=span.span_id,
            status=span.status,
            message=span.message,
            dropped_attributes=span.dropped_attributes,
            dropped_events=span.dropped_events,
            dropped_links=span.dropped_links,
        )


def log_records(logs: Iterable[Log]) -> Iterator[Record]:
    """The records that `logs` would stand as in one journal."""
    numbers = _Numbers()
    for log in logs:
        resource, scope, fresh = numbers.of(log.resource, log.scope)
        yield from fresh
        yield replace(log.entry, resource=resource, scope=scope)
