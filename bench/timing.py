"""Measuring on a machine that does other things too: short slices, turn by turn, compared pair by pair.

A slice is a few hundred microseconds of one side, so that most slices are not interrupted at all; both sides
take turns, so that both meet the same moods of the machine. What is said of two sides is the median of the
ratios of neighbouring slices, the range that holds four fifths of them, and the ratio of the two fastest.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter_ns

__all__ = ["Measured", "Slice", "compared", "difference", "interleaved", "spread", "timed"]

Slice = Callable[[], int]
"""Does a piece of work and returns how many nanoseconds it took; what is not to be timed it does apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure: the median, the range from the 10th to the 90th of a hundred, and the best.

    Attributes
    ----------
    is_difference:
        It is what one side took less what the other did: on few rounds, or where the machine does more,
        that may come out below nothing.
    """

    median: float
    low: float
    high: float
    best: float
    is_difference: bool = False

    def times(self, factor: float) -> Measured:
        """The same figure in another unit."""
        return replace(
            self,
            median=self.median * factor,
            low=self.low * factor,
            high=self.high * factor,
            best=self.best * factor,
        )


def timed(work: Callable[[], object]) -> Slice:
    """A slice that is timed from beginning to end."""

    def slice_of_work() -> int:
        begin = perf_counter_ns()
        work()
        return perf_counter_ns() - begin

    return slice_of_work


def interleaved(sides: Mapping[str, Slice], rounds: int) -> dict[str, list[int]]:
    """The nanoseconds of each side in each round. Every other round goes through the sides backwards."""
    times: dict[str, list[int]] = {name: [] for name in sides}
    order = list(sides)
    for name in order:  # warm: caches filled, code specialised
        sides[name]()
    # What the imports left behind is not to be walked through again and again while one side collects.
    gc.collect()
    gc.freeze()
    try:
        for _ in range(rounds):
            for name in order:
                times[name].append(sides[name]())
            order.reverse()
    finally:
        gc.unfreeze()
    return times


def compared(ours: Sequence[float], theirs: Sequence[float]) -> Measured:
    """Our time over theirs, pair by pair; the best is the quotient of the two fastest."""
    ratios = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
    return spread(ratios, best=min(ours) / min(theirs))


def spread(values: Sequence[float], *, best: float | None = None) -> Measured:
    """The figure that `values` give; the best is the least of them, unless it is given."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return Measured(
        median=median(ordered),
        low=ordered[round(last * 0.1)],
        high=ordered[round(last * 0.9)],
        best=ordered[0] if best is None else best,
    )


def difference(values: Sequence[float], *, best: float | None = None) -> Measured:
    """The figure that `values` give, each of which is one side less the other."""
    return replace(spread(values, best=best), is_difference=True)
