"""OTLP/protobuf read back into spans and log entries, with the official message classes.

Takes `ExportTraceServiceRequest` and `ExportLogsServiceRequest`, and with them `TracesData` and `LogsData`,
whose bytes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # brings no types
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from otel_replay.errors import FormatError
from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.spans import STATUS_CODES, Log, Moment, Span, moments_owner
from otel_replay.records import Link, LogEntry, Resource, Scope

__all__ = ["logs_of", "read_logs_request", "read_traces_request", "spans_of"]


def read_traces_request(message: bytes) -> Iterator[Span]:
    """The spans of an `ExportTraceServiceRequest`.

    Raises
    ------
    FormatError
        If the bytes are not such a message.
    """
    traces = trace_pb2.TracesData()
    _parse(traces, message)
    return spans_of(traces)


def spans_of(traces: trace_pb2.TracesData) -> Iterator[Span]:
    """The spans of a message that was parsed."""
    for of_resource in traces.resource_spans:
        resource = _resource(of_resource.resource, of_resource.schema_url)
        for of_scope in of_resource.scope_spans:
            scope = _scope(of_scope.scope, of_scope.schema_url)
            for span in of_scope.spans:
                yield _span(span, resource, scope)


def read_logs_request(message: bytes) -> Iterator[Log]:
    """The log entries of an `ExportLogsServiceRequest`.

    Raises
    ------
    FormatError
        If the bytes are not such a message.
    """
    logs = logs_pb2.LogsData()
    _parse(logs, message)
    return logs_of(logs)


def logs_of(logs: logs_pb2.LogsData) -> Iterator[Log]:
    """The log entries of a message that was parsed."""
    for of_resource in logs.resource_logs:
        resource = _resource(of_resource.resource, of_resource.schema_url)
        for of_scope in of_resource.scope_logs:
            scope = _scope(of_scope.scope, of_scope.schema_url)
            for record in of_scope.log_records:
                yield Log(entry=_log(record), resource=resource, scope=scope)


def _parse(into: Any, message: bytes) -> None:
    try:
        into.ParseFromString(message)
    except DecodeError as error:
        raise FormatError(f"not an OTLP message: {error}") from None


def _value(value: common_pb2.AnyValue) -> Any:
    kind = value.WhichOneof("value")
    read = _NESTED.get(str(kind))
    if read is not None:
        return read(value)
    return getattr(value, kind) if kind in _SCALARS else None


_SCALARS = frozenset({"string_value", "bool_value", "int_value", "double_value", "bytes_value"})
_NESTED: dict[str, Callable[[common_pb2.AnyValue], Any]] = {
    "array_value": lambda value: [_value(item) for item in value.array_value.values],
    "kvlist_value": lambda value: _map(value.kvlist_value.values),
}


def _map(pairs: Iterable[common_pb2.KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _id(raw: bytes) -> str:
    return raw.hex() if any(raw) else ""


def _resource(resource: resource_pb2.Resource, schema_url: str) -> Resource:
    return Resource(id=0, attributes=_map(resource.attributes), schema_url=schema_url)


def _scope(scope: common_pb2.InstrumentationScope, schema_url: str) -> Scope:
    return Scope(
        id=0, name=scope.name, version=scope.version, schema_url=schema_url, attributes=_map(scope.attributes)
    )


def _span(span: trace_pb2.Span, resource: Resource, scope: Scope) -> Span:
    attributes = _map(span.attributes)
    span_id = _id(span.span_id)
    owner = moments_owner(span_id, attributes)
    code = int(span.status.code)
    return Span(
        trace_id=_id(span.trace_id),
        span_id=span_id,
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        parent_id=_id(span.parent_span_id),
        span_kind=int(span.kind),
        attributes=attributes,
        events=tuple(_event(event, owner) for event in span.events),
        links=tuple(_link(link) for link in span.links),
        status=STATUS_CODES[code] if code in range(len(STATUS_CODES)) else "unset",
        message=span.status.message,
        trace_state=span.trace_state,
        flags=span.flags,
        dropped_attributes=span.dropped_attributes_count,
        dropped_events=span.dropped_events_count,
        dropped_links=span.dropped_links_count,
        resource=resource,
        scope=scope,
    )


def _event(event: trace_pb2.Span.Event, owner: str) -> Moment:
    return event_to_record(
        event.time_unix_nano, owner, event.name, _map(event.attributes), event.dropped_attributes_count
    )


def _link(link: trace_pb2.Span.Link) -> Link:
    return Link(
        trace_id=_id(link.trace_id),
        span_id=_id(link.span_id),
        trace_state=link.trace_state,
        flags=link.flags,
        attributes=_map(link.attributes),
        dropped_attributes=link.dropped_attributes_count,
    )


def _log(record: logs_pb2.LogRecord) -> LogEntry:
    return LogEntry(
        time_ns=record.time_unix_nano,
        span_id=_id(record.span_id),
        trace_id=_id(record.trace_id),
        event_name=record.event_name,
        severity=int(record.severity_number),
        severity_text=record.severity_text,
        body=_value(record.body),
        attributes=_map(record.attributes),
        observed_ns=record.observed_time_unix_nano,
        flags=record.flags,
        dropped_attributes=record.dropped_attributes_count,
    )
