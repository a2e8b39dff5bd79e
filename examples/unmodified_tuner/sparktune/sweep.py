"""From samples to sweeps: what torque and knock each step of advance gave, cell by cell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean

from sparktune.decision_log import log_decision
from sparktune.log_file import Sample
from sparktune.table import KPA, RPM, Cell, nearest

LEAST_SAMPLES = 3
RPM_WINDOW, KPA_WINDOW = 120.0, 5.0
VOLTS = (12.0, 15.0)


@dataclass
class Step:
    """The samples of one spark advance."""

    torque: list[float] = field(default_factory=list)
    knock: list[float] = field(default_factory=list)
    exhaust: list[float] = field(default_factory=list)

    @property
    def mean_torque(self) -> float:
        """In foot-pounds."""
        return fmean(self.torque)

    @property
    def worst_knock(self) -> float:
        """In degrees."""
        return max(self.knock)


@dataclass
class Sweep:
    """One cylinder in one cell: its steps by advance in degrees."""

    cell: Cell
    cylinder: str
    steps: dict[float, Step] = field(default_factory=lambda: defaultdict(Step))
    hottest_intake: float = 0.0

    def points(self) -> list[tuple[float, float]]:
        """Advance and mean torque of each step that has enough samples."""
        return [
            (advance, step.mean_torque)
            for advance, step in sorted(self.steps.items())
            if len(step.torque) >= LEAST_SAMPLES
        ]


def rejection(sample: Sample, cylinder: str, cell: Cell) -> str | None:
    """Why a sample does not count, or None when it does."""
    if sample.torque(cylinder) <= 0:
        return "no torque"
    if not VOLTS[0] <= sample.volts <= VOLTS[1]:
        return "voltage out of range"
    if abs(sample.rpm - cell.rpm) > RPM_WINDOW or abs(sample.map_kpa - cell.kpa) > KPA_WINDOW:
        return "between cells"
    return None


def collect(samples: Iterable[Sample], cylinder: str) -> tuple[dict[Cell, Sweep], Counter[str]]:
    """The sweeps of one cylinder, and why samples were left out."""
    sweeps: dict[Cell, Sweep] = {}
    rejected: Counter[str] = Counter()
    for sample in samples:
        cell = Cell(nearest(sample.rpm, RPM), nearest(sample.map_kpa, KPA))
        reason = rejection(sample, cylinder, cell)
        if reason is not None:
            if not rejected[reason]:
                log_decision(
                    "SAMPLE_REJECTED",
                    f"First sample of the {cylinder} cylinder that does not count: {reason}",
                    values={
                        "time_s": sample.time_s,
                        "torque": sample.torque(cylinder),
                        "volts": sample.volts,
                    },
                    cell=cell.as_dict(),
                )
            rejected[reason] += 1
            continue
        sweep = sweeps.setdefault(cell, Sweep(cell, cylinder))
        step = sweep.steps[round(sample.advance_deg, 1)]
        step.torque.append(sample.torque(cylinder))
        step.knock.append(sample.knock(cylinder))
        step.exhaust.append(sample.exhaust_c)
        sweep.hottest_intake = max(sweep.hottest_intake, sample.intake_f)
    return sweeps, rejected
