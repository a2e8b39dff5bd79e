"""How much was done in an hour."""

from __future__ import annotations

__all__ = ["per_hour"]

_HOUR_NS = 3_600 * 10**9
_SHORTEST_NS = 10**6


def per_hour(count: int, duration_ns: int) -> float:
    """`count` things in `duration_ns`, as a number for an hour; 0.0 for less than a millisecond.

    What took no time says nothing of an hour: a rate of it would be noise, or a division by zero.
    """
    return count * _HOUR_NS / duration_ns if duration_ns >= _SHORTEST_NS else 0.0
