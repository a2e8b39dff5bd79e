"""What values must be: of all, any or none of a selection, their sum, and a run's budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from otel_replay.analysis.comparisons import is_number
from otel_replay.analysis.items import Item
from otel_replay.assertions.report import Mark, Marked
from otel_replay.assertions.rule import Result, Rule
from otel_replay.assertions.spending import calls_of_run
from otel_replay.errors import UsageError
from otel_replay.queries.columns import left_out
from otel_replay.queries.expressions import Expression
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.lines import sum_of
from otel_replay.queries.nodes import And
from otel_replay.queries.query import Query
from otel_replay.queries.times import length_ns, shown_ns
from otel_replay.wording import counted

__all__ = ["All", "Any", "Budget", "Nothing", "Total"]


@dataclass(frozen=True, slots=True)
class All(Rule):
    """All that `what` selects fulfil `holds`; that it selects nothing is a failure, unless `or_none`."""

    name: ClassVar[str] = "all"
    what: Query
    holds: Query
    or_none: bool = False

    def _check(self, run: Indexed) -> Result:
        selected = run.select(self.what.node)
        if not selected:
            if self.or_none:
                return self._yes(())
            return self._no(run, f"there is no {self.what}, so nothing was checked", wanted=self.what)
        both = run.select(And.of(self.what.node, self.holds.node))
        if len(both) == len(selected):
            return self._yes(selected)
        bad = left_out(selected, both)
        summary = f"{len(bad)} of {len(selected)} do not fulfil {self.holds}"
        marks = Marked(bad, lambda item, _: _why(self.holds, item, run))
        return self._no(run, summary, bad=marks, good=both)


def _why(holds: Query, item: Item, run: Indexed) -> str:
    findings = [finding for finding in holds.node.explain(item, run) if not finding.ok]
    return "; ".join(f"expected {finding.expected}, found {finding.found}" for finding in findings[:3])


@dataclass(frozen=True, slots=True)
class Any(Rule):
    """At least one that `what` selects fulfils `holds`."""

    name: ClassVar[str] = "any"
    what: Query
    holds: Query

    def _check(self, run: Indexed) -> Result:
        both = Query(And.of(self.what.node, self.holds.node))
        found = run.select(both.node)
        if found:
            return self._yes(found)
        count = len(run.select(self.what.node))
        return self._no(run, f"none of {count} fulfils {self.holds}", wanted=both)


@dataclass(frozen=True, slots=True)
class Nothing(Rule):
    """None that `what` selects fulfils `holds`; without `holds`, there is none at all."""

    name: ClassVar[str] = "none"
    what: Query
    holds: Query | None = None

    def _check(self, run: Indexed) -> Result:
        query = self.what if self.holds is None else self.what & self.holds
        found = run.select(query.node)
        if not found:
            return self._yes(())
        return self._no(run, f"{len(found)} found, expected none", bad=Marked(found))


# -- sums ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Total(Rule):
    """The sum of a value over all that `what` selects lies within bounds. Items without it count nothing."""

    name: ClassVar[str] = "total"
    value: Expression
    what: Query
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if self.at_most is None and self.at_least is None:
            raise UsageError("a total needs at_most or at_least, else any run fulfils it")
        for name in ("at_most", "at_least"):
            _check_limit(name, getattr(self, name))

    def _check(self, run: Indexed) -> Result:
        selected = run.select(self.what.node)
        amounts = run.line(self.what.node).amounts(self.value)
        parts = [number for number in amounts if number is not None]
        total = sum_of(parts)
        wanted = _outside(total, self.at_least, self.at_most)
        if wanted is None and len(parts) == len(selected):
            return self._yes(selected)
        told = [(item, number) for item, number in zip(selected, amounts, strict=True) if number is not None]
        if wanted is None:
            return self._yes([item for item, _ in told])
        largest = sorted(told, key=lambda part: -abs(part[1]))[:10]
        bad = [Mark(item, False, f"{self.value} = {number:g}") for item, number in largest]
        return self._no(
            run,
            f"{self.value} comes to {total:g} in {counted(len(parts), 'item')}, expected {wanted}",
            bad=bad,
        )


def _check_limit(name: str, limit: object) -> None:
    if limit is not None and (not is_number(limit) or limit != limit):
        raise UsageError(f"`{name}` is a number, and not {limit!r:.40}")


def _outside(total: float, at_least: float | None, at_most: float | None) -> str | None:
    if at_most is not None and not total <= at_most:
        return f"at most {at_most:g}"
    if at_least is not None and not total >= at_least:
        return f"at least {at_least:g}"
    return None


# -- the budget of a run -------------------------------------------------------------------------------------


_Noted = tuple[Item, str]
"""A part of what was used up, and what is said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget(Rule):
    """What a run may use up, each as a limit that it may reach and not exceed.

    `tokens`, `input_tokens`, `output_tokens` and `cost` (as recorded, in dollars) of all generations;
    `duration` of the run, such as `"30s"`; the number of `generations`, `tool_calls` and `decisions`. A cost
    that nobody recorded is unknown, not 0: then a limit on `cost` fails.
    """

    name: ClassVar[str] = "budget"
    tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    duration: str | None = None
    generations: int | None = None
    tool_calls: int | None = None
    decisions: int | None = None

    def __post_init__(self) -> None:
        if all(getattr(self, field.name) is None for field in fields(self)):
            raise UsageError("a budget needs a limit, such as tokens=4000 or duration='30s'")
        for field in fields(self):
            if field.name != "duration":
                _check_limit(field.name, getattr(self, field.name))
        if self.duration is not None:
            try:
                length_ns(self.duration)
            except ValueError as error:
                raise UsageError(str(error)) from None

    def _check(self, run: Indexed) -> Result:
        over = [*self._sums(run), *self._counts(run), *self._time(run)]
        if not over:
            return self._yes(())
        lines = [line for line, _ in over]
        notes: dict[int, tuple[Item, list[str]]] = {}
        for item, note in (about for _, parts in over for about in parts):
            notes.setdefault(item.seq, (item, []))[1].append(note)
        bad = [Mark(item, False, "; ".join(said)) for item, said in notes.values()]
        return self._no(run, "; ".join(lines), bad=bad)

    def _sums(self, run: Indexed) -> Iterator[tuple[str, list[_Noted]]]:
        for name in ("tokens", "input_tokens", "output_tokens"):
            limit = getattr(self, name)
            if limit is not None:
                parts = [(spent.tokens(name), spent.item) for spent in calls_of_run(run).generations]
                yield from _over(name, limit, parts)
        if self.cost is None:
            return
        calls = calls_of_run(run).generations
        unknown = [spent.item for spent in calls if spent.cost is None]
        if unknown:
            told = f"of {len(unknown)} of {counted(len(calls), 'generation')} no cost was recorded"
            yield told, [(item, "no cost") for item in unknown]
        else:
            yield from _over("cost", self.cost, [(spent.cost or 0.0, spent.item) for spent in calls])

    def _counts(self, run: Indexed) -> Iterator[tuple[str, list[_Noted]]]:
        of_what: dict[str, Callable[[], Sequence[Item]]] = {
            "generations": lambda: [spent.item for spent in calls_of_run(run).generations],
            "tool_calls": lambda: calls_of_run(run).tools,
            "decisions": lambda: run.of("decision"),
        }
        for name, items in of_what.items():
            limit = getattr(self, name)
            if limit is not None and len(found := items()) > limit:
                marks = [(item, "one too many") for item in found[math.floor(limit) :]]
                said = counted(len(found), name.replace("_", " ").removesuffix("s"))
                yield f"{said}, expected at most {limit}", marks

    def _time(self, run: Indexed) -> Iterator[tuple[str, list[_Noted]]]:
        took = run.run.end_ns - run.run.start_ns
        if self.duration is not None and took > length_ns(self.duration):
            yield f"it took {shown_ns(took)}, expected at most {self.duration}", []


def _over(name: str, limit: float, parts: Sequence[tuple[float, Item]]) -> Iterator[tuple[str, list[_Noted]]]:
    """What is said of a sum that is more than its limit, and its largest parts; nothing where it is not."""
    total = sum_of([number for number, _ in parts])
    if not total <= limit:
        largest = sorted(parts, key=lambda part: -part[0])[:5]
        marks = [(item, f"{name} {number:g}") for number, item in largest if number]
        said = f"a cost of {total:g}" if name == "cost" else f"{total:g} {name}"
        yield f"{said}, expected at most {limit:g}", marks
