"""Conditions that a person writes about a decision: `afr_error_pct>5`, `cell.rpm=3500`, `action~CLAMP`.

A bare name means a value of the decision, nested ones with dots; `cell.` before a name means its cell. Two
names are the decision's own: `action` and `reason`. A decision that lacks the name fulfils no condition.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from otel_replay.records import Decision

__all__ = ["Condition", "as_number", "condition", "means"]

_FORM = re.compile(r"\s*(?P<name>[^<>=!~]+?)\s*(?P<sign>>=|<=|!=|==|>|<|=|~)(?P<value>.*)", re.DOTALL)
_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition. `path` is where to look, in lower case; `number` is the value where it is one."""

    path: tuple[str, ...]
    sign: str
    text: str
    number: float | None = None

    def matches(self, decision: Decision) -> bool:
        """Whether the decision fulfils it."""
        return any(map(self._holds, self._found(decision)))

    def _found(self, decision: Decision) -> Iterator[Any]:
        first, *rest = self.path
        if first in {"action", "reason"}:
            yield getattr(decision, first)
        else:
            yield from _below(getattr(decision, first), ".".join(rest))

    def _holds(self, value: Any) -> bool:
        if self.sign in _ORDER:
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return is_number and self.number is not None and _ORDER[self.sign](value, self.number)
        if self.sign == "~":
            return self.text.casefold() in str(value).casefold()
        return means(value, self.text, self.number) is (self.sign != "!=")


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
        If it is not NAME, a sign (`>` `>=` `<` `<=` `=` `!=` `~`) and a value, or compares with no number.
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
    number = as_number(value)
    if sign in _ORDER and (number is None or path[0] in {"action", "reason"}):
        raise ValueError(f"`{text}` compares by size, which takes a number: afr_error_pct>5")
    return Condition(path=path, sign="=" if sign == "==" else sign, text=value, number=number)


def as_number(text: str) -> float | None:
    """The number that `text` is; a whole one stays whole."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def means(value: Any, text: str, number: float | None) -> bool:
    """Whether a person who writes `text` means `value`. `3500` means 3500, 3500.0 and `"3500"` alike."""
    if isinstance(value, bool) or value is None:
        return text.casefold() == {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (int, float)):
        return number is not None and value == number
    return bool(str(value) == text)
