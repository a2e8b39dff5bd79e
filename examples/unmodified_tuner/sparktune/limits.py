"""How far the table may go: not into knock, not far from the old one, not too steep."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from sparktune.decision_log import log_decision
from sparktune.sweep import Sweep
from sparktune.table import Table

KNOCK_DEG = 0.5
KNOCK_MARGIN_DEG = 2.0
HOT_INTAKE_F = 120.0
HOT_MARGIN_DEG = 1.5


def knock_free(sweep: Sweep, wanted: float) -> float:
    """The wanted advance, or less where the cylinder knocked at it or before."""
    knocking = [advance for advance, step in sorted(sweep.steps.items()) if step.worst_knock >= KNOCK_DEG]
    margin = KNOCK_MARGIN_DEG
    if sweep.hottest_intake >= HOT_INTAKE_F:
        margin += HOT_MARGIN_DEG
    if not knocking or wanted <= knocking[0] - margin:
        return wanted
    allowed = knocking[0] - margin
    log_decision(
        "KNOCK_LIMIT",
        f"Knock of {KNOCK_DEG} degrees from {knocking[0]:.1f} degrees on; kept {margin:.1f} degrees away",
        values={
            "before": round(wanted, 2),
            "after": round(allowed, 2),
            "knock_from": knocking[0],
            "hot": sweep.hottest_intake >= HOT_INTAKE_F,
        },
        cell={**sweep.cell.as_dict(), "cylinder": sweep.cylinder},
    )
    return allowed


def clamped(old: Table, new: Table, limit_deg: float) -> Table:
    """The new table, no further than `limit_deg` from the old one in any cell."""
    log_decision("CLAMPING_START", "Holding the table near the old one", values={"limit_deg": limit_deg})
    result = dict(new)
    for cell, advance in new.items():
        change = advance - old[cell]
        if abs(change) > limit_deg:
            result[cell] = old[cell] + (limit_deg if change > 0 else -limit_deg)
            log_decision(
                "CLAMPING_APPLIED",
                f"A change of {change:+.1f} degrees is more than {limit_deg:g} at once",
                values={"before": round(advance, 2), "after": round(result[cell], 2), "old": old[cell]},
                cell=cell.as_dict(),
            )
    return result


def smoothed(table: Table, *, passes: int, threshold_deg: float, held: Mapping[object, float]) -> Table:
    """The table with each cell drawn to its neighbours, but never above what knock `held` it to."""
    log_decision(
        "SMOOTHING_START",
        "Drawing cells to their neighbours",
        values={"passes": passes, "threshold_deg": threshold_deg},
    )
    current = dict(table)
    for number in range(1, passes + 1):
        current = _pass(current, number, threshold_deg, held)
    return current


def _pass(table: Table, number: int, threshold_deg: float, held: Mapping[object, float]) -> Table:
    result = dict(table)
    for cell, advance in table.items():
        around = [table[other] for other in cell.neighbours() if other in table]
        if not around:
            continue
        steepest = max(abs(advance - other) for other in around)
        if steepest > threshold_deg:
            share = 0.15
            log_decision(
                "GRADIENT_LIMITING",
                f"A step of {steepest:.1f} degrees to a neighbour is kept for the most part",
                values={"pass": number, "gradient": round(steepest, 2), "share": share},
                cell=cell.as_dict(),
            )
        else:
            share = 0.4
        drawn = (1 - share) * advance + share * fmean(around)
        result[cell] = min(drawn, held.get(cell, drawn))
    return result
