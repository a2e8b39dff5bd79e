"""Spans and log entries as OTLP/protobuf: `ExportTraceServiceRequest` and `ExportLogsServiceRequest`.

Each span is encoded once, by itself; a request is those bytes under their scopes and resources. So requests
can be put together and taken apart by size without encoding anything again. Field numbers are those of
opentelemetry-proto (trace/v1, logs/v1, resource/v1, common/v1); the tests hold the bytes against the official
classes.
"""

from __future__ import annotations

from collections.abc import Iterable

from otel_replay.formats.otlp_groups import Item, Once, grouped
from otel_replay.formats.otlp_wire import (
    attributes_field,
    bytes_field,
    fixed32_field,
    fixed64_field,
    number_field,
    tag,
    text_field,
    value,
)
from otel_replay.formats.spans import STATUS_CODES, Log, Moment, Span, event_shape_of
from otel_replay.records import Link, Resource, Scope

__all__ = ["Encoder", "encode_log", "encode_span", "logs_request", "request", "traces_request"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_T = {number: tag(number, _BYTES) for number in range(1, 16)}
_V = {number: tag(number, _VARINT) for number in range(1, 16)}
_F64 = {number: tag(number, _FIXED64) for number in range(1, 16)}
_EVENT = _T[11]
_SPAN_FLAGS = tag(16, _FIXED32)
_LINK_FLAGS = tag(6, _FIXED32)
_LOG_FLAGS = tag(8, _FIXED32)

_UINT32 = 2**32 - 1


class Encoder:
    """Encodes the spans and log entries of a run, each with its resource and scope beside it."""

    def __init__(self) -> None:
        self._resource: Once[Resource] = Once(_resource)
        self._scope: Once[Scope] = Once(_scope)

    def span(self, span: Span) -> Item:
        """One span."""
        return Item(self._resource(span.resource), self._scope(span.scope), encode_span(span))

    def log(self, log: Log) -> Item:
        """One log entry."""
        return Item(self._resource(log.resource), self._scope(log.scope), encode_log(log))


def request(items: Iterable[Item]) -> bytes:
    """One export request of encoded items: all spans, or all log entries.

    The numbers of the fields in which items stand are the same for both signals.
    """
    out = []
    for resource, scopes in grouped(items):
        body = [resource]
        for scope, bodies in scopes:
            inner = b"".join([bytes_field(_T[2], item) for item in bodies])
            body.append(bytes_field(_T[2], scope + inner))
        out.append(bytes_field(_T[1], b"".join(body)))
    return b"".join(out)


def traces_request(spans: Iterable[Span]) -> bytes:
    """The `ExportTraceServiceRequest` that holds `spans`."""
    encoder = Encoder()
    return request(encoder.span(span) for span in spans)


def logs_request(logs: Iterable[Log]) -> bytes:
    """The `ExportLogsServiceRequest` that holds `logs`."""
    encoder = Encoder()
    return request(encoder.log(log) for log in logs)


def _resource(resource: Resource) -> bytes:
    # The schema URL (field 3) may stand before field 2: order is free in protobuf.
    attributes = attributes_field(_T[1], resource.attributes)
    return bytes_field(_T[1], attributes) + text_field(_T[3], resource.schema_url)


def _scope(scope: Scope) -> bytes:
    body = (
        text_field(_T[1], scope.name)
        + text_field(_T[2], scope.version)
        + attributes_field(_T[3], scope.attributes)
    )
    return bytes_field(_T[1], body) + text_field(_T[3], scope.schema_url)


def encode_span(span: Span) -> bytes:
    """One `Span` message."""
    status = text_field(_T[2], span.message) + number_field(_V[3], STATUS_CODES.index(span.status))
    return b"".join(
        [
            bytes_field(_T[1], bytes.fromhex(span.trace_id)),
            bytes_field(_T[2], bytes.fromhex(span.span_id)),
            text_field(_T[3], span.trace_state),
            bytes_field(_T[4], bytes.fromhex(span.parent_id)) if span.parent_id else b"",
            text_field(_T[5], span.name),
            number_field(_V[6], span.span_kind),
            fixed64_field(_F64[7], span.start_ns),
            fixed64_field(_F64[8], span.end_ns),
            attributes_field(_T[9], span.attributes),
            number_field(_V[10], min(span.dropped_attributes, _UINT32)),
            *[bytes_field(_EVENT, _event(moment)) for moment in span.events],
            number_field(_V[12], min(span.dropped_events, _UINT32)),
            *[bytes_field(_T[13], _link(link)) for link in span.links],
            number_field(_V[14], min(span.dropped_links, _UINT32)),
            bytes_field(_T[15], status),
            fixed32_field(_SPAN_FLAGS, span.flags & _UINT32),
        ]
    )


def _event(moment: Moment) -> bytes:
    name, attributes, dropped = event_shape_of(moment)
    return b"".join(
        (
            fixed64_field(_F64[1], moment.time_ns),
            text_field(_T[2], name),
            attributes_field(_T[3], attributes),
            number_field(_V[4], min(dropped, _UINT32)),
        )
    )


def _link(link: Link) -> bytes:
    return b"".join(
        (
            bytes_field(_T[1], bytes.fromhex(link.trace_id)),
            bytes_field(_T[2], bytes.fromhex(link.span_id)),
            text_field(_T[3], link.trace_state),
            attributes_field(_T[4], link.attributes),
            number_field(_V[5], min(link.dropped_attributes, _UINT32)),
            fixed32_field(_LINK_FLAGS, link.flags & _UINT32),
        )
    )


def encode_log(log: Log) -> bytes:
    """One `LogRecord` message."""
    entry = log.entry
    return b"".join(
        (
            fixed64_field(_F64[1], entry.time_ns),
            number_field(_V[2], entry.severity),
            text_field(_T[3], entry.severity_text),
            b"" if entry.body is None else bytes_field(_T[5], value(entry.body)),
            attributes_field(_T[6], entry.attributes),
            number_field(_V[7], min(entry.dropped_attributes, _UINT32)),
            fixed32_field(_LOG_FLAGS, entry.flags & _UINT32),
            bytes_field(_T[9], bytes.fromhex(entry.trace_id)) if entry.trace_id else b"",
            bytes_field(_T[10], bytes.fromhex(entry.span_id)) if entry.span_id else b"",
            fixed64_field(_F64[11], entry.observed_ns),
            text_field(_T[12], entry.event_name),
        )
    )
