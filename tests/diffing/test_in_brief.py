"""What is compared in columns, and told in brief, is what comparing item by item tells."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffing.runs import step as step_of
from diffing.runs import tuned
from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import items_of
from otel_replay.analysis.unmade_items import UnmadeItems
from otel_replay.attributes import SPAN_TYPE
from otel_replay.diffing import Difference, Tolerance, diff
from otel_replay.diffing.content import Contents
from otel_replay.diffing.leaves import Leaves
from otel_replay.formats.journal_v1 import encode
from otel_replay.records import Decision, Event, JournalHeader, Record, SpanEnd, SpanStart
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import RunHeader
from otel_replay.values import normalise

TRACE, BEGIN_NS = "72c2d1a5b84a780926c59ded002ca8d9", 10**18

VALUES = [
    *(1, 1.0, True, False, 0, None, math.nan, math.inf, -0.0, 0.0, 2**63, 2**70, 7.25, 7.26, 1e-9, 10**16),
    *("lean", "a long text with 14.7 in it", "null", b"\x00", [1, [2]], [True, [2]], [[1], [2]], {"b": 1.5}),
]
CELLS = [None, {"rpm": 500, "kpa": 10}, {"kpa": 10, "rpm": 500}, {"rpm": 500.0, "kpa": 10}, {"x": [1]}, {}]

Step = tuple[str, str, Any, Any, dict[str, Any]]


def step(rng: random.Random, odd: float) -> Step:
    values: Any = {"before": rng.random(), "after": rng.random(), "weight": rng.choice([0.5, 1, 0.25])}
    cell: Any = {"rpm": 500 * rng.randrange(4), "kpa": 10 * rng.randrange(3)}
    if rng.random() < odd:
        names = rng.sample(["before", "after", "new", "$score", "text"], rng.randrange(5))
        values = rng.choice([None, {name: rng.choice(VALUES) for name in names}])
        cell = rng.choice([cell, rng.choice(CELLS)])
    extra = {"note": rng.choice(VALUES)} if rng.random() < odd / 4 else {}
    return (
        rng.choice(["CORRECT", "CLAMP", "SMOOTH"]),
        rng.choice(["because", "it was so"]),
        values,
        cell,
        extra,
    )


def mutated(
    steps: list[Step], rng: random.Random, *, changed: float, drift: float, gone: float
) -> Iterator[Step]:
    for action, reason, values, cell, extra in steps:
        if rng.random() < gone:
            continue
        if rng.random() < gone:
            yield step(rng, 0.3)
        later = values and {
            key: one + drift if type(one) is float and drift else one for key, one in values.items()
        }
        if later and rng.random() < changed:
            key = rng.choice(list(later))
            later[key] = rng.choice([*VALUES, 7.0, 8])
            if rng.random() < 0.2:
                later = dict(reversed(later.items()))
            if rng.random() < 0.2:
                del later[key]
        if rng.random() < changed / 4:
            reason = f"it came so {rng.randrange(3)}"
        yield action, reason, later, cell, extra


def write(directory: Path, steps: list[Step], *, tasks: int, cut: bool = False) -> RunFiles:
    """A run of so many tasks, as a journal."""
    records: list[Record] = [JournalHeader(version=1, run_id=directory.name, time_ns=1)]
    time_ns = BEGIN_NS
    kind = {SPAN_TYPE: "task"}
    for number in range(tasks):
        span = f"{number + 1:016x}"
        parent = f"{number:016x}" if number % 3 == 2 else ""
        start = SpanStart(
            time_ns=time_ns, trace_id=TRACE, span_id=span, name="task", parent_id=parent, attributes=kind
        )
        records.append(start)
        length = -(-len(steps) // tasks)
        for action, reason, values, cell, extra in steps[number * length : (number + 1) * length]:
            time_ns += 7
            told = {"values": normalise(values), "cell": normalise(cell), "extra": normalise(extra)}
            records.append(Decision(time_ns=time_ns, span_id=span, action=action, reason=reason, **told))
            if action == "SMOOTH" and time_ns % 5 == 0:
                records.append(Event(time_ns=time_ns, span_id=span, name="seen"))
        if not (cut and number == tasks - 1):
            records.append(SpanEnd(time_ns=time_ns, span_id=span, status="ok"))
    (directory / "journal").mkdir(parents=True)
    (directory / "journal" / "1.jsonl").write_bytes(b"".join(map(encode, records)))
    status: Any = None if cut else "ok"
    header = RunHeader(
        run_id=directory.name, name="tuning", started_ns=BEGIN_NS, ended_ns=time_ns, status=status
    )
    return RunFiles(directory, header)


def told(found: Difference) -> str:
    """All that a person or a program is told of it."""
    hows = (found.added, found.removed, found.moved, found.changed, found.not_reached, found.independent)
    numbers = [[one.number for one in some] for some in (*hows, found.following)]
    followers = sorted(found.followers.items())
    return json.dumps([found.as_json(), numbers, followers], indent=0, default=repr) + found.markdown()


def item_by_item(a: Items, b: Items, **wishes: Any) -> Difference:
    """The same, with nothing in columns and nothing in brief."""

    class Plain(Contents):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.in_columns = False

    with (
        mock.patch("otel_replay.diffing.compare.Contents", Plain),
        mock.patch.object(Leaves, "of", return_value=None),
    ):
        return diff(a, b, **wishes)


WISHES: list[dict[str, Any]] = [
    {},
    {"tolerances": {"values.*": 0.03}},
    {"tolerances": {"CLAMP:*": Tolerance(relative=0.02), "*": 0.001}},
    {"strict": True},
    {"times": True},
    {"ignore": ["values.weight", "CLAMP"]},
    {"only": ["CORRECT"]},
    {"identity": {"CORRECT": ["cell.rpm"]}},
]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.sampled_from([3, 30, 260]),
    tasks=st.sampled_from([1, 4]),
    odd=st.sampled_from([0.0, 0.1, 1.0]),
    changed=st.sampled_from([0.0, 0.06, 0.5]),
    drift=st.sampled_from([0.0, 0.02]),
    wishes=st.sampled_from([WISHES[0], *WISHES]),
)
def test_what_is_told_in_brief_is_what_is_told_item_by_item(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    steps: int,
    tasks: int,
    odd: float,
    changed: float,
    drift: float,
    wishes: dict[str, Any],
) -> None:
    """Of runs read to be compared, of runs read whole, and of both together."""
    rng = random.Random(seed)
    first = [step(rng, odd) for _ in range(steps)]
    second = list(mutated(first, rng, changed=changed, drift=drift, gone=0.02))
    place = tmp_path_factory.mktemp("runs")
    a, b = write(place / "a", first, tasks=tasks), write(place / "b", second, tasks=tasks, cut=seed % 5 == 0)
    lines = DecisionLines(numbered=True)
    unmade = [items_of(a, lines), items_of(b, lines.enough())]
    assert all(isinstance(one.items, UnmadeItems) for one in unmade)
    whole = [items_of(a), items_of(b)]
    plain = told(item_by_item(*whole, **wishes))
    assert told(diff(*unmade, **wishes)) == plain
    assert told(diff(*whole, **wishes)) == plain
    assert told(diff(unmade[0], whole[1], **wishes)) == plain
    assert told(diff(unmade[0], unmade[0], **wishes)) == told(item_by_item(whole[0], whole[0], **wishes))


def test_a_difference_is_made_when_it_is_asked_for_and_stays_the_same_one(tmp_path: Path) -> None:
    rng = random.Random(1)
    first = [step(rng, 0.0) for _ in range(40)]
    second = list(mutated(first, rng, changed=0.0, drift=0.5, gone=0.0))
    a, b = write(tmp_path / "a", first, tasks=1), write(tmp_path / "b", second, tasks=1)
    lines = DecisionLines(numbered=True)
    found = diff(items_of(a, lines), items_of(b, lines.enough()))
    assert len(found.findings) == len(found.changed) == 40
    assert found.first_divergence is found.findings[0] is found.changed[0]
    assert found.findings[-1] is found.findings[39] is found.changed[-1]
    assert [one.number for one in found.findings] == list(range(1, 41))
    assert found.findings[3:5] == found.changed[3:5] == list(found.findings)[3:5]
    with pytest.raises(IndexError):
        found.findings[40]


def test_few_of_the_items_of_two_long_runs_are_made(tmp_path: Path) -> None:
    rng = random.Random(2)
    first = [step(rng, 0.0) for _ in range(3000)]
    second = list(mutated(first, rng, changed=0.0, drift=0.5, gone=0.001))
    a, b = write(tmp_path / "a", first, tasks=2), write(tmp_path / "b", second, tasks=2)
    lines = DecisionLines(numbered=True)
    runs = [items_of(a, lines), items_of(b, lines.enough())]
    found = diff(*runs)
    assert len(found.findings) > 2900
    assert found.markdown()
    for items in runs:
        assert isinstance(items.items, UnmadeItems)
        assert len(items.items._made) < 300


@pytest.mark.parametrize("beside", [math.nan, b"\x00", "null", None])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("one", "other"), [(-1, -2), (-1.0, -2.0), (0, 2**61 - 1), (1, 1.0)])
def test_numbers_of_one_hash_are_told_apart_beside_what_json_does_not_know(
    beside: Any, strict: bool, one: float, other: float
) -> None:
    a, b = (tuned(step_of(after=value, beside=beside)) for value in (one, other))
    assert diff(a, b, strict=strict).equal == (one == other and not strict)
    a, b = (tuned(note=[beside, {"by": value}]) for value in (one, other))
    assert diff(a, b, strict=strict).equal == (one == other and not strict)
