"""Queries about what stands around an item: above it, below it, before it and after it."""

from __future__ import annotations

from dataclasses import dataclass

from otel_replay.analysis.items import Item
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.lines import end_of
from otel_replay.queries.nodes import Finding, Node, Test
from otel_replay.queries.times import shown_ns

__all__ = ["After", "Before", "Has", "Inside"]


@dataclass(frozen=True, slots=True)
class Inside(Node):
    """Items below what `above` selects; `direct`: right below it."""

    above: Node
    direct: bool = False

    def test(self, run: Indexed) -> Test:
        seqs = run.seqs(self.above)
        if self.direct:
            return lambda item: item.parent is not None and item.parent.seq in seqs
        return lambda item: any(above.seq in seqs for above in item.ancestors())

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        where = "directly below" if self.direct else "below"
        parents = " > ".join(reversed([above.name for above in item.ancestors()]))
        found = f"below {parents}" if parents else "at the top"
        return [Finding("place", self.test(run)(item), f"be {where} {self.above}", found)]

    def suffix(self) -> str:
        return f":{'child-of' if self.direct else 'below'}({self.above})"

    def lead(self) -> str:
        return f"{self.above.step()} > " if self.direct else f"{self.above.step()} "


@dataclass(frozen=True, slots=True)
class Has(Node):
    """Items that have one of `below` below them; `direct`: right below."""

    below: Node
    direct: bool = False

    def test(self, run: Indexed) -> Test:
        seqs: set[int] = set()
        for item in run.select(self.below):
            for above in item.ancestors():
                if above.seq in seqs and not self.direct:
                    break
                seqs.add(above.seq)
                if self.direct:
                    break
        return lambda item: item.seq in seqs

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        ok = self.test(run)(item)
        where = "directly below it" if self.direct else "below it"
        return [Finding("has", ok, f"have {self.below} {where}", "it has" if ok else "none there")]

    def suffix(self) -> str:
        return f":has({'> ' if self.direct else ''}{self.below})"


@dataclass(frozen=True, slots=True)
class After(Node):
    """Items that began after one of `other` began, no longer than `within_ns` after its end."""

    other: Node
    within_ns: int | None = None

    def test(self, run: Indexed) -> Test:
        line, within = run.line(self.other), self.within_ns
        # What goes on when the item begins has not ended before it: nothing lies between them.
        ends = line.latest_ends

        def test(item: Item) -> bool:
            count = line.count_before(item)
            return count > 0 and (within is None or item.start_ns - ends[count - 1] <= within)

        return test

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        closest = self.gap_ns(item, run)
        found = "none before it" if closest is None else f"{shown_ns(closest)} after one"
        return [
            Finding("after", self.test(run)(item), f"be {_within(self.within_ns)}after {self.other}", found)
        ]

    def gap_ns(self, item: Item, run: Indexed) -> int | None:
        """How long before the item the last of `other` ended; None without one."""
        before = [other for other in run.select(self.other) if other.seq < item.seq]
        return max(0, item.start_ns - max(map(end_of, before))) if before else None

    def suffix(self) -> str:
        return f":after({self.other}{_limit(self.within_ns)})"


@dataclass(frozen=True, slots=True)
class Before(Node):
    """Items that began before one of `other`, which began no longer than `within_ns` after their end."""

    other: Node
    within_ns: int | None = None

    def test(self, run: Indexed) -> Test:
        line, within = run.line(self.other), self.within_ns
        starts = line.earliest_starts

        def test(item: Item) -> bool:
            index = line.first_after(item)
            return index < len(starts) and (within is None or starts[index] - end_of(item) <= within)

        return test

    def explain(self, item: Item, run: Indexed) -> list[Finding]:
        closest = self.gap_ns(item, run)
        found = "none after it" if closest is None else f"{shown_ns(closest)} before one"
        return [
            Finding("before", self.test(run)(item), f"be {_within(self.within_ns)}before {self.other}", found)
        ]

    def gap_ns(self, item: Item, run: Indexed) -> int | None:
        """How long after the item the next of `other` began; None without one."""
        after = [other for other in run.select(self.other) if other.seq > item.seq]
        return max(0, min(other.start_ns for other in after) - end_of(item)) if after else None

    def suffix(self) -> str:
        return f":before({self.other}{_limit(self.within_ns)})"


def _within(within_ns: int | None) -> str:
    return "" if within_ns is None else f"within {shown_ns(within_ns)} "


def _limit(within_ns: int | None) -> str:
    return "" if within_ns is None else f", {shown_ns(within_ns)}"
