"""In which order things must happen: DECLARE's relation templates, by their names (see `counting`).

"Before" and "after" go by the order in which things began, as the journals have it. A rule about something
that never happens is fulfilled, as in DECLARE: `existence` says that it must happen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from operator import sub
from typing import ClassVar

from otel_replay.analysis.items import Item
from otel_replay.assertions.counting import among_kinds
from otel_replay.assertions.report import Marked
from otel_replay.assertions.rule import Result, Rule
from otel_replay.errors import UsageError
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.lines import Line, Together
from otel_replay.queries.query import Query
from otel_replay.queries.times import length_ns, shown_ns

__all__ = [
    "AlternatePrecedence", "AlternateResponse", "AlternateSuccession", "ChainPrecedence", "ChainResponse",
    "ChainSuccession", "Coexistence", "NotChainSuccession", "NotCoexistence", "NotSuccession", "Precedence",
    "RespondedExistence", "Response", "Succession",
]  # fmt: skip


_Violation = tuple[Item, str, "Query | None"]
"""An item that breaks the rule, what is wrong with it, and what was looked for in vain."""


@dataclass(frozen=True, slots=True)
class _Relation(Rule):
    """Rules about two kinds of items."""

    first: Query
    second: Query

    def _check(self, run: Indexed) -> Result:
        firsts, seconds = run.line(self.first.node), run.line(self.second.node)
        broken = list(self._broken(firsts, seconds, run))
        if not broken:
            return self._yes(seconds.items or firsts.items)
        bad = Marked([item for item, _, _ in broken], lambda _, place: broken[place][1])
        item, note, wanted = broken[0]
        more = f", and so for {len(broken) - 1} more" if len(broken) > 1 else ""
        return self._no(
            run, f"{item.name}: {note}{more}", bad=bad, good=Together(firsts, seconds), wanted=wanted
        )

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:
        raise NotImplementedError

    def _without(self, there: Line, missing: Line, query: Query) -> Iterator[_Violation]:
        if not missing.items:
            for item in there.items:
                yield item, f"there is no {query}", query


@dataclass(frozen=True, slots=True)
class RespondedExistence(_Relation):
    """Where the first happens the second happens too, before or after."""

    name: ClassVar[str] = "responded_existence"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        return self._without(firsts, seconds, self.second)


@dataclass(frozen=True, slots=True)
class Coexistence(_Relation):
    """Both happen, or neither does."""

    name: ClassVar[str] = "coexistence"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        yield from self._without(firsts, seconds, self.second)
        yield from self._without(seconds, firsts, self.first)


@dataclass(frozen=True, slots=True)
class NotCoexistence(_Relation):
    """They never both happen in one run."""

    name: ClassVar[str] = "not_coexistence"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        if firsts.items and seconds.items:
            for item in firsts.items:
                yield item, f"there is also {self.second}", None
            for item in seconds.items:
                yield item, f"there is also {self.first}", None


@dataclass(frozen=True, slots=True)
class Response(_Relation):
    """Each of the first is followed by one of the second, no later than `within` after its end."""

    name: ClassVar[str] = "response"
    within: str | None = None

    def __post_init__(self) -> None:
        _check_length(self.within)

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        return _unanswered(firsts, seconds, self.second, self.within)


@dataclass(frozen=True, slots=True)
class Precedence(_Relation):
    """Each of the second has one of the first before it; with `ended`, one that had ended by then."""

    name: ClassVar[str] = "precedence"
    ended: bool = False

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        yield from _too_early(firsts, seconds, self.first)
        seqs = firsts.seqs
        if self.ended and seqs:
            for place in range(bisect_right(seconds.seqs, seqs[0]), len(seconds.seqs)):
                count = bisect_left(seqs, seconds.seqs[place])
                if firsts.earliest_ends[count - 1] > seconds.starts[place]:
                    item = seconds.items[place]
                    yield item, f"{self.first} had begun but not ended before it", None


@dataclass(frozen=True, slots=True)
class Succession(_Relation):
    """Response and precedence: each has the other."""

    name: ClassVar[str] = "succession"
    within: str | None = None

    def __post_init__(self) -> None:
        _check_length(self.within)

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        yield from _unanswered(firsts, seconds, self.second, self.within)
        yield from _too_early(firsts, seconds, self.first)


def _unanswered(firsts: Line, seconds: Line, second: Query, within: str | None) -> Iterator[_Violation]:
    """The firsts that no second follows in time."""
    limit = None if within is None else length_ns(within)
    starts, seqs = seconds.earliest_starts, seconds.seqs
    followed = bisect_left(firsts.seqs, seqs[-1]) if seqs else 0
    if limit is not None:
        nexts = map(bisect_right, repeat(seqs), firsts.seqs[:followed])
        gaps = list(map(sub, map(starts.__getitem__, nexts), firsts.ends))
        for place, gap in enumerate(gaps) if max(gaps, default=0) > limit else ():
            if gap > limit:
                came = f"{second} came {shown_ns(gap)} after it, expected within {within}"
                yield firsts.items[place], came, None
    alone = f"no {second} after it"
    for place in range(followed, len(firsts.seqs)):
        yield firsts.items[place], alone, second


def _too_early(firsts: Line, seconds: Line, first: Query) -> Iterator[_Violation]:
    """The seconds up to the very first of the firsts, which may be one of them."""
    early = bisect_right(seconds.seqs, firsts.seqs[0]) if firsts.seqs else len(seconds.seqs)
    alone = f"no {first} before it"
    for place in range(early):
        yield seconds.items[place], alone, first


@dataclass(frozen=True, slots=True)
class AlternateResponse(_Relation):
    """Each of the first is followed by one of the second before the next of the first."""

    name: ClassVar[str] = "alternate_response"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        return _not_answered_in_turn(firsts, seconds, self.second)


@dataclass(frozen=True, slots=True)
class AlternatePrecedence(_Relation):
    """Each of the second has one of the first before it, after the last of the second."""

    name: ClassVar[str] = "alternate_precedence"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        return _not_caused_in_turn(firsts, seconds, self.first)


@dataclass(frozen=True, slots=True)
class AlternateSuccession(_Relation):
    """Alternate response and alternate precedence: they take turns."""

    name: ClassVar[str] = "alternate_succession"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        yield from _not_answered_in_turn(firsts, seconds, self.second)
        yield from _not_caused_in_turn(firsts, seconds, self.first)


def _not_answered_in_turn(firsts: Line, seconds: Line, second: Query) -> Iterator[_Violation]:
    for item in firsts.items:
        answer, again = seconds.next(item), firsts.next(item)
        if answer is None:
            yield item, f"no {second} after it", second
        elif again is not None and again.seq < answer.seq:
            yield item, f"{again.name} came again before {second}", None


def _not_caused_in_turn(firsts: Line, seconds: Line, first: Query) -> Iterator[_Violation]:
    for item in seconds.items:
        cause, last = firsts.previous(item), seconds.previous(item)
        if cause is None:
            yield item, f"no {first} before it", first
        elif last is not None and last.seq > cause.seq:
            yield item, f"no {first} between {last.name} and it", None


@dataclass(frozen=True, slots=True)
class _Chain(_Relation):
    """Relations between neighbours. `among`: neighbours in what; None: among items of both kinds."""

    among: Query | None = None

    def _line(self, run: Indexed) -> Line:
        among = among_kinds(self.first, self.second) if self.among is None else self.among
        return run.line(among.node)


@dataclass(frozen=True, slots=True)
class ChainResponse(_Chain):
    """Right after each of the first comes one of the second."""

    name: ClassVar[str] = "chain_response"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:
        line, wanted = self._line(run), seconds.places
        for item in firsts.items:
            after = line.next(item)
            if after is None:
                yield item, f"nothing comes after it, expected {self.second}", None
            elif after.seq not in wanted:
                yield item, f"{after.name} comes right after it, expected {self.second}", None


@dataclass(frozen=True, slots=True)
class ChainPrecedence(_Chain):
    """Right before each of the second stands one of the first."""

    name: ClassVar[str] = "chain_precedence"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:
        line, wanted = self._line(run), firsts.places
        for item in seconds.items:
            before = line.previous(item)
            if before is None:
                yield item, f"nothing comes before it, expected {self.first}", None
            elif before.seq not in wanted:
                yield item, f"{before.name} comes right before it, expected {self.first}", None


@dataclass(frozen=True, slots=True)
class ChainSuccession(_Chain):
    """Chain response and chain precedence: one always comes right after the other."""

    name: ClassVar[str] = "chain_succession"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:
        yield from ChainResponse(self.first, self.second, self.among)._broken(firsts, seconds, run)
        yield from ChainPrecedence(self.first, self.second, self.among)._broken(firsts, seconds, run)


@dataclass(frozen=True, slots=True)
class NotSuccession(_Relation):
    """After the first the second never comes."""

    name: ClassVar[str] = "not_succession"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:  # noqa: ARG002 - shared
        for item in seconds.items:
            before = firsts.previous(item)
            if before is not None:
                yield item, f"it comes after {before.name}", None


@dataclass(frozen=True, slots=True)
class NotChainSuccession(_Chain):
    """Right after the first the second never comes."""

    name: ClassVar[str] = "not_chain_succession"

    def _broken(self, firsts: Line, seconds: Line, run: Indexed) -> Iterator[_Violation]:
        line, causes = self._line(run), firsts.places
        for item in seconds.items:
            before = line.previous(item)
            if before is not None and before.seq in causes:
                yield item, f"it comes right after {before.name}", None


def _check_length(text: str | None) -> None:
    try:
        length_ns(text or "0s")
    except ValueError as error:
        raise UsageError(str(error)) from None
