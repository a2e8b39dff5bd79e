"""The items of a run, found by kind and name, with what each query selected remembered.

Many rules ask for the same few names of a long run: looking through all of it for each would take minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from otel_replay.analysis.comparisons import glob_pattern
from otel_replay.analysis.items import SPAN_KINDS, Item, Items
from otel_replay.queries.columns import Column
from otel_replay.queries.expressions import Expression, evaluator
from otel_replay.queries.lines import Line
from otel_replay.queries.names import PARTS

if TYPE_CHECKING:
    from otel_replay.queries.nodes import Node

__all__ = ["KIND_WORDS", "Indexed"]

KIND_WORDS: dict[str, frozenset[str]] = {
    "run": frozenset({"run"}),
    "process": frozenset({"process"}),
    "agent": frozenset({"agent"}),
    "task": frozenset({"task"}),
    "tool": frozenset({"tool call"}),
    "generation": frozenset({"generation"}),
    "span": SPAN_KINDS,
    "decision": frozenset({"decision"}),
    "event": frozenset({"event"}),
    "log": frozenset({"log"}),
    "*": SPAN_KINDS | {"decision", "event", "log"},
}
"""What a selector may begin with, and the kinds of items that it means."""

_BY_SEQ = attrgetter("seq")
_MOST_REMEMBERED = 2_000_000
_Found = TypeVar("_Found")


class Indexed:
    """A run that is asked many questions."""

    def __init__(self, items: Items) -> None:
        self.run = items
        self.all: Sequence[Item] = items.items
        self._by_name: dict[str, dict[str, list[Item]]] = {}
        self._by_kind: dict[str, list[Item]] = {}
        self._selected: dict[Node, Sequence[Item]] = {}
        self._seqs: dict[Node, frozenset[int]] = {}
        self._columns: dict[tuple[Node, Expression], Column] = {}
        self._lines: dict[Node, Line] = {}
        self._numbers: dict[Expression, dict[int, float | None]] = {}
        self._held: dict[int, int] = {}
        names = PARTS["name"]
        for item in self.all:
            self._by_kind.setdefault(item.kind, []).append(item)
            table = self._by_name.setdefault(item.kind, {})
            if item.is_span:
                for name in dict.fromkeys(names(item)):
                    table.setdefault(name, []).append(item)
            else:
                table.setdefault(item.name, []).append(item)

    def of(self, word: str, glob: str = "*") -> Sequence[Item]:
        """The items of a word of :data:`KIND_WORDS` whose name fits `glob`, in order."""
        kinds = [kind for kind in self._by_name if kind in KIND_WORDS[word]]
        if glob == "*":
            if len(kinds) == len(self._by_name):
                return self.all
            return _merged(self._by_kind[kind] for kind in kinds)
        if "*" not in glob:
            return _merged(self._by_name[kind][glob] for kind in kinds if glob in self._by_name[kind])
        fits = glob_pattern(glob).fullmatch
        return _merged(found for kind in kinds for name, found in self._by_name[kind].items() if fits(name))

    def names(self, word: str) -> list[str]:
        """The names that there are of such items."""
        kinds = KIND_WORDS[word]
        return [name for kind, table in self._by_name.items() if kind in kinds for name in table]

    def select(self, query: Node) -> Sequence[Item]:
        """What a query selects, in order; worked out once."""
        return self._once(self._selected, query, lambda: query.find(self))

    def seqs(self, query: Node) -> frozenset[int]:
        """The places of what a query selects."""
        return self._once(self._seqs, query, lambda: frozenset(item.seq for item in self.select(query)))

    def column(self, query: Node, left: Expression) -> Column:
        """The values of an expression on what a query selects."""
        return self._once(self._columns, (query, left), lambda: Column(self.select(query), evaluator(left)))

    def line(self, query: Node) -> Line:
        """What a query selects, to ask what comes before and after."""
        return self._once(self._lines, query, lambda: Line(self.select(query)))

    def numbers(self, left: Expression) -> dict[int, float | None]:
        """The numbers of an expression by the place of the item, as far as they were asked for."""
        return self._once(self._numbers, left, dict)

    def _once(self, table: dict[Any, _Found], key: Any, find: Callable[[], _Found]) -> _Found:
        """What stands in a table, worked out where it does not.

        What is remembered saves time, and may not take more memory than the run itself: a table that holds
        too much is emptied, and the others stay.
        """
        found = table.get(key)
        if found is None:
            found = find()
            size = len(found.items if isinstance(found, (Column, Line)) else found)  # type: ignore[arg-type]  # all others have a length
            held = self._held.get(id(table), 0) + size
            if held > max(_MOST_REMEMBERED, 4 * len(self.all)):
                table.clear()
                held = size
            self._held[id(table)] = held
            table[key] = found
        return found


def _merged(groups: Iterable[list[Item]]) -> Sequence[Item]:
    found = list(groups)
    if len(found) == 1:
        return found[0]
    # A span stands under its name and under what it names; it is one item all the same.
    items = {item.seq: item for group in found for item in group}
    return sorted(items.values(), key=_BY_SEQ)
