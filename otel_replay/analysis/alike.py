"""How alike two recorded values are, from 0 to 1: for numbers, texts, lists and maps, part by part."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

__all__ = ["alike"]

_WORDS = re.compile(r"\w+|[^\w\s]")
_SHORT = 400


def alike(a: Any, b: Any) -> float:
    """How alike two AnyValues are: 1 for equal ones, 0 for those that have nothing in common.

    A map counts what its keys hold, every key of either the same; a list its items place by place. Of two
    numbers it is how much of the greater the lesser is, of two texts the share of words that both have. An
    integer is a number like a float; a boolean is none, and values of different kinds are not alike.
    """
    if isinstance(a, bool) or isinstance(b, bool):
        return float(a is b)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return _numbers(a, b)
    if isinstance(a, str) and isinstance(b, str):
        return 1.0 if a == b else _parts(_words(a), _words(b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        keys = {**a, **b}
        both = sum(alike(a[key], b[key]) for key in keys if key in a and key in b)
        return both / len(keys) if keys else 1.0
    if _is_list(a) and _is_list(b):
        longest = max(len(a), len(b))
        return sum(map(alike, a, b)) / longest if longest else 1.0
    return float(type(a) is type(b) and a == b)


def _numbers(a: float, b: float) -> float:
    if a == b or (a != a and b != b):
        return 1.0
    if not (math.isfinite(a) and math.isfinite(b)) or (a < 0) != (b < 0):
        return 0.0
    small, large = sorted((abs(a), abs(b)))
    return small / large


def _words(text: str) -> Counter[str]:
    return _words_of_short(text) if len(text) <= _SHORT else Counter(_WORDS.findall(text))


@lru_cache(maxsize=4096)
def _words_of_short(text: str) -> Counter[str]:
    # An alignment compares each of many texts with each of many others.
    return Counter(_WORDS.findall(text))


def _parts(a: Counter[str], b: Counter[str]) -> float:
    total = a.total() + b.total()
    both = sum([min(count, b[word]) for word, count in a.items() if word in b])
    return 2 * both / total if total else 0.0


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
