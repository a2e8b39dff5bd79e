"""OpenTelemetry's own way to bytes: the encoders of the official OTLP exporters, and a listener for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

__all__ = ["Listener", "count_events", "json_encoder", "protobuf_bytes"]


def protobuf_bytes(spans: Sequence[ReadableSpan]) -> bytes:
    """What the gRPC and HTTP exporters do with a batch before they send it."""
    data: bytes = encode_spans(spans).SerializeToString()
    return data


def json_encoder() -> Callable[[Sequence[ReadableSpan]], bytes] | None:
    """What the official JSON file exporter does with a batch; None where its package is not installed."""
    try:
        from opentelemetry.exporter.otlp.json.common import trace_encoder
    except ImportError:
        return None
    encode: Callable[[Sequence[ReadableSpan]], Any] = trace_encoder.encode_spans

    def json_bytes(spans: Sequence[ReadableSpan]) -> bytes:
        return (json.dumps(encode(spans).to_dict(), separators=(",", ":")) + "\n").encode()

    return json_bytes


def count_events(data: bytes) -> int:
    """Events in the bytes that an exporter would send."""
    request = ExportTraceServiceRequest.FromString(data)
    return sum(
        len(span.events)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )


class Listener(SpanProcessor):
    """Gathers ended spans as a BatchSpanProcessor does, and encodes them when asked, on the same thread."""

    def __init__(self) -> None:
        self._ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Take the span."""
        self._ended.append(span)

    def take(self) -> list[ReadableSpan]:
        """All spans since the last time."""
        ended, self._ended = self._ended, []
        return ended

    def encoded(self) -> bytes:
        """The bytes of all spans since the last time."""
        return protobuf_bytes(self.take())
