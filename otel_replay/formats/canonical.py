"""A run's spans in a form in which two of them are equal exactly when they say the same.

What the way of a run may change is taken out: continuations are folded, duplicates dropped, spans sorted,
maps compared without order. What it must not change stays: every type (1 is not 1.0 is not true), every bit
of a number, the order of a list and of events, ids, counts of what was dropped.

The W3C trace flags are left out: they speak of how a context was passed on (sampled, remote, random id), and
OpenTelemetry's own exporter for Python writes only one bit of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.fold import fold
from otel_replay.formats.spans import Moment, Span, event_shape_of
from otel_replay.records import Link, Resource, Scope

__all__ = ["canonical", "canonical_value"]


def canonical(spans: Iterable[Span], *, with_resource: bool = False) -> list[dict[str, Any]]:
    """The spans as plain JSON values, for `==` and for a readable difference.

    Parameters
    ----------
    spans:
        Spans of one run, from anywhere, in any order.
    with_resource:
        Also what the spans' resource and instrumentation scope say.
    """
    folded = sorted(fold(spans), key=lambda span: (span.start_ns, span.trace_id, span.span_id))
    return [_span(span, with_resource) for span in folded]


def canonical_value(value: Any) -> Any:
    """An AnyValue as JSON in which every type differs from every other, and equal is equal to the last bit.

    Text, booleans, null and lists stand for themselves; numbers, bytes and maps in a map that names the type.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"double": repr(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": value.hex()}
    if isinstance(value, Mapping):
        return {"map": _map(value)}
    return [canonical_value(item) for item in value]


def _map(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: canonical_value(values[key]) for key in sorted(values)}


def _span(span: Span, with_resource: bool) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": span.name,
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "kind": span.span_kind,
        "start_ns": span.start_ns,
        "end_ns": max(span.start_ns, span.end_ns),
        "status": span.status,
        "message": span.message,
        "attributes": _map(span.attributes),
        "events": [_moment(moment) for moment in span.events],
        "links": [_link(link) for link in span.links],
        "trace_state": span.trace_state,
        "dropped": [span.dropped_attributes, span.dropped_events, span.dropped_links],
    }
    if with_resource:
        plain["resource"] = _source(span.resource)
        plain["scope"] = {"name": span.scope.name, "version": span.scope.version, **_source(span.scope)}
    return plain


def _source(source: Resource | Scope) -> dict[str, Any]:
    return {"attributes": _map(source.attributes), "schema_url": source.schema_url}


def _moment(moment: Moment) -> dict[str, Any]:
    # An event that is a decision under another name, or without a reason, is the decision.
    name, attributes, dropped = event_shape_of(moment)
    record = event_to_record(moment.time_ns, moment.span_id, name, attributes, dropped)
    name, attributes, dropped = event_shape_of(record)
    return {"name": name, "time_ns": moment.time_ns, "attributes": _map(attributes), "dropped": dropped}


def _link(link: Link) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id,
        "span_id": link.span_id,
        "trace_state": link.trace_state,
        "attributes": _map(link.attributes),
        "dropped": link.dropped_attributes,
    }
