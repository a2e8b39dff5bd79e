"""Where a sweep peaks: a parabola through torque over advance, by least squares, without outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

Point = tuple[float, float]

FEWEST_POINTS = 5
OUTLIER_SIGMA = 2.5


@dataclass(frozen=True)
class Peak:
    """The top of a parabola: at which advance, how much torque, and how well it fits (1 is perfectly)."""

    advance: float
    torque: float
    quality: float
    left_out: int


def parabola(points: Sequence[Point]) -> tuple[float, float, float] | None:
    """The coefficients a, b, c of a·x² + b·x + c around the mean of x; None where they are not determined."""
    middle = fmean(x for x, _ in points)
    moved = [(x - middle, y) for x, y in points]
    sums = [math.fsum(x**power for x, _ in moved) for power in range(5)]
    right = [math.fsum(y * x**power for x, y in moved) for power in (2, 1, 0)]
    matrix = [
        [sums[4], sums[3], sums[2], right[0]],
        [sums[3], sums[2], sums[1], right[1]],
        [sums[2], sums[1], sums[0], right[2]],
    ]
    solved = _solve(matrix)
    if solved is None:
        return None
    a, b, c = solved
    return a, b - 2 * a * middle, c - b * middle + a * middle * middle


def find_peak(points: Sequence[Point]) -> Peak | None:
    """The peak of a sweep; None where it has none inside what was tried."""
    kept = list(points)
    if len(kept) < FEWEST_POINTS:
        return None
    curve = parabola(kept)
    if curve is None:
        return None
    misses = [y - _at(curve, x) for x, y in kept]
    limit = OUTLIER_SIGMA * pstdev(misses)
    good = [point for point, miss in zip(kept, misses, strict=True) if abs(miss) <= limit or limit == 0]
    if FEWEST_POINTS <= len(good) < len(kept):
        curve = parabola(good) or curve
        kept = good
    a, b, _ = curve
    if a >= 0:
        return None
    advance = -b / (2 * a)
    if not min(x for x, _ in points) <= advance <= max(x for x, _ in points):
        return None
    return Peak(advance, _at(curve, advance), _quality(curve, kept), len(points) - len(kept))


def _at(curve: tuple[float, float, float], x: float) -> float:
    a, b, c = curve
    return a * x * x + b * x + c


def _quality(curve: tuple[float, float, float], points: Sequence[Point]) -> float:
    mean = fmean(y for _, y in points)
    total = math.fsum((y - mean) ** 2 for _, y in points)
    missed = math.fsum((y - _at(curve, x)) ** 2 for x, y in points)
    return 1 - missed / total if total > 0 else 0.0


def _solve(matrix: list[list[float]]) -> tuple[float, float, float] | None:
    """Gauss with pivots, for three unknowns."""
    rows = [row[:] for row in matrix]
    for column in range(3):
        pivot = max(range(column, 3), key=lambda row: abs(rows[row][column]))
        if abs(rows[pivot][column]) < 1e-9:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(3):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [
                    value - factor * lead for value, lead in zip(rows[row], rows[column], strict=True)
                ]
    return rows[0][3] / rows[0][0], rows[1][3] / rows[1][1], rows[2][3] / rows[2][2]
