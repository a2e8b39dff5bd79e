"""OTLP/protobuf, written without message objects: the official classes and encoder agree with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource as SdkResource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link as SdkLink
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags, TraceState
from otlp_strategies import exact, examples, logs, spans

from otel_replay.errors import FormatError
from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.otlp_groups import batches
from otel_replay.formats.otlp_protobuf import Encoder, logs_request, request, traces_request
from otel_replay.formats.otlp_protobuf_read import read_logs_request, read_traces_request
from otel_replay.formats.spans import STATUS_CODES, Log, Span
from otel_replay.records import Link, LogEntry, Resource, Scope


@examples
@given(st.lists(spans(), max_size=4))
def test_spans_come_back_as_they_were(written: list[Span]) -> None:
    """Every field of every span survives the bytes, as the official classes read them."""
    back = list(read_traces_request(traces_request(written)))
    assert sorted(map(exact, back)) == sorted(map(exact, written))


@examples
@given(spans())
def test_the_bytes_are_what_the_official_classes_write(span: Span) -> None:
    """Read and written again by them, a request is as long as before: no default written, none missing."""
    ours = traces_request([span])
    theirs = ExportTraceServiceRequest.FromString(ours).SerializeToString()
    assert len(ours) == len(theirs)
    assert [exact(back) for back in read_traces_request(theirs)] == [exact(span)]


@examples
@given(st.lists(logs, max_size=3))
def test_log_entries_come_back_as_they_were(written: list[Log]) -> None:
    """Body, event name, ids and all."""
    ours = logs_request(written)
    assert sorted(map(exact, read_logs_request(ours))) == sorted(map(exact, written))
    assert len(ExportLogsServiceRequest.FromString(ours).SerializeToString()) == len(ours)


def sdk_spans() -> list[ReadableSpan]:
    """Spans as the real SDK ends them."""
    exporter = InMemorySpanExporter()
    resource = SdkResource(
        {"service.name": "tuner", "n": 3, "list": ["a", "b"]}, "https://example.org/resource"
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    one = provider.get_tracer("one", "1.0", "https://example.org/scope", {"lib": True})
    two = provider.get_tracer("two")
    elsewhere = SpanContext(2**127 + 5, 2**63 + 9, True, TraceFlags(1), TraceState([("vendor", "x")]))
    with one.start_as_current_span(
        "run r", attributes={"text": "é\u2028🙂", "i": 2**62, "f": -0.0, "b": False}
    ) as root:
        root.add_event(
            "decision CLAMP",
            {
                "otel_replay.action": "CLAMP",
                "otel_replay.reason": "high",
                "otel_replay.values.after": 1.25,
                "otel_replay.cell": [1, 2],
            },
        )
        root.add_event("plain", {"nested": {"a": [1, 1.0, None, {"b": b"\x00"}], "empty": {}, "none": []}})
        with two.start_as_current_span(
            "task", kind=SpanKind.CLIENT, links=[SdkLink(elsewhere, {"why": "because"})]
        ) as task:
            task.set_attribute("nan", float("nan"))
            task.set_status(StatusCode.ERROR, "it failed")
        with two.start_as_current_span("fine") as fine:
            fine.set_status(StatusCode.OK)
        for number in range(200):
            root.add_event(f"event {number}")
    return list(exporter.get_finished_spans())


def plain(value: Any) -> Any:
    """The SDK's tuples and read-only maps as lists and dicts."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(item) for item in value]
    return value


def flags_of(context: SpanContext | None) -> int:
    return 0x300 if context is not None and context.is_remote else 0x100


