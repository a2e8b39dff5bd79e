"""The items of a run that is compared: its decisions are made when somebody asks for them, which few do.

What two runs of 100,000 decisions say is compared in columns (`analysis.said`); a difference is shown with
the items that it is about, and only these are ever made. To everybody else this is a sequence of items.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from otel_replay.analysis.items import Item
from otel_replay.analysis.said import Said
from otel_replay.formats.journal_v1 import made_decision
from otel_replay.records import Decision

__all__ = [
    "Stretch",
    "UnmadeChildren",
    "UnmadeItems",
    "actions_of",
    "all_made",
    "but_decisions",
    "decisions_of",
    "first_ns",
    "kinds_of",
    "of_numbers",
    "values_of",
]


T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Stretch:
    """Decisions of one span that stand together.

    Attributes
    ----------
    begin:
        The `seq` of the first.
    times, numbers:
        When each was made, and what it says (`Said`).
    span_id, parent, process:
        The span that they name, the item that is that span, and their journal.
    """

    begin: int
    times: array[int]
    numbers: Sequence[int]
    span_id: str
    parent: Item
    process: str


class UnmadeItems(Sequence[Item]):
    """Items in order, of which decisions may be numbers yet.

    Parameters
    ----------
    said:
        What the numbers mean.
    """

    def __init__(self, said: Said) -> None:
        self.said = said
        self.parts: list[Item | Stretch] = []
        """The items as they were put in: one by one, or as a stretch of decisions."""
        self.last_ns = 0
        """The latest time of all."""
        self._begins: list[int] = []
        self._size = 0
        self._made: dict[int, Item] = {}

    def append(self, item: Item) -> None:
        """Put in an item; its `seq` is the number of those before it."""
        self._begins.append(self._size)
        self.parts.append(item)
        self._size += 1
        if item.start_ns > self.last_ns:
            self.last_ns = item.start_ns

    def extend_unmade(
        self, times: array[int], numbers: Sequence[int], span_id: str, parent: Item, process: str
    ) -> None:
        """Put in decisions that say what these numbers mean; they become children of `parent` too."""
        begin, size = self._size, len(times)
        self._begins.append(begin)
        self.parts.append(Stretch(begin, times, numbers, span_id, parent, process))
        self._size += size
        self.last_ns = max(self.last_ns, max(times))
        parent.children.seqs.extend(range(begin, begin + size))  # type: ignore[attr-defined]  # of such a run

    def stretches(self) -> Iterator[Stretch]:
        """The decisions that no item was made of when they were put in."""
        return (part for part in self.parts if isinstance(part, Stretch))

    def decision(self, seq: int) -> Decision:
        """What the journal has of a decision in a stretch."""
        return self._record(self.parts[bisect_right(self._begins, seq) - 1], seq)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, seq: int) -> Item: ...
    @overload
    def __getitem__(self, seq: slice) -> list[Item]: ...
    def __getitem__(self, seq: int | slice) -> Item | list[Item]:
        if isinstance(seq, slice):
            return [self[one] for one in range(*seq.indices(self._size))]
        if seq < 0:
            seq += self._size
        if not 0 <= seq < self._size:
            raise IndexError(seq)
        part = self.parts[bisect_right(self._begins, seq) - 1]
        return part if isinstance(part, Item) else self._item(part, seq)

    def __iter__(self) -> Iterator[Item]:
        for part in self.parts:
            if isinstance(part, Item):
                yield part
            else:
                for seq in range(part.begin, part.begin + len(part.times)):
                    yield self._item(part, seq)

    def _item(self, part: Stretch, seq: int) -> Item:
        item = self._made.get(seq)
        if item is None:
            record = self._record(part, seq)
            time_ns, process = record.time_ns, part.process
            item = Item("decision", record.action, record, time_ns, time_ns, seq, process, part.parent)
            self._made[seq] = item
        return item

    def _record(self, part: Item | Stretch, seq: int) -> Decision:
        assert isinstance(part, Stretch), seq
        said, place = self.said, seq - part.begin
        number = part.numbers[place]
        about, reason, values = said.places[number], said.reasons[number], said.values[number]
        action, cell = said.actions[about], said.cells[about]
        return made_decision(part.times[place], part.span_id, action, reason, values, cell)


def of_numbers(column: list[T], numbers: Sequence[int]) -> list[T]:
    """What a column of `Said` has for these numbers, of which most follow each other."""
    if isinstance(numbers, range):
        return column[numbers.start : numbers.stop]
    return list(map(column.__getitem__, numbers))


def decisions_of(items: Iterable[Item]) -> Iterator[Decision]:
    """What the journal has of the decisions among the items, in order; no item is made for that."""
    parts: Iterable[Item | Stretch] = items.parts if isinstance(items, UnmadeItems) else items
    for part in parts:
        if isinstance(part, Item):
            if isinstance(part.record, Decision):
                yield part.record
        elif isinstance(items, UnmadeItems):
            yield from map(items.decision, range(part.begin, part.begin + len(part.numbers)))


def values_of(items: Iterable[Item]) -> Iterator[Any]:
    """The values of the decisions among the items, in no order."""
    if not isinstance(items, UnmadeItems):
        yield from (item.record.values for item in items if isinstance(item.record, Decision))
        return
    for part in items.parts:
        if isinstance(part, Stretch):
            yield from of_numbers(items.said.values, part.numbers)
        elif isinstance(part.record, Decision):
            yield part.record.values


def but_decisions(items: Iterable[Item]) -> list[Item]:
    """The items that are no decisions, in order."""
    parts = items.parts if isinstance(items, UnmadeItems) else items
    return [part for part in parts if type(part) is Item and part.kind != "decision"]


def kinds_of(items: Iterable[Item]) -> Counter[str]:
    """How many items there are of each kind, in the order in which the kinds come."""
    if not isinstance(items, UnmadeItems):
        return Counter([item.kind for item in items])
    counts: Counter[str] = Counter()
    for part in items.parts:
        if isinstance(part, Item):
            counts[part.kind] += 1
        else:
            counts["decision"] += len(part.numbers)
    return counts


def actions_of(items: Iterable[Item]) -> Counter[str]:
    """How many decisions there are of each action, in the order in which the actions come."""
    if not isinstance(items, UnmadeItems):
        return Counter([item.name for item in items if item.kind == "decision"])
    counts: Counter[str] = Counter()
    said = items.said
    for part in items.parts:
        if not isinstance(part, Item):
            for place, count in Counter(of_numbers(said.places, part.numbers)).items():
                counts[said.actions[place]] += count
        elif part.kind == "decision":
            counts[part.name] += 1
    return counts


def first_ns(items: Sequence[Item]) -> int:
    """The earliest time of all; 0 without any."""
    if isinstance(items, UnmadeItems):
        times = [part.start_ns if isinstance(part, Item) else min(part.times) for part in items.parts]
    else:
        times = [item.start_ns for item in items]
    return min(filter(None, times), default=0)


def all_made(items: UnmadeItems) -> list[Item]:
    """The items in a list, and what is in each of them too."""
    made = list(items)
    for item in made:
        if isinstance(item.children, UnmadeChildren):
            item.children = list(item.children)
    return made


class UnmadeChildren(Sequence[Item]):
    """What is in a span, by the `seq` of each."""

    def __init__(self, items: UnmadeItems) -> None:
        self._items = items
        self.seqs: list[int] = []

    def append(self, item: Item) -> None:
        """Put in an item of the run."""
        self.seqs.append(item.seq)

    def __len__(self) -> int:
        return len(self.seqs)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        if isinstance(place, slice):
            return [self._items[seq] for seq in self.seqs[place]]
        return self._items[self.seqs[place]]

    def __iter__(self) -> Iterator[Item]:
        return map(self._items.__getitem__, self.seqs)
