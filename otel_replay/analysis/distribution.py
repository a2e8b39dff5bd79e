"""How long things took, as percentiles: exact for the first few hundred, within 1 % after that.

Up to 256 lengths are kept as they are, and a percentile is one of them. Beyond that each is counted in a
bucket whose bounds grow by 2 %: a percentile is the middle of its bucket, at most 1 % from the length that
stands there (the method of DDSketch: Masson, Rim, Lee, VLDB 2019). Nothing is drawn by lot, and two of them
add up to what one would have found. Memory: some 2,000 buckets at most for any times there are, a few dozen
as a rule.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import Counter

__all__ = ["PERCENTILES", "RELATIVE_ERROR", "Distribution"]

PERCENTILES: tuple[int, ...] = (50, 90, 99)
"""What is told of everything that lasts."""
RELATIVE_ERROR = 0.01
"""How far a percentile of more than 256 lengths may be from the true one."""

_EXACT = 256
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SCALE = 1 / math.log(_GROWTH)


class Distribution:
    """Lengths of time, in nanoseconds, of which none is negative."""

    __slots__ = ("_buckets", "_exact", "count", "longest_ns")

    def __init__(self) -> None:
        self.count = 0
        self.longest_ns = 0
        self._exact: list[int] = []
        self._buckets: Counter[int] = Counter()

    def add(self, length_ns: int) -> None:
        """Take in one length."""
        self.count += 1
        if length_ns > self.longest_ns:
            self.longest_ns = length_ns
        if self._buckets:
            self._buckets[_bucket(length_ns)] += 1
            return
        insort(self._exact, length_ns)
        if len(self._exact) > _EXACT:
            self._to_buckets()

    def merge(self, other: Distribution) -> None:
        """Take in all that another one has."""
        self.count += other.count
        self.longest_ns = max(self.longest_ns, other.longest_ns)
        if other._buckets and not self._buckets:
            self._to_buckets()
        for length_ns in other._exact:
            if self._buckets:
                self._buckets[_bucket(length_ns)] += 1
            else:
                insort(self._exact, length_ns)
        self._buckets.update(other._buckets)
        if len(self._exact) > _EXACT:
            self._to_buckets()

    def percentile(self, percent: float) -> int | None:
        """The length that so many of a hundred do not exceed (nearest rank); None where there is none."""
        if not self.count:
            return None
        rank = max(1, math.ceil(self.count * percent / 100))
        if not self._buckets:
            return self._exact[rank - 1]
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                return min(self.longest_ns, _middle(bucket))
        return self.longest_ns

    def percentiles_ns(self) -> dict[int, int | None]:
        """The usual ones: p50, p90, p99."""
        return {percent: self.percentile(percent) for percent in PERCENTILES}

    def _to_buckets(self) -> None:
        self._buckets.update(map(_bucket, self._exact))
        self._exact = []


def _bucket(length_ns: int) -> int:
    return math.ceil(math.log(length_ns) * _SCALE) if length_ns > 0 else -1


def _middle(bucket: int) -> int:
    return 0 if bucket < 0 else round(2 * _GROWTH**bucket / (_GROWTH + 1))
