"""The values under one name of many items, by value: a condition is tried once for each value there is.

A thousand rules ask the same few things of the same hundred thousand decisions. Values repeat (an rpm, a
reason), and numbers can be sorted; so a rule costs what is different in them, not how many there are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import compress
from typing import Any, overload

from otel_replay.analysis.comparisons import ORDER, Word, tester
from otel_replay.analysis.items import Item
from otel_replay.queries.names import Reader

__all__ = ["Column", "Chosen", "every"]


_MOST_KEPT = 64
"""Answers that a column remembers; each takes a byte for an item."""


class Column:
    """What a reader gives on some items, which are in order."""

    def __init__(self, items: Sequence[Item], read: Reader) -> None:
        self.items = items
        numbers: list[tuple[float, int]] = []
        others: dict[tuple[type, Any], list[int]] = {}
        self._odd: list[tuple[int, tuple[Any, ...]]] = []
        for place, item in enumerate(items):
            values = read(item)
            if len(values) != 1:
                if values:
                    self._odd.append((place, values))
                continue
            value = values[0]
            kind = value.__class__
            if (kind is float or kind is int) and value == value:
                numbers.append((value, place))
            elif kind is str or kind is bool or value is None:
                others.setdefault((kind, value), []).append(place)
            else:
                self._odd.append((place, values))
        numbers.sort()
        self._numbers = [number for number, _ in numbers]
        self._places = [place for _, place in numbers]
        self._are_numbers = bytearray(len(items))
        for place in self._places:
            self._are_numbers[place] = 1
        self._others = [(value, found) for (_, value), found in others.items()]
        self._kept: dict[tuple[str, Word], int] = {}

    def fulfil(self, sign: str, word: Word) -> int:
        """On which items `sign` and `word` hold: a whole number with a byte for each item, 0 or 1.

        Several such answers are joined by `&`; `Chosen` gives the items.
        """
        kept = self._kept.get((sign, word))
        if kept is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            kept = self._kept[sign, word] = self._fulfil(sign, word)
        return kept

    def _fulfil(self, sign: str, word: Word) -> int:
        holds = tester(sign, word)
        if sign in ORDER:
            flags = self._by_size(sign, word)
        else:
            flags = bytearray(len(self.items))
            groups = [found for value, found in self._others if holds(value)]
            for group in (*groups, *self._by_number(holds)):
                for place in group:
                    flags[place] = 1
        hold = all if sign == "!=" else any
        for place, values in self._odd:
            if hold(map(holds, values)):
                flags[place] = 1
        return int.from_bytes(flags, "little")

    def _by_size(self, sign: str, word: Word) -> bytearray:
        if word.number is None or word.number != word.number:
            return bytearray(len(self.items))
        above = sign in {">", ">="}
        limit = word.number - word.tolerance if above else word.number + word.tolerance
        cut = (bisect_left if sign in {">=", "<"} else bisect_right)(self._numbers, limit)
        places = self._places
        low, high = (cut, len(places)) if above else (0, cut)
        # Whichever is less work: to mark those that hold, or to take the marks from those that do not.
        if (high - low) * 2 <= len(places):
            flags = bytearray(len(self.items))
            for place in places[low:high]:
                flags[place] = 1
        else:
            flags = bytearray(self._are_numbers)
            for place in (*places[:low], *places[high:]):
                flags[place] = 0
        return flags

    def _by_number(self, holds: Callable[[Any], bool]) -> Iterator[list[int]]:
        start = 0
        numbers = self._numbers
        while start < len(numbers):
            end = bisect_right(numbers, numbers[start], start)
            if holds(numbers[start]):
                yield self._places[start:end]
            start = end


def every(items: Sequence[Item]) -> int:
    """The answer that has all of these items."""
    return int.from_bytes(b"\x01" * len(items), "little")


class Chosen(Sequence[Item]):
    """The items of an answer of :meth:`Column.fulfil`, in order. How many they are is known without them."""

    def __init__(self, items: Sequence[Item], answer: int) -> None:
        self._items = items
        self._answer = answer
        self._length = answer.bit_count()

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _chosen(self) -> Sequence[Item]:
        if self._length == len(self._items):
            return self._items
        return list(compress(self._items, self._answer.to_bytes(len(self._items), "little")))

    def __iter__(self) -> Iterator[Item]:
        return iter(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return self._chosen[index]
