"""Any Python value is recorded by the stated rules and read back exactly; nothing reaches the caller."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import math
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import otel_replay
from otel_replay.attributes import BLOB
from otel_replay.clock import SteppingClock
from otel_replay.settings import Settings

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


class Colour(enum.Enum):
    RED = "red"
    NUMBER = 3


class Text(str, enum.Enum):
    A = "a"


@dataclasses.dataclass
class Point:
    x: float
    y: object


Pair = collections.namedtuple("Pair", "a b")

VALUES = {
    "float64": (np.float64(0.1), 0.1),
    "float32": (np.float32(0.5), 0.5),
    "int64": (np.int64(2**53 + 1), 2**53 + 1),
    "bool_": (np.bool_(True), True),
    "array": (np.array([[1.5, 2.0], [3.0, math.inf]]), [[1.5, 2.0], [3.0, math.inf]]),
    "datetime64": (np.datetime64("2025-01-02T03:04:05"), "2025-01-02T03:04:05"),
    "timestamp": (pd.Timestamp("2025-01-02T03:04:05Z"), "2025-01-02T03:04:05+00:00"),
    "series": (pd.Series([1.5, 2.5], index=["a", "b"]), {"a": 1.5, "b": 2.5}),
    "frame": (
        pd.DataFrame({"rpm": [500, 1000], "afr": [12.5, 14.7]}),
        {"rpm": [500, 1000], "afr": [12.5, 14.7]},
    ),
    "NaT": (pd.NaT, None),
    "NA": (pd.NA, None),
    "date": (dt.date(2025, 1, 2), "2025-01-02"),
    "datetime": (dt.datetime(2025, 1, 2, 3, 4, 5, 6, dt.timezone.utc), "2025-01-02T03:04:05.000006+00:00"),
    "timedelta": (dt.timedelta(seconds=1.5), "PT1.5S"),
    "Decimal": (decimal.Decimal("1.10"), "1.10"),
    "uuid": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "enum": ([Colour.RED, Colour.NUMBER, Text.A], ["red", 3, "a"]),
    "dataclass": (Point(1.0, Point(2.0, None)), {"x": 1.0, "y": {"x": 2.0, "y": None}}),
    "namedtuple": (Pair(1, "b"), {"a": 1, "b": "b"}),
    "tuple": ((1, (2, 3)), [1, [2, 3]]),
    "set": ({3, 1, 2}, [1, 2, 3]),
    "bytes": (b"\x00\xff", b"\x00\xff"),
    "nan": (math.nan, math.nan),
    "infinities": ([math.inf, -math.inf], [math.inf, -math.inf]),
    "minus zero": (-0.0, -0.0),
    "integers": ([2**63 - 1, -(2**63), 0], [2**63 - 1, -(2**63), 0]),
    "large integers": ([2**63, 2**64, -(2**64)], [str(2**63), str(2**64), str(-(2**64))]),
    "unlike types": ([1, 1.0, True, "1", None], [1, 1.0, True, "1", None]),
    "text": ('emoji 🚗, \u2028, quote " \\ \x00 \x1b[31m', 'emoji 🚗, \u2028, quote " \\ \x00 \x1b[31m'),
    "surrogate": ("a\ud800b", "a\\ud800b"),
    "keys": ({1: "a", None: "b", 2.5: "c"}, {"1": "a", "None": "b", "2.5": "c"}),
    "looks like an escape": ({"$float": "NaN"}, {"$float": "NaN"}),
    "looks like another": ([{"$bytes": "AA=="}, {"$map": []}, {"$map": 1}, {"$x": 1}],) * 2,
    "escape in an escape": ({"$map": {"$map": {"$float": 1}}},) * 2,
    "empty": ([{}, [], "", b""],) * 2,
    "deep": ({"a": [{"b": [{"c": 1}]}]},) * 2,
    "defaultdict": (collections.defaultdict(list, a=[1]), {"a": [1]}),
    "object": (object(), "<object object>"),
    "exception": (ValueError("no"), "ValueError: no"),
    "class": (Point, f"{__name__}.Point"),
}


def same(one, other):
    """Equal in type and to the last bit; NaN is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return repr(one) == repr(other)
    return one == other


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_recorded_by_its_rule_wherever_it_stands(store, name):
    value, expected = VALUES[name]
    with otel_replay.start_run("r", attributes={"v": value}) as run:
        otel_replay.decision("KEY", "", values={"v": value}, cell={"c": value})
        otel_replay.decision("WHOLE", "", values=value, cell=value)
        otel_replay.decision("CELL", "", cell={"c": value})
        with run.tool_call("t", {"v": value}, more=value) as call:
            call.result(value)
        otel_replay.heartbeat(v=value)
    recorded = store.run()
    assert recorded.bad_lines == []
    assert recorded.lost == 0
    key, whole, cell = recorded.decisions
    assert same(key.values, {"v": expected})
    assert same(key.cell, {"c": expected})
    assert same(whole.values, expected)
    assert same(whole.cell, expected)
    assert cell.values is None
    assert same(cell.cell, {"c": expected})
    tool = recorded.span("execute_tool t").attributes
    assert same(dict(tool["gen_ai.tool.call.arguments"]), {"v": expected})
    # OpenTelemetry's own rule: an attribute without a value is not there.
    for attribute in ("more", "gen_ai.tool.call.result"):
        assert same(tool.get(attribute), expected)
    assert same(recorded.events[0].attributes.get("v"), expected)
    assert same(dict(recorded.files.header.attributes), {"v": expected})


