"""What is taken from the lines of a journal many at a time is what each line says by itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest import mock

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.analysis import decision_lines
from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import _Builder
from otel_replay.analysis.unmade_items import Stretch, UnmadeItems
from otel_replay.formats.journal_v1 import encode
from otel_replay.records import JournalHeader, SpanEnd, SpanStart
from otel_replay.storage.run_files import RunFiles

SPAN, OTHER, TRACE = "57162f20bfb1e4a9", "7e2748d92ac48bf8", "72c2d1a5b84a780926c59ded002ca8d9"
HEAD = [
    encode(JournalHeader(version=1, run_id="r", time_ns=1)).strip(),
    encode(SpanStart(time_ns=10**18, trace_id=TRACE, span_id=SPAN, name="run")).strip(),
    encode(SpanStart(time_ns=10**18, trace_id=TRACE, span_id=OTHER, name="task", parent_id=SPAN)).strip(),
]
END = encode(SpanEnd(time_ns=2 * 10**18, span_id=OTHER)).strip()

VALUES = st.sampled_from(
    [
        {"before": 1.5, "after": 2},
        {"after": 2, "before": 1.5},
        {"x": True},
        {"x": None, "y": [1, {"z": "{"}]},
        {"x": {"$float": "NaN"}},
        {"$float": "NaN"},
        {"$float": "no"},
        {"x": 2**63, "y": 1},
        {},
        0,
        1,
        [],
        "x",
    ]
)
ROWS = st.builds(
    lambda span, time, action, values, cell, size: [
        *("decision", span, time, action, "because", values, cell, "more")
    ][:size],
    st.sampled_from([SPAN, SPAN, OTHER, "nobody", "a\\b", 7]),
    st.sampled_from([10**18, 10**18 + 1, 10**17, 2**63, 1.5]),
    st.sampled_from(["CLAMP", 'say "{"', 3]),
    VALUES,
    VALUES,
    st.sampled_from([7, 7, 7, 7, 6, 5, 4, 8]),
)
DAMAGE = st.tuples(st.integers(0, 200), st.sampled_from([b"", b"\0", b"\xff", b'"', b",", b"0", b"_", b" "]))


def damaged(line: bytes, damage: tuple[int, bytes] | None) -> bytes:
    if damage is None:
        return line
    place, put = damage
    return line[:place] + put + line[place + 1 :]


LINES = st.builds(damaged, ROWS.map(orjson.dumps), st.none() | st.none() | DAMAGE) | st.just(END)


def loaded(directory: Path, lines: list[bytes], reading: DecisionLines | None) -> Items:
    journal = directory / "journal" / "1.jsonl"
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_bytes(b"".join(line + b"\n" for line in [*HEAD, *lines]))
    builder = _Builder("finished", reading or DecisionLines())
    return builder.build(RunFiles(directory).records(builder.take if reading is not None else None))


def told(items: Items) -> list[object]:
    found: list[object] = [
        (item.seq, item.kind, item.name, repr(item.record), item.parent and item.parent.seq, item.end_ns)
        for item in items
    ]
    return [*found, items.end_ns, [[one.seq for one in item.children] for item in items], items.bad_lines]


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=9), st.booleans(), st.sampled_from([1, 3]))
def test_lines_taken_together_are_the_lines_decoded_one_by_one(lines, numbered, few) -> None:
    with tempfile.TemporaryDirectory() as place, mock.patch.object(decision_lines, "_FEW", few):
        plain = loaded(Path(place), lines, None)
        reading = DecisionLines(numbered=numbered)
        assert told(loaded(Path(place), lines, reading)) == told(plain)
        again = loaded(Path(place), lines[1:], reading.enough())
        assert told(again) == told(loaded(Path(place), lines[1:], None))


def row(time_ns: int, values: dict[str, object], *more: object) -> bytes:
    return orjson.dumps(["decision", SPAN, time_ns, "CLAMP", "because", values, *(more or [{"rpm": 2000}])])


def many(*values: dict[str, object]) -> list[bytes]:
    """Lines enough to be taken together."""
    return [row(10**18 + place, one) for place, one in enumerate([*values, *({"y": n} for n in range(9))])]


def numbers(items: Items) -> list[int]:
    assert isinstance(items.items, UnmadeItems)
    return [number for part in items.items.parts if isinstance(part, Stretch) for number in part.numbers]


def test_decisions_of_two_runs_that_say_the_same_have_the_same_number(tmp_path: Path) -> None:
    reading = DecisionLines(numbered=True)
    one = loaded(tmp_path / "one", many({"x": 1}, {"x": 2}), reading)
    reading.enough()
    other = loaded(tmp_path / "two", many({"x": 2}, {"x": 1.0}), reading)
    first, second, *rest = numbers(one)
    again, third, *others = numbers(other)
    assert again == second
    assert rest == others
    assert len({first, second, third, *rest}) == 12


def test_what_is_compared_with_a_run_takes_its_numbers_and_adds_none_to_it(tmp_path: Path) -> None:
    reading = DecisionLines(numbered=True)
    base = loaded(tmp_path / "one", many(), reading)
    reading.enough()
    known = len(base.items.said)
    for name in ("two", "three"):
        other = loaded(tmp_path / name, many({"x": 2}), reading)
        assert len(base.items.said) == known == len(other.items.said) - 1
        assert max(numbers(other)) == known


def test_an_item_is_made_when_it_is_asked_for_and_stays_the_same_one(tmp_path: Path) -> None:
    items = loaded(tmp_path, many({"x": 1}), DecisionLines(numbered=True))
    task = items[0]
    assert items[2] is items[-len(items) + 2] is task.children[1] is items[1:4][1]
    assert [child.seq for child in task.children[3:5]] == [4, 5]
    assert (len(items), len(task.children)) == (12, 11)
    with pytest.raises(IndexError):
        items[12]


def test_without_a_comparison_all_items_are_made(tmp_path: Path) -> None:
    items = loaded(tmp_path, many(), DecisionLines())
    assert isinstance(items.items, list)