def from_sdk(span: ReadableSpan) -> Span:
    """Our value for a span of the SDK, field by field."""
    assert span.context is not None
    assert span.instrumentation_scope is not None
    span_id = f"{span.context.span_id:016x}"
    scope = span.instrumentation_scope
    return Span(
        trace_id=f"{span.context.trace_id:032x}",
        span_id=span_id,
        name=span.name,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        parent_id=f"{span.parent.span_id:016x}" if span.parent else "",
        span_kind=span.kind.value + 1,
        attributes=plain(span.attributes),
        events=tuple(
            event_to_record(
                event.timestamp, span_id, event.name, plain(event.attributes), event.dropped_attributes
            )
            for event in span.events
        ),
        links=tuple(
            Link(
                trace_id=f"{link.context.trace_id:032x}",
                span_id=f"{link.context.span_id:016x}",
                attributes=plain(link.attributes),
                flags=flags_of(link.context),
                dropped_attributes=link.dropped_attributes,
            )
            for link in span.links
        ),
        status=STATUS_CODES[span.status.status_code.value],
        message=span.status.description or "",
        flags=flags_of(span.parent),
        dropped_attributes=span.dropped_attributes,
        dropped_events=span.dropped_events,
        dropped_links=span.dropped_links,
        resource=Resource(
            id=0, attributes=plain(span.resource.attributes), schema_url=span.resource.schema_url
        ),
        scope=Scope(
            id=0,
            name=scope.name,
            version=scope.version or "",
            schema_url=scope.schema_url or "",
            attributes=plain(scope.attributes),
        ),
    )


def test_a_span_of_the_sdk_gives_the_message_of_the_official_encoder() -> None:
    """The same spans, encoded by the official exporter and by us, are equal messages."""
    ended = sdk_spans()
    official = encode_spans(ended)
    ours = ExportTraceServiceRequest.FromString(traces_request(map(from_sdk, ended)))
    assert len(ended) == 3
    assert repr(ours) == repr(official)  # by text: NaN is not equal to itself


def test_a_log_record_of_the_sdk_gives_the_message_of_the_official_encoder() -> None:
    """Likewise for `/v1/logs`."""
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=SdkResource({"service.name": "tuner"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("lib", "2").emit(
        timestamp=5,
        observed_timestamp=6,
        body={"a": [1, 2.5]},
        event_name="session.start",
        attributes={"k": "v"},
    )
    finished = exporter.get_finished_logs()
    entry = LogEntry(
        time_ns=5,
        observed_ns=6,
        body={"a": [1, 2.5]},
        event_name="session.start",
        attributes={"k": "v"},
        flags=int(finished[0].log_record.trace_flags or 0),
    )
    log = Log(
        entry=entry,
        resource=Resource(id=0, attributes=plain(finished[0].resource.attributes)),
        scope=Scope(id=0, name="lib", version="2"),
    )
    official = encode_logs(finished)
    official.resource_logs[0].scope_logs[0].log_records[0].trace_id = b""
    official.resource_logs[0].scope_logs[0].log_records[0].span_id = b""
    assert ExportLogsServiceRequest.FromString(logs_request([log])) == official


@examples
@given(st.lists(spans(), max_size=6), st.integers(1, 4), st.integers(200, 4_000))
def test_requests_keep_within_their_bounds(written: list[Span], max_items: int, max_bytes: int) -> None:
    """A batch is never larger than it may be, unless one span is; and nothing is lost or turned round."""
    encoder = Encoder()
    items = [encoder.span(span) for span in written]
    made = list(batches(items, max_items=max_items, max_bytes=max_bytes))
    assert [item for batch in made for item in batch] == items
    for batch in made:
        assert len(batch) <= max_items
        assert len(batch) == 1 or len(request(batch)) <= max_bytes


def test_what_is_not_otlp_is_refused() -> None:
    """With a sentence, not with protobuf's exception."""
    with pytest.raises(FormatError, match="not an OTLP message"):
        list(read_traces_request(b"\xff\xff\xff"))


def test_a_number_that_int64_does_not_hold_becomes_text() -> None:
    """The rule of `values.normalise`, should a value have come past it."""
    span = Span(
        trace_id="1" * 32, span_id="2" * 16, name="x", start_ns=1, end_ns=2, attributes={"big": 2**63}
    )
    [back] = read_traces_request(traces_request([span]))
    assert back.attributes == {"big": str(2**63)}


def test_what_is_no_value_is_refused_by_name() -> None:
    """A set is not an AnyValue; guessing one is not this module's business."""
    span = Span(trace_id="1" * 32, span_id="2" * 16, name="x", start_ns=1, end_ns=2, attributes={"s": {1}})
    with pytest.raises(TypeError, match="a set is no AnyValue"):
        traces_request([span])


def test_a_time_before_1970_is_sent_as_none() -> None:
    """OTLP's times have no sign."""
    span = Span(trace_id="1" * 32, span_id="2" * 16, name="x", start_ns=-5, end_ns=2)
    [back] = read_traces_request(traces_request([span]))
    assert back.start_ns == 0
