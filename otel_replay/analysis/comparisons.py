"""What a sign between a recorded value and a person's word means: one meaning for `--where` and selectors.

=====================  ==================================================================
`=` `==` `!=`          the same; `3500` means 3500, 3500.0 and `"3500"` alike, `*` any text, `nan` NaN
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

from otel_replay.errors import UsageError

__all__ = [
    "ORDER",
    "SIGNS",
    "Word",
    "as_number",
    "check_tolerances",
    "glob_pattern",
    "holds",
    "limit_of",
    "is_number",
    "means",
    "near",
    "read_word",
    "share_of",
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

    def __repr__(self) -> str:
        """As a person writes it: it is shown inside of lists and maps, too."""
        return repr(self.text) if self.exact else self.text

    @property
    def tolerance(self) -> float:
        """How far a value may be from `number`."""
        # A whole number may be too large for a float, and is compared as it is.
        return max(self.by, share_of(self.number or 0.0, self.share)) if self.share else self.by


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
        return not word.exact and word.number is not None and near(value, word.number, word.tolerance)
    text = str(value)
    if not word.exact and "*" in word.text:
        return glob_pattern(word.text).fullmatch(text) is not None
    return text == word.text


def near(value: float, number: float, tolerance: float) -> bool:
    """Whether a number is the other one, or no further from it than `tolerance`.

    NaN is near NaN and nothing else, an infinity near itself alone: a run that did it again is the same run.
    """
    if value == number or (value != value and number != number):
        return True
    # A sum of floats such as 0.1 + 0.2 is not further off for the last bit of its difference.
    try:
        return (
            tolerance > 0
            and math.isfinite(value)
            and math.isfinite(number)
            and abs(value - number) <= tolerance * (1 + 1e-12)
        )
    except OverflowError:  # a whole number beyond all floats
        return False


def share_of(number: float, share: float) -> float:
    """So much of a number, without its sign; infinite where that is beyond all floats."""
    try:
        return share * abs(number) if share else 0.0
    except OverflowError:  # a whole number beyond all floats
        return math.inf


def check_tolerances(**tolerances: object) -> None:
    """Refuse what no number can be off by.

    Raises
    ------
    UsageError
        If one of them is no number from 0.
    """
    for name, tolerance in tolerances.items():
        if not is_number(tolerance) or not tolerance >= 0:  # type: ignore[operator]  # a number, then
            raise UsageError(f"`{name}` is how far a number may be off, from 0, and not {tolerance!r:.40}")


@lru_cache(maxsize=4096)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """The pattern of a text in which `*` stands for any text.

    What stands between two `*` is taken where it comes first, for good: another place would not help, and
    trying them all would take years for `*a*a*a*a*b`. Written as `fnmatch` does: `re` has it from 3.11 on.
    """
    first, *rest = map(re.escape, glob.split("*"))
    between = "".join(
        f"(?=(?P<at{number}>.*?{part}))(?P=at{number})" for number, part in enumerate(rest[:-1]) if part
    )
    return re.compile(first + between + "".join(f".*{part}" for part in rest[-1:]), re.DOTALL)


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
