"""What a measurement says, as a row of the table or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.timing import Measured

__all__ = ["Row", "as_document", "as_table", "number_text", "range_text", "row"]

_NO_MARK = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `bar` is the most that it may be; without one it is there for information.

    Attributes
    ----------
    unit:
        `x` for a ratio, else the unit's name.
    is_difference:
        As of a measured figure: it may come out below nothing.
    note:
        What else there is to say, such as absolute times.
    """

    measurement: str
    what: str
    unit: str
    median: float
    low: float
    high: float
    best: float
    bar: float | None = None
    stretch: float | None = None
    note: str = ""
    is_difference: bool = False

    @property
    def ok(self) -> bool | None:
        """Whether the median holds the bar; None without a bar."""
        return None if self.bar is None else self.median <= self.bar


def row(
    measurement: str,
    what: str,
    measured: Measured | float,
    *,
    unit: str = "x",
    bar: float | None = None,
    stretch: float | None = None,
    note: str = "",
) -> Row:
    """A row from a figure, or from a number that was counted and not measured."""
    if not isinstance(measured, Measured):
        measured = Measured(median=measured, low=measured, high=measured, best=measured)
    return Row(
        measurement=measurement,
        what=what,
        unit=unit,
        median=measured.median,
        low=measured.low,
        high=measured.high,
        best=measured.best,
        bar=bar,
        stretch=stretch,
        note=note,
        is_difference=measured.is_difference,
    )


def as_document(rows: Sequence[Row], about: dict[str, Any]) -> dict[str, Any]:
    """All rows as one JSON document; `about` says where and when."""
    return {"schema": "otel-replay.bench", "version": 1, **about, "rows": [_as_json(item) for item in rows]}


def _as_json(item: Row) -> dict[str, Any]:
    return {**asdict(item), "ok": item.ok}


def as_table(rows: Sequence[Row]) -> str:
    """The rows as lines of text, under the heads of their measurements."""
    cells = [("", "bar", "median", "4 of 5 within", "fastest")]
    cells += [
        (
            f"{_mark(item)} {item.what}",
            _bar(item),
            number_text(item.median, item.unit),
            range_text(item),
            number_text(item.best, item.unit) if item.best != item.median else "",
        )
        for item in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(cells[0], widths)]
    last = ""
    for item, line_cells in zip(rows, cells[1:], strict=True):
        if item.measurement != last:
            last = item.measurement
            lines += ["", last]
        lines.append(_line(line_cells, widths))
        if item.note:
            lines.append(f"    {item.note}")
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *rest)).rstrip()


def _mark(item: Row) -> str:
    return {None: " ", True: "✓", False: "✗"}[item.ok]


def _bar(item: Row) -> str:
    if item.bar is None:
        return _NO_MARK
    text = f"<= {number_text(item.bar, item.unit)}"
    return text if item.stretch is None else f"{text} ({number_text(item.stretch, item.unit)})"


def range_text(item: Row) -> str:
    """The range that holds four fifths; nothing where there is one figure."""
    if item.low == item.high:
        return ""
    return f"{number_text(item.low, '')} .. {number_text(item.high, '')}"


def number_text(value: float, unit: str) -> str:
    """A figure with two or three digits that count, and its unit."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    text = f"{value:,.{digits}f}"
    return f"{text} {unit}" if unit else text
