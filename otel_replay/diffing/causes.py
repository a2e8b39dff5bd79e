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

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from otel_replay.analysis.grid import AFTER_NAMES
from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import own_name
from otel_replay.diffing.content import Contents, cell_key, label_of
from otel_replay.diffing.findings import (
    OF_AFTER,
    Brief,
    Finding,
    Findings,
    Leaf,
    are_outcomes,
    is_map,
    is_outcome,
)
from otel_replay.diffing.rules import Path, path_text
from otel_replay.diffing.sides import Side
from otel_replay.diffing.values import MISSING, Change
from otel_replay.records import Decision

__all__ = ["explain"]

_MOST_TEXTS = 40
_SHORTEST_TEXT = 4
_ROUND = 10

_REASON = ("reason",)
_ENDS: frozenset[Path] = frozenset({_REASON, *(("values", name) for name in AFTER_NAMES)})
"""What comes out of a decision, where it says what went in."""

_SAME_CELL = "the same cell had changed before"
_SAME_IN = "the same went in, and something else came out"
_NOTHING = "nothing before it explains it"


def explain(findings: Findings, left: Side, contents: Contents) -> None:
    """Fill in `follows` and `why` of all findings, which are in the order in which things happened.

    Parameters
    ----------
    findings:
        All of them.
    left, contents:
        The first run, and what its items hold.
    """
    known = _Known()
    for number, entry in enumerate(findings.entries, 1):
        if isinstance(entry, Brief):
            cell = contents.about[left.groups[entry.before]].cell
            follows, why = known.brief(number, entry, left.values[entry.before], cell)
        elif entry.how == "not reached":
            follows, why = None, ""
        else:
            item = entry.item
            one = _Told(entry, item, [_key(change) for change in entry.changes], _cell(item))
            follows, why = entry.follows, entry.why = known.source(one)
            known.learn(one)
        findings.follows.append(follows)
        findings.whys.append(why)


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
        self.begins: dict[tuple[str, ...], bool] = {}

    def brief(
        self, number: int, entry: Brief, values: Mapping[str, Any], cell: Hashable | None
    ) -> tuple[int | None, str]:
        """As :meth:`source` and :meth:`learn`, for a decision of which only values and reason changed."""
        shape = tuple(values)
        has_inputs = self.begins.get(shape)
        if has_inputs is None:
            has_inputs = self.begins[shape] = _says_inputs(values)
        leaves = [
            (leaf, leaf[1:] if type(leaf[1]) is float else _key_of(leaf[1], leaf[2])) for leaf in entry.leaves
        ]
        told = leaves
        if has_inputs:
            told = [one for one in leaves if one[0][0] not in _ENDS]
        elif leaves[0][0][0] == _REASON:
            told = [*leaves[1:], leaves[0]]
        follows, why = self._source_of(told, entry.where.span, cell, bool(told) or not has_inputs)
        self.last_decision = number
        for (_, before, after), key in leaves:
            if key is not None:
                self.values[key] = number
            if type(before) is str:
                self._learn_text(before, after, number)
        if cell is not None:
            self.cells[cell] = number
        span = entry.where.span
        if span is not None and span.seq not in self.inside:
            self._learn_inside((span, *span.ancestors()), number)
        return follows, why

    def _source_of(
        self, told: Sequence[tuple[Leaf, Hashable | None]], span: Item | None, cell: Hashable, of_cell: bool
    ) -> tuple[int | None, str]:
        for (path, before, after), key in told:
            number = self.values.get(key) if key is not None else None
            if number is None and type(before) is str:
                number = self._text(before, after)
            if number is not None:
                return number, f"{path_text(path)} had changed before"
        if of_cell and cell is not None and cell in self.cells:
            return self.cells[cell], _SAME_CELL
        if self.called and span is not None:
            for found in self._calls((span, *span.ancestors())):
                return found
        return None, _NOTHING if told else _SAME_IN

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
            return None, _SAME_IN
        return None, _NOTHING

    def _sources(self, one: _Told, inputs: bool, has_inputs: bool) -> Iterator[tuple[int, str]]:
        finding, item, _, cell = one
        if item.kind == "event" and own_name(item) and finding.how == "changed" and self.last_decision:
            yield self.last_decision, "it holds what had been decided before"
        if cell is not None and cell in self.cells and (inputs or finding.how != "changed" or not has_inputs):
            yield self.cells[cell], _SAME_CELL
        if finding.how in {"added", "removed"} and item.kind == "tool call":
            for answer in reversed(self.answers):
                if answer.item.parent is not None and _names(answer, label_of(item)):
                    yield answer.number, "a model had answered something else"
        if finding.changes and not inputs and item.is_span:
            number = self.inside.get(item.seq if finding.before is not None else -1)
            if number is not None:
                yield number, "something in it was not the same"
        if self.called and finding.before is not None:
            yield from self._calls(item.ancestors())

    def _calls(self, above: Iterable[Item]) -> Iterator[tuple[int, str]]:
        for item in above:
            if item.seq in self.called and item.kind not in {"run", "process"}:
                yield self.called[item.seq], "the call that it is part of had other inputs"

    def _value(self, change: Change, key: Hashable | None) -> int | None:
        if key is not None and key in self.values:
            return self.values[key]
        if isinstance(change.before, str) and isinstance(change.after, str):
            return self._text(change.before, change.after)
        return None

    def _text(self, before: str, after: str) -> int | None:
        for part_before, part_after, number in reversed(self.texts):
            if part_before in before and part_after in after:
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
            self._learn_text(change.before, change.after, number)
        if cell is not None:
            self.cells[cell] = number
        if item.kind == "generation" and any(is_outcome(item, change) for change in finding.changes):
            self.answers.append(finding)
            del self.answers[:-_MOST_TEXTS]
        if finding.before is None:
            return
        if item.is_span and any(not is_outcome(item, change) for change in finding.changes):
            self.called[item.seq] = number
        self._learn_inside(item.ancestors(), number)

    def _learn_text(self, before: Any, after: Any, number: int) -> None:
        if _is_text(before) and _is_text(after):
            self.texts.append((before, after, number))
            del self.texts[:-_MOST_TEXTS]

    def _learn_inside(self, above: Iterable[Item], number: int) -> None:
        for item in above:
            if item.seq in self.inside:
                break
            self.inside[item.seq] = number


def _key(change: Change) -> Hashable | None:
    return _key_of(change.before, change.after)


def _key_of(before: Any, after: Any) -> Hashable | None:
    """Both values, where they are not such as meet by chance: 0 and 1, true and false, none."""
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
    return cell_key(record.cell) if isinstance(record, Decision) else None


def _has_inputs(item: Item) -> bool:
    """Whether a decision says what it began with."""
    record = item.record
    return isinstance(record, Decision) and is_map(record.values) and _says_inputs(record.values)


def _says_inputs(values: Mapping[str, Any]) -> bool:
    return not (OF_AFTER.isdisjoint(values) or OF_AFTER.issuperset(values))


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
