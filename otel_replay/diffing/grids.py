"""The table that both runs worked on, cell by cell: what the first left in it and what the second did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from otel_replay.analysis.grid import Axes, Coordinate, Place, build_grid, find_axes
from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.unmade_items import UnmadeItems, decisions_of, of_numbers, values_of
from otel_replay.diffing.findings import Findings
from otel_replay.diffing.rules import Rules
from otel_replay.records import Decision

__all__ = ["CellPair", "GridDifference", "grid_difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPair:
    """What a cell holds at the end of either run; None where no decision of it spoke of the cell."""

    a: float | None
    b: float | None
    same: bool

    @property
    def change(self) -> float | None:
        """The second less the first; None where one has none."""
        return None if self.a is None or self.b is None else self.b - self.a


@dataclass(frozen=True, slots=True, kw_only=True)
class GridDifference:
    """Both grids in one: the value that is shown, the names of the axes, all coordinates, and the cells."""

    value: str
    row: str
    column: str
    rows: tuple[Coordinate, ...]
    columns: tuple[Coordinate, ...]
    cells: Mapping[Place, CellPair]

    @property
    def changed(self) -> int:
        """How many cells do not hold the same at the end."""
        return sum(not cell.same for cell in self.cells.values())

    @property
    def largest(self) -> float:
        """The largest change of any cell, for a scale; 0 without one."""
        return max((abs(cell.change) for cell in self.cells.values() if cell.change is not None), default=0.0)


def grid_difference(
    a: Items,
    b: Items,
    rules: Rules,
    findings: Findings | None = None,
    *,
    names: Sequence[str] = (),
    value: str = "",
    before: str = "",
) -> GridDifference | None:
    """The grid of both runs by the same axes; None where no decision changes a cell.

    Parameters
    ----------
    a, b, rules:
        The runs, and the tolerances.
    findings:
        Where no value was named, and what decisions say of their cells afterwards is the same in all, the
        number that these changed most often is shown.
    names, value, before:
        As `analysis.grid.find_axes` takes them.
    """
    found = _grid(a, b, rules, names, value, before)
    if value or (found is not None and found.changed):
        return found
    changed = "" if findings is None else _changed_most(findings)
    return (_grid(a, b, rules, names, changed, before) if changed else None) or found


def _changed_most(findings: Findings) -> str:
    """The number in decisions on cells that changed most often; empty where none did."""
    counts: Counter[str] = Counter()
    for finding in findings:
        record = finding.item.record
        if isinstance(record, Decision) and record.cell:
            counts.update(
                str(change.path[1])
                for change in finding.changes
                if len(change.path) == 2
                and change.path[0] == "values"
                and isinstance(change.after, int | float)
            )
    return counts.most_common(1)[0][0] if counts else ""


def _grid(
    a: Items, b: Items, rules: Rules, names: Sequence[str], value: str, before: str
) -> GridDifference | None:
    axes = find_axes(
        chain(decisions_of(a.items), decisions_of(b.items)), names=names, value=value, before=before
    )
    if axes is None:
        return None
    ends = _ends(a, axes), _ends(b, axes)
    if not (ends[0] or ends[1]):
        return None
    cells = {
        place: _pair(ends[0].get(place), ends[1].get(place), axes, rules)
        for place in dict.fromkeys([*ends[0], *ends[1]])
    }
    told = next((name for name in axes.after if _is_told(a, name) or _is_told(b, name)), "")
    return GridDifference(
        value=told,
        row=axes.row,
        column=axes.column,
        rows=_sorted(place[0] for place in cells),
        columns=_sorted(place[1] for place in cells),
        cells=cells,
    )


_End = tuple[float, str]
"""What a cell holds at the end, and the action that gave it that."""


def _pair(a: _End | None, b: _End | None, axes: Axes, rules: Rules) -> CellPair:
    if a is None or b is None:
        return CellPair(a=a and a[0], b=b and b[0], same=False)
    same = a[0] == b[0]
    for name in () if same else axes.after:
        allowed = rules.tolerance(b[1], ("values", name))
        same = same or (allowed is not None and allowed.allows(a[0], b[0]))
    return CellPair(a=a[0], b=b[0], same=same)


def _is_told(items: Items, name: str) -> bool:
    return any(isinstance(one, Mapping) and name in one for one in values_of(items.items))


def _ends(items: Items, axes: Axes) -> dict[Place, _End]:
    """What each cell holds at the end, as `analysis.grid` reads it."""
    sequence = items.items
    if isinstance(sequence, UnmadeItems):
        decisions: Iterable[tuple[int, Decision]] = _that_count(sequence, axes)
    else:
        decisions = ((item.seq, item.record) for item in sequence if isinstance(item.record, Decision))
    ends: dict[Place, _End] = {}
    for _, decision in decisions:
        place = _plain_place(decision.values, decision.cell, axes)
        if place is not None:
            ends[place] = (decision.values[axes.after[0]], decision.action)
            continue
        for change in build_grid((decision,), axes).changes:
            ends[change.place] = (change.after, decision.action)
    return ends


def _that_count(items: UnmadeItems, axes: Axes) -> list[tuple[int, Decision]]:
    """Of the decisions on each cell those that the grid's order and ends come from, by their `seq`.

    Where the first and the last of an action on a cell say plainly what they left there, nothing between
    them counts; all others are looked at.
    """
    said = items.said
    firsts: dict[int, int] = {}
    lasts: dict[int, int] = {}
    found = [(item.seq, item.record) for item in items.parts if isinstance(item, Item)]
    for part in items.stretches():
        places = of_numbers(said.places, part.numbers)
        seqs = range(part.begin, part.begin + len(places))
        lasts.update(zip(places, seqs, strict=True))
        # Of several the first stays: it is put in last.
        for place, seq in dict(zip(reversed(places), reversed(seqs), strict=True)).items():
            firsts.setdefault(place, seq)
    odd = set()
    for place, first in firsts.items():
        for seq in {first, lasts[place]}:
            record = items.decision(seq)
            found.append((seq, record))
            if _plain_place(record.values, record.cell, axes) is None:
                odd.add(place)
    for part in items.stretches() if odd else ():
        for seq, number in enumerate(part.numbers, part.begin):
            if said.places[number] in odd:
                found.append((seq, items.decision(seq)))
    kept = {seq: record for seq, record in found if isinstance(record, Decision)}
    return sorted(kept.items(), key=lambda one: one[0])


def _plain_place(values: Any, cell: Any, axes: Axes) -> Place | None:
    """The cell of a decision that says plainly what it left there: most do, and are read in one step."""
    if type(values) is dict and type(cell) is dict:
        try:
            after, x, y = values[axes.after[0]], cell[axes.row], cell[axes.column]
        except KeyError:
            return None
        if type(after) is float and type(x) is type(y) is int and -_LARGEST < after < _LARGEST:
            return x, y
    return None


_LARGEST = 1e300


def _sorted(coordinates: object) -> tuple[Coordinate, ...]:
    unique: list[Coordinate] = list(dict.fromkeys(coordinates))  # type: ignore[call-overload]  # an iterable
    return tuple(sorted(unique, key=lambda one: (isinstance(one, str), one)))
