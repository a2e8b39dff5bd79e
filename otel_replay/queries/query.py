"""Queries with Python's operators: `tool("delete_*") & (attr("after").abs() <= 7)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from otel_replay.analysis.items import Item, Items
from otel_replay.errors import UsageError
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.neighbours import After, Before, Has, Inside
from otel_replay.queries.nodes import And, Node, Not, Nth, Or
from otel_replay.queries.times import length_ns

__all__ = ["Query"]


_BRACKETS = '{!r:.60} {} `{}` joins no two queries: each comparison stands in brackets, (attr("after") > 5)'


@dataclass(frozen=True, slots=True)
class Query:
    """Which items of a run are meant. `str()` of it is the selector that means the same."""

    node: Node

    def select(self, run: Items | Indexed) -> Sequence[Item]:
        """The items that it means, in the order in which they began."""
        return (run if isinstance(run, Indexed) else Indexed(run)).select(self.node)

    def __str__(self) -> str:
        return str(self.node)

    def __repr__(self) -> str:
        return f"selector({str(self)!r})"

    def __and__(self, other: Query) -> Query:
        return Query(And.of(self.node, _node(other)))

    def __or__(self, other: Query) -> Query:
        return Query(Or.of(self.node, _node(other)))

    def __rand__(self, other: object) -> NoReturn:
        raise UsageError(_BRACKETS.format(other, "&", self))

    def __ror__(self, other: object) -> NoReturn:
        raise UsageError(_BRACKETS.format(other, "|", self))

    def __invert__(self) -> Query:
        return Query(self.node.query if isinstance(self.node, Not) else Not(self.node))

    def __bool__(self) -> bool:
        raise TypeError(
            "a query is neither true nor false: join queries by `&`, `|` and `~`, each in brackets, "
            "and write `attr(…).between(1, 5)` for `1 <= attr(…) <= 5`"
        )

    def child_of(self, above: Query) -> Query:
        """Those directly below what `above` means."""
        return self._and(Inside(_node(above), direct=True))

    def descendant_of(self, above: Query) -> Query:
        """Those anywhere below what `above` means."""
        return self._and(Inside(_node(above)))

    def parent_of(self, below: Query) -> Query:
        """Those with one of `below` directly below them."""
        return self._and(Has(_node(below), direct=True))

    def has(self, below: Query) -> Query:
        """Those with one of `below` anywhere below them."""
        return self._and(Has(_node(below)))

    def after(self, other: Query, *, within: str | None = None) -> Query:
        """Those that began after one of `other` began, no longer than `within` (`"5s"`) after its end."""
        return self._and(After(_node(other), _length(within)))

    def before(self, other: Query, *, within: str | None = None) -> Query:
        """Those that began before one of `other` did, which came no later than `within` after their end."""
        return self._and(Before(_node(other), _length(within)))

    def within(self, length: str) -> Query:
        """Those of its last `before` or `after` that lie no further apart than this length of time.

        Raises
        ------
        UsageError
            If it has no `before` and no `after`, or `length` is none.
        """
        parts = self.node.parts if isinstance(self.node, And) else (self.node,)
        last = parts[-1]
        if not isinstance(last, (After, Before)):
            raise UsageError(
                f"`{self}` does not end in a before or an after that could be within {length}",
                hint='write it so: decision("APPLY").after(tool("check")).within("5s")',
            )
        return Query(And.of(*parts[:-1], replace(last, within_ns=_length(length))))

    @property
    def first(self) -> Query:
        """The first that it means."""
        return self.nth(1)

    @property
    def last(self) -> Query:
        """The last that it means."""
        return self.nth(-1)

    def nth(self, number: int) -> Query:
        """The one of this number, from 1; from the end where it is below 0."""
        if not isinstance(number, int) or not number:
            raise UsageError(
                f"items are numbered from 1, and from the end with -1; there is no number {number!r:.40}"
            )
        return Query(Nth(self.node, number))

    def _and(self, other: Node) -> Query:
        return Query(And.of(self.node, other))


def _node(query: Any) -> Node:
    if not isinstance(query, Query):
        raise UsageError(
            f"{query!r:.80} is no query",
            hint='queries are made by decision(…), tool(…), span(…), attr(…) > 5, or selector("…")',
        )
    return query.node


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return length_ns(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
