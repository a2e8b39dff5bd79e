"""Decisions told many at once, and read many at once, are those that are told and read one by one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

from diffing.test_in_brief import Step, item_by_item, told, write
from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.analysis.items_builder import items_of
from otel_replay.diffing import Difference, diff
from otel_replay.diffing.columns import columns_of
from otel_replay.storage.run_files import RunFiles


class Was(NamedTuple):
    """What a decision is made from."""

    before: float
    after: float
    number: int


def plain(was: Was) -> dict[str, Any]:
    return was._asdict()


def by_turns(was: Was) -> dict[str, Any]:
    forms: list[dict[str, Any]] = [
        plain(was),
        {"after": was.after, "weight": 0.5, "before": was.before},
        {"score": was.after, "of": was.before, "on": was.after > 50},
        {"count": int(was.before * 10), "after": was.after},
    ]
    return forms[was.number % 4]


def with_gaps(was: Was) -> dict[str, Any]:
    before = math.nan if was.number % 3 == 0 else was.before
    return plain(Was(before, math.nan if int(was.after) % 5 == 0 else was.after, was.number))


FORMS: dict[str, Callable[[Was], Any]] = {
    "one form": plain,
    "four forms by turns": by_turns,
    "what came of it alone": lambda was: {"after": was.after},
    "what does not say what went in": lambda was: {"score": was.after, "trend": was.before},
    "NaN beside": lambda was: plain(was) | {"seen": math.nan},
    "NaN now and then": with_gaps,
    "a number that becomes NaN": lambda was: plain(was) | {"gain": math.nan if was.after > 50 else 0.25},
    "whole numbers": lambda was: {"before": int(was.before), "after": int(was.after)},
    "a whole number or another": lambda was: (
        plain(was) | ({"before": int(was.before)} if was.number % 7 == 0 else {})
    ),
    "a text that changes": lambda was: plain(was) | {"why": f"{was.after}"},
    "another order": lambda was: dict(sorted(plain(was).items(), reverse=was.after > 50)),
}


def steps(form: Callable[[Was], Any], gain: float, *, carried: bool, cells: int = 7) -> list[Step]:
    """Each begins with what the one before it on its cell came to, if values are `carried` on."""
    rng, held = random.Random(3), dict.fromkeys(range(cells), 50.0)
    made: list[Step] = []
    for number in range(120):
        cell, chance = rng.randrange(cells), rng.random()
        before = held[cell] if carried else rng.uniform(40, 60) + gain
        held[cell] = after = before + gain * (chance - 0.5)
        where = None if number % 11 == 0 else {"rpm": 500 * cell, "kpa": 10}
        made.append(
            (rng.choice(["CORRECT", "CLAMP"]), "because", form(Was(before, after, number)), where, {})
        )
    return made


@pytest.mark.parametrize("carried", [True, False], ids=["carried on", "each its own"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_told_in_columns_is_what_is_told_item_by_item(
    tmp_path: Path, form: str, carried: bool
) -> None:
    runs = [
        write(tmp_path / name, steps(FORMS[form], gain, carried=carried), tasks=2)
        for name, gain in (("a", 1.0), ("b", 1.1))
    ]
    lines = DecisionLines(numbered=True)
    with mock.patch("otel_replay.diffing.find.columns_of", side_effect=columns_of) as asked:
        found = told(diff(items_of(runs[0], lines), items_of(runs[1], lines.enough())))
    assert asked.called
    assert found == told(item_by_item(*map(items_of, runs)))


def test_of_two_equal_shares_the_first_is_the_largest_change(tmp_path: Path) -> None:
    found = drifted(tmp_path, [(1.0, 2.0), (3.0, 6.0), (1.0, 1.5)] * 10)
    [row] = found.actions
    assert row.largest is not None
    assert (row.changed, row.largest.before, row.largest.after) == (30, 1.0, 2.0)


def test_a_change_from_nothing_is_the_largest_of_all(tmp_path: Path) -> None:
    [row] = drifted(tmp_path, [(8.0, 7.9), *[(5.0, 5.1)] * 20, (0.0, 1e-9), *[(5.0, 9.0)] * 9]).actions
    assert row.largest is not None
    assert (row.largest.before, row.largest.after) == (0.0, 1e-9)


@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize(
    "pair", [(0.25, math.nan), (math.nan, 0.25), (0.25, 0.5), (12, 13), (2**60 + 1, 2**60)]
)
def test_a_value_that_changed_so_before_is_the_cause(
    tmp_path: Path, pair: tuple[float, float], count: int
) -> None:
    found = drifted(tmp_path, [pair] * count)
    whys = [one.why for one in found.findings]
    assert whys == ["nothing before it explains it", *["values.score had changed before"] * (count - 1)]
    assert [one.follows for one in found.findings] == [None, *range(1, count)]


def drifted(place: Path, values: list[tuple[float, float]]) -> Difference:
    runs = []
    for name in ("a", "b"):
        side = "ab".index(name)
        made: list[Step] = [
            ("CORRECT", "because", {"score": pair[side]}, {"rpm": number}, {})
            for number, pair in enumerate(values)
        ]
        runs.append(write(place / name, made, tasks=1))
    lines = DecisionLines(numbered=True)
    return diff(items_of(runs[0], lines), items_of(runs[1], lines.enough()))


# -- reading

ODD = ["plain", ",{", "},{", "],[", '"', "\\", "{", "}]", "null", "$", '"$', "\u00e4"]


def read_both_ways(run: RunFiles) -> tuple[Any, Any]:
    """What is read of a run to be compared, and line by line."""

    def of(items: Any) -> Any:
        records = [repr((item.kind, item.name, item.record, item.start_ns, item.seq)) for item in items.items]
        return records, items.bad_lines, items.status

    return of(items_of(run, DecisionLines(numbered=True))), of(items_of(run))


@pytest.mark.parametrize("where", ["reason", "values", "names", "cell", "nowhere"])
def test_texts_that_look_like_json_do_not_change_what_is_read(tmp_path: Path, where: str) -> None:
    made: list[Step] = []
    for number in range(60):
        odd = ODD[number % len(ODD)]
        values = {odd if where == "names" else "after": odd if where == "values" else 1.5, "n": number}
        cell = {"rpm": odd if where == "cell" else 500, "kpa": 1}
        made.append(("CORRECT", odd if where == "reason" else "because", values, cell, {}))
    together, one_by_one = read_both_ways(write(tmp_path / "a", made, tasks=2))
    assert together == one_by_one
    assert len(together[0]) == 62


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_journal_reads_the_same_many_lines_at_once(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    run = write(tmp_path / "a", steps(plain, 1.0, carried=True)[:24], tasks=1)
    [journal] = run.journals()
    whole = journal.read_bytes()
    first = whole.index(b'["decision"')
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(first, len(whole) - 1)] = rng.choice(b'{}[],":\\ 0a')
        journal.write_bytes(damaged)
        together, one_by_one = read_both_ways(run)
        assert together == one_by_one
