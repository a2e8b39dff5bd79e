"""What of an item is compared: its attributes without ids, times and what else says nothing of what was done.

Two items with the same key are equal; the key is Python's 64-bit hash of their content, which two different
ones among 200,000 share about once in a billion comparisons.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from otel_replay import attributes as names
from otel_replay.analysis.items import Item
from otel_replay.analysis.said import Said
from otel_replay.analysis.titles import own_name
from otel_replay.diffing.places import COMMANDS, is_place, placeless
from otel_replay.diffing.rules import Rules
from otel_replay.orjson_loading import orjson
from otel_replay.records import Decision, LogEntry

__all__ = [
    "DURATION",
    "STATUS",
    "TIMES",
    "About",
    "Contents",
    "cell_key",
    "is_noise",
    "label_of",
    "lookup",
]

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


class About(NamedTuple):
    """What decisions of one subject have in common: their action, and their cell as it is found by."""

    action: str
    cell: Hashable | None


class Contents:
    """What the items of both runs hold, by the rules of the comparison."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.in_columns = not rules.ignored and not rules.identities
        """Whether decisions can be compared without asking each for what is left out of it."""
        self._numbers: dict[Hashable, int] = {}
        self.about: dict[int, About] = {}
        """What decisions are about, by the number of the subject; where nobody declared it otherwise."""

    def of(self, item: Item) -> dict[str, Any]:
        """The content: `reason`, `values`, `cell` and more of a decision; attributes of others."""
        record = item.record
        if isinstance(record, Decision):
            return _content(record)
        found = {key: value for key, value in item.attributes.items() if not is_noise(key)}
        if not self.rules.all_attributes:
            found = {key: value for key, value in found.items() if not is_place(key)}
            for key in COMMANDS.intersection(found):
                found[key] = placeless(found[key], _own_run(item))
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

    def marks(self, item: Item) -> tuple[int, int]:
        """The item's key (:meth:`key`) and the number of its subject."""
        record = item.record
        if self.in_columns and type(record) is Decision and not record.extra:
            return self._decision_key(record), self._place(record.action, record.cell)
        return self.key(item), self._number(self.subject(item))

    def keys_of(self, said: Said) -> list[int]:
        """The key of each decision that says one of these, by its number."""

        def made(number: int) -> int:
            place = said.places[number]
            action, cell = said.actions[place], said.cells[place]
            return _odd_key(action, said.reasons[number], said.values[number], cell)

        return said.whole_prints(made)

    def groups_of(self, said: Said) -> list[int]:
        """The number of the subject of each of its places."""
        return [self._place(action, cell) for action, cell in zip(said.actions, said.cells, strict=True)]

    def _number(self, subject: Hashable) -> int:
        return self._numbers.setdefault(subject, len(self._numbers))

    def _place(self, action: str, cell: Any) -> int:
        """The number of what decisions of an action on a cell are about."""
        subject = "decision", action, _frozen_cell(cell)
        number = self._number(subject)
        if number not in self.about:
            self.about[number] = About(action, cell_key(cell))
        return number

    def _decision_key(self, record: Decision) -> int:
        values, cell = record.values, record.cell
        if _is_map_or_none(values) and _is_map_or_none(cell):
            found = Said.print_of(record.action, record.reason, values, cell)
            return found or _odd_key(record.action, record.reason, values, cell)
        return _content_key("decision", record.action, _content(record))

    def key(self, item: Item) -> int:
        """Equal for two items of equal content. 1 and 1.0 have different keys."""
        found = self.of(item)
        if self.rules.ignored:
            found = self._pruned(found, label_of(item), ())
        # What tells two runs apart has no part in it: `run tuning-7` is the same run as `run tuning-8`.
        name = "" if item.kind in {"run", "process", "generation"} else item.name
        return _content_key(item.kind, name, found)

    def text(self, item: Item) -> bytes:
        """What :meth:`key` tells items by, spelled out: the same in every process."""
        found = self.of(item)
        if self.rules.ignored:
            found = self._pruned(found, label_of(item), ())
        name = "" if item.kind in {"run", "process", "generation"} else item.name
        said = [item.kind, name, found]
        try:
            return orjson.dumps(said, repr, _SORTED)
        except TypeError:  # whole numbers beyond 64 bits, and surrogates
            return json.dumps(said, sort_keys=True, default=repr).encode()

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


def _own_run(item: Item) -> str:
    """The id of the run that an item is of, as its spans say it; empty where none does."""
    said = (one.attributes.get(names.RUN_ID) for one in (item, *item.ancestors()))
    return next((one for one in said if isinstance(one, str)), "")


def cell_key(cell: Any) -> Hashable | None:
    """A cell as other decisions on it are found by; None without one."""
    if not cell or not isinstance(cell, Mapping):
        return None
    try:
        return frozenset(cell.items())
    except TypeError:
        return None


def _content(record: Decision) -> dict[str, Any]:
    found: dict[str, Any] = {"reason": record.reason}
    if record.values is not None:
        found["values"] = record.values
    if record.cell is not None:
        found["cell"] = record.cell
    found.update((key, value) for key, value in record.extra.items() if not is_noise(key))
    return found


def _odd_key(action: str, reason: str, values: Any, cell: Any) -> int:
    """The key of a decision that has no print (`Said.print_of`)."""
    found = {"reason": reason, "values": values, "cell": cell}
    return _content_key("decision", action, {key: one for key, one in found.items() if one is not None})


def _content_key(kind: str, name: str, content: Mapping[str, Any]) -> int:
    return hash((kind, name, _digest(content)))


def _is_map_or_none(value: Any) -> bool:
    return value is None or type(value) is dict


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
        return _exact(value)
    # NaN is written as null.
    return _exact(value) if b"null" in data else data


def _exact(value: Any) -> Hashable:
    """A value as what has a hash of its own: -1, -2, -1.0 and -2.0 all have one in Python."""
    kind = type(value)
    if kind is float:
        return "float", repr(value)
    if kind is str or value is None:
        return value  # type: ignore[no-any-return]  # a text, or None
    if kind is int:
        return "int", hex(value)
    if kind is dict or isinstance(value, Mapping):
        return frozenset([(key, _exact(item)) for key, item in value.items()])
    if isinstance(value, list | tuple):
        return tuple(map(_exact, value))
    if isinstance(value, int):
        return kind.__name__, hex(value)
    return value if isinstance(value, Hashable) else repr(value)


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
