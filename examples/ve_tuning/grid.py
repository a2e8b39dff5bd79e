"""The table that is tuned: engine speed by manifold pressure, one number or nothing in each cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

__all__ = [
    "KPA_BINS", "RPM_BINS", "Cylinder", "Grid", "cells", "combine", "empty_grid", "nearest", "neighbours",
]  # fmt: skip

RPM_BINS = (1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 5500, 6000, 6500)
KPA_BINS = (35, 50, 65, 80, 95)

Cylinder = Literal["f", "r"]
Grid = list[list[float | None]]


def empty_grid() -> Grid:
    """A grid in which no cell has a value."""
    return [[None] * len(KPA_BINS) for _ in RPM_BINS]


def nearest(value: float, bins: Sequence[int]) -> int:
    """The index of the bin that is closest to `value`; half-way between two, the lower one."""
    return min(range(len(bins)), key=lambda index: abs(bins[index] - value))


def cells(grid: Grid) -> Iterator[tuple[int, int, float]]:
    """Row, column and value of every cell that has one."""
    for row, values in enumerate(grid):
        for column, value in enumerate(values):
            if value is not None:
                yield row, column, value


def neighbours(grid: Grid, row: int, column: int) -> list[float]:
    """The values above, below, left and right of a cell, as far as there are any."""
    around = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    inside = [(r, c) for r, c in around if 0 <= r < len(grid) and 0 <= c < len(grid[r])]
    return [value for r, c in inside if (value := grid[r][c]) is not None]


def combine(front: Grid, rear: Grid) -> Grid:
    """The mean of both cylinders where both have a value, else the one that is there."""
    result = empty_grid()
    for row, column, value in [*cells(rear), *cells(front)]:
        other = result[row][column]
        result[row][column] = value if other is None else (value + other) / 2
    return result
