"""Times that a person writes: `1.5s` after the start of a run, or an ISO time."""

from __future__ import annotations

import math
import re

from otel_replay.clock import from_iso
from otel_replay.queries.times import UNITS_NS

__all__ = ["read_time"]

_LENGTH = re.compile(r"\+?(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>ns|us|µs|ms|s|m|min|h)")


def read_time(text: str, start_ns: int) -> int:
    """The time that `text` means, in nanoseconds since the epoch.

    Raises
    ------
    ValueError
        If it is neither a length of time nor an ISO time with a time zone.
    """
    match = _LENGTH.fullmatch(text.strip())
    if match:
        length_ns = float(match["number"]) * UNITS_NS[match["unit"]]
        if math.isfinite(length_ns):
            return start_ns + round(length_ns)
    try:
        return from_iso(text.strip())
    except ValueError:
        raise ValueError(
            f"`{text}` is no time: write 1.5s or 200ms after the start, or 2026-01-31T12:00:00Z"
        ) from None
