"""Conditions that a person writes about a decision: `afr_error_pct>5`, `cell.rpm=3500`, `action~CLAMP`.

A bare name means a value of the decision, nested ones with dots; `cell.` before a name means its cell. Two
names are the decision's own: `action` and `reason`. A decision that lacks the name fulfils no condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from otel_replay.analysis.comparisons import ORDER, SIGNS, Word, as_number, holds, means, read_word
from otel_replay.records import Decision

__all__ = ["Condition", "as_number", "condition", "means"]

_SIGN = "|".join(map(re.escape, SIGNS))
_FORM = re.compile(rf"\s*(?P<name>[^<>=!~^$*]+?)\s*(?P<sign>{_SIGN})(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition. `path` is where to look, in lower case."""

    path: tuple[str, ...]
    sign: str
    word: Word

    @property
    def text(self) -> str:
        """What it compares with, as it was written."""
        return self.word.text

    def matches(self, decision: Decision) -> bool:
        """Whether the decision fulfils it."""
        return any(holds(value, self.sign, self.word) for value in self._found(decision))

    def _found(self, decision: Decision) -> Iterator[Any]:
        first, *rest = self.path
        if first in {"action", "reason"}:
            yield getattr(decision, first)
        else:
            yield from _below(getattr(decision, first), ".".join(rest))


def _below(value: Any, name: str) -> Iterator[Any]:
    """What stands under `name` in a map; a dot may lead into a map, or be part of a name."""
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        known = str(key).casefold()
        if known == name:
            yield item
        elif name.startswith(known + "."):
            yield from _below(item, name[len(known) + 1 :])


def condition(text: str) -> Condition:
    """The condition that `text` stands for; names are compared without regard to case.

    Raises
    ------
    ValueError
        If it is not NAME, a sign (`analysis.comparisons`) and a value, or compares with no number.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is no condition, such as afr_error_pct>5, cell.rpm=3500 or action~CLAMP")
    name, sign, value = match["name"].casefold(), match["sign"], match["value"].strip()
    first, dot, rest = name.partition(".")
    if name in {"action", "reason"}:
        path: tuple[str, ...] = (name,)
    elif dot and rest and first in {"values", "cell"}:
        path = (first, rest)
    else:
        path = ("values", name)
    word = read_word(value)
    if sign in ORDER and (word.number is None or path[0] in {"action", "reason"}):
        raise ValueError(f"`{text}` compares by size, which takes a number: afr_error_pct>5")
    if sign == "=~":
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"`{value}` is no regular expression: {error}") from None
    return Condition(path=path, sign="=" if sign == "==" else sign, word=word)
