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

from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import own_name
from otel_replay.diffing.carried import SHORTEST_TEXT, Carried, had_changed, key_of, says_inputs
from otel_replay.diffing.columns import Columns
from otel_replay.diffing.content import cell_key, label_of
from otel_replay.diffing.findings import OF_AFTER, Finding, are_outcomes, is_map, is_outcome
from otel_replay.diffing.leaves import REASON, Leaf
from otel_replay.diffing.values import MISSING, Change
from otel_replay.records import Decision

__all__ = ["Causes"]

_MOST_TEXTS = 40

_SAME_CELL = "the same cell had changed before"
_SAME_IN = "the same went in, and something else came out"
_NOTHING = "nothing before it explains it"


class _Told(NamedTuple):
    """A finding and its item; its changes and its cell as what has been different is found by."""

    finding: Finding
    item: Item
    keys: list[Hashable]
    cell: Hashable | None


class Causes:
    """Tells of each finding what it follows from; they are told in the order in which things happened."""

    def __init__(self) -> None:
        self.values = Carried()
        self.texts: list[tuple[str, str, int]] = []
        self.cells: dict[Hashable, int] = {}
        self.answers: list[Finding] = []
        self.inside: dict[int, int] = {}
        self.called: dict[int, int] = {}
        self.last_decision = 0

    def of(self, finding: Finding) -> tuple[int | None, str]:
        """What `Finding.follows` and `Finding.why` are to be."""
        if finding.how == "not reached":
            return None, ""
        item = finding.item
        one = _Told(finding, item, [_key(change) for change in finding.changes], _cell(item))
        found = self._source(one)
        self._learn(one)
        return found

    def of_brief(
        self,
        number: int,
        values: Mapping[str, Any],
        leaves: list[Leaf],
        cell: Hashable | None,
        span: Item | None,
    ) -> tuple[int | None, str]:
        """As :meth:`of`, for a decision of which only plain values and the reason changed.

        Parameters
        ----------
        number:
            The finding's.
        values, leaves:
            Its values in the first run, and what of it is not the same.
        cell, span:
            Its cell (`content.cell_key`), and the span of the first run that it was made in.
        """
        has_inputs = says_inputs(tuple(values))
        known, follows, why, told = self.values, None, "", not has_inputs
        first = leaves
        if not has_inputs and leaves[0][0] is REASON:
            first = [*leaves[1:], leaves[0]]
        keys: list[Hashable] = []
        for path, before, after in first:
            key = key_of(before, after)
            if key is not None:
                keys.append(key)
            # What comes out of a decision says nothing of its cause, where it says what went in.
            if has_inputs and (path is REASON or path[1] in OF_AFTER):
                continue
            told = True
            if follows is None:
                if key is not None:
                    follows = known.get(key)
                if follows is None and type(before) is str:
                    follows = self._text(before, after)
                if follows is not None:
                    why = had_changed(path)
        if follows is None:
            follows, why = self._around(span, cell if told else None)
            if follows is None:
                why = _NOTHING if told else _SAME_IN
        for key in keys:
            known[key] = number
        self._learn_brief(number, leaves, cell, span)
        return follows, why

    def of_columns(
        self, first: int, columns: Columns, cells: Sequence[Hashable | None]
    ) -> tuple[list[int | None], list[str]]:
        """As :meth:`of_brief` for many at once, of which the first has the number `first`."""
        size, span = len(cells), columns.where.span
        follows: list[int | None] = [None] * size
        whys = [""] * size
        told = self.values.of_columns(first, columns, follows, whys)
        call = next(self._calls((span, *span.ancestors())), None) if self.called and span else None
        known, get = self.cells, self.cells.get
        for place, cell in enumerate(cells):
            if follows[place] is None:
                is_told = told is None or place in told
                earlier = get(cell) if is_told else None
                if earlier is not None:
                    follows[place], whys[place] = earlier, _SAME_CELL
                elif call is not None:
                    follows[place], whys[place] = call
                else:
                    whys[place] = _NOTHING if is_told else _SAME_IN
            if cell is not None:
                known[cell] = first + place
        self.last_decision = first + size - 1
        if span is not None:
            self._learn_inside((span, *span.ancestors()), first)
        return follows, whys

    def _around(self, span: Item | None, cell: Hashable | None) -> tuple[int | None, str]:
        """The cause of a decision that its values do not tell: its cell, or the call that it was made in."""
        if cell is not None and cell in self.cells:
            return self.cells[cell], _SAME_CELL
        if self.called and span is not None:
            for found in self._calls((span, *span.ancestors())):
                return found
        return None, ""

    def _learn_brief(
        self, number: int, leaves: Sequence[Leaf], cell: Hashable | None, span: Item | None
    ) -> None:
        self.last_decision = number
        for _, before, after in leaves:
            if type(before) is str:
                self._learn_text(before, after, number)
        if cell is not None:
            self.cells[cell] = number
        if span is not None and span.seq not in self.inside:
            self._learn_inside((span, *span.ancestors()), number)

    def _source(self, one: _Told) -> tuple[int | None, str]:
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
                return number, had_changed(change.path)
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

    def _learn(self, one: _Told) -> None:
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
    return key_of(change.before, change.after)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= SHORTEST_TEXT


def _cell(item: Item) -> Hashable | None:
    record = item.record
    return cell_key(record.cell) if isinstance(record, Decision) else None


def _has_inputs(item: Item) -> bool:
    """Whether a decision says what it began with."""
    record = item.record
    return isinstance(record, Decision) and is_map(record.values) and says_inputs(tuple(record.values))


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
