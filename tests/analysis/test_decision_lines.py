"""What is taken from the lines of a journal many at a time is what each line says by itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import _Builder
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


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=8), st.booleans())
def test_lines_taken_together_are_the_lines_decoded_one_by_one(lines, numbered) -> None:
    with tempfile.TemporaryDirectory() as place:
        plain = loaded(Path(place), lines, None)
        reading = DecisionLines(numbered=numbered)
        assert told(loaded(Path(place), lines, reading)) == told(plain)
        assert told(loaded(Path(place), lines, reading)) == told(plain)


def row(span: str, time_ns: int, values: dict[str, object]) -> bytes:
    return orjson.dumps(["decision", span, time_ns, "CLAMP", "because", values, {"rpm": 2000}])


def test_decisions_of_two_runs_that_say_the_same_have_the_same_number(tmp_path: Path) -> None:
    reading = DecisionLines(numbered=True)
    one = loaded(tmp_path / "one", [row(SPAN, 10**18 + 1, {"x": 1}), row(SPAN, 10**18, {"x": 2})], reading)
    other = loaded(
        tmp_path / "two", [row(OTHER, 10**18 + 5, {"x": 1}), row(SPAN, 10**18, {"x": 1.0})], reading
    )
    first, second = (item.told for item in one if item.kind == "decision")
    again, third = (item.told for item in other if item.kind == "decision")
    assert again == first
    assert len({first, second, third}) == 3
    assert 0 not in {first, second, third}


def test_what_is_compared_with_a_run_takes_its_numbers_and_adds_none(tmp_path: Path) -> None:
    reading = DecisionLines(numbered=True)
    one = loaded(tmp_path / "one", [row(SPAN, 10**18, {"x": 1})], reading)
    reading.enough()
    other = loaded(tmp_path / "two", [row(SPAN, 10**18, {"x": 2}), row(SPAN, 10**18 + 1, {"x": 1})], reading)
    assert [item.told for item in other if item.kind == "decision"] == [0, one[-1].told]
    assert one[-1].told


def test_runs_that_were_read_apart_have_no_number_in_common(tmp_path: Path) -> None:
    lines = [row(SPAN, 10**18, {"x": 1})]
    runs = [loaded(tmp_path, lines, DecisionLines(numbered=True)) for _ in range(2)]
    numbers = [item.told for run in runs for item in run if item.kind == "decision"]
    assert len(set(numbers)) == 2


def test_without_a_comparison_nothing_is_numbered(tmp_path: Path) -> None:
    items = loaded(tmp_path, [row(SPAN, 10**18, {"x": 1})], DecisionLines())
    assert [item.told for item in items] == [0, 0, 0]
