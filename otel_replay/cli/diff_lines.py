"""A difference on the screen: the verdict, the first divergence, what is independent, tables and the grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from otel_replay.cli.table import Column, lay_out
from otel_replay.cli.terminal import Screen, Text
from otel_replay.diffing.words import (
    MARKS,
    amount_text,
    cause_text,
    delta_text,
    excerpts,
    headline,
    name_of_run,
    notes,
    number_text,
)
from otel_replay.wording import counted

if TYPE_CHECKING:
    from otel_replay.diffing.difference import Difference
    from otel_replay.diffing.findings import Finding
    from otel_replay.diffing.grids import CellPair, GridDifference

__all__ = ["difference_lines", "table_lines"]

_MOST_CHANGES = 6
_SHADES = 3


def difference_lines(found: Difference, screen: Screen, limit: int) -> Iterator[Text]:
    """Everything about two runs."""
    for letter in "ab":
        items = found.a if letter == "a" else found.b
        head = Text((letter.upper(), "key"), "  ", (name_of_run(found, letter), "bold"), "  ")
        yield head.add(items.status, items.status)
    for note in notes(found):
        yield Text((note, "open"))
    yield Text((headline(found), "finished" if found.equal else "bold"))
    yield from _first(found)
    yield from _independent(found, limit)
    yield from _following(found, limit)
    yield from _not_reached(found, limit)
    if any(row.a != row.same or row.b != row.same for row in found.actions):
        yield from _actions(found, screen)
    if found.grid is not None and found.grid.changed:
        yield from _grid(found.grid)
    yield from _figures(found, screen)


def _section(title: str) -> Iterator[Text]:
    yield Text()
    yield Text((title, "bold"))


def _first(found: Difference) -> Iterator[Text]:
    first = found.first_divergence
    if first is None:
        return
    yield from _section("First divergence")
    for depth, name in enumerate(first.path):
        yield Text("  " * (depth + 1), (name, "dim"))
    indent = "  " * (len(first.path) + 1)
    for one in found.context:
        line = Text(indent, (MARKS[one.how], one.how), " ", (one.title, "bold" if one.here else "dim"))
        yield line.add("  <- here", "key") if one.here else line
        if one.here:
            yield from _changes(first, indent + "    ")


def _changes(finding: Finding, indent: str) -> Iterator[Text]:
    for change in finding.changes[:_MOST_CHANGES]:
        before, after = excerpts(change)
        line = Text(indent, (change.name, "key"), "  ", (before, "removed"), " → ", (after, "added"))
        delta = delta_text(change)
        yield line.add(f"  {delta}", "dim") if delta else line
    more = len(finding.changes) - _MOST_CHANGES
    if more > 0:
        yield Text(indent, (f"and {counted(more, 'other value')}", "dim"))


def _line(finding: Finding, note: str = "", style: str = "dim") -> Text:
    """A finding with what is said of it, before its place: a line is cut at its end."""
    line = Text((f"{'#' + str(finding.number):>5} ", "dim"), (MARKS[finding.how], finding.how), " ")
    line.add(finding.title, "bold")
    if finding.items > 1:
        line.add(f" with {counted(finding.items - 1, 'item')} in it")
    if note:
        line.add(f"  {note}", style)
    if finding.path:
        line.add(f"  in {' > '.join(finding.path[-2:])}", "dim")
    return line


def _independent(found: Difference, limit: int) -> Iterator[Text]:
    independent = found.independent
    if not independent:
        return
    yield from _section(f"Independent: {counted(len(independent), 'difference')}")
    for finding in independent[:limit]:
        followers = found.followers.get(finding.number, 0)
        yield _line(finding, f"{followers:,} directly from it" if followers else "", "key")
        yield from _changes(finding, " " * 8)
    yield from _more(len(independent) - limit)


def _following(found: Difference, limit: int) -> Iterator[Text]:
    following = found.following
    if not following:
        return
    yield from _section(f"Following from these: {counted(len(following), 'difference')}")
    for finding in following[:limit]:
        yield _line(finding, cause_text(finding))
    yield from _more(len(following) - limit)


def _not_reached(found: Difference, limit: int) -> Iterator[Text]:
    not_reached = found.not_reached
    if not not_reached:
        return
    yield from _section(f"Not reached: {counted(len(not_reached), 'difference')}")
    for finding in not_reached[:limit]:
        yield _line(finding, "only A has it" if finding.before is not None else "only B has it")
    yield from _more(len(not_reached) - limit)


def _more(count: int) -> Iterator[Text]:
    if count > 0:
        yield Text((f"      and {count:,} more (--limit N shows more, --html FILE and --json all)", "dim"))


def _actions(found: Difference, screen: Screen) -> Iterator[Text]:
    yield from _section("Decisions by action")
    names = ("a", "b", "same", "changed", "added", "removed", "moved", "not_reached")
    shown = [
        name
        for name in names
        if name in {"a", "b", "same"} or any(getattr(row, name) for row in found.actions)
    ]
    columns = [Column(title="action", least=12)]
    columns += [
        Column(title=name.upper() if len(name) == 1 else name.replace("_", " "), right=True) for name in shown
    ]
    columns.append(Column(title="largest change", drop=1))
    rows = []
    for row in found.actions:
        cells = [Text((row.action, "action"))]
        cells += [Text(f"{getattr(row, name):,}" if getattr(row, name) else ("-", "dim")) for name in shown]
        cells.append(Text() if row.largest is None else Text(f"{row.largest.name} {delta_text(row.largest)}"))
        rows.append(cells)
    yield from lay_out(columns, rows, screen, indent=2)


# -- the grid ------------------------------------------------------------------------------------------------


def _grid(grid: GridDifference) -> Iterator[Text]:
    cells = counted(len(grid.cells), "cell")
    yield from _section(
        f"Grid {grid.row} by {grid.column}, {grid.value}, B less A: {grid.changed:,} of {cells} differ"
    )
    texts = {
        (row, column): _cell_text(grid.cells.get((row, column)))
        for row in grid.rows
        for column in grid.columns
    }
    first = max(len(str(row)) for row in grid.rows)
    widths = {
        column: max(len(str(column)), *(len(texts[row, column]) for row in grid.rows))
        for column in grid.columns
    }
    head = Text("  ", " " * first)
    for column in grid.columns:
        head.add(f"  {column!s:>{widths[column]}}", "dim")
    yield head
    for row in grid.rows:
        line = Text("  ", (f"{row!s:>{first}}", "dim"))
        for column in grid.columns:
            style = _shade(grid.cells.get((row, column)), grid.largest)
            line.add(" ").add(f" {texts[row, column]:>{widths[column]}}", style)
        yield line


def _cell_text(cell: CellPair | None) -> str:
    if cell is None:
        return ""
    if cell.same:
        return "·"
    if cell.change is None:
        return f"A {number_text(cell.a)}" if cell.a is not None else f"B {number_text(cell.b or 0.0)}"
    return f"{cell.change:+.4g}"


def _shade(cell: CellPair | None, largest: float) -> str:
    """The style of a cell: red where B has more, blue where it has less, stronger for larger changes."""
    if cell is None or cell.same:
        return "dim"
    if cell.change is None:
        return "changed"
    size = abs(cell.change) / largest if largest else 0.0
    strength = min(_SHADES, 1 + int(size * _SHADES))
    return f"{'up' if cell.change > 0 else 'down'} {strength}"


# -- figures -------------------------------------------------------------------------------------------------


def _figures(found: Difference, screen: Screen) -> Iterator[Text]:
    yield from _section("In figures")
    rows = [
        [
            Text(one.name),
            Text(amount_text(one, one.a)),
            Text(amount_text(one, one.b)),
            Text(_share_text(one.a, one.b)),
        ]
        for one in found.aggregates
    ]
    columns = [
        Column(title="", least=12),
        Column(title="A", right=True),
        Column(title="B", right=True),
        Column(title="", right=True),
    ]
    yield from lay_out(columns, rows, screen, indent=2)


def _share_text(a: float | None, b: float | None) -> str:
    if not a or b is None or a == b:
        return ""
    return f"{(b - a) / a:+.1%}"


def table_lines(found: Sequence[Difference], screen: Screen) -> Iterator[Text]:
    """Several runs against one: a row for each."""
    yield Text(
        ("A", "key"), "  ", (name_of_run(found[0], "a"), "bold"), "  ", (found[0].a.status, found[0].a.status)
    )
    yield Text()
    names = ("same", "changed", "added", "removed", "moved", "not_reached")
    columns = [Column(title="run", least=16), Column(title="status")]
    columns += [Column(title=name.replace("_", " "), right=True) for name in names]
    columns += [Column(title="cells", right=True), Column(title="first divergence", least=10, drop=1)]
    rows = []
    for one in found:
        first = one.first_divergence
        counts = [one.same, *(len(getattr(one, name)) for name in names[1:])]
        cells = [Text((name_of_run(one, "b"), "bold")), Text((one.b.status, one.b.status))]
        cells += [Text(f"{count:,}" if count else ("-", "dim")) for count in counts]
        cells.append(Text(f"{one.grid.changed:,}" if one.grid is not None else ("-", "dim")))
        cells.append(Text("none" if first is None else f"{MARKS[first.how]} {first.where}"))
        rows.append(cells)
    yield from lay_out(columns, rows, screen)
