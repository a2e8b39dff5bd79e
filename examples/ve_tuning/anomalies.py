"""What deserves a second look before anybody trusts the new table: one detector for each suspicion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

import otel_replay
from examples.ve_tuning.binning import Binned, afr_error_pct
from examples.ve_tuning.grid import KPA_BINS, RPM_BINS, Grid, cells, combine, empty_grid, neighbours
from examples.ve_tuning.log_file import Sample

__all__ = ["Anomaly", "find_anomalies", "pearson", "robust_scores", "roughness"]

ROUGH_SCORE = 3.5
IMBALANCE_PCT = 3.0
LOW_LOAD_PCT = 4.0
KNOCK_DEG, HOT_F = 1.5, 120.0
CORRELATION, FEWEST_PAIRS = 0.4, 10

Band = tuple[tuple[int, int], tuple[int, int]]
MID_BAND: Band = ((2500, 3800), (65, 95))
LOW_LOAD: Band = ((1500, 2500), (35, 50))
CRUISE: Band = ((2500, 3500), (65, 80))


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A suspicion: how strong it is, where it is, and what to check next."""

    type: str
    score: float
    explanation: str
    next_checks: tuple[str, ...]
    cell: dict[str, int] | None = None
    details: dict[str, Any] = field(default_factory=dict)


def find_anomalies(
    samples: Sequence[Sample], front: Binned, rear: Binned, corrections: Grid
) -> list[Anomaly]:
    """Run every detector; each anomaly is recorded as a decision."""
    otel_replay.decision("ANOMALY_DETECTION_START", "Starting anomaly detection analysis")
    found = [
        *spatial_discontinuities(corrections),
        *cylinder_imbalance(front.error_pct, rear.error_pct),
        *low_load_lean(combine(front.error_pct, rear.error_pct)),
        *knock_cluster(front, rear),
        *voltage_correlation(samples),
    ]
    for anomaly in found:
        otel_replay.decision(
            "ANOMALY_DETECTED",
            anomaly.explanation,
            values={"type": anomaly.type, "score": anomaly.score, **anomaly.details},
            cell=anomaly.cell,
        )
    return found


def spatial_discontinuities(grid: Grid) -> Iterator[Anomaly]:
    """Cells that differ from their neighbours far more than cells of this table usually do."""
    for row, column, score in cells(robust_scores(roughness(grid))):
        if score > ROUGH_SCORE:
            yield Anomaly(
                type="Spatial discontinuity",
                score=round(score, 3),
                explanation="Large VE change vs neighbors; could be data artifact or real airflow quirk.",
                next_checks=(
                    "Re-run steady-state in this cell",
                    "Inspect for vacuum leaks, throttle sync, or sensor noise",
                ),
                cell={"rpm": RPM_BINS[row], "kpa": KPA_BINS[column]},
            )


def roughness(grid: Grid) -> Grid:
    """For each cell the distance from the mean of its neighbours."""
    result = empty_grid()
    for row, column, value in cells(grid):
        around = neighbours(grid, row, column)
        result[row][column] = abs(value - fmean(around)) if around else 0.0
    return result


def robust_scores(grid: Grid) -> Grid:
    """How unusual each cell is: its distance from the median, in units of a robust standard deviation."""
    values = [value for _, _, value in cells(grid)]
    middle = median(values) if values else 0.0
    spread = max(median(abs(value - middle) for value in values) if values else 0.0, 1e-6)
    result = empty_grid()
    for row, column, value in cells(grid):
        result[row][column] = 0.6745 * (value - middle) / spread
    return result


