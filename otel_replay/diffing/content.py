"""What of an item is compared: its attributes without ids, times and what else says nothing of what was done.

Two items with the same key are equal; the key is Python's 64-bit hash of their content, which two different
ones among 200,000 share about once in a billion comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from otel_replay import attributes as names
from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import own_name
from otel_replay.diffing.places import COMMANDS, is_place, placeless
from otel_replay.diffing.rules import Rules
from otel_replay.records import Decision, LogEntry

__all__ = ["DURATION", "STATUS", "TIMES", "Contents", "is_noise", "label_of", "lookup"]

STATUS, MESSAGE, DURATION = "status", "message", "duration_ms"
"""What a span's status, its message and its length are called among its attributes."""

TIMES = frozenset(
    {
        names.REPORTED_DURATION,
        names.RESOURCES_ELAPSED_MS,
        names.RESOURCES_CPU_MS,
        names.RESOURCES_RSS_BYTES,
        names.MEMORY_DURATION,
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.server.time_to_first_token",
    }
)
"""What is another in each run of the same program: how long something took, what it needed."""

_IDS = frozenset(
    {
        names.RUN_ID,
        names.RUN_NAME,
        names.RUN_PARENT_ID,
        names.SESSION_ID,
        names.CONTINUATION_OF,
        names.CONTINUATION_INDEX,
        names.INTERRUPTED,
        names.REPLAYED_FROM,
        names.IMPORT_FORMAT,
        names.IMPORT_SOURCE,
        names.IMPORT_SHA256,
        names.IMPORT_REST,
        names.MEMORY_SERIES,
        names.GEN_AI_CONVERSATION_ID,
        names.GEN_AI_RESPONSE_ID,
        names.GEN_AI_TOOL_CALL_ID,
        *("process.pid", "process.parent_pid", "thread.id", "thread.name"),
        *("code.line.number", "code.lineno", "exception.stacktrace"),
    }
)
"""Names that a run gives to its own parts, and places in a program's text."""

_CALL_IDS = re.compile(r".*(?:tool_calls?(?:\.\d+)?[._]id|tool_call\.id)$")
"""Ids of tool calls as older conventions spell them."""

_MESSAGES = frozenset({names.GEN_AI_INPUT_MESSAGES, names.GEN_AI_OUTPUT_MESSAGES})
_SORTED = orjson.OPT_SORT_KEYS


def label_of(item: Item) -> str:
    """What patterns and tables call an item: a decision's action, a tool's name, else the item's own name."""
    if item.kind == "tool call":
        tool = item.attributes.get(names.GEN_AI_TOOL_NAME)
        if isinstance(tool, str) and tool:
            return tool
    return item.name


@lru_cache(maxsize=4096)
def is_noise(name: str) -> bool:
    """Whether an attribute is an id, a time or another thing that says nothing of what was done."""
    return name in _IDS or name in TIMES or bool(_CALL_IDS.match(name))


