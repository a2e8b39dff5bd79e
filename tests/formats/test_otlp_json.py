"""OTLP JSON lines: what is written follows the specification, and what is read is what was written."""

from __future__ import annotations

import io
import json
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1 import trace_pb2
from otlp_strategies import exact, examples, logs, spans, values

from otel_replay.formats.fold import fold
from otel_replay.formats.otlp_json import MAX_LINE_BYTES, log_lines, span_lines, span_to_json
from otel_replay.formats.otlp_json_read import read_document, read_lines
from otel_replay.formats.otlp_json_value import value_from_json, value_to_json
from otel_replay.formats.otlp_protobuf_read import read_traces_request
from otel_replay.formats.spans import Log, Span
from otel_replay.records import BadLine, Decision, Event, LogEntry, Resource, Scope

TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"


def a_span(**fields: Any) -> Span:
    return Span(
        **{"trace_id": TRACE, "span_id": SPAN, "name": "task smooth", "start_ns": 5, "end_ns": 9, **fields}
    )


def read_all(data: bytes) -> list[Any]:
    return list(read_lines(io.BytesIO(data)))


@examples
@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Types, key order, 64-bit integers, the sign of zero, NaN, bytes and emptiness all survive the text."""
    assert exact(value_from_json(orjson.loads(orjson.dumps(value_to_json(value))))) == exact(value)


@examples
@given(st.lists(spans(), max_size=4), st.integers(1, 3))
def test_spans_come_back_as_they_were(written: list[Span], per_line: int) -> None:
    """Only their order may change within a line, where spans stand under their resource and scope."""
    back = read_all(b"".join(span_lines(written, max_items=per_line)))
    assert sorted(map(exact, back)) == sorted(map(exact, written))


@examples
@given(st.lists(logs, max_size=3))
def test_log_entries_come_back_as_they_were(written: list[Log]) -> None:
    """They go to lines of their own."""
    assert sorted(map(exact, read_all(b"".join(log_lines(written))))) == sorted(map(exact, written))


@examples
@given(spans())
def test_the_official_classes_read_the_same_from_our_json(span: Span) -> None:
    """Protobuf's own JSON reader takes our lines, with the ids turned into the base64 that it expects."""
    [line] = span_lines([span])
    document = json.loads(line)
    for of_resource in document["resourceSpans"]:
        for of_scope in of_resource["scopeSpans"]:
            for item in of_scope["spans"]:
                for holder in [item, *item.get("links", [])]:
                    for key in {"traceId", "spanId", "parentSpanId"} & holder.keys():
                        holder[key] = orjson.loads(orjson.dumps(value_to_json(bytes.fromhex(holder[key]))))[
                            "bytesValue"
                        ]
    message = json_format.ParseDict(document, trace_pb2.TracesData())
    assert [exact(back) for back in read_traces_request(message.SerializeToString())] == [exact(span)]


SPECIFIED = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "tuner"}}]},
            "schemaUrl": "https://example.org/r",
            "scopeSpans": [
                {
                    "scope": {"name": "lib", "version": "1"},
                    "spans": [
                        {
                            "traceId": TRACE,
                            "spanId": SPAN,
                            "parentSpanId": "00000000000000aa",
                            "name": "task smooth",
                            "kind": 3,
                            "startTimeUnixNano": "5",
                            "endTimeUnixNano": "9",
                            "attributes": [
                                {"key": "n", "value": {"intValue": "4611686018427387904"}},
                                {"key": "f", "value": {"doubleValue": 1.0}},
                                {"key": "b", "value": {"bytesValue": "AP8="}},
                                {"key": "l", "value": {"arrayValue": {"values": []}}},
                                {"key": "m", "value": {"kvlistValue": {"values": []}}},
                                {"key": "none", "value": {}},
                                {"key": "nan", "value": {"doubleValue": "NaN"}},
                            ],
                            "events": [
                                {
                                    "timeUnixNano": "7",
                                    "name": "decision CLAMP",
                                    "attributes": [
                                        {"key": "otel_replay.action", "value": {"stringValue": "CLAMP"}},
                                        {"key": "otel_replay.reason", "value": {"stringValue": "high"}},
                                        {"key": "otel_replay.values.after", "value": {"intValue": "2"}},
                                    ],
                                }
                            ],
                            "status": {"message": "no", "code": 2},
                        }
                    ],
                }
            ],
        }
    ]
}
"""What the specification makes of the span in the next test."""