def cylinder_imbalance(front: Grid, rear: Grid) -> Iterator[Anomaly]:
    """Whether the rear cylinder is fuelled differently from the front one in the middle of the table."""
    difference = empty_grid()
    for row, column, value in cells(rear):
        if (other := front[row][column]) is not None:
            difference[row][column] = value - other
    mean = _band_mean(difference, MID_BAND)
    if mean is not None and abs(mean) >= IMBALANCE_PCT:
        yield Anomaly(
            type="Cylinder fueling imbalance",
            score=round(abs(mean), 3),
            explanation=f"Rear minus front AFR error is {mean:+.1f}% in mid band; "
            "suggests that the rear needs a VE bias or that injectors differ.",
            next_checks=("Flow test injectors", "Check for exhaust leaks near the rear sensor"),
            details=_band_details(MID_BAND),
        )


def low_load_lean(errors: Grid) -> Iterator[Anomaly]:
    """Whether the engine looks lean at low load only, which an exhaust leak before the sensor would cause."""
    low, mid = _band_mean(errors, LOW_LOAD), _band_mean(errors, CRUISE)
    if low is not None and mid is not None and mid - low >= LOW_LOAD_PCT:
        yield Anomaly(
            type="Possible exhaust leak (low MAP bias)",
            score=round(mid - low, 3),
            explanation="Lean at low MAP but not at higher load: suggests a leak before the sensor.",
            next_checks=("Smoke test exhaust joints", "Check O2 bung welds"),
            details=_band_details(LOW_LOAD),
        )


def knock_cluster(front: Binned, rear: Binned) -> Iterator[Anomaly]:
    """The cells in which the engine knocked, with the word `hot` where the intake air was."""
    knocked = []
    for row, rpm in enumerate(RPM_BINS):
        for column, kpa in enumerate(KPA_BINS):
            knock = max(front.knock[row][column] or 0.0, rear.knock[row][column] or 0.0)
            iat = max(front.iat[row][column] or 0.0, rear.iat[row][column] or 0.0)
            if knock >= KNOCK_DEG:
                knocked.append({"rpm": rpm, "kpa": kpa, "knock_deg": round(knock, 2), "hot": iat >= HOT_F})
    if knocked:
        yield Anomaly(
            type="Knock cluster",
            score=float(len(knocked)),
            explanation=f"Knock retard of {KNOCK_DEG} degrees or more; hot cells need less advance.",
            next_checks=("Richen the affected cells", "Pull 1-2 degrees of timing; validate"),
            details={"cells": knocked},
        )


def voltage_correlation(samples: Iterable[Sample]) -> Iterator[Anomaly]:
    """Whether the engine runs leaner as the battery voltage sags."""
    pairs = [
        (afr_error_pct(reading), sample.vbatt)
        for sample in samples
        for reading in sample.cylinders.values()
        if reading.afr_measured > 0
    ]
    correlation = pearson(pairs) if len(pairs) >= FEWEST_PAIRS else 0.0
    if correlation >= CORRELATION:
        yield Anomaly(
            type="Electrical supply correlation",
            score=round(correlation, 3),
            explanation=f"The mixture gets leaner with low battery voltage (r={correlation:+.2f}); "
            "injector latency or pump voltage may bias fueling.",
            next_checks=("Log battery voltage under load", "Check grounds and charging"),
        )


def pearson(pairs: Sequence[tuple[float, float]]) -> float:
    """The correlation of two series, or 0 where one of them does not vary."""
    mean_x, mean_y = fmean(x for x, _ in pairs), fmean(y for _, y in pairs)
    both = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    alone = sum((x - mean_x) ** 2 for x, _ in pairs) * sum((y - mean_y) ** 2 for _, y in pairs)
    return both / math.sqrt(alone) if alone > 0 else 0.0


def _band_mean(grid: Grid, band: Band) -> float | None:
    (rpm_low, rpm_high), (kpa_low, kpa_high) = band
    values = [
        value
        for row, column, value in cells(grid)
        if rpm_low <= RPM_BINS[row] <= rpm_high and kpa_low <= KPA_BINS[column] <= kpa_high
    ]
    return fmean(values) if values else None


def _band_details(band: Band) -> dict[str, Any]:
    return {"rpm_band": list(band[0]), "kpa_band": list(band[1])}
