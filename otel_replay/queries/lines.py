"""Items in order, to ask what comes before and after: worked out once for all rules that share them.

What is asked of many items stands in lists of its own beside them. Those of a selection are picked from
those of what was selected from: going to each item itself takes longer than all the rest.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, TypeVar, overload

from otel_replay.analysis.comparisons import is_number
from otel_replay.analysis.items import Item
from otel_replay.queries.at_once import Several, values_at_once
from otel_replay.queries.columns import Chosen
from otel_replay.queries.expressions import Expression

__all__ = ["Line", "Together", "end_of", "sum_of"]

_Found = TypeVar("_Found")


def end_of(item: Item) -> int:
    """When an item ended; an open one counts with its beginning."""
    return item.start_ns if item.end_ns is None else item.end_ns


class Line:
    """Some items of a run, in their order.

    Parameters
    ----------
    items:
        The items.
    whole:
        The line of what they were chosen from, where they are a choice.
    """

    def __init__(self, items: Sequence[Item], whole: Line | None = None) -> None:
        self.items = items
        self._whole = whole
        self._amounts: dict[Expression, list[float | None]] = {}

    def _each(
        self, picked: Callable[[Line], list[_Found]], read: Callable[[Sequence[Item]], list[_Found]]
    ) -> list[_Found]:
        if self._whole is not None and isinstance(self.items, Chosen):
            return self.items.pick(picked(self._whole))
        return read(self.items)

    @cached_property
    def seqs(self) -> list[int]:
        """Where they stand in the run."""
        return self._each(lambda whole: whole.seqs, lambda items: list(map(_SEQ, items)))

    @cached_property
    def starts(self) -> list[int]:
        """When each began."""
        return self._each(lambda whole: whole.starts, lambda items: list(map(_START, items)))

    @cached_property
    def ends(self) -> list[int]:
        """When each ended."""
        return self._each(lambda whole: whole.ends, lambda items: list(map(end_of, items)))

    @cached_property
    def places(self) -> frozenset[int]:
        """Their places in the run."""
        return frozenset(self.seqs)

    @cached_property
    def latest_ends(self) -> list[int]:
        """For each, the latest end of it and those before it."""
        return list(accumulate(self.ends, max))

    @cached_property
    def earliest_ends(self) -> list[int]:
        """For each, the earliest end of it and those before it."""
        return list(accumulate(self.ends, min))

    @cached_property
    def earliest_starts(self) -> list[int]:
        """For each, the earliest beginning of it and those after it."""
        return list(accumulate(reversed(self.starts), min))[::-1]

    def amounts(self, value: Expression) -> list[float | None]:
        """For each what it adds to a sum of a value; None for one that has no such number."""
        known = self._amounts.get(value)
        if known is None:
            known = self._amounts[value] = self._each(
                lambda whole: whole.amounts(value),
                lambda items: list(map(_amount, values_at_once(value, items))),
            )
        return known

    def count_before(self, item: Item) -> int:
        """How many of them stand before an item."""
        return bisect_left(self.seqs, item.seq)

    def first_after(self, item: Item) -> int:
        """The number of the first that stands after an item; how many there are, where none does."""
        return bisect_right(self.seqs, item.seq)

    def has(self, seq: int) -> bool:
        """Whether one of them stands at this place of the run."""
        place = bisect_left(self.seqs, seq)
        return place < len(self.seqs) and self.seqs[place] == seq

    def next(self, item: Item) -> Item | None:
        """The first after an item."""
        index = self.first_after(item)
        return self.items[index] if index < len(self.items) else None

    def previous(self, item: Item) -> Item | None:
        """The last before an item."""
        index = self.count_before(item)
        return self.items[index - 1] if index else None


class Together(Sequence[Item]):
    """The items of several lines, one line after the other; what stands in two of them is there twice."""

    def __init__(self, *lines: Line) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return sum(len(line.items) for line in self._lines)

    def __iter__(self) -> Iterator[Item]:
        return chain.from_iterable(line.items for line in self._lines)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return [*self][index]

    def times(self, seq: int) -> int:
        """How many of the items stand at this place of the run."""
        return sum(line.has(seq) for line in self._lines)


_SEQ, _START = attrgetter("seq"), attrgetter("start_ns")


def _amount(value: object) -> float | None:
    if isinstance(value, float):
        return value
    numbers: list[Any] = [
        one for one in (value if isinstance(value, Several) else (value,)) if is_number(one)
    ]
    return sum_of(numbers) if numbers else None


def sum_of(numbers: Sequence[float]) -> float:
    """The sum; `inf` where it is too large for a number, `nan` where it has none (`inf` and `-inf`)."""
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):
        return sum(map(_float, numbers))


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number beyond all floats
        return math.inf if number > 0 else -math.inf
