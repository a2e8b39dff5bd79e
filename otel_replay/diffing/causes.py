"""What follows from what: of each finding, whether an earlier one explains it.

Nothing is guessed (docs/decisions/0021). A finding follows from an earlier one when what it began with was
not the same any more, and the runs themselves show where that came from:

- a value went in that had changed before, from the same one to the same one (or in a text);
- it is about the same cell of a table that an earlier one changed, added or took away;
- it is a checkpoint or an output of the run, and decisions before it were not the same;
- a model answered something else, and after it a tool is called (or not) that the answer named;
- it is a span that ended another way, and something in it was not the same;
- the call that it happened in was made with other inputs.

What had the same inputs and another outcome is independent, and so is what nothing before it explains.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import own_name
from otel_replay.diffing.content import label_of
from otel_replay.diffing.findings import OF_AFTER, Finding, are_outcomes, is_map, is_outcome
from otel_replay.diffing.values import MISSING, Change
from otel_replay.records import Decision

__all__ = ["explain"]

_MOST_TEXTS = 40
_SHORTEST_TEXT = 4
_ROUND = 10


def explain(findings: Iterable[Finding]) -> None:
    """Fill in `follows` and `why` of all findings, which are in the order in which things happened."""
    known = _Known()
    for finding in findings:
        if finding.how == "not reached":
            continue
        one = _Told(finding, finding.item, [_key(change) for change in finding.changes], _cell(finding.item))
        finding.follows, finding.why = known.source(one)
        known.learn(one)


class _Told(NamedTuple):
    """A finding and its item; its changes and its cell as what has been different is found by."""

    finding: Finding
    item: Item
    keys: list[Hashable]
    cell: Hashable | None


class _Known:
    """What has been different so far."""

    def __init__(self) -> None:
        self.values: dict[Hashable, int] = {}
        self.texts: list[tuple[str, str, int]] = []
        self.cells: dict[Hashable, int] = {}
        self.answers: list[Finding] = []
        self.inside: dict[int, int] = {}
        self.called: dict[int, int] = {}
        self.last_decision = 0

    def source(self, one: _Told) -> tuple[int | None, str]:
        """The number of the earlier finding that explains this one, and how that is known."""
        finding, item, keys, _ = one
        changes, has_inputs = finding.changes, _has_inputs(item)
        outcomes = are_outcomes(item, changes)
        told = [(change, key) for change, key, came in zip(changes, keys, outcomes, strict=True) if not came]
        if not has_inputs and not item.is_span:
            # It does not say what it began with: a value that was carried on may be any of its values.
            told = sorted(zip(changes, keys, strict=True), key=lambda entry: entry[0].path[0] == "reason")
        for change, key in told:
            number = self._value(change, key)
            if number is not None:
                return number, f"{change.name} had changed before"
        for found in self._sources(one, bool(told), has_inputs):
            return found
        if changes and not told:
            return None, "the same went in, and something else came out"
        return None, "nothing before it explains it"

    def _sources(self, one: _Told, inputs: bool, has_inputs: bool) -> Iterator[tuple[int, str]]:
        finding, item, _, cell = one
        if item.kind == "event" and own_name(item) and finding.how == "changed" and self.last_decision:
            yield self.last_decision, "it holds what had been decided before"
        if cell is not None and cell in self.cells and (inputs or finding.how != "changed" or not has_inputs):
            yield self.cells[cell], "the same cell had changed before"
        if finding.how in {"added", "removed"} and item.kind == "tool call":
            for answer in reversed(self.answers):
                if answer.item.parent is not None and _names(answer, label_of(item)):
                    yield answer.number, "a model had answered something else"
        if finding.changes and not inputs and item.is_span:
            number = self.inside.get(item.seq if finding.before is not None else -1)
            if number is not None:
                yield number, "something in it was not the same"
        for above in item.ancestors() if self.called and finding.before is not None else ():
            if above.seq in self.called and above.kind not in {"run", "process"}:
                yield self.called[above.seq], "the call that it is part of had other inputs"

    def _value(self, change: Change, key: Hashable | None) -> int | None:
        if key is not None and key in self.values:
            return self.values[key]
        if isinstance(change.before, str) and isinstance(change.after, str):
            for before, after, number in reversed(self.texts):
                if before in change.before and after in change.after:
                    return number
        return None

    def learn(self, one: _Told) -> None:
        """Take up what is not the same from here on."""
        finding, item, keys, cell = one
        number = finding.number
        if item.kind == "decision":
            self.last_decision = number
        for change, key in zip(finding.changes, keys, strict=True):
            if key is not None:
                self.values[key] = number
            if type(change.before) is not float and _is_text(change.before) and _is_text(change.after):
                self.texts.append((change.before, change.after, number))
                del self.texts[:-_MOST_TEXTS]
        if cell is not None:
            self.cells[cell] = number
        if item.kind == "generation" and any(is_outcome(item, change) for change in finding.changes):
            self.answers.append(finding)
            del self.answers[:-_MOST_TEXTS]
        if finding.before is None:
            return
        if item.is_span and any(not is_outcome(item, change) for change in finding.changes):
            self.called[item.seq] = number
        for above in item.ancestors():
            if above.seq in self.inside:
                break
            self.inside[above.seq] = number


def _key(change: Change) -> Hashable | None:
    """Both values, where they are not such as meet by chance: 0 and 1, true and false, none."""
    before, after = change.before, change.after
    if type(before) is type(after) is float or (_is_telling(before) and _is_telling(after)):
        return before, after
    return None


def _is_telling(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) >= _ROUND
    return isinstance(value, float) or _is_text(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST_TEXT


def _cell(item: Item) -> Hashable | None:
    record = item.record
    if not isinstance(record, Decision) or not is_map(record.cell) or not record.cell:
        return None
    try:
        return frozenset(record.cell.items())
    except TypeError:
        return None


def _has_inputs(item: Item) -> bool:
    """Whether a decision says what it began with."""
    record = item.record
    if not isinstance(record, Decision) or not is_map(record.values):
        return False
    return not (OF_AFTER.isdisjoint(record.values) or OF_AFTER.issuperset(record.values))


def _names(answer: Finding, tool: str) -> bool:
    """Whether what a model answered otherwise says the name of a tool."""
    return any(_holds(value, tool) for change in answer.changes for value in (change.before, change.after))


def _holds(value: Any, text: str) -> bool:
    if value is MISSING:
        return False
    if isinstance(value, str):
        return text in value
    if isinstance(value, Mapping):
        return any(_holds(item, text) for item in value.values())
    return isinstance(value, list | tuple) and any(_holds(item, text) for item in value)
