"""What a name in a selector means on an item: a value of a decision, a part of a span, an attribute.

Of a decision a bare name means one of its values, as with `view --where`; `action` and `reason` are its own.
Of everything else the names in :data:`PARTS` go first, then its attributes, nested ones with dots;
`attributes.` before a name means the attribute and no part. Names of ours need no `otel_replay.` before them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from otel_replay.analysis.items import Item
from otel_replay.dialects.reading import Meaning, read_span
from otel_replay.records import Decision, LogEntry

__all__ = ["DURATION", "PARTS", "meaning_of", "nearest_name", "reader"]

Reader = Callable[[Item], tuple[Any, ...]]
"""Gives the values that a name may mean on an item: none, one, or several of which any counts."""

DURATION = "duration"
"""The part that is compared with a length of time, such as `500ms`."""

_OURS = "otel_replay."


def meaning_of(item: Item) -> Meaning:
    """What a span says, whatever conventions it speaks."""
    moments = [child.record for child in item.children if child.kind in {"event", "log"}]
    return read_span(item.name, item.attributes, scope=item.scope, events=moments)


def _names(item: Item) -> tuple[Any, ...]:
    """A span's name, and what it names: the tool, the agent, the task without the word `task` before it."""
    name = item.name
    if not item.is_span:
        return (name,)
    if item.kind in {"run", "task", "process"}:
        return (name, name.removeprefix(f"{item.kind} "))
    meaning = meaning_of(item)
    short = {"tool call": meaning.tool_name, "agent": meaning.agent_name, "generation": meaning.model}
    also = short.get(item.kind)
    return (name,) if also is None or also == name else (name, also)


def _part(name: str) -> Reader:
    def read(item: Item) -> tuple[Any, ...]:
        value = meaning_of(item).part(name) if item.is_span else None
        return () if value is None else (value,)

    return read


def _model(item: Item) -> tuple[Any, ...]:
    value = meaning_of(item).model if item.is_span else None
    return () if value is None else (value,)


def _tokens(item: Item) -> tuple[Any, ...]:
    usage = meaning_of(item).usage if item.is_span else None
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return ()
    return ((usage.input_tokens or 0) + (usage.output_tokens or 0),)


def _ms(item: Item) -> tuple[Any, ...]:
    return () if item.duration_ns is None else (item.duration_ns / 1e6,)


def _cause(item: Item) -> tuple[Any, ...]:
    cause = item.cause
    return () if cause is None else ({"name": cause.name, "by": cause.by, "span_id": cause.span_id},)


def _own(get: Callable[[Item], Any]) -> Reader:
    def read(item: Item) -> tuple[Any, ...]:
        value = get(item)
        return () if value is None else (value,)

    return read


def _of_log(name: str) -> Reader:
    return _own(lambda item: getattr(item.record, name) if isinstance(item.record, LogEntry) else None)


PARTS: Mapping[str, Reader] = {
    "kind": _own(lambda item: item.kind),
    "name": _names,
    "span_name": _own(lambda item: item.name if item.is_span else None),
    "status": _own(lambda item: item.status if item.is_span else None),
    "message": _own(lambda item: item.message if item.is_span else None),
    DURATION: _own(lambda item: item.duration_ns),
    "duration_ms": _ms,
    "failed": _own(lambda item: item.failed),
    "open": _own(lambda item: item.open if item.is_span else None),
    "seq": _own(lambda item: item.seq),
    "process": _own(lambda item: item.process),
    "scope": _own(lambda item: item.scope or None),
    "span_id": _own(lambda item: item.span_id),
    "path": _own(lambda item: item.path()),
    "model": _model,
    "provider": _part("provider"),
    "tool": _part("tool_name"),
    "arguments": _part("tool_arguments"),
    "result": _part("tool_result"),
    "call_id": _part("tool_call_id"),
    "cause": _cause,
    "agent": _part("agent_name"),
    "finish_reasons": _part("finish_reasons"),
    "input_tokens": _part("input_tokens"),
    "output_tokens": _part("output_tokens"),
    "cache_read_tokens": _part("cache_read_tokens"),
    "cache_write_tokens": _part("cache_write_tokens"),
    "reasoning_tokens": _part("reasoning_tokens"),
    "tokens": _tokens,
    "cost": _part("cost_usd"),
    "input_messages": _part("input_messages"),
    "output_messages": _part("output_messages"),
    "body": _of_log("body"),
    "severity": _of_log("severity"),
}
"""Names that every item may have besides its attributes."""


@lru_cache(maxsize=4096)
def reader(name: str) -> Reader:
    """What reads `name` from an item."""
    folded = name.casefold()
    part = PARTS.get(folded)
    first, _, rest = folded.partition(".")
    inner = PARTS.get(first) if rest and part is None else None
    whole = first == "attributes" and rest
    wanted = name[len(first) + 1 :] if whole else name

    def read(item: Item) -> tuple[Any, ...]:
        record = item.record
        if isinstance(record, Decision):
            found = _of_decision(record, name, folded)
            return found or (part(item) if part is not None else ())
        if part is not None and (found := part(item)):
            return found
        if inner is not None:
            found = tuple(value for base in inner(item) for value in below(base, name[len(first) + 1 :]))
            if found:
                return found
        return _attribute(item.attributes, wanted)

    return read


def _of_decision(record: Decision, name: str, folded: str) -> tuple[Any, ...]:
    if folded == "action":
        return (record.action,)
    if folded == "reason":
        return (record.reason,)
    values = record.values
    if values is not None and values.__class__ is dict and name in values:
        return (values[name],)
    first, _, rest = folded.partition(".")
    if first in {"values", "cell"}:
        base = values if first == "values" else record.cell
        if not rest:
            return () if base is None else (base,)
        return tuple(below(base, name[len(first) + 1 :]))
    return tuple(below(values, name)) or _attribute(record.extra, name)


def _attribute(attributes: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    if name in attributes:
        return (attributes[name],)
    return tuple(below(attributes, name)) or tuple(below(attributes, _OURS + name))


def below(value: Any, name: str) -> Iterator[Any]:
    """What stands under `name` in a map, or by its number in a list; a dot leads in, or is part of a name."""
    if isinstance(value, Mapping):
        if name in value:
            yield value[name]
            return
        folded = name.casefold()
        for key, item in value.items():
            known = str(key).casefold()
            if known == folded:
                yield item
            elif folded.startswith(known + "."):
                yield from below(item, name[len(known) + 1 :])
    elif isinstance(value, (list, tuple)):
        first, _, rest = name.partition(".")
        if first.isascii() and first.isdigit() and int(first) < len(value):
            item = value[int(first)]
            yield from below(item, rest) if rest else (item,)


def nearest_name(item: Item, name: str) -> str:
    """The name on this item that looks most like one that it does not have; empty where none does."""
    return _nearest(name, tuple(_known_names(item)))


@lru_cache(maxsize=4096)
def _nearest(name: str, known: tuple[str, ...]) -> str:
    """Decisions of one action have the same names: they are compared once."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=0.75)), "")


def _known_names(item: Item) -> list[str]:
    record = item.record
    if isinstance(record, Decision):
        values = list(record.values) if isinstance(record.values, Mapping) else []
        cell = [f"cell.{key}" for key in record.cell] if isinstance(record.cell, Mapping) else []
        return ["action", "reason", *map(str, values), *cell, *record.extra]
    return [*(name for name, read in PARTS.items() if read(item)), *item.attributes]
