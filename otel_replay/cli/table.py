"""Columns of text: as wide as they must be, and narrower or left out where the terminal is too narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from otel_replay.cli.terminal import Screen, Text

__all__ = ["Column", "lay_out", "table_lines"]

_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. Where there is no room, the column with the highest `drop` goes first; 0 never goes.

    A column with `least` may be narrowed to that many cells.
    """

    title: str
    right: bool = False
    least: int = 0
    drop: int = 0


def lay_out(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], screen: Screen, *, indent: int = 0
) -> Iterator[Text]:
    """The lines of the table, its head first. Where there is no terminal every column stays whole."""
    widths = [
        max([len(column.title), *(row[index].width for row in rows)]) for index, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    if screen.is_terminal:
        _make_fit(columns, widths, shown, screen.columns - indent)
    heads = [Text((column.title, "dim")) for column in columns]
    for row in [heads, *rows]:
        line = Text(" " * indent)
        for position, index in enumerate(shown):
            cell = row[index].fit(widths[index], screen.ellipsis)
            if position:
                line.add(" " * _GAP)
            missing = widths[index] - cell.width
            line.add(" " * missing if columns[index].right else "").join(cell)
            if not columns[index].right and position < len(shown) - 1:
                line.add(" " * missing)
        yield line


def table_lines(titles: Sequence[str], rows: Sequence[Sequence[Text]], screen: Screen) -> Iterator[Text]:
    """A table whose first column is a name and whose others are numbers; empty ones are left out."""
    if not rows:
        return
    # A column in which nothing stands is left out; the first one is the name.
    used = [at for at, title in enumerate(titles) if title == "" or any(row[at].width for row in rows)]
    columns = [
        Column(
            title=titles[at],
            right=bool(titles[at]),
            least=0 if at else 10,
            drop=at if at > 1 and titles[at] else 0,
        )
        for at in used
    ]
    yield from lay_out(columns, [[row[at] for at in used] for row in rows], screen, indent=2)


def _make_fit(columns: Sequence[Column], widths: list[int], shown: list[int], room: int) -> None:
    def excess() -> int:
        return sum(widths[index] for index in shown) + _GAP * (len(shown) - 1) - room

    def narrow() -> None:
        for index in shown:
            least = columns[index].least
            if least and excess() > 0:
                widths[index] = max(min(least, widths[index]), widths[index] - excess())

    full = list(widths)
    while True:
        widths[:] = full
        narrow()
        droppable = [index for index in shown if columns[index].drop]
        if excess() <= 0 or not droppable:
            return
        shown.remove(max(droppable, key=lambda index: columns[index].drop))
