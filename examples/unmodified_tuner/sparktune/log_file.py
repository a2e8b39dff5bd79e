"""Dyno logs as CSV: written by the simulator, read line by line, damaged lines told by their numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path


class LogError(Exception):
    """A log that cannot be tuned from, in words for the user."""


@dataclass(frozen=True)
class Sample:
    """One line of a dyno log."""

    time_s: float
    rpm: float
    map_kpa: float
    advance_deg: float
    torque_f: float
    torque_r: float
    knock_f: float
    knock_r: float
    exhaust_c: float
    intake_f: float
    volts: float

    def torque(self, cylinder: str) -> float:
        """The torque of one cylinder, in foot-pounds."""
        return self.torque_f if cylinder == "f" else self.torque_r

    def knock(self, cylinder: str) -> float:
        """How much spark the ignition took back because one cylinder knocked, in degrees."""
        return self.knock_f if cylinder == "f" else self.knock_r


COLUMNS = tuple(field.name for field in fields(Sample))


def write_log(path: Path, samples: Iterable[Sample]) -> int:
    """Write a log and say how many lines it has."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for count, sample in enumerate(samples, start=1):  # noqa: B007 - the last count is the answer
            writer.writerow([getattr(sample, name) for name in COLUMNS])
    return count


def read_log(path: Path) -> tuple[list[Sample], list[str]]:
    """The samples of a log, and what was wrong with the lines that are none.

    Raises
    ------
    LogError
        If the file cannot be read or has other columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _parse(path, csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise LogError(f"cannot read `{path}`: {error}") from error


def _parse(path: Path, lines: Iterable[list[str]]) -> tuple[list[Sample], list[str]]:
    rows = iter(lines)
    head = next(rows, [])
    missing = [name for name in COLUMNS if name not in head]
    if missing:
        raise LogError(f"`{path}` has no column {', '.join(missing)}")
    places = [head.index(name) for name in COLUMNS]
    samples, damaged = [], []
    for number, row in enumerate(rows, start=2):
        try:
            samples.append(Sample(*(float(row[place]) for place in places)))
        except (ValueError, IndexError):
            damaged.append(f"line {number}: not a sample")
    if not samples:
        raise LogError(f"`{path}` has no samples")
    return samples, damaged