def test_a_line_has_the_form_of_the_specification() -> None:
    """Names in lowerCamelCase, ids in hexadecimal, enumerations as numbers, 64-bit integers as text."""
    span = a_span(
        span_kind=3,
        status="error",
        message="no",
        parent_id="00000000000000aa",
        attributes={
            "n": 2**62,
            "f": 1.0,
            "b": b"\x00\xff",
            "l": [],
            "m": {},
            "none": None,
            "nan": float("nan"),
        },
        events=(
            Decision(time_ns=7, span_id=SPAN, action="CLAMP", reason="high", values={"after": 2}, cell=None),
        ),
        resource=Resource(id=0, attributes={"service.name": "tuner"}, schema_url="https://example.org/r"),
        scope=Scope(id=0, name="lib", version="1"),
    )
    [line] = span_lines([span])
    assert json.loads(line) == SPECIFIED
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


def test_lines_are_bounded_by_number_and_by_bytes() -> None:
    """A thousand spans a line, and no line that the Collector's file receiver would cut."""
    many = [a_span(span_id=f"{number:016x}", attributes={"text": "x" * 3_000}) for number in range(1, 1_500)]
    lines = list(span_lines(many))
    assert max(map(len, lines)) < 1024 * 1024
    assert len(list(span_lines([a_span()] * 2_500))) == 3
    assert [span.span_id for line in lines for span in read_all(line)] == [span.span_id for span in many]


def test_a_span_longer_than_a_line_hands_moments_on_and_loses_none() -> None:
    """The parts fold back into the span that they were taken from."""
    events = tuple(
        Event(time_ns=at, span_id=SPAN, name=f"e{at}", attributes={"x": "y" * 50_000}) for at in range(1, 101)
    )
    big = a_span(events=events, attributes={"otel_replay.run.id": "r1"})
    lines = list(span_lines([big]))
    parts = [span for line in lines for span in read_all(line)]
    assert max(map(len, lines)) <= MAX_LINE_BYTES + 2_000
    assert len({part.span_id for part in parts}) == len(parts) > 5
    assert {part.attributes["otel_replay.run.id"] for part in parts} == {"r1"}
    assert fold(reversed(parts)) == [big]


def test_what_cannot_be_divided_is_never_cut() -> None:
    """One attribute of two megabytes makes one line of two megabytes."""
    big = a_span(attributes={"prompt": "x" * 2_000_000})
    [line] = span_lines([big])
    assert read_all(line) == [big]


def test_the_collector_and_jaeger_are_understood() -> None:
    """Integers as text or numbers, upper-case ids, unknown fields, enumerations by name, under `result`."""
    text = b"""{"result": {"resourceSpans": [{"resource": {"attributes": [], "entityRefs": [1]},
      "scopeSpans": [{"scope": {}, "spans": [{
      "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "parentSpanId": "",
      "name": "x", "kind": "SPAN_KIND_CLIENT",
      "startTimeUnixNano": 1544712660000000000, "endTimeUnixNano": "1544712661000000000",
      "attributes": [{"key": "i", "value": {"intValue": 7}}, {"key": "d", "value": {"doubleValue": 3}},
                     {"key": "gone"}, {"key": "null", "value": null},
                     {"key": "b", "value": {"bytesValue": "-_8"}}],
      "events": [{"name": "tick"}], "links": null, "status": {"code": "STATUS_CODE_OK"},
      "surprise": {"a": []}}]}]}]}}"""
    [span] = read_document(text)
    assert isinstance(span, Span)
    assert (span.trace_id, span.span_id, span.parent_id, span.span_kind, span.status) == (
        TRACE,
        SPAN,
        "",
        3,
        "ok",
    )
    assert (span.start_ns, span.end_ns) == (1544712660000000000, 1544712661000000000)
    assert exact(dict(span.attributes)) == exact(
        {"i": 7, "d": 3.0, "gone": None, "null": None, "b": b"\xfb\xff"}
    )
    assert span.events == (Event(time_ns=0, span_id=SPAN, name="tick"),)


def test_the_minus_zero_of_the_collector_keeps_its_sign() -> None:
    """Go writes it without a point; a text that looks like it is left alone."""
    [line] = span_lines([a_span(attributes={"z": -0.0, "s": '"doubleValue":-0,'})])
    assert b'"doubleValue":-0.0' in line
    [span] = read_all(line.replace(b'"doubleValue":-0.0', b'"doubleValue": -0'))
    assert isinstance(span, Span)
    assert exact(dict(span.attributes)) == exact({"z": -0.0, "s": '"doubleValue":-0,'})


def test_documents_that_stand_one_after_another_are_all_read() -> None:
    """Some answers are several documents on lines; a pretty-printed one is a document too."""
    [line] = span_lines([a_span()])
    assert len(list(read_document(line * 3))) == 3
    assert list(read_document(json.dumps(json.loads(line), indent=2).encode())) == read_all(line)


