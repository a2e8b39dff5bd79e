"""What deserves a second look before anybody rides with the new table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

from sparktune.decision_log import log_decision
from sparktune.fit import Peak
from sparktune.sweep import Sweep
from sparktune.table import Cell, Table, cells

POOR_FIT = 0.85
BETWEEN_CYLINDERS_DEG = 1.0
HOT_EXHAUST_C = 860.0
ODD_SCORE = 4.0

Peaks = Mapping[Cell, Peak]


@dataclass(frozen=True)
class Suspicion:
    """Something odd: what, how strongly, where, and what to check."""

    kind: str
    score: float
    explanation: str
    check: str
    cell: dict[str, int] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For reports."""
        return asdict(self)


def find(front: Peaks, rear: Peaks, sweeps: Mapping[Cell, Sweep], old: Table) -> list[Suspicion]:
    """Ask every detector; each suspicion is logged."""
    log_decision("ANOMALY_DETECTION_START", "Looking for what does not fit")
    found = [
        *uncovered(front, rear),
        *poor_fits(front),
        *unequal_cylinders(front, rear),
        *odd_cells(old),
        *hot_exhaust(sweeps),
    ]
    for one in found:
        log_decision(
            "ANOMALY_DETECTED", one.explanation, values={"kind": one.kind, "score": one.score}, cell=one.cell
        )
    return found


def uncovered(front: Peaks, rear: Peaks) -> Iterator[Suspicion]:
    """Cells without a peak in either cylinder."""
    for cell in cells():
        if cell not in front and cell not in rear:
            yield Suspicion(
                "uncovered", 1.0, "No sweep of this cell shows a peak", "Sweep it again", cell.as_dict()
            )


def poor_fits(peaks: Peaks) -> Iterator[Suspicion]:
    """Peaks that a parabola does not describe."""
    for cell, peak in peaks.items():
        if peak.quality < POOR_FIT:
            yield Suspicion(
                "poor fit",
                round(1 - peak.quality, 3),
                f"Torque over advance is no parabola here (fit {peak.quality:.2f})",
                "Look for a slipping tyre or a loose cable",
                cell.as_dict(),
            )


def unequal_cylinders(front: Peaks, rear: Peaks) -> Iterator[Suspicion]:
    """Whether one cylinder wants less advance than the other everywhere."""
    differences = [front[cell].advance - rear[cell].advance for cell in front if cell in rear]
    mean = fmean(differences) if differences else 0.0
    if abs(mean) >= BETWEEN_CYLINDERS_DEG:
        yield Suspicion(
            "unequal cylinders",
            round(abs(mean), 3),
            f"The front cylinder peaks {mean:+.1f} degrees from the rear one",
            "Compare compression and cooling of both",
        )


def odd_cells(table: Table) -> Iterator[Suspicion]:
    """Cells of the old table that stand out from their neighbours far more than others do."""
    away = {
        cell: abs(value - fmean(table[other] for other in cell.neighbours() if other in table))
        for cell, value in table.items()
    }
    middle = median(away.values())
    spread = max(median(abs(value - middle) for value in away.values()), 1e-6)
    for cell, value in away.items():
        score = 0.6745 * (value - middle) / spread
        if score > ODD_SCORE:
            yield Suspicion(
                "odd cell",
                round(score, 3),
                "The old table has a spike here",
                "See whether somebody typed it in by mistake",
                cell.as_dict(),
            )


def hot_exhaust(sweeps: Mapping[Cell, Sweep]) -> Iterator[Suspicion]:
    """Cells in which the exhaust got too hot at any step."""
    for cell, sweep in sweeps.items():
        hottest = max(max(step.exhaust) for step in sweep.steps.values())
        if hottest >= HOT_EXHAUST_C:
            yield Suspicion(
                "hot exhaust",
                round(hottest - HOT_EXHAUST_C, 1),
                f"The exhaust reached {hottest:.0f} °C",
                "Sweep in shorter steps and let it cool",
                cell.as_dict(),
            )
