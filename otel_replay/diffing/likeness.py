"""How alike two items are, for pairing those that are not equal: what they hold, and what is below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from otel_replay.analysis.alike import alike
from otel_replay.analysis.items import Item
from otel_replay.attributes import GEN_AI_OPERATION, GEN_AI_PROVIDER, GEN_AI_TOOL_NAME
from otel_replay.dialects.reading import read_span
from otel_replay.diffing.content import Contents
from otel_replay.diffing.sides import Side
from otel_replay.records import Decision

__all__ = ["LEAST", "Likeness"]

LEAST = 0.3
"""Two items that are less alike are not the same one changed."""

_KNOWN_SUBJECT = 0.4
"""What two items have in common that say themselves that they are about the same thing."""

_INPUTS = 0.75
"""How much of two calls is what went into them; the rest is what came out."""

_LAST_MESSAGES = 2
_ALL_HAVE = frozenset({GEN_AI_OPERATION, GEN_AI_TOOL_NAME, GEN_AI_PROVIDER})
"""What is the same in all calls of a tool says nothing of which call it is."""

_LONGEST_TEXT, _MOST_ITEMS, _MOST_KEYS, _MOST_BELOW, _DEEPEST = 300, 8, 24, 200, 20


class Likeness:
    """How alike an item of the one run is to one of the other, from 0 to 1."""

    def __init__(self, left: Side, right: Side, contents: Contents) -> None:
        self._left, self._right, self._contents = left, right, contents
        self._briefs: tuple[dict[int, Any], dict[int, Any]] = ({}, {})
        self._below: tuple[dict[int, Counter[int]], dict[int, Counter[int]]] = ({}, {})

    def __call__(self, i: int, j: int) -> float:
        """Of two items of the same subject; 0 for those of different ones."""
        left, right = self._left, self._right
        if left.groups[i] != right.groups[j]:
            return 0.0
        item = left.items[i]
        if left.keys[i] == right.keys[j]:
            own = 1.0
        elif item.kind in {"tool call", "generation", "decision"}:
            own = _alike_calls(self._brief(0, i), self._brief(1, j))
        else:
            own = alike(self._brief(0, i), self._brief(1, j))
        if item.is_span and item.kind not in {"tool call", "generation"}:
            return _KNOWN_SUBJECT + 0.2 * own + (0.8 - _KNOWN_SUBJECT) * self._same_below(i, j)
        if item.kind == "decision":
            # About the same cell: however far its values went apart, it is the same decision.
            return _KNOWN_SUBJECT + (1 - _KNOWN_SUBJECT) * own
        return own

    def _brief(self, side: int, seq: int) -> Any:
        briefs = self._briefs[side]
        if seq not in briefs:
            item = (self._left, self._right)[side].items[seq]
            briefs[seq] = self._brief_of(item)
        return briefs[seq]

    def _brief_of(self, item: Item) -> Any:
        record = item.record
        if isinstance(record, Decision):
            # The cell is the same anyway, and the reason mostly is.
            return (_shortened(record.values), None) if record.values else (record.reason, None)
        if item.kind in {"tool call", "generation"}:
            return _call(item)
        return _shortened(self._contents.of(item))

    def _same_below(self, i: int, j: int) -> float:
        a, b = self._bag(0, i), self._bag(1, j)
        total = a.total() + b.total()
        return 2 * (a & b).total() / total if total else 1.0

    def _bag(self, side: int, seq: int) -> Counter[int]:
        bags = self._below[side]
        if seq not in bags:
            one = (self._left, self._right)[side]
            bags[seq] = Counter(one.groups[child] for child in one.children.get(seq, ())[:_MOST_BELOW])
        return bags[seq]


def _call(item: Item) -> tuple[Any, Any]:
    """What went into a call and what came out; all that it says, where it does not say these."""
    inputs: Any
    meaning = read_span(item.name, item.attributes, scope=item.scope)
    if item.kind == "generation":
        asked = [meaning.system_instructions, (meaning.input_messages or [])[-_LAST_MESSAGES:]]
        inputs, outcome = (asked if any(asked) else None), meaning.output_messages
    else:
        inputs, outcome = meaning.tool_arguments, meaning.tool_result
    if inputs is None and outcome is None:
        inputs = {key: value for key, value in item.attributes.items() if key not in _ALL_HAVE}
    return _shortened(inputs), _shortened(outcome)


def _alike_calls(a: tuple[Any, Any], b: tuple[Any, Any]) -> float:
    if a[0] is None or b[0] is None:
        return alike(a[1], b[1])
    if a[1] is None or b[1] is None:
        return alike(a[0], b[0])
    return _INPUTS * alike(a[0], b[0]) + (1 - _INPUTS) * alike(a[1], b[1])


def _shortened(value: Any, depth: int = 0) -> Any:
    """A value of bounded size, for comparing takes time: of what is long, the beginning and the end."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, str):
        half = _LONGEST_TEXT // 2
        return value if len(value) <= _LONGEST_TEXT else f"{value[:half]} {value[-half:]}"
    if isinstance(value, Mapping):
        return {key: _shortened(value[key], depth + 1) for key in list(value)[:_MOST_KEYS]}
    if isinstance(value, list | tuple):
        half = _MOST_ITEMS // 2
        shown = value if len(value) <= _MOST_ITEMS else [*value[:half], *value[-half:]]
        return [_shortened(one, depth + 1) for one in shown]
    return value
