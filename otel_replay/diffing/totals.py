"""What two runs came to, side by side: counts, durations, tokens by model, and decisions by action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.unmade_items import actions_of, but_decisions, kinds_of
from otel_replay.dialects.reading import read_span
from otel_replay.diffing.content import Contents, label_of
from otel_replay.diffing.findings import Brief, Finding, Findings, How
from otel_replay.diffing.sides import Side
from otel_replay.diffing.values import Change

_MOMENTS = frozenset({"decision", "event", "log"})
_COUNTS: dict[How, str] = {
    "changed": "changed",
    "added": "added",
    "removed": "removed",
    "moved": "moved",
    "not reached": "not_reached",
}

__all__ = ["ActionTotals", "Aggregate", "action_table", "aggregates_of"]


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


def action_table(
    a: Items, b: Items, findings: Findings, left: Side, contents: Contents
) -> list[ActionTotals]:
    """The actions in the order in which the first run decided on them, then those of the second alone.

    Parameters
    ----------
    a, b, findings:
        The runs, and what is not the same in them.
    left, contents:
        The first run as it was compared, and what its items hold.
    """
    table: dict[str, ActionTotals] = {}
    for side, items in (("a", a), ("b", b)):
        for action, count in actions_of(items.items).items():
            setattr(table.setdefault(action, ActionTotals(action=action)), side, count)
    shares: dict[str, float] = {}
    briefly: Counter[str] = Counter()
    for entry in findings.entries:
        if isinstance(entry, Brief):
            action = contents.about[left.groups[entry.before]].action
            briefly[action] += 1
            largest = shares.get(action, 0.0)
            for leaf in entry.leaves:
                if _share(leaf[1], leaf[2]) > largest:
                    shares[action] = largest = _share(leaf[1], leaf[2])
                    table[action].largest = Change(*leaf)
        else:
            _count(entry, table, shares)
    for action, count in briefly.items():
        table[action].changed += count
    return list(table.values())


def _count(finding: Finding, table: dict[str, ActionTotals], shares: dict[str, float]) -> None:
    item = finding.item
    for one in item.walk() if finding.items > 1 else (item,):
        if one.kind == "decision":
            row = table[one.name]
            name = _COUNTS[finding.how]
            setattr(row, name, getattr(row, name) + 1)
            row.not_reached_by_b += finding.how == "not reached" and finding.after is None
    if item.kind == "decision" and finding.changes:
        largest = shares.get(item.name, 0.0)
        for change in finding.changes:
            share = _share(change.before, change.after)
            if share > largest:
                shares[item.name] = largest = share
                table[item.name].largest = change


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
