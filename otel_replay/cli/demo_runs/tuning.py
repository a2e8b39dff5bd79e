"""A small fuel-table tuner: it drives an engine that it made up, and corrects the table where it is wrong.

Each stage is a task. Each decision says which cell it is about, what went in, what came out, and why.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import NamedTuple

import otel_replay

__all__ = ["tune"]

RPM = (1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000)
KPA = (35, 65, 95)
SAMPLES = 4_000
RECORDED_PER_CELL = 2
STEEP_PCT = 3.0
LIMIT_PCT = 7.0

Cell = tuple[int, int]
Table = dict[Cell, float]


class Sample(NamedTuple):
    """One moment on the dyno."""

    rpm: float
    kpa: float
    cylinder: str
    torque: float
    afr_commanded: float
    afr_measured: float


def tune(store: str, seed: int = 7) -> str:
    """Record one tuning run into `store`; returns its run id."""
    settings = {"samples": SAMPLES, "seed": seed, "limit_pct": LIMIT_PCT}
    with otel_replay.start_run("ve tuning", store=store, attributes=settings) as run:
        with otel_replay.task("drive"):
            samples = list(drive(random.Random(seed)))
        with otel_replay.task("bin samples"):
            errors = bin_samples(samples)
            otel_replay.checkpoint("errors", readable(errors))
        with otel_replay.task("smooth", steep_pct=STEEP_PCT):
            # One sign from here on: what a cell holds in `play` is a correction, as in the table.
            smoothed = smooth({cell: -error for cell, error in errors.items()})
            otel_replay.checkpoint("smoothed", readable(smoothed))
        with otel_replay.task("clamp", limit_pct=LIMIT_PCT):
            corrections = clamp(smoothed)
        with otel_replay.task("write table"):
            otel_replay.artifact("ve_corrections.json", json.dumps(readable(corrections), indent=2).encode())
    return run.run_id


def drive(chance: random.Random) -> Iterator[Sample]:
    """What the sensors say: around 3500 rpm and full load the engine runs far too rich."""
    for _ in range(SAMPLES):
        rpm, kpa = chance.uniform(RPM[0], RPM[-1]), chance.uniform(KPA[0], KPA[-1])
        commanded = 12.5 if kpa > 80 else 13.2
        rich = (
            11.0
            if 3250 < rpm < 4250 and kpa > 80
            else -5.5
            if rpm < 2250 and kpa < 50
            else (rpm - 3250) / 1600
        )
        error_pct = rich + chance.gauss(0, 1.5)
        yield Sample(
            rpm=rpm,
            kpa=kpa,
            cylinder=chance.choice("fr"),
            torque=kpa * (1 - ((rpm - 3900) / 5200) ** 2),
            afr_commanded=commanded,
            afr_measured=round(commanded / (1 + error_pct / 100), 2),
        )


def bin_samples(samples: list[Sample]) -> Table:
    """The mean error of each cell, weighted by torque; the first samples of each cell are told."""
    weights: Table = dict.fromkeys(cells(), 0.0)
    sums: Table = dict.fromkeys(cells(), 0.0)
    told: dict[tuple[Cell, str], int] = {}
    for sample in samples:
        cell = nearest(sample.rpm, RPM), nearest(sample.kpa, KPA)
        error = (sample.afr_commanded / sample.afr_measured - 1) * 100
        weights[cell] += sample.torque
        sums[cell] += sample.torque * error
        key = cell, sample.cylinder
        told[key] = told.get(key, 0) + 1
        if told[key] <= RECORDED_PER_CELL:
            otel_replay.decision(
                "AFR_CORRECTION",
                f"Accepted AFR error sample for {sample.cylinder} cylinder",
                values={
                    "afr_error_pct": round(error, 2),
                    "weight": round(sample.torque, 1),
                    "afr_commanded": sample.afr_commanded,
                    "afr_measured": sample.afr_measured,
                },
                cell={"rpm": cell[0], "kpa": cell[1], "cylinder": sample.cylinder},
            )
    return {cell: sums[cell] / weights[cell] for cell in cells() if weights[cell]}


def smooth(wanted: Table) -> Table:
    """The mean of each cell and its neighbours, except where the table is steep: a step may be real."""
    otel_replay.decision(
        "SMOOTHING_START",
        "Averaging each cell with its neighbours",
        values={"cells": len(wanted), "steep_pct": STEEP_PCT},
    )
    smoothed: Table = {}
    for cell, before in wanted.items():
        around = [wanted[near] for near in neighbours(cell) if near in wanted]
        after = (before * 2 + sum(around)) / (2 + len(around))
        gradient = max((abs(before - other) for other in around), default=0.0)
        smoothed[cell] = after
        if gradient > STEEP_PCT:
            blend = min(1.0, gradient / (2 * STEEP_PCT))
            smoothed[cell] = (1 - blend) * after + blend * before
            otel_replay.decision(
                "GRADIENT_LIMITING",
                "High gradient, blending toward the original value",
                values={
                    "gradient": round(gradient, 2),
                    "blend_factor": round(blend, 3),
                    "original": round(before, 2),
                    "smoothed": round(after, 2),
                    "result": round(smoothed[cell], 2),
                },
                cell={"rpm": cell[0], "kpa": cell[1]},
            )
    return smoothed


def clamp(wanted: Table) -> Table:
    """The corrections, none further than the limit."""
    otel_replay.decision(
        "CLAMPING_START", f"Clamping corrections to +/- {LIMIT_PCT:g}%", values={"limit_pct": LIMIT_PCT}
    )
    corrections: Table = {}
    for cell, before in wanted.items():
        corrections[cell] = max(-LIMIT_PCT, min(LIMIT_PCT, before))
        if abs(before) > LIMIT_PCT:
            otel_replay.decision(
                "CLAMPING_APPLIED",
                f"The correction exceeds the limit of {LIMIT_PCT:g}%",
                values={"before": round(before, 2), "after": round(corrections[cell], 2)},
                cell={"rpm": cell[0], "kpa": cell[1]},
            )
    return corrections


def cells() -> list[Cell]:
    """All cells of the table."""
    return [(rpm, kpa) for rpm in RPM for kpa in KPA]


def neighbours(cell: Cell) -> Iterator[Cell]:
    """The cells above, below, left and right."""
    row, column = RPM.index(cell[0]), KPA.index(cell[1])
    for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
        if 0 <= r < len(RPM) and 0 <= c < len(KPA):
            yield RPM[r], KPA[c]


def nearest(value: float, bins: tuple[int, ...]) -> int:
    """The bin that is closest to `value`."""
    return min(bins, key=lambda middle: abs(middle - value))


def readable(table: Table) -> dict[str, float]:
    """The table as a program writes it: `{"3500 rpm, 95 kPa": -7.0}`."""
    return {f"{rpm} rpm, {kpa} kPa": round(value, 2) for (rpm, kpa), value in table.items()}