@pytest.mark.parametrize(
    "value", [5, None, True, 2.5, b"x", ["a"], {"a": 1}, Colour.RED, Colour.NUMBER, object()]
)
def test_an_action_and_a_reason_that_are_no_text_become_text(store, value):
    class Named(str):
        pass

    with otel_replay.start_run("r"):
        for _ in range(2):
            otel_replay.decision(value, value)
            otel_replay.decision(value, value, values={"a": 1}, cell={"b": 2})
            otel_replay.decision(Named("text"), Named("why"), values=1)
        otel_replay.checkpoint(value, 1)
        otel_replay.artifact(value, b"")
    recorded = store.run()
    assert recorded.bad_lines == []
    assert len(recorded.decisions) == 6
    assert all(type(d.action) is str and type(d.reason) is str for d in recorded.decisions)
    assert len(recorded.events) == 2


def test_what_the_caller_changes_afterwards_changes_nothing(store):
    values, cell, attributes = {"list": [1]}, {"rpm": 500}, {"deep": {"a": [1]}}
    with otel_replay.start_run("r", attributes=attributes) as run:
        otel_replay.decision("A", "", values, cell)
        values["list"].append(2)
        cell["rpm"] = 0
        attributes["deep"]["a"].append(2)
        with run.tool_call("t", arguments := {"a": [1]}):
            arguments["a"].append(2)
    recorded = store.run()
    assert (recorded.decisions[0].values, recorded.decisions[0].cell) == ({"list": [1]}, {"rpm": 500})
    assert recorded.span("run r").attributes["deep"] == {"a": [1]}
    assert recorded.span("execute_tool t").attributes["gen_ai.tool.call.arguments"] == {"a": [1]}


def test_large_values_go_to_blobs_and_are_read_back(store):
    text, data, array = "ä" * 100_000, bytes(range(256)) * 1000, np.arange(100_000.0)
    with otel_replay.start_run("r") as run:
        otel_replay.decision("A", "", {"text": text, "data": data, "array": array})
        otel_replay.decision("B", "x" * 100_000, {"small": 1})
        with run.generation("m", input_messages=[{"content": text}]):
            pass
    recorded = store.run()
    values = recorded.decisions[0].values
    read = recorded.files.blobs.read
    assert read(values["text"][BLOB]).decode() == text
    assert read(values["data"][BLOB]) == data
    assert read(values["array"][BLOB]).endswith(array.tobytes())
    assert recorded.decisions[1].reason == "x" * 100_000
    [message] = recorded.span("chat m").attributes["gen_ai.input.messages"]
    assert read(message["content"][BLOB]).decode() == text


def test_secrets_in_large_bytes_are_taken_out_unless_the_bytes_are_no_text(store):
    text = b"Authorization: Bearer abcd1234abcd1234abcd\n" + b"x" * 100_000
    image = b"\x89PNG\r\n\0" + text
    with otel_replay.start_run("r"):
        otel_replay.decision("A", "", {"text": text, "image": image})
    recorded = store.run()
    values = recorded.decisions[0].values
    read = recorded.files.blobs.read
    assert read(values["text"][BLOB]) == text.replace(b"abcd1234abcd1234abcd", b"[redacted]")
    assert values["text"]["size_bytes"] == len(read(values["text"][BLOB]))
    assert read(values["image"][BLOB]) == image


def test_a_clock_that_fails_or_talks_nonsense_is_replaced(store):
    readings = iter([1e18, "1000000000000000000", None, -(10**30), 10**30, math.nan, math.inf, True, 5])

    def clock():
        return next(readings)

    with otel_replay.start_run("r", clock=clock) as run:
        for number in range(20):
            run.decision("A", str(number))
            otel_replay.decision("A", str(number))
    recorded = store.run()
    assert recorded.bad_lines == []
    assert len(recorded.decisions) == 40


@pytest.mark.parametrize(
    ("start_ns", "step_ns"),
    [(1_767_225_600_000_000_000, -1_000_000), (0, 1), (5, -7), (900_000_000_000_000_000, 1), (-(10**18), -1)],
)
def test_a_clock_that_goes_backwards_or_is_before_2001_costs_nothing(store, start_ns, step_ns):
    with otel_replay.start_run("r", clock=SteppingClock(start_ns, step_ns)):
        for number in range(100):
            otel_replay.decision("A", str(number), {"n": number})
    recorded = store.run()
    assert recorded.bad_lines == []
    assert [d.values["n"] for d in recorded.decisions] == list(range(100))
    steps = {b.time_ns - a.time_ns for a, b in zip(recorded.decisions, recorded.decisions[1:], strict=False)}
    assert steps == {step_ns}
    assert recorded.files.status() == "finished"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cases=st.lists(st.tuples(st.text(), st.text(), ANY, ANY), min_size=1, max_size=20))
def test_what_goes_in_comes_out_of_any_decision(store, cases):
    from otel_replay.values import normalise

    with otel_replay.start_run(
        "r", settings=Settings(store=store.root, redact=False, projections=False)
    ) as run:
        for action, reason, values, cell in cases:
            otel_replay.decision(action, reason, values, cell)
    recorded = store.run(run.run_id)
    assert recorded.bad_lines == []
    for (action, reason, values, cell), decision in zip(cases, recorded.decisions, strict=True):
        assert (decision.action, decision.reason) == (normalise(action), normalise(reason))
        assert same(decision.values, normalise(values))
        assert same(decision.cell, normalise(cell))
