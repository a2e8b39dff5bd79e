"""The items of a run, found by kind and name, with what each query selected remembered.

Many rules ask for the same few names of a long run: looking through all of it for each would take minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from otel_replay.analysis.comparisons import glob_pattern
from otel_replay.analysis.items import SPAN_KINDS, Item, Items
from otel_replay.queries.columns import Chosen, Column, marked
from otel_replay.queries.expressions import Expression
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
_MOST_ASKED = 10_000
_MOST_ANSWERS = 64
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
        self._lines: dict[int, Line] = {}
        self._asked: set[tuple[Node, Node]] = set()
        self._answers: dict[tuple[Node, Node], int] = {}
        self._samples: dict[Hashable, Any] = {}
        self._held: dict[int, int] = {}
        names = PARTS["name"]
        for item in self.all:
            kind = item.kind
            try:
                self._by_kind[kind].append(item)
            except KeyError:
                self._by_kind[kind], self._by_name[kind] = [item], {}
            table = self._by_name[kind]
            for name in dict.fromkeys(names(item)) if kind in SPAN_KINDS else (item.name,):
                try:
                    table[name].append(item)
                except KeyError:
                    table[name] = [item]

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
        return self._once(self._columns, (query, left), lambda: Column(self.select(query), left))

    def shared_answer(self, query: Node, part: Node) -> int | None:
        """Which items of what `query` selects a part of other queries selects, too (`Column.fulfil`).

        None the first time that it is asked for: only what several queries share is worth looking through
        all items, and not only those that the rest of the query leaves.
        """
        key = (query, part)
        found = self._answers.get(key)
        if found is None:
            if key not in self._asked:
                if len(self._asked) >= _MOST_ASKED:
                    self._asked.clear()
                self._asked.add(key)
                return None
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            found = self._answers[key] = marked(self.select(query), part.test(self))
        return found

    def sample(self, about: Hashable, choose: Callable[[], _Found]) -> _Found:
        """What `choose` gives, chosen once for all who ask about the same: few items of many."""
        if about not in self._samples:
            self._samples[about] = choose()
        found: _Found = self._samples[about]
        return found

    def line(self, query: Node) -> Line:
        """What a query selects, to ask what comes before and after."""
        return self._line(self.select(query))

    def _line(self, items: Sequence[Item]) -> Line:
        # The line holds the items, so that nothing else gets their id.
        whole = self._line(items.whole) if isinstance(items, Chosen) else None
        return self._once(self._lines, id(items), lambda: Line(items, whole))

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
