"""The table that a tuning run works on, as its decisions tell it: which cell got which value, and when.

A decision changes a cell when its `cell` has both axes and its `values` say what came out. Which names those
are is given, or taken from the first decision that has them (:func:`find_axes`), and never mixed: what does
not fit changes nothing. Of a cell that no decision has spoken of, nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from otel_replay.records import Decision

__all__ = [
    "AFTER_NAMES",
    "BEFORE_NAMES",
    "Axes",
    "Change",
    "Grid",
    "Place",
    "build_grid",
    "find_axes",
    "find_grid",
]

AFTER_NAMES = ("after", "result", "new")
"""Names of a value that a decision leaves behind; the first that it has."""

BEFORE_NAMES = ("before", "original", "old")
"""Names of the value that was there until then."""

Coordinate = int | float | str
Place = tuple[Coordinate, Coordinate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Where decisions say their cell and its value: `row` and `column` of `cell`, `after` of `values`."""

    row: str
    column: str
    after: tuple[str, ...] = AFTER_NAMES
    before: tuple[str, ...] = BEFORE_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Decision `number` (from 1) gave a cell the value `after`; `before` is what it says was there."""

    number: int
    place: Place
    after: float
    before: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All changes of a run in their order, and the coordinates that there are, each sorted."""

    axes: Axes
    rows: tuple[Coordinate, ...]
    columns: tuple[Coordinate, ...]
    changes: tuple[Change, ...]

    @property
    def largest(self) -> float:
        """The largest size of any value, for a scale; 0 where there is none."""
        values = [abs(value) for change in self.changes for value in (change.before, change.after) if value]
        return max(values, default=0.0)


def find_axes(
    decisions: Iterable[Decision], *, names: Sequence[str] = (), value: str = "", before: str = ""
) -> Axes | None:
    """The axes that the user named, else those of the first decision that changes a cell; None without any.

    Parameters
    ----------
    decisions:
        Looked through for the first whose values have a number under one of the names, and whose cell has two
        coordinates: the first two of its keys are the axes.
    names:
        Row and column, as the user named them.
    value, before:
        The value that a cell has after a decision and before it, as the user named them.
    """
    after_names = (value,) if value else AFTER_NAMES
    before_names = (before,) if before else BEFORE_NAMES
    if len(names) == 2:
        return Axes(row=names[0], column=names[1], after=after_names, before=before_names)
    for decision in decisions:
        if _number(decision.values, after_names) is not None and isinstance(decision.cell, Mapping):
            keys = [str(key) for key, item in decision.cell.items() if _coordinate(item) is not None]
            if len(keys) >= 2:
                return Axes(row=keys[0], column=keys[1], after=after_names, before=before_names)
    return None


def build_grid(decisions: Iterable[Decision], axes: Axes) -> Grid:
    """The grid that `decisions` tell; their numbers count from 1."""
    changes = []
    for number, decision in enumerate(decisions, 1):
        change = _change(decision, number, axes)
        if change is not None:
            changes.append(change)
    return Grid(
        axes=axes,
        rows=_sorted(change.place[0] for change in changes),
        columns=_sorted(change.place[1] for change in changes),
        changes=tuple(changes),
    )


def find_grid(
    decisions: Sequence[Decision], *, names: Sequence[str] = (), value: str = "", before: str = ""
) -> Grid | None:
    """The grid by the axes that :func:`find_axes` finds; None where no decision changes a cell."""
    axes = find_axes(decisions, names=names, value=value, before=before)
    grid = build_grid(decisions, axes) if axes is not None else None
    return grid if grid is not None and grid.changes else None


def _change(decision: Decision, number: int, axes: Axes) -> Change | None:
    after = _number(decision.values, axes.after)
    if after is None or not isinstance(decision.cell, Mapping):
        return None
    row, column = (_coordinate(decision.cell.get(key)) for key in (axes.row, axes.column))
    if row is None or column is None:
        return None
    return Change(
        number=number, place=(row, column), after=after, before=_number(decision.values, axes.before)
    )


def _number(values: Any, names: Sequence[str]) -> float | None:
    """The first of the named values that is there, if it is a finite number."""
    if not isinstance(values, Mapping):
        return None
    for name in names:
        if name in values:
            value = values[name]
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return float(value) if is_number and abs(value) < 1e300 and math.isfinite(value) else None
    return None


def _coordinate(value: Any) -> Coordinate | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sorted(coordinates: Iterable[Coordinate]) -> tuple[Coordinate, ...]:
    """Each once: numbers by size, then texts by their letters."""
    return tuple(sorted(set(coordinates), key=lambda one: (isinstance(one, str), one)))
