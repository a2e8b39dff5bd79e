"""A journal's lines: two tables prove both directions, and the fast ways give what the tables give."""

import math

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.errors import FormatError
from otel_replay.formats import journal_v1
from otel_replay.formats.journal_v1 import decode, encode
from otel_replay.records import (
    Close,
    Decision,
    Event,
    JournalHeader,
    Link,
    LogEntry,
    Loss,
    Resource,
    Scope,
    SpanEnd,
    SpanStart,
    SpanUpdate,
)
from otel_replay.values import from_json, to_json

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
numbers = st.integers(-(2**63), 2**63 - 1)
scalars = (
    st.none()
    | st.booleans()
    | numbers
    | st.floats(allow_nan=False)
    | text
    | st.binary(max_size=6)
    | st.sampled_from([0, 0.0, -0.0, 1, True, "", b"", math.inf, "$float", "\u2028", "\x00"])
)
keys = text | st.sampled_from(["$float", "$bytes", "$map", "$", "otel_replay.blob", "kind", ""])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
maps = st.dictionaries(keys, values, max_size=5)
counts = st.integers(0, 2**32)
links = st.lists(
    st.builds(
        Link,
        trace_id=text,
        span_id=text,
        trace_state=text,
        flags=counts,
        attributes=maps,
        dropped_attributes=counts,
    ),
    max_size=2,
).map(tuple)
statuses = st.sampled_from(["unset", "ok", "error"])

RECORDS = {
    JournalHeader: {
        "version": counts,
        "run_id": text,
        "time_ns": numbers,
        "process": maps,
        "writer": text,
        "event_limit": counts,
        "begins": maps,
    },
    Resource: {"id": counts, "attributes": maps, "schema_url": text},
    Scope: {"id": counts, "name": text, "version": text, "schema_url": text, "attributes": maps},
    SpanStart: {
        "time_ns": numbers,
        "trace_id": text,
        "span_id": text,
        "name": text,
        "parent_id": text,
        "span_kind": counts,
        "attributes": maps,
        "links": links,
        "trace_state": text,
        "flags": counts,
        "resource": counts,
        "scope": counts,
    },
    SpanUpdate: {"time_ns": numbers, "span_id": text, "attributes": maps},
    SpanEnd: {
        "time_ns": numbers,
        "span_id": text,
        "status": statuses,
        "message": text,
        "name": st.none() | text,
        "attributes": maps,
        "links": links,
        "dropped_attributes": counts,
        "dropped_events": counts,
        "dropped_links": counts,
        "room": st.none() | counts,
    },
    Event: {
        "time_ns": numbers,
        "span_id": text,
        "name": text,
        "attributes": maps,
        "dropped_attributes": counts,
    },
    Decision: {
        "time_ns": numbers,
        "span_id": text,
        "action": text,
        "reason": text,
        "values": st.none() | maps | values,
        "cell": st.none() | maps | values,
        "extra": maps,
    },
    LogEntry: {
        "time_ns": numbers,
        "span_id": text,
        "trace_id": text,
        "event_name": text,
        "severity": counts,
        "severity_text": text,
        "body": values,
        "attributes": maps,
        "scope": counts,
        "resource": counts,
        "observed_ns": numbers,
        "flags": counts,
        "dropped_attributes": counts,
    },
    Loss: {"time_ns": numbers, "records": counts, "reason": text},
    Close: {
        "time_ns": numbers,
        "how": st.sampled_from(["ended", "exit", "recovered"]),
        "notes": maps,
        "ends": maps,
    },
}
records = st.one_of([st.builds(kind, **given) for kind, given in RECORDS.items()])
decisions = st.builds(Decision, **{**RECORDS[Decision], "extra": st.just({})})


def problem(line):
    """What is said to be wrong with the line; None if it is a record. Anything else than that raises."""
    try:
        decode(line)
    except FormatError as error:
        return error.message
    return None


def test_every_kind_is_tried():
    assert {kind.__dataclass_fields__["kind"].default for kind in RECORDS} == set(journal_v1._TYPES)
    for kind, given_fields in RECORDS.items():
        assert set(given_fields) | {"kind"} == set(kind.__dataclass_fields__)


