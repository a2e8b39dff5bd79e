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
from typing import Any

from otel_replay.analysis.grid import AFTER_NAMES
from otel_replay.analysis.items import Item
from otel_replay.diffing.content import label_of, own_name
from otel_replay.diffing.findings import Finding, is_outcome
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
        source, why = known.source(finding)
        finding.follows, finding.why = source, why
        known.learn(finding)


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

    def source(self, finding: Finding) -> tuple[int | None, str]:
        """The number of the earlier finding that explains this one, and how that is known."""
        item = finding.item
        inputs = [change for change in finding.changes if not is_outcome(item, change)]
        if not item.is_span and not _has_inputs(item):
            # It does not say what it began with: a value that was carried on may be any of its values.
            inputs = sorted(finding.changes, key=lambda change: change.path[0] == "reason")
        for found in self._sources(finding, inputs):
            return found
        if finding.changes and not inputs:
            return None, "the same went in, and something else came out"
        return None, "nothing before it explains it"

    def _sources(self, finding: Finding, inputs: list[Change]) -> Iterator[tuple[int, str]]:
        item = finding.item
        for change in inputs:
            number = self._value(change)
            if number is not None:
                yield number, f"{change.name} had changed before"
        if item.kind == "event" and own_name(item) and finding.how == "changed" and self.last_decision:
            yield self.last_decision, "it holds what had been decided before"
        cell = _cell(item)
        if (
            cell is not None
            and cell in self.cells
            and (inputs or finding.how != "changed" or not _has_inputs(item))
        ):
            yield self.cells[cell], "the same cell had changed before"
        if finding.how in {"added", "removed"} and item.kind == "tool call":
            for answer in reversed(self.answers):
                if answer.item.parent is not None and _names(answer, label_of(item)):
                    yield answer.number, "a model had answered something else"
        if finding.changes and not inputs and item.is_span:
            number = self.inside.get(item.seq if finding.before is not None else -1)
            if number is not None:
                yield number, "something in it was not the same"
        for above in item.ancestors():
            if (
                finding.before is not None
                and above.seq in self.called
                and above.kind not in {"run", "process"}
            ):
                yield self.called[above.seq], "the call that it is part of had other inputs"

    def _value(self, change: Change) -> int | None:
        key = _key(change)
        if key is not None and key in self.values:
            return self.values[key]
        if isinstance(change.before, str) and isinstance(change.after, str):
            for before, after, number in reversed(self.texts):
                if before in change.before and after in change.after:
                    return number
        return None

    def learn(self, finding: Finding) -> None:
        """Take up what is not the same from here on."""
        number, item = finding.number, finding.item
        if item.kind == "decision":
            self.last_decision = number
        for change in finding.changes:
            key = _key(change)
            if key is not None:
                self.values[key] = number
            if _is_text(change.before) and _is_text(change.after):
                self.texts.append((change.before, change.after, number))
                del self.texts[:-_MOST_TEXTS]
        cell = _cell(item)
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
    pair = change.before, change.after
    return pair if all(_is_telling(value) for value in pair) else None


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
    if not isinstance(record, Decision) or not isinstance(record.cell, Mapping) or not record.cell:
        return None
    try:
        return frozenset(record.cell.items())
    except TypeError:
        return None


def _has_inputs(item: Item) -> bool:
    """Whether a decision says what it began with."""
    record = item.record
    if not isinstance(record, Decision) or not isinstance(record.values, Mapping):
        return False
    told = [name in AFTER_NAMES for name in record.values]
    return any(told) and not all(told)


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
