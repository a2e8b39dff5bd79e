"""From a smoothed error to a new table value: no further than the clamp, and in the direction that helps."""

from __future__ import annotations

import otel_replay
from examples.ve_tuning.grid import KPA_BINS, RPM_BINS, Grid, cells, empty_grid

__all__ = ["clamp", "correct", "correction_from_error"]

TOLD_ABOVE = 0.01


def clamp(errors: Grid, limit: float) -> Grid:
    """Hold every cell within plus and minus `limit` percent; each cell that was cut is a decision."""
    otel_replay.decision(
        "CLAMPING_START", f"Clamping VE corrections to +/- {limit}%", values={"limit": limit}
    )
    result = empty_grid()
    for row, column, value in cells(errors):
        clamped = max(-limit, min(limit, value))
        result[row][column] = clamped
        if abs(value - clamped) > TOLD_ABOVE:
            otel_replay.decision(
                "CLAMPING_APPLIED",
                f"Clamped a correction that exceeds the +/- {limit}% limit",
                values={"original": round(value, 2), "clamped": round(clamped, 2), "limit": limit},
                cell={"rpm": RPM_BINS[row], "kpa": KPA_BINS[column]},
            )
    return result


def correction_from_error(errors: Grid) -> Grid:
    """What to change in the table, in percent: a cell that ran rich (error above zero) gets less fuel."""
    result = empty_grid()
    for row, column, value in cells(errors):
        result[row][column] = -value
    return result


def correct(ve: Grid, corrections: Grid) -> Grid:
    """The new table: the values that the log ran with, changed by the corrections."""
    result = empty_grid()
    for row, column, value in cells(ve):
        result[row][column] = value * (1 + (corrections[row][column] or 0.0) / 100)
    return result
