"""How often something happened over time, in a fixed number of buckets that grow as the time does."""

from __future__ import annotations

__all__ = ["Pace"]

_FIRST_WIDTH_NS = 1_000


class Pace:
    """Counts moments in at most `buckets` equal stretches of time, in constant memory.

    The stretches begin narrow; whenever a moment lies beyond the last one, pairs of them are joined.

    Parameters
    ----------
    buckets:
        The most stretches to keep; an even number.
    """

    def __init__(self, buckets: int = 64) -> None:
        self._counts = [0] * buckets
        self._start_ns: int | None = None
        self._width_ns = _FIRST_WIDTH_NS
        self.total = 0

    def add(self, time_ns: int) -> None:
        """Count one moment. One before the first (a clock set back) counts as the first."""
        if self._start_ns is None:
            self._start_ns = time_ns
        index = max(0, time_ns - self._start_ns) // self._width_ns
        while index >= len(self._counts):
            self._join()
            index //= 2
        self._counts[index] += 1
        self.total += 1

    def _join(self) -> None:
        pairs = [self._counts[at] + self._counts[at + 1] for at in range(0, len(self._counts), 2)]
        self._counts = pairs + [0] * (len(self._counts) - len(pairs))
        self._width_ns *= 2

    @property
    def counts(self) -> list[int]:
        """The counts up to the last stretch in which anything happened."""
        used = len(self._counts)
        while used and not self._counts[used - 1]:
            used -= 1
        return self._counts[:used]

    @property
    def width_ns(self) -> int:
        """How long each stretch is."""
        return self._width_ns
