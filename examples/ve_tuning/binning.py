"""From samples to one air/fuel error per cell: the mean over its samples, weighted by torque."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import otel_replay
from examples.ve_tuning.grid import KPA_BINS, RPM_BINS, Cylinder, Grid, nearest
from examples.ve_tuning.log_file import Reading, Sample

__all__ = ["Binned", "afr_error_pct", "bin_samples", "rejection"]

SHOWN_PER_CELL = 3
LEAST_TORQUE = 5.0
AFR_RANGE = (9.0, 18.0)
SAMPLE_RANGES = {"iat": (30.0, 300.0), "map_kpa": (10.0, 110.0), "tps": (0.0, 100.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binned:
    """What the log says about one cylinder, cell by cell, and why samples were left out."""

    cylinder: Cylinder
    error_pct: Grid
    ve: Grid
    knock: Grid
    iat: Grid
    hits: list[list[int]]
    accepted: int
    rejected: Counter[str]


@dataclass(slots=True)
class _Cell:
    """The running sums of one cell, and the worst knock and heat that it saw."""

    hits: int = 0
    weight: float = 0.0
    error: float = 0.0
    ve: float = 0.0
    knock: float = 0.0
    iat: float = 0.0


def afr_error_pct(reading: Reading) -> float:
    """How far the mixture was from the one asked for, in percent of the measured one; above zero is rich."""
    return (reading.afr_commanded - reading.afr_measured) / reading.afr_measured * 100.0


def rejection(sample: Sample, cylinder: Cylinder) -> str | None:
    """Why a sample does not count for a cylinder, or None when it does."""
    reading = sample.cylinders[cylinder]
    low, high = AFR_RANGE
    if not (low <= reading.afr_commanded <= high and low <= reading.afr_measured <= high):
        return "air/fuel ratio out of range"
    for name, (low, high) in SAMPLE_RANGES.items():
        if not low <= getattr(sample, name) <= high:
            return f"{name} out of range"
    return "almost no torque" if sample.torque < LEAST_TORQUE else None


def bin_samples(samples: Iterable[Sample], cylinder: Cylinder) -> Binned:
    """Collect a cylinder's error by cell; the first few samples of each cell are recorded as decisions."""
    table = [[_Cell() for _ in KPA_BINS] for _ in RPM_BINS]
    rejected: Counter[str] = Counter()
    for sample in samples:
        if reason := rejection(sample, cylinder):
            rejected[reason] += 1
            continue
        reading = sample.cylinders[cylinder]
        error = afr_error_pct(reading)
        row, column = nearest(sample.rpm, RPM_BINS), nearest(sample.map_kpa, KPA_BINS)
        cell = table[row][column]
        if cell.hits < SHOWN_PER_CELL:
            otel_replay.decision(
                "AFR_CORRECTION",
                f"Accepted AFR error sample for {cylinder} cylinder",
                values={
                    "afr_error_pct": round(error, 2),
                    "weight": round(sample.torque, 1),
                    "afr_commanded": round(reading.afr_commanded, 2),
                    "afr_measured": round(reading.afr_measured, 2),
                },
                cell={"rpm": RPM_BINS[row], "kpa": KPA_BINS[column], "cylinder": cylinder},
            )
        cell.hits += 1
        cell.weight += sample.torque
        cell.error += error * sample.torque
        cell.ve += reading.ve * sample.torque
        cell.knock = max(cell.knock, sample.knock)
        cell.iat = max(cell.iat, sample.iat)
    return _average(table, cylinder, rejected)


def _average(table: list[list[_Cell]], cylinder: Cylinder, rejected: Counter[str]) -> Binned:
    def grid(value: Callable[[_Cell], float]) -> Grid:
        return [[value(cell) if cell.hits else None for cell in line] for line in table]

    return Binned(
        cylinder=cylinder,
        error_pct=grid(lambda cell: cell.error / cell.weight),
        ve=grid(lambda cell: cell.ve / cell.weight),
        knock=grid(lambda cell: cell.knock),
        iat=grid(lambda cell: cell.iat),
        hits=[[cell.hits for cell in line] for line in table],
        accepted=sum(cell.hits for line in table for cell in line),
        rejected=rejected,
    )
