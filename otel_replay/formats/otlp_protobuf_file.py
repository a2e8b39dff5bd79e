"""An OTLP message of a file, of which nothing says which signal it is: spans, log records, or neither.

The three signals have the same outer storeys, and `ExportTraceServiceRequest`, `TracesData` and a file's
message are the same bytes. What stands in the scopes tells: a span begins with an id of 16 bytes, a log
record with a time, and neither can be taken for the other, nor for a metric.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # brings no types
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from otel_replay.errors import FormatError
from otel_replay.formats.otlp_json_read import Read
from otel_replay.formats.otlp_protobuf_read import logs_of, spans_of
from otel_replay.records import BadLine

__all__ = ["read_message"]

_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8


def read_message(message: bytes) -> Iterator[Read]:
    """The spans or log records of a message, and a `BadLine` for each span without ids. Metrics have none.

    Raises
    ------
    FormatError
        If the bytes are no message of OTLP.
    """
    reason = "it is neither of spans nor of log records"
    for make, belongs, read in (
        (trace_pb2.TracesData, _is_traces, _spans),
        (logs_pb2.LogsData, _is_logs, logs_of),
        (metrics_pb2.MetricsData, _is_metrics, _nothing),
    ):
        data = make()
        try:
            data.ParseFromString(message)
        except DecodeError as error:
            reason = str(error)
            continue
        if belongs(data):
            yield from read(data)
            return
    raise FormatError(f"not an OTLP message: {reason}")


def _nothing(_: Any) -> Iterator[Read]:
    return iter(())


def _spans(traces: Any) -> Iterator[Read]:
    for number, span in enumerate(spans_of(traces), 1):
        if len(span.trace_id) == 2 * _TRACE_ID_BYTES and len(span.span_id) == 2 * _SPAN_ID_BYTES:
            yield span
        else:
            reason = f"span {number} has no ids of {_TRACE_ID_BYTES} and {_SPAN_ID_BYTES} bytes"
            yield BadLine(number=0, offset_bytes=0, size_bytes=0, reason=reason)


def _is_traces(traces: Any) -> bool:
    spans = [span for outer in traces.resource_spans for scope in outer.scope_spans for span in scope.spans]
    if not spans:
        return bool(traces.resource_spans) and not any(
            scope.ByteSize() for outer in traces.resource_spans for scope in outer.scope_spans
        )
    return any(len(span.trace_id) == _TRACE_ID_BYTES for span in spans)


def _is_logs(logs: Any) -> bool:
    return any(
        entry.time_unix_nano or entry.observed_time_unix_nano
        for outer in logs.resource_logs
        for scope in outer.scope_logs
        for entry in scope.log_records
    )


def _is_metrics(metrics: Any) -> bool:
    return any(
        metric.name and metric.WhichOneof("data")
        for outer in metrics.resource_metrics
        for scope in outer.scope_metrics
        for metric in scope.metrics
    )