def test_a_bad_line_costs_that_line_and_is_named() -> None:
    """What stands before and after it is read."""
    [line] = span_lines([a_span()])
    first, bad, other, last = read_all(line + b"{nonsense\n" + b'{"format": "x"}\n' + b"\n" + line)
    assert first == last == a_span()
    assert (bad.number, bad.offset_bytes, bad.size_bytes, bad.torn) == (2, len(line), 10, False)
    assert "not JSON" in bad.reason
    assert "neither `resourceSpans` nor `resourceLogs`" in other.reason


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_told_as_torn(cut: int) -> None:
    """A kill in the middle of a write leaves half a line; the lines before are whole."""
    [line] = span_lines([a_span()])
    whole, torn = read_all(line + line[: -1 - cut])
    assert whole == a_span()
    assert isinstance(torn, BadLine)
    assert torn.torn


def test_a_last_line_without_a_newline_counts() -> None:
    """Not every program ends its files with one."""
    [line] = span_lines([a_span()])
    assert read_all(line.rstrip()) == [a_span()]


def test_a_line_beyond_all_measure_is_skipped_not_loaded() -> None:
    """Its size is told; the next line is read."""
    [line] = span_lines([a_span()])
    bad, good = list(read_lines(io.BytesIO(b"x" * 10_000 + b"\n" + line), longest_bytes=4_096))
    assert isinstance(bad, BadLine)
    assert (bad.size_bytes, bad.reason) == (10_001, "longer than 4096 bytes")
    assert good == a_span()


DAMAGED = [
    ("spanId", "zz", "`spanId` is not 16 hexadecimal digits: 'zz'"),
    ("spanId", "0" * 16, "`spanId` is missing"),
    ("traceId", "", "`traceId` is missing"),
    ("startTimeUnixNano", "soon", "`startTimeUnixNano` is not an integer: 'soon'"),
    ("startTimeUnixNano", "-1", "`startTimeUnixNano` is out of range: '-1'"),
    ("startTimeUnixNano", 1.5, "`startTimeUnixNano` is out of range: 1.5"),
    ("flags", True, "`flags` is out of range: True"),
    ("name", 3, "`name` is not text"),
    ("events", {}, "`events` is not a list"),
    ("events", [1], "`events` is not an object"),
    ("attributes", [{"key": 1}], "an attribute's key is a int"),
    (
        "attributes",
        [{"key": "a", "value": {"intValue": str(2**63)}}],
        "`intValue` is out of range: '9223372036854775808'",
    ),
    ("attributes", [{"key": "a", "value": {"stringValue": 1}}], "`stringValue` is a int"),
    ("attributes", [{"key": "a", "value": {"boolValue": 1}}], "`boolValue` is a int"),
    ("attributes", [{"key": "a", "value": {"doubleValue": "x"}}], "`doubleValue` is not a number: 'x'"),
    ("attributes", [{"key": "a", "value": {"bytesValue": "é"}}], "`bytesValue` is not base64"),
    ("attributes", [{"key": "a", "value": {"arrayValue": 1}}], "`arrayValue` is not an object"),
]


@pytest.mark.parametrize(("key", "value", "reason"), DAMAGED)
def test_a_damaged_span_costs_that_span_and_says_why(key: str, value: Any, reason: str) -> None:
    """The other spans of its line are read."""
    body = {**span_to_json(a_span()), key: value}
    line = json.dumps(
        {"resourceSpans": [{"scopeSpans": [{"spans": [body, span_to_json(a_span())]}]}]}
    ).encode()
    bad, good = read_all(line)
    assert (bad.kind, bad.reason) == ("bad line", reason)
    assert good == a_span()


def test_nesting_without_end_is_refused() -> None:
    """Neither the stack nor the reader's patience is at the mercy of a file."""
    value: Any = {}
    for _ in range(300):
        value = {"arrayValue": {"values": [value]}}
    body = {**span_to_json(a_span()), "attributes": [{"key": "deep", "value": value}]}
    [bad] = read_all(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [body]}]}]}).encode())
    assert bad.reason in {"a value is nested more than 254 deep", "a value is nested too deep"}


def test_metrics_are_passed_over() -> None:
    """A line of another signal is nobody's mistake."""
    assert read_all(b'{"resourceMetrics": []}\n{}\n') == []


def test_a_log_entry_keeps_body_and_event_name() -> None:
    """The form of a `LogRecord` in the specification."""
    entry = LogEntry(
        time_ns=3,
        event_name="session.start",
        severity=9,
        severity_text="INFO",
        body={"a": [1]},
        observed_ns=4,
    )
    [line] = log_lines([Log(entry=entry)])
    [record] = json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert record == {
        "timeUnixNano": "3",
        "observedTimeUnixNano": "4",
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {
            "kvlistValue": {
                "values": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}}]
            }
        },
        "eventName": "session.start",
    }
