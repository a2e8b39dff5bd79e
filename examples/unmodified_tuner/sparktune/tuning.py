"""The run from log to tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sparktune import decision_log, outputs, suspicions
from sparktune.decision_log import log_decision
from sparktune.fit import Peak, find_peak
from sparktune.limits import clamped, knock_free, smoothed
from sparktune.log_file import read_log
from sparktune.sweep import Sweep, collect
from sparktune.table import Cell, Table, as_csv

WRITTEN_PER_CYLINDER = {"f": "Front", "r": "Rear"}


@dataclass(frozen=True)
class Settings:
    """How often to smooth, which steps to respect, how far to go at most; all but the first in degrees."""

    passes: int = 2
    threshold_deg: float = 3.5
    limit_deg: float = 6.0
    times: bool = True


@dataclass(frozen=True)
class Tuned:
    """What came out."""

    table: Table
    suspicions: list[suspicions.Suspicion]
    samples: int
    damaged: list[str]


def peaks_of(sweeps: Mapping[Cell, Sweep], cylinder: str) -> dict[Cell, Peak]:
    """The peak of each cell of one cylinder."""
    peaks: dict[Cell, Peak] = {}
    for cell, sweep in sweeps.items():
        peak = find_peak(sweep.points())
        if peak is None:
            log_decision(
                "NO_PEAK",
                f"The {cylinder} cylinder shows no peak between the first and the last step",
                values={"steps": len(sweep.steps)},
                cell={**cell.as_dict(), "cylinder": cylinder},
            )
            continue
        peaks[cell] = peak
        log_decision(
            "MBT_FOUND",
            f"Most torque of the {cylinder} cylinder",
            values={
                "advance_deg": round(peak.advance, 2),
                "torque": round(peak.torque, 2),
                "fit": round(peak.quality, 3),
                "left_out": peak.left_out,
            },
            cell={**cell.as_dict(), "cylinder": cylinder},
        )
    return peaks


def allowed_table(
    old: Table, found: Mapping[str, Mapping[Cell, Peak]], sweeps: Mapping[str, Mapping[Cell, Sweep]]
) -> tuple[Table, Table]:
    """The table that both cylinders can run, and where knock holds it."""
    table, held = dict(old), {}
    for cell in old:
        both = []
        for cylinder, peaks in found.items():
            if cell in peaks:
                wanted = peaks[cell].advance
                allowed = knock_free(sweeps[cylinder][cell], wanted)
                both.append(allowed)
                if allowed < wanted:
                    held[cell] = min(allowed, held.get(cell, allowed))
        if both:
            table[cell] = min(both)
    return table, held


def tune(log: Path, old: Table, outdir: Path, settings: Settings) -> Tuned:
    """Read the log, work out a spark table and write everything to `outdir`."""
    decision_log.clear()
    samples, damaged = read_log(log)
    sweeps: dict[str, dict[Cell, Sweep]] = {}
    rejected: dict[str, Counter[str]] = {}
    found: dict[str, dict[Cell, Peak]] = {}
    for cylinder in WRITTEN_PER_CYLINDER:
        sweeps[cylinder], rejected[cylinder] = collect(samples, cylinder)
        found[cylinder] = peaks_of(sweeps[cylinder], cylinder)
    wanted, held = allowed_table(old, found, sweeps)
    soft = smoothed(wanted, passes=settings.passes, threshold_deg=settings.threshold_deg, held=held)
    table = clamped(old, soft, settings.limit_deg)
    odd = suspicions.find(found["f"], found["r"], sweeps["f"], old)
    texts = {
        "Spark_Table.csv": as_csv(table),
        "Spark_Change.csv": as_csv(outputs.difference(old, table), 2),
        "Suspicions.json": outputs.suspicions_json(odd),
        "Report.txt": outputs.report(old, table, odd, rejected, damaged),
    }
    for cylinder, written in WRITTEN_PER_CYLINDER.items():
        texts[f"Peaks_{written}.csv"] = outputs.peaks_csv(found[cylinder])
    outdir.mkdir(parents=True, exist_ok=True)
    paths = [outputs.write_text(outdir, name, text) for name, text in texts.items()]
    decision_log.write(outdir / "decisions.json", times=settings.times)
    paths.append(outdir / "decisions.json")
    outputs.write_text(outdir, "manifest.json", outputs.manifest(paths))
    return Tuned(table, odd, len(samples), damaged)
