"""What the state was at a checkpoint: a value of the snapshot, or of a cell as decisions had left it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from otel_replay.analysis.comparisons import Word, glob_pattern, tester
from otel_replay.analysis.grid import Grid, Place, find_grid
from otel_replay.analysis.items import Item
from otel_replay.analysis.playback import Playback
from otel_replay.assertions.matching import Matching
from otel_replay.assertions.report import Mark
from otel_replay.assertions.rule import Result, Rule, shown
from otel_replay.attributes import CHECKPOINT_EVENT, CHECKPOINT_NAME, CHECKPOINT_SHA256
from otel_replay.errors import OtelReplayError, UsageError
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.names import below
from otel_replay.records import Decision
from otel_replay.values_json import from_json

__all__ = ["Cell", "State", "expected_word"]


def expected_word(value: Any) -> Word:
    """What a person expects, as a word: a number, `approx(…)`, a text, a truth value or None."""
    if isinstance(value, Word):
        return value
    if isinstance(value, bool) or value is None:
        return Word(text={True: "true", False: "false", None: "null"}[value])
    if isinstance(value, (int, float)):
        return Word(text=f"{value!r}", number=value)
    return Word(text=str(value), exact=True)


def _is(value: Any, expected: Any) -> bool:
    return tester("=", expected_word(expected))(value)


def _how_it_differs(path: str, value: Any, expected: Any) -> str:
    """What is wrong with a value; empty where nothing is."""
    if isinstance(expected, (list, tuple, Mapping)):
        differences = Matching(whole="the state").differences(expected, value, path)
        more = f"; and {len(differences) - 3} more" if len(differences) > 3 else ""
        return "; ".join(differences[:3]) + more
    found = f"{path or 'the state'} is {value!r:.200}, expected {shown(expected)}"
    return "" if _is(value, expected) else found


def _checkpoint(run: Indexed, name: str) -> Item | None:
    """The last checkpoint of this name; `*` stands for any text."""
    fits = glob_pattern(name).fullmatch
    found = [
        item for item in run.of("event", CHECKPOINT_EVENT) if fits(str(item.attributes.get(CHECKPOINT_NAME)))
    ]
    return found[-1] if found else None


def _names(run: Indexed) -> str:
    names = [str(item.attributes.get(CHECKPOINT_NAME)) for item in run.of("event", CHECKPOINT_EVENT)]
    return f"its checkpoints are {', '.join(dict.fromkeys(names))}" if names else "it has no checkpoints"


@dataclass(frozen=True, slots=True)
class State(Rule):
    """The value under `path` of the snapshot that checkpoint `at` kept is `expected`.

    `path` goes in by dots (`ve.3.4`); empty, it is the whole state. Of several checkpoints of
    the name the last counts.
    """

    name: ClassVar[str] = "state"
    at: str
    path: str
    expected: Any

    def _check(self, run: Indexed) -> Result:
        item = _checkpoint(run, self.at)
        if item is None:
            return self._no(run, f"there is no checkpoint {self.at}; {_names(run)}")
        try:
            state = _snapshot(run, item)
        except (OtelReplayError, ValueError) as error:
            reason = f"the snapshot cannot be read: {error}"
            return self._no(run, reason, bad=[Mark(item, False, "no snapshot")])
        values = tuple(below(state, self.path)) if self.path else (state,)
        if not values:
            return self._no(run, f"there is no {self.path} in it", bad=[Mark(item, False, _keys(state))])
        wrong = [_how_it_differs(self.path, value, self.expected) for value in values]
        if "" in wrong:
            return self._yes((item,))
        return self._no(run, wrong[0], bad=[Mark(item, False, wrong[0])])


def _snapshot(run: Indexed, item: Item) -> Any:
    sha256 = item.attributes.get(CHECKPOINT_SHA256)
    read = run.run.read_blob
    if not isinstance(sha256, str) or read is None:
        raise ValueError("a file of spans does not hold it; check the run itself, or a pack of it")
    return from_json(json.loads(read(sha256)))


def _keys(state: Any) -> str:
    return f"it has {', '.join(map(str, list(state)[:20]))}" if isinstance(state, dict) else "it is no map"


@dataclass(frozen=True, slots=True)
class Cell(Rule):
    """A cell of the table holds `expected` at checkpoint `at`, or at the end of the run.

    `cell` is row and column, as the run's first decision about a cell names them: `(2000, 65)`. What it
    holds is what the last decision about it until then left there (`analysis.grid`); `value` names that value
    where it is not `after`, `result` or `new`.
    """

    name: ClassVar[str] = "cell"
    cell: tuple[Any, Any]
    expected: Any
    at: str | None = None
    value: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.cell, (tuple, list)) or len(self.cell) != 2:
            raise UsageError(f"a cell is a row and a column, such as (2000, 65), and not {self.cell!r:.60}")

    def _check(self, run: Indexed) -> Result:
        until = len(run.all)
        if self.at is not None:
            checkpoint = _checkpoint(run, self.at)
            if checkpoint is None:
                return self._no(run, f"there is no checkpoint {self.at}; {_names(run)}")
            until = checkpoint.seq
        items = list(run.of("decision"))
        decisions = [item.record for item in items if isinstance(item.record, Decision)]
        grid = find_grid(decisions, value=self.value)
        if grid is None:
            return self._no(run, "no decision changes a cell of a table")
        played = Playback(decisions, grid)
        played.go(sum(item.seq < until for item in items))
        place: Place = (self.cell[0], self.cell[1])
        last = _last_change(grid, place, played.position)
        found = played.values.get(place)
        if found is not None and _is(found, self.expected):
            return self._yes(() if last is None else (items[last - 1],))
        where = f"cell {grid.axes.row}={place[0]} {grid.axes.column}={place[1]}"
        if found is None or last is None:
            return self._no(run, f"no decision has spoken of {where} by then; {_near(grid, place)}")
        said = f"{where} holds {found:g}, expected {shown(self.expected)}"
        return self._no(run, said, bad=[Mark(items[last - 1], False, "the last decision about it")])


def _last_change(grid: Grid, place: Place, position: int) -> int | None:
    numbers = [
        change.number for change in grid.changes if change.place == place and change.number <= position
    ]
    return numbers[-1] if numbers else None


def _near(grid: Grid, place: Place) -> str:
    known = [axis for axis, wanted in ((grid.rows, place[0]), (grid.columns, place[1])) if wanted not in axis]
    shown = ["; ".join(map(str, axis[:12])) for axis in known]
    return (
        f"there is no such coordinate among {' and '.join(shown)}"
        if shown
        else "its row and column are known"
    )
