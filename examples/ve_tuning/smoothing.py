"""Smoothing that takes out noise and leaves real steps alone, in three passes over the grid of errors.

1. Small errors are averaged with their neighbours, large ones are not (`smooth_small_errors`).
2. Where the table was steep before, the result moves back toward what was measured (`limit_by_gradient`).
3. Every cell moves a little toward its neighbourhood (`settle`).

Passes 1 and 3 work in place, row by row: a cell sees the new values above and to the left of it.
The rules are those of the DynoAI tuner (MIT licence), so its recorded runs can be compared with ours.
"""

from __future__ import annotations

import otel_replay
from examples.ve_tuning.grid import Grid, cells, empty_grid, neighbours

__all__ = ["gradients", "limit_by_gradient", "passes_for", "settle", "smooth", "smooth_small_errors"]

SMALL_PCT, LARGE_PCT = 1.0, 3.0
NEIGHBOURHOOD_SHARE, CENTRE_WEIGHT = 0.20, 1.25
TOLD_ABOVE = 1.5  # of the threshold: gentler limits are applied without a decision of their own


def smooth(errors: Grid, *, passes: int, threshold: float) -> Grid:
    """All three passes; `threshold` is the step between neighbours, in percent, that limits them."""
    otel_replay.decision(
        "SMOOTHING_START",
        f"Starting gradient-limited smoothing with {passes} passes, threshold={threshold}%",
        values={"passes": passes, "gradient_threshold": threshold},
    )
    return settle(limit_by_gradient(errors, smooth_small_errors(errors, passes), threshold))


def gradients(grid: Grid) -> Grid:
    """For each cell the largest step to one of its neighbours."""
    result = empty_grid()
    for row, column, value in cells(grid):
        steps = [abs(value - other) for other in neighbours(grid, row, column)]
        result[row][column] = max(steps, default=0.0)
    return result


def passes_for(error: float, passes: int) -> int:
    """All passes up to 1 percent of error, none from 3 percent on, and evenly fewer in between."""
    share = (LARGE_PCT - abs(error)) / (LARGE_PCT - SMALL_PCT)
    return round(passes * min(1.0, max(0.0, share)))


def smooth_small_errors(errors: Grid, passes: int) -> Grid:
    """Average each cell with its neighbours, as often as its error is small."""
    result = [line[:] for line in errors]
    for row, column, value in cells(errors):
        around = neighbours(result, row, column)
        smoothed = value
        for _ in range(passes_for(value, passes)):
            smoothed = sum([smoothed, *around]) / (1 + len(around))
        result[row][column] = smoothed
    return result


def limit_by_gradient(original: Grid, smoothed: Grid, threshold: float) -> Grid:
    """Blend steep cells back: half at the threshold, wholly from twice the threshold on."""
    steepness = gradients(original)
    result = [line[:] for line in smoothed]
    for row, column, before in cells(original):
        gradient, after = steepness[row][column] or 0.0, smoothed[row][column] or 0.0
        if gradient <= threshold:
            continue
        blend = 1.0 if gradient >= threshold * 2 else gradient / (threshold * 2)
        limited = (1 - blend) * after + blend * before
        result[row][column] = limited
        if gradient > threshold * TOLD_ABOVE:
            otel_replay.decision(
                "GRADIENT_LIMITING",
                "High gradient detected, blending toward original value",
                values={
                    "gradient": round(gradient, 2),
                    "threshold": threshold,
                    "blend_factor": round(blend, 3),
                    "original": round(before, 2),
                    "smoothed": round(after, 2),
                    "result": round(limited, 2),
                },
                cell={"rpm_index": row, "kpa_index": column},
            )
    return result


def settle(grid: Grid) -> Grid:
    """Move each cell a fifth of the way to the mean of itself and its neighbours."""
    result = [line[:] for line in grid]
    for row, column, value in cells(grid):
        around = neighbours(result, row, column)
        mean = sum(around, value * CENTRE_WEIGHT) / (CENTRE_WEIGHT + len(around))
        result[row][column] = NEIGHBOURHOOD_SHARE * mean + (1 - NEIGHBOURHOOD_SHARE) * value
    return result
