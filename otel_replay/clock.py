"""Where the time comes from: nanoseconds since the Unix epoch, as an argument, never as a hidden global."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache

from otel_replay.interruptions import let_through

__all__ = ["Clock", "SYSTEM_CLOCK", "SteppingClock", "guarded", "iso_milliseconds", "from_iso"]

Clock = Callable[[], int]
"""Returns the wall-clock time in nanoseconds since the Unix epoch (UTC)."""

# The same clock as the OpenTelemetry SDK's, so that a decision lies inside its span.
SYSTEM_CLOCK: Clock = time.time_ns


class SteppingClock:
    """A clock for tests and demonstrations: each reading is `step_ns` after the one before.

    Parameters
    ----------
    start_ns:
        The first reading, in nanoseconds since the epoch.
    step_ns:
        How far each reading moves on; may be negative, to play a clock that is set back.
    spans:
        Whether a run that is recorded by it also takes the times of its spans from it.
    """

    def __init__(
        self,
        start_ns: int = 1_767_225_600_000_000_000,
        step_ns: int = 1_000_000,
        *,
        spans: bool = False,
    ) -> None:
        self.now_ns = start_ns
        self.step_ns = step_ns
        self.spans = spans

    def __call__(self) -> int:
        now = self.now_ns
        self.now_ns += self.step_ns
        return now


def guarded(clock: Clock) -> Clock:
    """`clock` for recording: whole nanoseconds that fit 64 bits, and the system's where it fails."""
    if clock is SYSTEM_CLOCK:
        return clock

    def read() -> int:
        try:
            return max(_EARLIEST_NS, min(int(clock()), _LATEST_NS))
        except Exception as raised:
            let_through(raised)
            return SYSTEM_CLOCK()

    return read


_EARLIEST_NS, _LATEST_NS = -(2**63), 2**63 - 1


def iso_milliseconds(time_ns: int) -> str:
    """`time_ns` (since the epoch) as ISO 8601 UTC with milliseconds and `Z`, e.g. `2025-12-15T17:28:01.803Z`.

    The digits below a millisecond are cut, not rounded: a timestamp never lies in the future of its event.
    """
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    return f"{_iso_seconds(seconds)}.{rest_ns // 1_000_000:03d}Z"


@lru_cache(maxsize=256)
def _iso_seconds(seconds: int) -> str:
    # Remembered: the decisions of a run lie close together, and this is most of the work.
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}"


def from_iso(text: str) -> int:
    """The inverse of :func:`iso_milliseconds`, for any ISO 8601 time that has an offset or `Z`.

    Raises
    ------
    ValueError
        If `text` is not such a time.
    """
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"`{text}` has no time zone")
    delta = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1_000
