"""How many there must be: DECLARE's unary templates, and what stands first and last.

DECLARE: M. Pesic, H. Schonenberg, W. van der Aalst, "DECLARE: Full Support for Loosely-Structured Processes"
(EDOC 2007); the templates by the names of C. Di Ciccio and M. Mecella (ACM TMIS 5(4), 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from otel_replay.analysis.items import Item
from otel_replay.assertions.report import Mark, Marked
from otel_replay.assertions.rule import Result, Rule
from otel_replay.errors import UsageError
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.nodes import Of, Or
from otel_replay.queries.query import Query

__all__ = ["Absence", "AtLeast", "AtMost", "Between", "Exactly", "Existence", "Init", "Last", "among_kinds"]


@dataclass(frozen=True, slots=True)
class _Count(Rule):
    """Rules about a number of items."""

    what: Query

    def _counted(self, run: Indexed, low: int, high: int | None, wanted: str) -> Result:
        found = run.select(self.what.node)
        if len(found) < low:
            return self._no(run, f"{_times(len(found))}, expected {wanted}", good=found, wanted=self.what)
        if high is not None and len(found) > high:
            bad = Marked(found[high:] if high else found, lambda _, place: f"number {high + place + 1}")
            return self._no(run, f"{_times(len(found))}, expected {wanted}", bad=bad, good=found)
        return self._yes(found)


def _check_times(times: object) -> None:
    if not isinstance(times, int) or isinstance(times, bool) or times < 0:
        raise UsageError(f"how many there are is a whole number from 0, and not {times!r:.40}")


def _times(count: int) -> str:
    return "there is none" if not count else "there is 1" if count == 1 else f"there are {count}"


@dataclass(frozen=True, slots=True)
class Existence(_Count):
    """There is such an item. DECLARE's `existence(A)`."""

    name: ClassVar[str] = "existence"

    def _check(self, run: Indexed) -> Result:
        return self._counted(run, 1, None, "at least 1")


@dataclass(frozen=True, slots=True)
class AtLeast(_Count):
    """There are so many such items, or more. DECLARE's `existence(n, A)`."""

    name: ClassVar[str] = "at_least"
    times: int

    def __post_init__(self) -> None:
        _check_times(self.times)

    def _check(self, run: Indexed) -> Result:
        return self._counted(run, self.times, None, f"at least {self.times}")


@dataclass(frozen=True, slots=True)
class Absence(_Count):
    """There is no such item. DECLARE's `absence(A)`."""

    name: ClassVar[str] = "absence"

    def _check(self, run: Indexed) -> Result:
        return self._counted(run, 0, 0, "none")


@dataclass(frozen=True, slots=True)
class AtMost(_Count):
    """There are no more such items. DECLARE's `absence(n + 1, A)`."""

    name: ClassVar[str] = "at_most"
    times: int

    def __post_init__(self) -> None:
        _check_times(self.times)

    def _check(self, run: Indexed) -> Result:
        return self._counted(run, 0, self.times, f"at most {self.times}")


@dataclass(frozen=True, slots=True)
class Exactly(_Count):
    """There are so many such items. DECLARE's `exactly(n, A)`."""

    name: ClassVar[str] = "exactly"
    times: int

    def __post_init__(self) -> None:
        _check_times(self.times)

    def _check(self, run: Indexed) -> Result:
        return self._counted(run, self.times, self.times, f"exactly {self.times}")


@dataclass(frozen=True, slots=True)
class Between(_Count):
    """There are at least `low` such items and at most `high`."""

    name: ClassVar[str] = "between"
    low: int
    high: int

    def __post_init__(self) -> None:
        _check_times(self.low)
        _check_times(self.high)
        if self.low > self.high:
            raise UsageError(f"no number is between {self.low} and {self.high}: the smaller one stands first")

    def _check(self, run: Indexed) -> Result:
        return self._counted(run, self.low, self.high, f"between {self.low} and {self.high}")


@dataclass(frozen=True, slots=True)
class _Edge(Rule):
    """Rules about what stands at an end. `among`: of what; None: of all items of the same kind."""

    what: Query
    among: Query | None = None

    def _edge(self, run: Indexed, index: int, word: str) -> Result:
        among = among_kinds(self.what) if self.among is None else self.among
        everything: Sequence[Item] = run.select(among.node)
        if not everything:
            return self._no(run, f"there is no {among}, and so no {word} one", wanted=self.what)
        item = everything[index]
        if item.seq in run.seqs(self.what.node):
            return self._yes((item,))
        bad = [Mark(item, False, f"the {word} {among}")]
        return self._no(
            run,
            f"the {word} {among} is {item.name}",
            bad=bad,
            good=run.select(self.what.node),
            wanted=None if run.select(self.what.node) else self.what,
        )


@dataclass(frozen=True, slots=True)
class Init(_Edge):
    """The first item is such a one. DECLARE's `init(A)`; `among` says the first of what."""

    name: ClassVar[str] = "init"

    def _check(self, run: Indexed) -> Result:
        return self._edge(run, 0, "first")


@dataclass(frozen=True, slots=True)
class Last(_Edge):
    """The last item is such a one. DECLARE's `last(A)`, also called `end(A)`."""

    name: ClassVar[str] = "last"

    def _check(self, run: Indexed) -> Result:
        return self._edge(run, -1, "last")


def among_kinds(*queries: Query) -> Query:
    """All items of the kinds that these queries are about: what "first" and "next" are counted in."""
    each = [query.node.words() for query in queries]
    words = frozenset().union(*each) if all(each) else frozenset({"*"})
    return Query(Or.of(*(Of(word) for word in sorted(words))))
