"""Bytes on the disk for each decision: of a journal as it is written, and of a whole run that was packed.

Two runs: a long one, with values as different as in a real one, and the tuning run of `examples/ve_tuning`
on a generated log, whose pack also holds its four checkpoints and ten tables. How much those are, the last
row says: the same run packed without them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import otel_replay
from bench import many_decisions
from bench.recorded import count_decisions, journal_of, temporary_directory
from bench.rows import Row, row
from bench.scale import Scale
from examples.ve_tuning.generate import generate_log
from examples.ve_tuning.tuner import Settings, tune
from otel_replay.storage.finalise import finalise
from otel_replay.storage.pack import pack
from otel_replay.storage.run_files import RunFiles

__all__ = ["NAME", "measure"]

NAME = "journal_size"
_UNIT = "bytes/decision"
_BAR = 40


def measure(scale: Scale) -> list[Row]:
    """The journal as it is, then packs; what a pack gives back is checked elsewhere."""
    decisions = scale.decisions[1]
    with temporary_directory() as place:
        many_decisions.record(str(place / "store"), "long", decisions)
        long_run = place / "store" / "runs" / "long"
        if count_decisions(long_run) != decisions:
            raise RuntimeError("not every decision is in the journal")
        tuning_run = _tuning_run(place, scale)
        tuned = count_decisions(tuning_run)
        size = journal_of(long_run).stat().st_size
        rows = [
            row(NAME, f"journal of {decisions:,} decisions, as it is", size / decisions, unit=_UNIT),
            row(
                NAME,
                f"run of {decisions:,} decisions, packed",
                _packed_bytes(long_run) / decisions,
                unit=_UNIT,
                bar=_BAR,
            ),
            row(
                NAME,
                f"tuning run of {tuned:,} decisions, packed with its checkpoints and tables",
                _packed_bytes(tuning_run) / tuned,
                unit=_UNIT,
                bar=_BAR,
            ),
        ]
        shutil.rmtree(tuning_run / "blobs")
        finalise(tuning_run, durable=False)  # the manifest would name them, and be packed for that reason
        without = _packed_bytes(tuning_run) / tuned
        return [*rows, row(NAME, "  the same without their bytes", without, unit=_UNIT)]


def _tuning_run(place: Path, scale: Scale) -> Path:
    log = place / "log.csv"
    log.write_text("".join(generate_log(scale.log_rows, 7)), encoding="utf-8")
    with otel_replay.start_run("ve tuning", run_id="tuning", store=place / "store"):
        tune(log, place / "out", Settings())
    return place / "store" / "runs" / "tuning"


def _packed_bytes(directory: Path) -> int:
    return pack(RunFiles(directory), directory.parent.parent / "run.orpack").packed_bytes
