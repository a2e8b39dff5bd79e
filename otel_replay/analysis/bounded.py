"""Counts by name whose number of names is bounded: a program may make up a new name for every call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import TypeVar

__all__ = ["MOST_NAMES", "OTHERS", "count_name", "entry"]

OTHERS = "(others)"
MOST_NAMES = 1_000

Value = TypeVar("Value")
Key = TypeVar("Key", bound=Hashable)


def count_name(counts: Counter[str], name: str, times: int = 1, *, most: int = MOST_NAMES) -> str:
    """Count `name`; past `most` names the new ones share `(others)`. Returns what was counted."""
    if name not in counts and len(counts) >= most:
        name = OTHERS
    counts[name] += times
    return name


def entry(table: dict[Key, Value], key: Key, others: Key, make: Callable[[], Value]) -> Value:
    """The value of `key`, made where it is not there; past 1,000 keys that of `others`."""
    found = table.get(key)
    if found is not None:
        return found
    if len(table) >= MOST_NAMES:
        key = others
    return table.setdefault(key, make())