class Contents:
    """What the items of both runs hold, by the rules of the comparison."""

    def __init__(self, rules: Rules, run_ids: Sequence[str] = ()) -> None:
        self.rules = rules
        self._run_ids = run_ids
        self._plain = not rules.ignored
        self._places: dict[tuple[str, bytes], int] = {}
        self.known_marks: dict[int, tuple[int, int]] = {}
        """What :meth:`marks` gave for numbered items, by their number (`Item.told`)."""

    def of(self, item: Item) -> dict[str, Any]:
        """The content: `reason`, `values`, `cell` and more of a decision; attributes of others."""
        record = item.record
        if isinstance(record, Decision):
            found: dict[str, Any] = {"reason": record.reason}
            if record.values is not None:
                found["values"] = record.values
            if record.cell is not None:
                found["cell"] = record.cell
            found.update((key, value) for key, value in record.extra.items() if not is_noise(key))
            return found
        found = {key: value for key, value in item.attributes.items() if not is_noise(key)}
        if not self.rules.all_attributes:
            found = {key: value for key, value in found.items() if not is_place(key)}
            for key in COMMANDS.intersection(found):
                found[key] = placeless(found[key], self._run_ids)
        for key in _MESSAGES.intersection(found):
            found[key] = _without_ids(found[key])
        if isinstance(record, LogEntry):
            found["body"] = record.body
            found["severity"] = record.severity
        elif item.is_span:
            if item.status != "unset" and not item.open:
                found[STATUS] = item.status
            if item.message and not item.open:
                found[MESSAGE] = item.message
            if item.kind == "generation" and not _names_its_model(item):
                found["name"] = item.name
        return found

    def marks(self, item: Item, numbers: dict[Hashable, int]) -> tuple[int, int]:
        """The item's key (:meth:`key`) and the number of its subject; `numbers` grows with new subjects."""
        if not item.told:
            return self._marked(item, numbers)
        known = self.known_marks.get(item.told)
        if known is None:
            known = self.known_marks[item.told] = self._marked(item, numbers)
        return known

    def _marked(self, item: Item, numbers: dict[Hashable, int]) -> tuple[int, int]:
        record = item.record
        if self._plain and type(record) is Decision and not record.extra:
            # Most items of long runs: everything about them is asked once, and in as few steps as can be.
            try:
                cell = orjson.dumps(record.cell, option=_SORTED)
                values = orjson.dumps(record.values, option=_SORTED)
            except TypeError:
                cell = values = b"null"
            # NaN is written as null.
            if b"null" not in values and (b"null" not in cell or record.cell is None):
                place = (record.action, cell)
                number = self._places.get(place)
                if number is None:
                    number = self._places[place] = numbers.setdefault(self.subject(item), len(numbers))
                return hash((record.action, record.reason, values, cell)), number
        return self.key(item), numbers.setdefault(self.subject(item), len(numbers))

    def key(self, item: Item) -> int:
        """Equal for two items of equal content. 1 and 1.0 have different keys."""
        found = self.of(item)
        if self.rules.ignored:
            found = self._pruned(found, label_of(item), ())
        # What tells two runs apart has no part in it: `run tuning-7` is the same run as `run tuning-8`.
        name = "" if item.kind in {"run", "process", "generation"} else item.name
        return hash((item.kind, name, _digest(found)))

    def subject(self, item: Item) -> Hashable:
        """What an item is about: items of different subjects are never the same thing."""
        label = label_of(item)
        declared = self.rules.identity(label)
        if declared is not None:
            content = self.of(item)
            return item.kind, label, tuple(_frozen(lookup(content, name)) for name in declared)
        record = item.record
        if isinstance(record, Decision):
            return "decision", label, _frozen_cell(record.cell)
        if item.kind in {"run", "process", "generation"}:
            return item.kind
        if item.kind == "event":
            return item.kind, label, own_name(item)
        if item.kind == "tool call":
            return item.kind, label, _frozen(item.attributes.get(names.CODE_FUNCTION))
        return item.kind, label

    def _pruned(self, found: Mapping[str, Any], label: str, path: tuple[str, ...]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, value in found.items():
            here = (*path, key)
            if not self.rules.ignores(label, here):
                kept[key] = self._pruned(value, label, here) if isinstance(value, dict) else value
        return kept


def lookup(content: Mapping[str, Any], name: str) -> Any:
    """The value of a dotted name, level by level; keys may have dots themselves. None without it."""
    if name in content:
        return content[name]
    end = name.rfind(".")
    while end > 0:
        inner = content.get(name[:end])
        if isinstance(inner, Mapping):
            return lookup(inner, name[end + 1 :])
        end = name.rfind(".", 0, end)
    values = content.get("values")
    return values.get(name) if isinstance(values, Mapping) else None


def _names_its_model(item: Item) -> bool:
    model = item.attributes.get(names.GEN_AI_REQUEST_MODEL)
    return isinstance(model, str) and bool(model) and model in item.name


def _without_ids(messages: Any) -> Any:
    """Messages without the ids of the tool calls in them: providers make up new ones each time."""
    if isinstance(messages, Mapping):
        return {key: _without_ids(value) for key, value in messages.items() if key not in {"id", "call_id"}}
    if isinstance(messages, list | tuple):
        return [_without_ids(one) for one in messages]
    return messages


def _digest(value: Any) -> Hashable:
    """Equal for equal values only."""
    if value is None:
        return None
    try:
        data = orjson.dumps(value, option=_SORTED)
    except TypeError:
        return _frozen(value)
    # NaN is written as null.
    return _frozen(value) if b"null" in data else data


def _frozen_cell(cell: Any) -> Hashable:
    if type(cell) is dict:
        try:
            return frozenset(cell.items())
        except TypeError:
            pass
    return _frozen(cell)


def _frozen(value: Any) -> Hashable:
    """A value as a tuple, with its type where Python takes two for the same."""
    if isinstance(value, Mapping):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float) and value != value:
        return "float", "nan"
    return value if isinstance(value, Hashable) else repr(value)
