"""Times that a person writes: `1.5s` after the start of a run, or an ISO time."""

from __future__ import annotations

from otel_replay.clock import from_iso
from otel_replay.queries.times import length_ns

__all__ = ["read_time"]


def read_time(text: str, start_ns: int) -> int:
    """The time that `text` means, in nanoseconds since the epoch.

    Raises
    ------
    ValueError
        If it is neither a length of time nor an ISO time with a time zone.
    """
    try:
        return start_ns + length_ns(text.strip().removeprefix("+"))
    except ValueError:
        pass  # a time of day, then
    try:
        return from_iso(text.strip())
    except ValueError:
        raise ValueError(
            f"`{text}` is no time: write 1.5s or 200ms after the start, or 2026-01-31T12:00:00Z"
        ) from None
