"""What a playback shows, as text: where one is, the decision, the grid as a heat map. No screen in here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from otel_replay.analysis.grid import Grid, Place
from otel_replay.analysis.playback import Playback
from otel_replay.cli import people
from otel_replay.cli.terminal import cut, escape, width
from otel_replay.records import Decision

__all__ = ["decision_text", "grid_text", "head_text", "near_text"]

_CELL_WIDTH = 9
_NEAR_BEFORE = 3
_RED, _BLUE, _PAPER = (214, 64, 52), (52, 110, 214), (38, 38, 38)


def head_text(playback: Playback, run_id: str) -> Text:
    """Where one is in the run, whether it plays and how fast, what stopped it."""
    text = Text(escape(run_id), style="bold")
    text.append(f"   {playback.position:,} of {people.counted(len(playback.decisions), 'decision')}", "")
    text.append(f"   {'playing' if playback.playing else 'standing'} · {playback.speed:g}/s", "dim")
    if playback.stopped_by is not None:
        name = ".".join(playback.stopped_by.path).removeprefix("values.")
        text.append(
            f"   stopped: {escape(f'{name}{playback.stopped_by.sign}{playback.stopped_by.text}')}", "yellow"
        )
    if playback.filter:
        text.append("   filtered", "cyan")
    if playback.breakpoints:
        text.append(f"   {people.counted(len(playback.breakpoints), 'breakpoint')}", "yellow")
    return text


def decision_text(playback: Playback, started_ns: int) -> Text:
    """The decision that was made last, with all that it says."""
    decision = playback.current
    if decision is None:
        hint = (
            "→ makes the first decision, space plays" if playback.decisions else "this run made no decision"
        )
        return Text(hint, style="dim")
    elapsed = people.duration(max(0, decision.time_ns - started_ns))
    text = Text()
    text.append(f"{escape(decision.action)}\n", "bold yellow")
    text.append(f"{people.moment_of_day(decision.time_ns)}  +{elapsed}\n", "dim")
    if decision.reason:
        text.append(f"{escape(decision.reason)}\n")
    if decision.cell is not None:
        text.append(f"\n{escape(people.pairs(decision.cell))}\n", "cyan")
    text.append("\n")
    for name, value in _items(decision.values):
        text.append(f"{escape(name)}  ", "dim").append(f"{escape(value)}\n")
    if playback.change is not None:
        before = playback.change.before
        text.append("\ncell: ", "dim")
        text.append(f"{'?' if before is None else f'{before:g}'} → {playback.change.after:g}", "bold")
    return text


def _items(values: Any) -> list[tuple[str, str]]:
    if isinstance(values, dict):
        return [(str(key), people.value(item)) for key, item in values.items()]
    return [] if values is None else [("", people.value(values))]


def near_text(playback: Playback, columns: int, rows: int) -> Text:
    """The decisions around the current one, a line each, the current one marked."""
    text = Text()
    first = max(0, min(playback.position - 1 - _NEAR_BEFORE, len(playback.decisions) - rows))
    for number, decision in enumerate(playback.decisions[first : first + max(rows, 1)], first + 1):
        here = number == playback.position
        passes = playback.filter.matches(decision)
        line = f"{'▶' if here else ' '}{number:>6} {_brief(decision)}"
        style = "bold" if here else "" if passes and number <= playback.position else "dim"
        text.append(cut(escape(line), max(columns, 10)) + "\n", style)
    return text


def _brief(decision: Decision) -> str:
    parts = (decision.action, people.pairs(decision.cell), people.pairs(decision.values))
    return "  ".join(part for part in parts if part)


# -- the grid ------------------------------------------------------------------------------------------------


def grid_text(playback: Playback, columns: int, rows: int) -> Text:
    """The grid as it is now, with the cell that the current decision changed in brackets.

    Where it is larger than the room for it, the part around the last change is shown.
    """
    grid = playback.grid
    if grid is None:
        return Text("no decision changes a cell: --axes and --value say which names do", style="dim")
    place = playback.last_change.place if playback.last_change is not None else None
    shown_columns = _window(grid.columns, place[1] if place else None, columns // _CELL_WIDTH - 1)
    shown_rows = _window(grid.rows, place[0] if place else None, rows - 3)
    after = ", ".join(grid.axes.after)
    text = Text(cut(escape(f"{after} by {grid.axes.row} ↓ and {grid.axes.column} →"), columns), style="dim")
    text.append("\n" + " " * _CELL_WIDTH)
    for column in shown_columns:
        text.append(_fitted(str(column)), "cyan")
    text.append("\n")
    changed = playback.change.place if playback.change is not None else None
    for row in shown_rows:
        text.append(_fitted(str(row)), "cyan")
        for column in shown_columns:
            _append_cell(text, playback, grid, (row, column), changed)
        text.append("\n")
    hidden = len(grid.rows) * len(grid.columns) - len(shown_rows) * len(shown_columns)
    if hidden:
        text.append(f"… {hidden:,} more cells\n", "dim")
    return text


def _append_cell(text: Text, playback: Playback, grid: Grid, place: Place, changed: Place | None) -> None:
    value = playback.values.get(place)
    told = "·" if value is None else f"{value:.4g}"
    here = place == changed
    told = f"[{told}]" if here else f"{told} "
    text.append(_fitted(told), _style(value, grid.largest) + (" bold underline" if here else ""))


def _style(value: float | None, largest: float) -> str:
    if value is None or not largest:
        return "dim"
    part = min(1.0, abs(value) / largest)
    end = _RED if value > 0 else _BLUE
    red, green, blue = (
        round(paper + (colour - paper) * part) for paper, colour in zip(_PAPER, end, strict=True)
    )
    return f"rgb(255,255,255) on rgb({red},{green},{blue})"


def _fitted(told: str) -> str:
    told = cut(escape(told), _CELL_WIDTH - 1)
    return " " * (_CELL_WIDTH - width(told)) + told


def _window(items: Sequence[Any], around: Any, room: int) -> Sequence[Any]:
    """At most `room` neighbouring items, with `around` in the middle where that is possible."""
    room = max(1, room)
    if len(items) <= room:
        return items
    middle = items.index(around) if around in items else 0
    first = max(0, min(middle - room // 2, len(items) - room))
    return items[first : first + room]