@settings(deadline=None)
@given(records)
def test_what_was_encoded_is_decoded_to_the_same_record(record):
    line = encode(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert b"\0" not in line
    found = decode(line)
    assert found == record
    assert repr(found) == repr(decode(line[:-1]))  # also -0.0 and 1 against 1.0
    assert type(found) is type(record)


@settings(deadline=None)
@given(decisions)
def test_both_forms_of_a_decision_say_the_same(decision):
    """The array is written out by hand for speed; the object goes by the table."""
    fields = {
        "t": decision.time_ns,
        "span": decision.span_id,
        "action": decision.action,
        "reason": decision.reason,
    }
    for name in ("values", "cell"):
        value = getattr(decision, name)
        if value is not None:
            fields[name] = to_json(value)
    long_form = decode(orjson.dumps({"kind": "decision", **fields}))
    assert repr(decode(encode(decision))) == repr(long_form)


@settings(deadline=None)
@given(values)
def test_values_are_converted_as_from_json_does(value):
    plain = orjson.loads(orjson.dumps(to_json(value)))
    expected = from_json(orjson.loads(orjson.dumps(plain)))
    assert repr(journal_v1._value(plain)) == repr(expected)


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1, -(2**63)])
def test_integers_that_are_too_large_for_opentelemetry_become_text(number):
    body = b'{"kind":"event","t":1,"span":"a","name":"b","attributes":{"x":%d,"y":[%d],"z":{"a":%d,"b":1}}}'
    found = decode(body % (number, number, number)).attributes
    expected = number if -(2**63) <= number < 2**63 else str(number)
    assert found == {"x": expected, "y": [expected], "z": {"a": expected, "b": 1}}


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=60)
    | st.recursive(
        scalars.filter(lambda v: not isinstance(v, bytes)),
        lambda inner: st.lists(inner) | st.dictionaries(keys | st.sampled_from(["t", "span"]), inner),
    ).map(orjson.dumps)
)
def test_any_line_is_a_record_or_a_clear_error(line):
    assert problem(line) != ""


@settings(deadline=None, max_examples=300)
@given(records, st.data())
def test_a_record_with_a_damaged_field_is_a_record_or_a_clear_error(record, data):
    body = orjson.loads(encode(record))
    place = data.draw(st.sampled_from(sorted(body) if isinstance(body, dict) else range(len(body))))
    damage = data.draw(
        scalars.filter(lambda value: not isinstance(value, bytes)) | st.lists(st.integers(0, 9))
    )
    body[place] = to_json(damage)
    assert problem(orjson.dumps(body)) != ""


def test_every_field_but_free_values_has_a_type_that_is_checked():
    for kind, table in journal_v1._FIELDS.items():
        unchecked = {row.name for row in table if row.allowed is None}
        assert unchecked <= {"values", "cell", "body"}, kind


def test_nesting_that_is_too_deep_is_an_error_and_no_crash():
    for depth in (900, 1_000, 5_000):
        body = (
            b'{"kind":"event","t":1,"span":"a","name":"b","attributes":{"x":'
            + b'{"a":' * depth
            + b"1"
            + b"}" * depth
        )
        assert problem(body + b"}}") != ""


def test_fields_with_their_default_take_no_room():
    assert (
        encode(Event(time_ns=1, span_id="a", name="b")) == b'{"kind":"event","t":1,"span":"a","name":"b"}\n'
    )
    assert encode(Decision(time_ns=1, span_id="a", action="b", reason="c")) == b'["decision","a",1,"b","c"]\n'


@pytest.mark.parametrize(("levels", "is_read"), [(253, True), (254, True), (300, False), (900, False)])
def test_a_line_with_more_levels_than_recorders_write_is_damaged(levels: int, is_read: bool) -> None:
    """Nothing that reads it would come to its end. What stands beside each other is no level."""
    line = b'["decision","00f067aa0ba902b7",1,"A","",{"v":%b1%b,"w":[%b1]}]\n' % (
        b"[" * (levels - 2), b"]" * (levels - 2), b"[],{}," * 1_000
    )  # fmt: skip
    if is_read:
        assert isinstance(decode(line), Decision)
    else:
        with pytest.raises(FormatError, match="nested more than 256 deep"):
            decode(line)
