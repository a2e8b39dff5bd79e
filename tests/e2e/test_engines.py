"""What the real engines keep: every value as it was sent, every span they acknowledged, through kill -9."""

from __future__ import annotations

import base64
import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from .engines import (
    Collector,
    Jaeger,
    JsonObject,
    collector,
    jaeger,
    send_over_grpc,
    send_over_http,
    spans_of,
    wait_until,
)

pytestmark = pytest.mark.engines

AWKWARD: dict[str, Any] = {
    "nested": {"z": 1, "a": {"none": None, "list": [1, None, [], {}, {"deep": [[1.5]]}]}},
    "bytes": b"\x00\xff\xfe\n",
    "above 2**53": 2**53 + 1,
    "largest": 2**63 - 1,
    "smallest": -(2**63),
    "one": 1.0,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "not a number": math.nan,
    "infinity": -math.inf,
    "yes": True,
    "empty text": "",
    "empty list": [],
    "empty map": {},
    "null in list": [None, "x"],
    "mixed list": [1, "a", 1.0, False, b"\x80"],
    "line separators": "a\u2028b\u2029c\u0085d",
    "control characters": "\x00\x1b[31m\r\n\t\x7f",
    "emoji": "🎛️ 👩‍🔧",
    "κλειδί 🔑": "a key that is not ASCII",
}


