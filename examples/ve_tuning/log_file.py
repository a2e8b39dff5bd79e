"""Reading a dyno log: a line is one sample; one that cannot be read is counted and shown, never guessed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from examples.ve_tuning.grid import Cylinder

__all__ = ["COLUMNS", "DamagedLine", "Log", "LogError", "Reading", "Sample", "parse_log", "read_log"]

COLUMNS = (
    "rpm", "map_kpa", "torque", "ve_f", "ve_r", "afr_cmd_f", "afr_cmd_r", "afr_meas_f", "afr_meas_r",
    "iat", "knock", "vbatt", "tps",
)  # fmt: skip


class LogError(Exception):
    """The log cannot be used at all; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one cylinder reported: its table value and its air/fuel ratio as commanded and as measured."""

    ve: float
    afr_commanded: float
    afr_measured: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment on the dyno. Knock is in degrees of retard, intake temperature in Fahrenheit."""

    rpm: float
    map_kpa: float
    torque: float
    iat: float
    knock: float
    vbatt: float
    tps: float
    cylinders: dict[Cylinder, Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedLine:
    """A line that is not a sample: its number in the file and what is wrong with it."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The samples of a log and the lines that were none."""

    samples: list[Sample]
    damaged: list[DamagedLine]


def read_log(path: Path) -> Log:
    """Read the log at `path`, or say in a LogError why it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline=None) as lines:
            log = parse_log(lines)
    except OSError as error:
        raise LogError(f"cannot read the log `{path}`: {error.strerror or error}") from error
    except LogError as error:
        raise LogError(f"`{path}`: {error}") from None
    if not log.samples:
        first = f"; line {log.damaged[0].number}: {log.damaged[0].reason}" if log.damaged else ""
        raise LogError(f"`{path}` holds no usable sample ({len(log.damaged)} damaged lines{first})")
    return log


def parse_log(lines: Iterable[str]) -> Log:
    """Turn the lines of a log, the header first, into samples and damaged lines."""
    numbered = enumerate(lines, start=1)
    _, header = next(numbered, (0, ""))
    names = [name.strip().strip('"').lower() for name in header.split(",")]
    if missing := [name for name in COLUMNS if name not in names]:
        raise LogError(
            f"the first line lacks the columns {', '.join(missing)}. A log starts with a line of column "
            f"names, separated by commas: {','.join(COLUMNS)}"
        )
    places = [(name, names.index(name)) for name in COLUMNS]
    log = Log(samples=[], damaged=[])
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            log.samples.append(_parse_sample(line.split(","), places, width=len(names)))
        except ValueError as error:
            log.damaged.append(DamagedLine(number=number, reason=str(error)))
    return log


def _parse_sample(fields: list[str], places: list[tuple[str, int]], *, width: int) -> Sample:
    if len(fields) != width:
        raise ValueError(f"{len(fields)} fields where the header has {width}")
    numbers = {name: _parse_number(fields[place], name) for name, place in places}

    def reading(cylinder: Cylinder) -> Reading:
        return Reading(
            ve=numbers[f"ve_{cylinder}"],
            afr_commanded=numbers[f"afr_cmd_{cylinder}"],
            afr_measured=numbers[f"afr_meas_{cylinder}"],
        )

    return Sample(
        rpm=numbers["rpm"],
        map_kpa=numbers["map_kpa"],
        torque=numbers["torque"],
        iat=numbers["iat"],
        knock=numbers["knock"],
        vbatt=numbers["vbatt"],
        tps=numbers["tps"],
        cylinders={"f": reading("f"), "r": reading("r")},
    )


def _parse_number(text: str, name: str) -> float:
    try:
        number = float(text.strip().strip('"'))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is {text.strip()[:40]!r}, not a number")
    return number
