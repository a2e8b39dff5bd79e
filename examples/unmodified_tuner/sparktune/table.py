"""The table that is tuned: engine speed by manifold pressure, one number or none in each cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

RPM = (1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000)
KPA = (35, 50, 65, 80, 95)

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Cell:
    """A place in the table."""

    rpm: int
    kpa: int

    def as_dict(self) -> dict[str, int]:
        """As it stands in logs."""
        return {"rpm": self.rpm, "kpa": self.kpa}

    def neighbours(self) -> Iterator[Cell]:
        """The cells beside, above and below."""
        row, column = RPM.index(self.rpm), KPA.index(self.kpa)
        for other_row, other_column in ((row - 1, column), (row + 1, column)):
            if 0 <= other_row < len(RPM):
                yield Cell(RPM[other_row], KPA[other_column])
        for other_column in (column - 1, column + 1):
            if 0 <= other_column < len(KPA):
                yield Cell(self.rpm, KPA[other_column])


Table = dict[Cell, float]


def cells() -> Iterator[Cell]:
    """Every cell, row by row."""
    for rpm in RPM:
        for kpa in KPA:
            yield Cell(rpm, kpa)


def nearest(value: float, steps: Sequence[int]) -> int:
    """The step that a value counts for."""
    return min(steps, key=lambda step: abs(step - value))


def filled(value: Callable[[Cell], float]) -> Table:
    """A table with a number in each cell."""
    return {cell: value(cell) for cell in cells()}


def as_csv(table: Table, places: int = 1) -> str:
    """A table as comma-separated text, empty where there is no number."""
    lines = ["rpm," + ",".join(str(kpa) for kpa in KPA)]
    for rpm in RPM:
        row = [table.get(Cell(rpm, kpa)) for kpa in KPA]
        lines.append(f"{rpm}," + ",".join("" if value is None else f"{value:.{places}f}" for value in row))
    return "\n".join(lines) + "\n"


def from_csv(text: str) -> Table:
    """The table that :func:`as_csv` wrote."""
    head, *rows = [line.split(",") for line in text.split()]
    table: Table = {}
    for rpm, *values in rows:
        for kpa, value in zip(head[1:], values, strict=True):
            if value:
                table[Cell(int(rpm), int(kpa))] = float(value)
    return table