def any_value(value: Any) -> AnyValue:
    """A Python value as OTLP has it."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    raise TypeError(type(value))


def key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


DECODERS: dict[str, Callable[[Any], Any]] = {
    "intValue": int,
    "doubleValue": float,
    "bytesValue": base64.b64decode,
    "arrayValue": lambda array: [decoded(item) for item in array.get("values", [])],
    "kvlistValue": lambda entries: attributes_of({"attributes": entries.get("values", [])}),
}


def decoded(value: JsonObject) -> Any:
    """A Python value from OTLP JSON, its type included; no field at all is null."""
    for kind, held in value.items():
        return DECODERS.get(kind, lambda plain: plain)(held)
    return None


def attributes_of(holder: JsonObject) -> dict[str, Any]:
    return {entry["key"]: decoded(entry["value"]) for entry in holder["attributes"]}


NUMBERS = itertools.count(1)
SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"


def request_of(trace_id: bytes, *, spans: int = 1, attributes: Mapping[str, Any] | None = None) -> Any:
    """One request with new spans of a trace; each has an event with the same attributes."""
    now = time.time_ns()
    pairs = key_values(attributes or {"n": 1})
    made = [
        Span(
            trace_id=trace_id,
            span_id=next(NUMBERS).to_bytes(8, "big"),
            parent_span_id=b"\x01" * 8,
            trace_state="vendor=1",
            name="execute_tool read_log",
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1_234_567,
            attributes=pairs,
            events=[Span.Event(time_unix_nano=now + 7, name="decision CLAMPING", attributes=pairs)],
            links=[Span.Link(trace_id=b"\x02" * 16, span_id=b"\x03" * 8, attributes=pairs)],
            status=Status(code=Status.STATUS_CODE_ERROR, message="out of range"),
            dropped_events_count=3,
        )
        for _ in range(spans)
    ]
    scope = ScopeSpans(spans=made, schema_url=SCHEMA_URL)
    scope.scope.name, scope.scope.version = "otel_replay", "1.0"
    resource = ResourceSpans(scope_spans=[scope], schema_url=SCHEMA_URL)
    resource.resource.attributes.extend(key_values({"service.name": "tuner", "process.pid": 7}))
    return ExportTraceServiceRequest(resource_spans=[resource])


@pytest.fixture
def trace_id() -> bytes:
    return os.urandom(16)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_every_value_reaches_the_archive_and_jaeger_as_it_was_sent(
    real_collector: Collector, real_jaeger: Jaeger, trace_id: bytes, protocol: str
) -> None:
    """Types, key order and bytes survive; the text of the values is compared, so that 1 is not 1.0."""
    request = request_of(trace_id, attributes=AWKWARD)
    if protocol == "grpc":
        send_over_grpc(real_collector.grpc, request)
    else:
        send_over_http(real_collector.http, request)
    (archived,) = real_collector.archived_spans(trace_id.hex())
    (shown,) = real_jaeger.wait_for_spans(trace_id.hex(), 1)
    for span in (archived, shown):
        for holder in (span, span["events"][0], span["links"][0]):
            assert repr(attributes_of(holder)) == repr(AWKWARD)


def test_jaeger_gives_back_the_whole_request_as_the_archive_holds_it(
    real_collector: Collector, real_jaeger: Jaeger, trace_id: bytes
) -> None:
    """Resource, scope, links, status, trace state, dropped counts: all but schema URLs, which it forgets."""
    send_over_grpc(real_collector.grpc, request_of(trace_id, attributes=AWKWARD))
    real_jaeger.wait_for_spans(trace_id.hex(), 1)
    (archived,) = [line for line in real_collector.archived() if trace_id.hex() in str(line)]
    for holder in (archived["resourceSpans"][0], archived["resourceSpans"][0]["scopeSpans"][0]):
        assert holder.pop("schemaUrl") == SCHEMA_URL
    assert real_jaeger.read_trace(trace_id.hex()) == archived


def test_a_service_is_found_with_its_traces(
    real_collector: Collector, real_jaeger: Jaeger, trace_id: bytes
) -> None:
    """Searching gives one document per trace, and nothing for a service that never sent."""
    send_over_grpc(real_collector.grpc, request_of(trace_id, spans=3))
    real_jaeger.wait_for_spans(trace_id.hex(), 3)
    found = real_jaeger.find_traces("tuner")
    assert [trace_id.hex()] * 3 in [[span["traceId"] for span in spans_of(trace)] for trace in found]
    assert real_jaeger.find_traces("nobody") == []
    assert "tuner" in real_jaeger.services()


def test_a_trace_that_was_never_sent_is_none(real_jaeger: Jaeger) -> None:
    """Not there is an answer, not an error."""
    assert real_jaeger.read_trace("f" * 32) is None


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_span_of_twenty_mebibytes_arrives(
    real_collector: Collector, real_jaeger: Jaeger, trace_id: bytes, protocol: str
) -> None:
    """Far above the 4 MiB that gRPC servers take by default: a generation may carry an image."""
    image = os.urandom(20 * 2**20)
    request = request_of(trace_id, attributes={"image": image})
    request.resource_spans[0].scope_spans[0].spans[0].ClearField("events")
    request.resource_spans[0].scope_spans[0].spans[0].ClearField("links")
    if protocol == "grpc":
        send_over_grpc(real_collector.grpc, request)
    else:
        send_over_http(real_collector.http, request)
    (span,) = real_jaeger.wait_for_spans(trace_id.hex(), 1)
    assert attributes_of(span)["image"] == image


def test_log_events_and_metrics_are_archived(real_collector: Collector) -> None:
    """Jaeger takes traces only; a decision that was sent as a log record must not be lost for that."""
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add()
    record.event_name = "otel_replay.decision"
    record.attributes.extend(key_values(AWKWARD))
    send_over_http(real_collector.http, logs, signal="logs")
    (held,) = real_collector.archived("logs.jsonl")[-1]["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert held["eventName"] == "otel_replay.decision"
    assert repr(attributes_of(held)) == repr(AWKWARD)

    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="decisions")
    metric.gauge.data_points.add(as_int=120)
    send_over_http(real_collector.http, metrics, signal="metrics")
    assert "decisions" in str(real_collector.archived("metrics.jsonl")[-1])


def test_what_is_sent_while_jaeger_is_dead_is_there_after_its_restart(
    tmp_path: Path, trace_id: bytes
) -> None:
    """The Collector acknowledges each request, and hands all of them on once Jaeger is back."""
    with jaeger(tmp_path / "jaeger") as store, collector(tmp_path / "collector", to=store) as gateway:
        store.kill()
        for _ in range(200):
            send_over_grpc(gateway.grpc, request_of(trace_id))
        store.restart()
        store.wait_for_spans(trace_id.hex(), 200)


def test_a_jaeger_on_disk_that_is_killed_while_spans_flow_has_them_all(
    tmp_path: Path, trace_id: bytes
) -> None:
    """Killed three times: what came before, in between and after is there; nothing was only in memory."""
    with (
        jaeger(tmp_path / "jaeger", on_disk=True) as store,
        collector(tmp_path / "collector", to=store) as gateway,
    ):
        sent = 0
        enough = threading.Event()

        def send() -> None:
            nonlocal sent
            while not enough.is_set():
                send_over_grpc(gateway.grpc, request_of(trace_id))
                sent += 1

        sender = threading.Thread(target=send)
        sender.start()
        try:
            for _ in range(3):
                arrived = len(list(spans_of(store.read_trace(trace_id.hex()))))
                store.wait_for_spans(trace_id.hex(), arrived + 50)
                store.kill()
                goal = sent + 50

                def more_was_sent(goal: int = goal) -> bool:
                    return sent > goal

                wait_until(more_was_sent, "50 spans sent while Jaeger is dead")
                store.restart()
        finally:
            enough.set()
            sender.join()
        assert sent > 300
        store.wait_for_spans(trace_id.hex(), sent)


def test_what_a_killed_collector_acknowledged_is_in_its_archive_and_reaches_jaeger(
    tmp_path: Path, trace_id: bytes
) -> None:
    """An acknowledgement means: on disk twice, once for Jaeger and once in the archive."""
    with jaeger(tmp_path / "jaeger") as store, collector(tmp_path / "collector", to=store) as gateway:
        store.kill()
        for _ in range(100):
            send_over_grpc(gateway.grpc, request_of(trace_id))
        gateway.kill()
        assert len(gateway.archived_spans(trace_id.hex())) == 100
        gateway.restart()
        store.restart()
        store.wait_for_spans(trace_id.hex(), 100)


def test_a_restarted_collector_goes_on_in_the_same_archive(tmp_path: Path, trace_id: bytes) -> None:
    """Neither a stop nor a kill costs a line that was written before."""
    with collector(tmp_path / "collector") as gateway:
        for end in (gateway.stop, gateway.kill, gateway.stop):
            send_over_grpc(gateway.grpc, request_of(trace_id))
            end()
            gateway.restart()
        send_over_grpc(gateway.grpc, request_of(trace_id))
        assert len(gateway.archived()) == 4


def test_a_torn_line_costs_nothing_but_itself(tmp_path: Path, trace_id: bytes) -> None:
    """A kill in the middle of a write leaves half a line; the next request starts a line of its own."""
    with collector(tmp_path / "collector") as gateway:
        send_over_grpc(gateway.grpc, request_of(trace_id))
        gateway.kill()
        with gateway.archive.open("ab") as archive:
            archive.write(b'{"resourceSpans":[{"resou')
        gateway.restart()
        send_over_grpc(gateway.grpc, request_of(trace_id))
        whole, torn, next_one, rest = gateway.archive.read_bytes().split(b"\n")
        assert torn == b'{"resourceSpans":[{"resou'
        assert [trace_id.hex().encode() in line for line in (whole, next_one)] == [True, True]
        assert rest == b""


def test_jaeger_on_disk_turns_nested_values_into_json_text(tmp_path: Path, trace_id: bytes) -> None:
    """Known and documented: Badger's model has no nested values, so the archive is where they are exact."""
    with jaeger(tmp_path / "jaeger", on_disk=True) as store:
        send_over_grpc(store.grpc, request_of(trace_id, attributes={"cell": {"rpm": 3500}, "big": 2**53 + 1}))
        (span,) = store.wait_for_spans(trace_id.hex(), 1)
        assert attributes_of(span) == {"cell": '{"rpm":3500}', "big": 2**53 + 1}


def test_jaeger_sends_no_traces_of_its_own(real_collector: Collector, real_jaeger: Jaeger) -> None:
    """Its own queries would else stand among the user's runs."""
    assert "jaeger" not in real_jaeger.services()
    resources: Iterator[JsonObject] = (line for line in real_collector.archived())
    assert not any('"jaeger"' in str(line["resourceSpans"][0]["resource"]) for line in resources)
