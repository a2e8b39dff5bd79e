"""The values under one name of many items, by value: a condition is tried once for each value there is.

A thousand rules ask the same few things of the same hundred thousand decisions. Values repeat (an rpm, a
reason), and numbers can be sorted; so a rule costs what is different in them, not how many there are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import compress, islice
from typing import Any, TypeVar, overload

from otel_replay.analysis.comparisons import ORDER, Word, limit_of, tester
from otel_replay.analysis.items import Item
from otel_replay.queries.at_once import NOTHING, Several, values_at_once
from otel_replay.queries.expressions import Expression

__all__ = ["Chosen", "Column", "every", "left_out", "marked"]

_Value = TypeVar("_Value")

_MOST_KEPT = 64
"""Answers that a column remembers; each takes a byte for an item."""

_BY_VALUE = frozenset({"=", "==", "!="})
"""Signs that hold for all of several equal numbers or for none; those of size besides."""

_READY = 32
"""Answers about size that a column has ready."""

_FEW = 12
"""Where fewer than one item in so many is chosen, they are looked up one by one."""


class Column:
    """What an expression gives on some items, which are in order."""

    def __init__(self, items: Sequence[Item], left: Expression) -> None:
        self.items = items
        self._values = values = values_at_once(left, items)
        self._with_number: list[int] = []
        others: dict[tuple[type, Any], list[int]] = {}
        self._odd: list[tuple[int, tuple[Any, ...]]] = []
        number = self._with_number.append
        for place, value in enumerate(values):
            kind = value.__class__
            if (kind is float or kind is int) and value == value:
                number(place)
            elif kind is str or kind is bool or value is None:
                others.setdefault((kind, value), []).append(place)
            elif value is not NOTHING:
                self._odd.append((place, value if kind is Several else (value,)))
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
            answer = self._by_size(sign, word)
        else:
            flags = bytearray(len(self.items))
            groups = [found for value, found in self._others if holds(value)]
            numbers = self._by_number(holds) if sign in _BY_VALUE else self._by_text(holds)
            for group in (*groups, *numbers):
                for place in group:
                    flags[place] = 1
            answer = int.from_bytes(flags, "little")
        hold = all if sign == "!=" else any
        for place, values in self._odd:
            if hold(map(holds, values)):
                answer |= 1 << (8 * place)
        return answer

    def _by_size(self, sign: str, word: Word) -> int:
        if word.number is None or word.number != word.number:
            return 0
        above = sign in {">", ">="}
        limit = limit_of(sign, word)
        cut = (bisect_left if sign in {">=", "<"} else bisect_right)(self._numbers, limit)
        smaller = self._smallest(cut)
        return smaller ^ self._smallest(len(self._places)) if above else smaller

    def _smallest(self, count: int) -> int:
        """The answer that has so many of the smallest numbers: from the nearest that is ready."""
        size, places = self._step, self._places
        nearest = (count + size // 2) // size
        flags = bytearray(self._ready[min(nearest, len(self._ready) - 1)])
        begin = min(nearest * size, len(places))
        for place in places[begin:count]:
            flags[place] = 1
        for place in places[count:begin]:
            flags[place] = 0
        return int.from_bytes(flags, "little")

    @cached_property
    def _places(self) -> list[int]:
        """The items with a number, by its size."""
        return sorted(self._with_number, key=self._values.__getitem__)

    @cached_property
    def _numbers(self) -> list[float]:
        """Their numbers."""
        return list(map(self._values.__getitem__, self._places))

    @cached_property
    def _step(self) -> int:
        return max(1, -(-len(self._places) // _READY))

    @cached_property
    def _ready(self) -> list[bytes]:
        """The smallest 0, 1, 2, … times `_step` numbers, marked."""
        flags = bytearray(len(self.items))
        ready = [bytes(flags)]
        for begin in range(0, len(self._places), self._step):
            for place in self._places[begin : begin + self._step]:
                flags[place] = 1
            ready.append(bytes(flags))
        return ready

    @cached_property
    def _texts(self) -> dict[str, list[int]]:
        """The items with a number, by how it is written: 1 and 1.0 are equal, and not the same text."""
        texts: dict[str, list[int]] = {}
        for place in self._with_number:
            texts.setdefault(str(self._values[place]), []).append(place)
        return texts

    def _by_text(self, holds: Callable[[Any], bool]) -> Iterator[list[int]]:
        return (found for text, found in self._texts.items() if holds(text))

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


def marked(items: Sequence[Item], test: Callable[[Item], bool]) -> int:
    """The answer that has the items for which `test` holds."""
    return int.from_bytes(bytes(map(bool, map(test, items))), "little")


class Chosen(Sequence[Item]):
    """The items of an answer of :meth:`Column.fulfil`, in order. How many they are is known without them."""

    def __init__(self, items: Sequence[Item], answer: int) -> None:
        self._items = items
        self._answer = answer
        self._length = answer.bit_count()

    def __len__(self) -> int:
        return self._length

    @property
    def whole(self) -> Sequence[Item]:
        """What they were chosen from."""
        return self._items

    def pick(self, values: list[_Value]) -> list[_Value]:
        """Of a list with a value for each item of the whole, the values of those that are chosen."""
        size = len(values)
        if self._length == size:
            return values
        flags = self._answer.to_bytes(size, "little")
        if self._length * _FEW >= size:
            return list(compress(values, flags))
        found = []
        place = flags.find(1)
        while place >= 0:
            found.append(values[place])
            place = flags.find(1, place + 1)
        return found

    @cached_property
    def _chosen(self) -> Sequence[Item]:
        return self.pick(self._items)  # type: ignore[arg-type]  # a sequence does as well

    def __iter__(self) -> Iterator[Item]:
        return iter(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice) and "_chosen" not in self.__dict__:
            begin, end, step = index.indices(self._length)
            if not begin and step == 1 and end <= _FEW:
                return list(islice(self._from_the_first(), end))
        return self._chosen[index]

    def _from_the_first(self) -> Iterator[Item]:
        flags = self._answer.to_bytes(len(self._items), "little")
        place = flags.find(1)
        while place >= 0:
            yield self._items[place]
            place = flags.find(1, place + 1)


def left_out(items: Sequence[Item], some: Sequence[Item]) -> Sequence[Item]:
    """The items that are none of `some`; both are in order, and what is no choice has all of `some`."""
    if isinstance(some, Chosen):
        if some._items is items:
            return Chosen(items, every(items) ^ some._answer)
        if isinstance(items, Chosen) and some._items is items._items:
            return Chosen(items._items, items._answer & ~some._answer)
    left: list[Item] = []
    rest = iter(some)
    next_one = next(rest, None)
    for item in items:
        if item is next_one:
            next_one = next(rest, None)
        else:
            left.append(item)
    return left
