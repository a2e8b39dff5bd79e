"""Items in order, to ask what comes before and after: worked out once for all rules that share them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate

from otel_replay.analysis.items import Item

__all__ = ["Line", "end_of"]


def end_of(item: Item) -> int:
    """When an item ended; an open one counts with its beginning."""
    return item.start_ns if item.end_ns is None else item.end_ns


class Line:
    """Some items of a run, in their order."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.seqs = [item.seq for item in items]

    @cached_property
    def places(self) -> frozenset[int]:
        """Their places in the run."""
        return frozenset(self.seqs)

    @cached_property
    def latest_ends(self) -> list[int]:
        """For each, the latest end of it and those before it."""
        return list(accumulate(map(end_of, self.items), max))

    @cached_property
    def earliest_ends(self) -> list[int]:
        """For each, the earliest end of it and those before it."""
        return list(accumulate(map(end_of, self.items), min))

    @cached_property
    def earliest_starts(self) -> list[int]:
        """For each, the earliest beginning of it and those after it."""
        starts = [item.start_ns for item in self.items]
        return list(accumulate(reversed(starts), min))[::-1]

    def count_before(self, item: Item) -> int:
        """How many of them stand before an item."""
        return bisect_left(self.seqs, item.seq)

    def first_after(self, item: Item) -> int:
        """The number of the first that stands after an item; how many there are, where none does."""
        return bisect_right(self.seqs, item.seq)

    def next(self, item: Item) -> Item | None:
        """The first after an item."""
        index = self.first_after(item)
        return self.items[index] if index < len(self.items) else None

    def previous(self, item: Item) -> Item | None:
        """The last before an item."""
        index = self.count_before(item)
        return self.items[index - 1] if index else None
