"""Lengths of time as a person writes them: `500ms`, `5s`, `1.5m`."""

from __future__ import annotations

import math
import re

__all__ = ["UNITS_NS", "length_ns", "shown_ns"]

UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""Nanoseconds in each unit."""

_LENGTH = re.compile(rf"\s*(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>{'|'.join(UNITS_NS)})\s*")


def length_ns(text: str) -> int:
    """The nanoseconds that a length of time stands for.

    Raises
    ------
    ValueError
        If it is no number with a unit.
    """
    match = _LENGTH.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"`{text}` is no length of time, such as 500ms, 5s or 1.5m")
    length = float(match["number"]) * UNITS_NS[match["unit"]]
    if not math.isfinite(length):
        raise ValueError(f"`{text:.40}…` is longer than any length of time")
    return round(length)


def shown_ns(length: float) -> str:
    """A length of time for a person, in the largest unit of which it has at least one."""
    for unit in ("h", "m", "s", "ms", "us"):
        if abs(length) >= UNITS_NS[unit]:
            return f"{length / UNITS_NS[unit]:.6g}{unit}"
    return f"{length:.0f}ns"
