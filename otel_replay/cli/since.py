"""Since when runs are wanted: a length of time before now (`7d`, `36h`), or an ISO time."""

from __future__ import annotations

import re

__all__ = ["since_ns"]

_DAYS = re.compile(r"(\d+(?:\.\d+)?)\s*(d|w)")
_DAY_NS = 86_400 * 10**9
_UNITS = {"d": _DAY_NS, "w": 7 * _DAY_NS}


def since_ns(text: str | None) -> int:
    """The time that `text` means; 0 for None.

    Raises
    ------
    UsageError
        If it is no time.
    """
    if text is None:
        return 0
    from otel_replay.cli.times import read_time
    from otel_replay.clock import SYSTEM_CLOCK
    from otel_replay.errors import UsageError

    now_ns = SYSTEM_CLOCK()
    match = _DAYS.fullmatch(text.strip())
    if match:
        return now_ns - round(float(match[1]) * _UNITS[match[2]])
    try:
        found_ns = read_time(text, 0)
    except ValueError:
        raise UsageError(
            f"`{text}` is no time", hint="write 7d, 36h or 90m (before now), or 2026-01-31T12:00:00Z"
        ) from None
    # A length of time is one before now; only dates lie so far from 1970.
    return now_ns - found_ns if re.match(r"[\d.]+\s*[a-zµ]+$", text.strip()) else found_ns
