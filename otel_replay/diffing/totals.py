"""What two runs came to, side by side: counts, durations, tokens by model, and decisions by action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter
from typing import Any

from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.unmade_items import actions_of, but_decisions, kinds_of
from otel_replay.dialects.reading import read_span
from otel_replay.diffing.columns import Columns
from otel_replay.diffing.content import label_of
from otel_replay.diffing.findings import Finding, How
from otel_replay.diffing.leaves import Leaf
from otel_replay.diffing.values import Change

_MOMENTS = frozenset({"decision", "event", "log"})
_COUNTS: dict[How, str] = {
    "changed": "changed",
    "added": "added",
    "removed": "removed",
    "moved": "moved",
    "not reached": "not_reached",
}

__all__ = ["ActionTable", "ActionTotals", "Aggregate", "aggregates_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One figure of both runs. `unit` is empty for a count, or `ns`, `tokens`, `usd`."""

    name: str
    a: float | None
    b: float | None
    unit: str = ""

    @property
    def change(self) -> float | None:
        """The second less the first; None where one does not have it."""
        return None if self.a is None or self.b is None else self.b - self.a


@dataclass(slots=True, kw_only=True)
class ActionTotals:
    """What became of the decisions of one action.

    `largest` is the change of a number that is the largest as a share of what it was.
    """

    action: str
    a: int = 0
    b: int = 0
    changed: int = 0
    added: int = 0
    removed: int = 0
    moved: int = 0
    not_reached: int = 0
    not_reached_by_b: int = 0
    largest: Change | None = field(default=None)

    @property
    def same(self) -> int:
        """Decisions that both runs have, with the same values."""
        return self.a - self.changed - self.removed - self.moved - self.not_reached_by_b


class ActionTable:
    """Counts what becomes of the decisions, by action: those that the first run decided on come first."""

    def __init__(self, a: Items, b: Items) -> None:
        self._rows: dict[str, ActionTotals] = {}
        for side, items in (("a", a), ("b", b)):
            for action, count in actions_of(items.items).items():
                setattr(self._rows.setdefault(action, ActionTotals(action=action)), side, count)
        self._shares = dict.fromkeys(self._rows, 0.0)
        self._briefly = dict.fromkeys(self._rows, 0)

    def rows(self) -> tuple[ActionTotals, ...]:
        """The actions with all that was counted."""
        for action, count in self._briefly.items():
            self._rows[action].changed += count
            self._briefly[action] = 0
        return tuple(self._rows.values())

    def count_brief(self, action: str, leaves: Sequence[Leaf]) -> None:
        """Count a decision of which only plain values and the reason changed."""
        self._briefly[action] += 1
        for leaf in leaves:
            self._measure(action, leaf)

    def _measure(self, action: str, leaf: Leaf) -> None:
        share = _share(leaf[1], leaf[2])
        if share > self._shares[action]:
            self._shares[action] = share
            self._rows[action].largest = Change(*leaf)

    def count_columns(self, actions: Sequence[str], columns: Columns) -> None:
        """As :meth:`count_brief`, for many decisions with the actions of each."""
        for action, count in Counter(actions).items():
            self._briefly[action] += count
        least = [_SMALLER * self._shares[action] for action in actions]
        largest: list[tuple[int, Leaf]] = []
        for form in columns.forms:
            places = form.places
            lows = least if len(places) == len(least) else [least[place] for place in places]
            for path, kind, before, after, _ in form.columns:
                # Most are plainly smaller: their share of the larger number is less than that of the first.
                larger = kind is not float or [
                    abs(a - b) >= low * abs(a) for a, b, low in zip(before, after, lows, strict=True)
                ]
                if larger is True or True in larger:
                    rows = zip(places, before, after, strict=True)
                    some = rows if larger is True else compress(rows, larger)
                    largest += [(place, (path, a, b)) for place, a, b in some]
        # By their places, and of each place as they stand there.
        for place, leaf in sorted(largest, key=itemgetter(0)):
            self._measure(actions[place], leaf)

    def count(self, finding: Finding) -> None:
        """Count a finding, with all that it stands for."""
        item = finding.item
        for one in item.walk() if finding.items > 1 else (item,):
            if one.kind == "decision":
                row = self._rows[one.name]
                name = _COUNTS[finding.how]
                setattr(row, name, getattr(row, name) + 1)
                row.not_reached_by_b += finding.how == "not reached" and finding.after is None
        if item.kind == "decision" and finding.changes:
            largest = self._shares[item.name]
            for change in finding.changes:
                share = _share(change.before, change.after)
                if share > largest:
                    self._shares[item.name] = largest = share
                    self._rows[item.name].largest = change


