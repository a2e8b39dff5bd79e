"""What a sign between a recorded value and a person's word means: one meaning for `--where` and selectors.

=====================  ==================================================================
`=` `==` `!=`          the same; `3500` means 3500, 3500.0 and `"3500"` alike, `*` any text
`>` `>=` `<` `<=`      by size; both are numbers
`~` `*=`               contains; `~` without regard to case
`^=` `$=`              begins with, ends with
`=~`                   a regular expression finds something in it
=====================  ==================================================================
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = [
    "ORDER",
    "SIGNS",
    "Word",
    "as_number",
    "glob_pattern",
    "holds",
    "limit_of",
    "is_number",
    "means",
    "read_word",
    "tester",
]

ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
"""Signs that compare by size."""

SIGNS = (">=", "<=", "!=", "==", "=~", "^=", "$=", "*=", ">", "<", "=", "~")
"""All signs, longer ones before those that they begin with."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_TOLERANT = re.compile(rf"(?P<number>{_NUMBER})\s*(?:±|\+-)\s*(?P<by>{_NUMBER})\s*(?P<percent>%?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person compares with. `number` is its value where it is one; `exact`: a text, and no pattern.

    `by` and `share` say how far a number may be off: absolutely, and as a share of `number`.
    """

    text: str
    number: float | None = None
    exact: bool = False
    by: float = 0.0
    share: float = 0.0

    @property
    def tolerance(self) -> float:
        """How far a value may be from `number`."""
        # A whole number may be too large for a float, and is compared as it is.
        return max(self.by, self.share * abs(self.number or 0.0)) if self.share else self.by


def read_word(text: str) -> Word:
    """The word that a text stands for: a number, one with its tolerance (`98.2±0.1`, `5±2%`), or text."""
    match = _TOLERANT.fullmatch(text.strip())
    if match is None:
        return Word(text=text, number=as_number(text))
    by = float(match["by"])
    percent = bool(match["percent"])
    return Word(
        text=text,
        number=float(match["number"]),
        by=0.0 if percent else abs(by),
        share=abs(by) / 100 if percent else 0.0,
    )


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


def is_number(value: Any) -> bool:
    """Whether a recorded value is a number; a truth value is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def means(value: Any, text: str, number: float | None) -> bool:
    """Whether a person who writes `text` means `value`. `3500` means 3500, 3500.0 and `"3500"` alike."""
    return _means(value, Word(text=text, number=number))


def _means(value: Any, word: Word) -> bool:
    if isinstance(value, bool) or value is None:
        return not word.exact and word.text.casefold() == {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (int, float)):
        return not word.exact and word.number is not None and _near(value, word)
    text = str(value)
    if not word.exact and "*" in word.text:
        return glob_pattern(word.text).fullmatch(text) is not None
    return text == word.text


def _near(value: float, word: Word) -> bool:
    number = word.number
    assert number is not None
    if value == number:
        return True
    tolerance = word.tolerance
    # A sum of floats such as 0.1 + 0.2 is not further off for the last bit of its difference.
    try:
        return tolerance > 0 and math.isfinite(value) and abs(value - number) <= tolerance * (1 + 1e-12)
    except OverflowError:  # a whole number beyond all floats
        return False


@lru_cache(maxsize=4096)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """The pattern of a text in which `*` stands for any text."""
    return re.compile(".*".join(map(re.escape, glob.split("*"))), re.DOTALL)


@lru_cache(maxsize=1024)
def _regular(text: str) -> re.Pattern[str]:
    return re.compile(text)


def limit_of(sign: str, word: Word) -> float:
    """The number from which on a sign of :data:`ORDER` holds: the word's, with its tolerance."""
    number, tolerance = word.number or 0, word.tolerance
    if not tolerance:
        return number
    return number - tolerance if sign in {">", ">="} else number + tolerance


def tester(sign: str, word: Word) -> Callable[[Any], bool]:
    """What tells whether a recorded value fulfils `sign` and `word`."""
    if sign in ORDER:
        compare, number = ORDER[sign], word.number
        if number is None:
            return lambda value: False  # noqa: ARG005 - nothing is larger than a text
        limit = limit_of(sign, word)
        return lambda value: is_number(value) and compare(value, limit)
    return _TEXT_TESTS[sign](word)


def holds(value: Any, sign: str, word: Word) -> bool:
    """Whether one recorded value fulfils `sign` and `word`."""
    return tester(sign, word)(value)


def _contains(word: Word) -> Callable[[Any], bool]:
    wanted = word.text.casefold()
    return lambda value: wanted in str(value).casefold()


def _finds(word: Word) -> Callable[[Any], bool]:
    search = _regular(word.text).search
    return lambda value: search(str(value)) is not None


_TEXT_TESTS: dict[str, Callable[[Word], Callable[[Any], bool]]] = {
    "=": lambda word: lambda value: _means(value, word),
    "==": lambda word: lambda value: _means(value, word),
    "!=": lambda word: lambda value: not _means(value, word),
    "~": _contains,
    "*=": lambda word: lambda value: word.text in str(value),
    "^=": lambda word: lambda value: str(value).startswith(word.text),
    "$=": lambda word: lambda value: str(value).endswith(word.text),
    "=~": _finds,
}
