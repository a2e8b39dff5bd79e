"""A made-up dyno log with known faults in it: an engine idles, cruises and pulls, and the sensors are noisy.

The faults: one lean cell (2500 rpm, 50 kPa), one region that is richer than the usual clamp allows (3500 to
4000 rpm from 80 kPa), and a burst of knock at the top of every third pull, when the intake air is hot.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["generate_log"]

HEADER = (
    "rpm,map_kpa,torque,ve_f,ve_r,spark_f,spark_r,afr_cmd_f,afr_cmd_r,afr_meas_f,afr_meas_r,"
    "iat,knock,vbatt,tps"
)
LEAN_PCT, RICH_PCT, NOISE_PCT = -9.0, 18.0, 1.5
LOAD_KPA = 78.0  # from here on the engine is asked to run richer
KNOCK_RPM = 5200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """A stretch of driving: from one operating point to another in so many samples."""

    rows: int
    rpm: tuple[float, float]
    map_kpa: tuple[float, float]
    heat: float


IDLE = _Segment(rows=25, rpm=(1450, 1600), map_kpa=(36, 34), heat=0.9)
PULL = _Segment(rows=70, rpm=(1800, 6400), map_kpa=(90, 97), heat=1.6)
CRUISE = tuple(
    _Segment(rows=30, rpm=(rpm - 150, rpm + 150), map_kpa=(kpa - 5, kpa + 5), heat=0.95)
    for kpa in (50, 65, 80)
    for rpm in (1500, 2000, 2500, 3000, 3500, 4000, 4500)
)


def generate_log(rows: int, seed: int) -> Iterator[str]:
    """The lines of a log, each with its newline: a header and `rows` samples, the same for the same seed."""
    chance = random.Random(seed)
    yield HEADER + "\n"
    heat, pulls = 70.0, 0
    for row, (segment, share) in zip(range(rows), _drive(chance), strict=False):
        pulls += segment is PULL and share == 0.0
        heat = 70.0 + (heat - 70.0) * 0.995 + (segment.heat - 0.9) * 1.2
        rpm = _between(segment.rpm, share) + chance.gauss(0, 25)
        kpa = _between(segment.map_kpa, share) + chance.gauss(0, 1)
        knock = 0.0
        if segment is PULL and pulls % 3 == 0 and rpm > KNOCK_RPM:
            knock = round(chance.uniform(1.0, 4.5), 1)
        yield _line(chance, row, rpm, kpa, heat, knock)


def _drive(chance: random.Random) -> Iterator[tuple[_Segment, float]]:
    while True:
        cruises = chance.sample(CRUISE, len(CRUISE))
        for first in range(0, len(cruises), 7):
            for segment in (IDLE, *cruises[first : first + 7], PULL):
                for step in range(segment.rows):
                    yield segment, step / segment.rows


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share


def _true_error(rpm: float, kpa: float) -> float:
    """How wrong the table is at an operating point, in percent; above zero is too rich."""
    if 2250 <= rpm < 2750 and 42.5 <= kpa < 57.5:
        return LEAN_PCT
    if 3250 <= rpm < 4250 and kpa >= 72.5:
        return RICH_PCT
    return (rpm - 3500) / 2000 + (kpa - 65) / 40


def _line(chance: random.Random, row: int, rpm: float, kpa: float, heat: float, knock: float) -> str:
    commanded = 12.5 if kpa >= LOAD_KPA else 13.2
    error = _true_error(rpm, kpa)
    measured = [commanded / (1 + (error + chance.gauss(0, NOISE_PCT)) / 100) for _ in range(2)]
    torque = max(8.0, (kpa - 25) * 1.9 * (1 - ((rpm - 3900) / 5200) ** 2) + chance.gauss(0, 1.5))
    ve = 78 + (kpa - 35) * 0.35 + (1 - ((rpm - 4200) / 4000) ** 2) * 14
    spark = 34 - (kpa - 35) * 0.16 + (rpm - 1500) / 900
    fields = (
        f"{rpm:.2f}", f"{kpa:.2f}", f"{torque:.2f}", f"{ve:.1f}", f"{ve + 1.5:.1f}",
        f"{spark:.1f}", f"{spark - 2:.1f}", commanded, commanded, f"{measured[0]:.2f}", f"{measured[1]:.2f}",
        f"{heat:.1f}", f"{knock:g}", f"{13.9 - 0.2 * (row % 97) / 97:.2f}", f"{(kpa - 25) * 1.2:.1f}",
    )  # fmt: skip
    return ",".join(map(str, fields)) + "\n"
