"""Recorded values as they were meant: structures written as JSON text, counts, texts; odd ones are None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.orjson_loading import orjson

__all__ = ["as_amount", "as_count", "as_list", "as_text", "as_texts", "as_value", "indexed"]


def as_text(value: Any) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def as_count(value: Any) -> int | None:
    """A count of tokens: a whole number from 0; some write it as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < 1e18 and value == int(value) else None


def as_amount(value: Any) -> float | None:
    """A sum of money."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 1e18 else None


def as_value(value: Any) -> Any:
    """Any value; a text that is JSON of an object or a list becomes that."""
    if isinstance(value, str) and value[:1] in _OPENS and value:
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


_OPENS = frozenset("{[")


def as_list(value: Any) -> list[Any] | None:
    """A list, or a text that is JSON of one."""
    found = as_value(value)
    return list(found) if isinstance(found, (list, tuple)) else None


def as_texts(value: Any) -> tuple[str, ...] | None:
    """Texts; a single one counts as a list of one. Reasons that were not given are left out."""
    found = (value,) if isinstance(value, str) and value[:1] != "[" else as_list(value)
    texts = tuple(one for one in found or () if isinstance(one, str) and one)
    return texts or None


def indexed(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """What was flattened as `prefix.0.name`, `prefix.1.name`, …: a map for each number, in their order."""
    found: dict[int, dict[str, Any]] = {}
    start = prefix + "."
    for name, value in attributes.items():
        if name.startswith(start):
            number, dot, rest = name[len(start) :].partition(".")
            # More digits than a list has items: not a number of ours, and slow to read.
            if number.isdecimal() and number.isascii() and len(number) <= 9:
                found.setdefault(int(number), {})[rest if dot else ""] = value
    return [found[number] for number in sorted(found)]