_SMALLER = 1 - 1e-9
"""Less than one by more than rounding can make of a share."""


def _share(a: Any, b: Any) -> float:
    """How large the change of a number is, as a share of the larger one; 0 for what is no number."""
    if type(a) not in _NUMBERS or type(b) not in _NUMBERS:
        return 0.0
    larger = max(abs(a), abs(b))
    share = abs(a - b) / larger if larger else 0.0
    return share if share == share else 0.0


_NUMBERS = frozenset({int, float})


@dataclass(slots=True)
class _Totals:
    counts: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    amounts: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, name: str, unit: str, amount: float | None) -> None:
        if amount is not None:
            self.amounts[name, unit] = self.amounts.get((name, unit), 0) + amount


def aggregates_of(a: Items, b: Items, *, decisions_only: bool = False) -> list[Aggregate]:
    """Figures that either run has, counts first; those of decisions alone where nothing else was compared."""
    left, right = _totals(a), _totals(b)
    found = [
        Aggregate(name="duration", a=_length(a), b=_length(b), unit="ns"),
        *(
            Aggregate(name=_plural(kind), a=left.counts[kind], b=right.counts[kind])
            for kind in dict.fromkeys([*left.counts, *right.counts])
            if kind not in {"run", "process"}
        ),
        Aggregate(name="failed spans", a=left.failed, b=right.failed),
        Aggregate(name="records lost", a=a.lost, b=b.lost),
    ]
    names: Sequence[tuple[str, str]] = list(dict.fromkeys([*left.amounts, *right.amounts]))
    found += [
        Aggregate(name=name, a=left.amounts.get((name, unit)), b=right.amounts.get((name, unit)), unit=unit)
        for name, unit in names
    ]
    if decisions_only:
        found = [one for one in found if one.name == "decisions"]
    return [one for one in found if one.a or one.b]


def _length(items: Items) -> int | None:
    return items.end_ns - items.start_ns if items.end_ns and items.start_ns else None


def _plural(kind: str) -> str:
    return {"other": "other spans"}.get(kind, f"{kind}s")


def _totals(items: Items) -> _Totals:
    totals = _Totals(counts=kinds_of(items.items))
    for item in but_decisions(items.items):
        if item.kind in _MOMENTS:
            continue
        totals.failed += item.status == "error" and not item.open
        if item.kind == "generation" and not _is_seen_again(item):
            _add_generation(totals, item)
        elif item.kind == "tool call":
            totals.add(f"time in {label_of(item)}", "ns", item.duration_ns)
    return totals


def _add_generation(totals: _Totals, item: Item) -> None:
    meaning = read_span(item.name, item.attributes, scope=item.scope)
    model = meaning.model or "(unnamed model)"
    usage = meaning.usage
    totals.add(f"calls of {model}", "", 1)
    totals.add(f"time in {model}", "ns", item.duration_ns)
    totals.add(f"input of {model}", "tokens", usage.input_tokens)
    totals.add(f"output of {model}", "tokens", usage.output_tokens)
    totals.add(f"cost of {model}", "usd", meaning.cost_usd)


def _is_seen_again(item: Item) -> bool:
    """Whether a framework's span of the same call is directly above: one call that two libraries recorded."""
    return item.parent is not None and item.parent.kind == "generation"
