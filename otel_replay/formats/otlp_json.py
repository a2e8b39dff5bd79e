"""Spans and log entries as OTLP JSON lines: one `TracesData` or `LogsData` a line, one signal a file.

After OpenTelemetry's specification/protocol/file-exporter.md and the JSON encoding of opentelemetry-proto:
names in lowerCamelCase, ids in lower-case hexadecimal, enumerations as numbers, 64-bit integers as text.
Lines stay below 1 MiB, which is where the Collector's file receiver cuts them off; a span that is longer
hands moments on to continuations. What cannot be divided stands in a longer line: nothing is truncated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from otel_replay.formats.continuation import split
from otel_replay.formats.deep_json import dumps
from otel_replay.formats.otlp_groups import Grouped, Item, Once, batches, grouped
from otel_replay.formats.otlp_json_value import attributes_to_json, value_to_json
from otel_replay.formats.spans import STATUS_CODES, Log, Moment, Span, event_shape_of
from otel_replay.records import Link, Resource, Scope

__all__ = ["MAX_ITEMS", "MAX_LINE_BYTES", "log_lines", "log_to_json", "span_lines", "span_to_json"]

MAX_ITEMS = 1_000
MAX_LINE_BYTES = 1_000_000


def span_lines(
    spans: Iterable[Span], *, max_items: int = MAX_ITEMS, max_bytes: int = MAX_LINE_BYTES
) -> Iterator[bytes]:
    """`spans` as lines of `TracesData`, newline included.

    Parameters
    ----------
    spans:
        What to write; taken lazily, so memory does not grow with their number.
    max_items, max_bytes:
        How many spans, and about how many bytes, a line holds at most.
    """
    resource, scope = Once(_resource), Once(_scope)

    def items() -> Iterator[Item]:
        for span in spans:
            body = dumps(span_to_json(span))
            head = resource(span.resource), scope(span.scope)
            if len(body) <= max_bytes:
                yield Item(*head, body)
                continue
            for part in split(span, lambda part: len(dumps(span_to_json(part))), max_bytes):
                yield Item(*head, dumps(span_to_json(part)))

    for batch in batches(items(), max_items=max_items, max_bytes=max_bytes):
        yield _line(grouped(batch), b"resourceSpans", b"scopeSpans", b"spans")


def log_lines(
    logs: Iterable[Log], *, max_items: int = MAX_ITEMS, max_bytes: int = MAX_LINE_BYTES
) -> Iterator[bytes]:
    """`logs` as lines of `LogsData`, newline included; they belong in a file of their own."""
    resource, scope = Once(_resource), Once(_scope)
    items = (Item(resource(log.resource), scope(log.scope), dumps(log_to_json(log))) for log in logs)
    for batch in batches(items, max_items=max_items, max_bytes=max_bytes):
        yield _line(grouped(batch), b"resourceLogs", b"scopeLogs", b"logRecords")


def _line(groups: Grouped, outer: bytes, middle: bytes, inner: bytes) -> bytes:
    resources = []
    for resource, scopes in groups:
        of_scopes = b",".join(
            scope + b',"' + inner + b'":[' + b",".join(bodies) + b"]}" for scope, bodies in scopes
        )
        resources.append(resource + b',"' + middle + b'":[' + of_scopes + b"]}")
    return b'{"' + outer + b'":[' + b",".join(resources) + b"]}\n"


def _resource(resource: Resource) -> bytes:
    return _head("resource", {"attributes": attributes_to_json(resource.attributes)}, resource.schema_url)


def _scope(scope: Scope) -> bytes:
    plain = _filled({"name": scope.name, "version": scope.version})
    return _head("scope", {**plain, "attributes": attributes_to_json(scope.attributes)}, scope.schema_url)


def _head(name: str, value: dict[str, Any], schema_url: str) -> bytes:
    # Left open: what the resource or scope holds follows.
    return dumps({name: _filled(value), **_filled({"schemaUrl": schema_url})})[:-1]


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    """Only the fields that differ from protobuf's default, as its JSON encoding writes them."""
    return {key: value for key, value in fields.items() if value}


def span_to_json(span: Span) -> dict[str, Any]:
    """One OTLP/JSON `Span` object, without its resource and scope."""
    status = _filled({"message": span.message, "code": STATUS_CODES.index(span.status)})
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **_filled({"traceState": span.trace_state, "parentSpanId": span.parent_id, "flags": span.flags}),
        "name": span.name,
        "kind": span.span_kind,
        "startTimeUnixNano": str(max(span.start_ns, 0)),
        "endTimeUnixNano": str(max(span.end_ns, 0)),
        **_filled(
            {
                "attributes": attributes_to_json(span.attributes),
                "droppedAttributesCount": span.dropped_attributes,
                "events": [_event(moment) for moment in span.events],
                "droppedEventsCount": span.dropped_events,
                "links": [_link(link) for link in span.links],
                "droppedLinksCount": span.dropped_links,
            }
        ),
        "status": status,
    }


def _event(moment: Moment) -> dict[str, Any]:
    name, attributes, dropped = event_shape_of(moment)
    event: dict[str, Any] = {"timeUnixNano": str(max(moment.time_ns, 0)), "name": name}
    if attributes:
        event["attributes"] = attributes_to_json(attributes)
    if dropped:
        event["droppedAttributesCount"] = dropped
    return event


def _link(link: Link) -> dict[str, Any]:
    return {
        "traceId": link.trace_id,
        "spanId": link.span_id,
        **_filled(
            {
                "traceState": link.trace_state,
                "attributes": attributes_to_json(link.attributes),
                "droppedAttributesCount": link.dropped_attributes,
                "flags": link.flags,
            }
        ),
    }


def log_to_json(log: Log) -> dict[str, Any]:
    """One OTLP/JSON `LogRecord` object, without its resource and scope."""
    entry = log.entry
    return {
        "timeUnixNano": str(max(entry.time_ns, 0)),
        "observedTimeUnixNano": str(max(entry.observed_ns, 0)),
        **_filled(
            {
                "severityNumber": entry.severity,
                "severityText": entry.severity_text,
                "body": None if entry.body is None else value_to_json(entry.body),
                "attributes": attributes_to_json(entry.attributes),
                "droppedAttributesCount": entry.dropped_attributes,
                "flags": entry.flags,
                "traceId": entry.trace_id,
                "spanId": entry.span_id,
                "eventName": entry.event_name,
            }
        ),
    }
