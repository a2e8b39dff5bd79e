"""The tuning run from log to tables. Each stage is a task; the stages record their own decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import otel_replay
from examples.ve_tuning import outputs
from examples.ve_tuning.anomalies import Anomaly, find_anomalies
from examples.ve_tuning.binning import Binned, bin_samples
from examples.ve_tuning.correction import clamp, correct, correction_from_error
from examples.ve_tuning.grid import Grid, combine
from examples.ve_tuning.log_file import Log, read_log
from examples.ve_tuning.smoothing import smooth

__all__ = ["Settings", "Tuning", "tune"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How often to smooth, which steps to respect and how far to go at most, both in percent."""

    smooth_passes: int = 2
    gradient_threshold: float = 1.0
    clamp: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What came out of a run."""

    log: Log
    front: Binned
    rear: Binned
    corrections: Grid
    anomalies: Sequence[Anomaly]


def tune(path: Path, outdir: Path, settings: Settings) -> Tuning:
    """Read the log at `path`, work out corrections and write them to `outdir`."""
    with otel_replay.task("read log"):
        log = read_log(path)
        otel_replay.file_read(path, lines=1 + len(log.samples) + len(log.damaged))

    with otel_replay.task("bin front samples"):
        front = bin_samples(log.samples, "f")
        otel_replay.checkpoint("front errors", front.error_pct)

    with otel_replay.task("bin rear samples"):
        rear = bin_samples(log.samples, "r")
        otel_replay.checkpoint("rear errors", rear.error_pct)

    with otel_replay.task("smooth"):
        errors = combine(front.error_pct, rear.error_pct)
        smoothed = smooth(errors, passes=settings.smooth_passes, threshold=settings.gradient_threshold)
        otel_replay.checkpoint("smoothed", smoothed)

    with otel_replay.task("clamp"):
        corrections = correction_from_error(clamp(smoothed, settings.clamp))
        otel_replay.checkpoint("corrections", corrections)

    with otel_replay.task("look for anomalies"):
        anomalies = find_anomalies(log.samples, front, rear, corrections)

    tuning = Tuning(log=log, front=front, rear=rear, corrections=corrections, anomalies=anomalies)
    with otel_replay.task("write tables"):
        write_outputs(tuning, outdir)
    return tuning


def write_outputs(tuning: Tuning, outdir: Path) -> None:
    """Write every output file; each one is an artifact of the run."""
    outdir.mkdir(parents=True, exist_ok=True)
    for name, text in output_texts(tuning).items():
        path = outdir / name
        path.write_text(text, encoding="utf-8", newline="\n")
        otel_replay.artifact(name, path)


def output_texts(tuning: Tuning) -> dict[str, str]:
    """The output files by name."""
    front, rear, corrections = tuning.front, tuning.rear, tuning.corrections
    return {
        "VE_Correction_Delta.csv": outputs.table(corrections),
        "VE_Front_Corrected.csv": outputs.table(correct(front.ve, corrections), ".2f"),
        "VE_Rear_Corrected.csv": outputs.table(correct(rear.ve, corrections), ".2f"),
        "VE_Delta_PasteReady.txt": outputs.paste_block(corrections),
        "AFR_Error_Map_Front.csv": outputs.table(front.error_pct),
        "AFR_Error_Map_Rear.csv": outputs.table(rear.error_pct),
        "Coverage_Front.csv": outputs.coverage_table(front.hits),
        "Coverage_Rear.csv": outputs.coverage_table(rear.hits),
        "Anomaly_Hypotheses.json": outputs.anomalies_json(tuning.anomalies, (front, rear)),
        "Diagnostics_Report.txt": outputs.diagnostics_report(
            tuning.log.damaged, (front, rear), tuning.anomalies
        ),
    }
