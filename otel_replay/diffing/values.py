"""Two recorded values side by side: every part that is not the same, with what it was and what it is.

Maps compare without order, lists place by place. NaN is NaN. 1 and 1.0 are the same number unless the rules
are strict. A text in which numbers stand is the same where only these differ, by no more than its tolerance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from otel_replay.diffing.rules import Path, Rules, path_text

__all__ = ["Change", "MISSING", "How", "value_changes"]

How = Literal["changed", "added", "removed", "type"]

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class _Missing:
    """What stands for a value that is not there: null is one that is."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""The other side of a value that only one run has."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is not the same: where it stands, what it was before (in the first run) and after.

    `how` is `type` where 1 became 1.0 and the rules are strict.
    """

    path: Path
    before: Any
    after: Any
    how: How = "changed"

    @property
    def name(self) -> str:
        """The path as people spell it."""
        return path_text(self.path)


def value_changes(a: Any, b: Any, item: str, rules: Rules, path: Path = ()) -> Iterator[Change]:
    """Every part of `a` and `b` that is not the same.

    Parameters
    ----------
    a, b:
        AnyValues; maps of attributes as a rule.
    item:
        The name of the decision, event or span that they belong to; tolerances may be for it alone.
    rules:
        Tolerances, what is ignored, and whether types count.
    path:
        Where the two values stand.
    """
    if a is b and a == a:
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        yield from _in_maps(a, b, item, rules, path)
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple):
        yield from _in_lists(a, b, item, rules, path)
    elif rules.ignores(item, path):
        return
    elif isinstance(a, int | float) and isinstance(b, int | float) and bool not in (type(a), type(b)):
        yield from _in_numbers(a, b, item, rules, path)
    elif (type(a) is not type(b) or a != b) and not _same_text(a, b, item, rules, path):
        yield Change(path, a, b)


def _in_maps(
    a: Mapping[str, Any], b: Mapping[str, Any], item: str, rules: Rules, path: Path
) -> Iterator[Change]:
    for key, before in a.items():
        if key in b:
            after = b[key]
            # Most are the same; the rest must not wait for them.
            if type(before) is not type(after) or before != after or isinstance(before, dict | list | tuple):
                yield from value_changes(before, after, item, rules, (*path, key))
        elif not rules.ignores(item, (*path, key)):
            yield Change((*path, key), before, MISSING, "removed")
    for key, after in b.items():
        if key not in a and not rules.ignores(item, (*path, key)):
            yield Change((*path, key), MISSING, after, "added")


def _in_lists(a: Any, b: Any, item: str, rules: Rules, path: Path) -> Iterator[Change]:
    if rules.ignores(item, path):
        return
    for place, (before, after) in enumerate(zip(a, b, strict=False)):
        yield from value_changes(before, after, item, rules, (*path, place))
    for place in range(len(b), len(a)):
        if not rules.ignores(item, (*path, place)):
            yield Change((*path, place), a[place], MISSING, "removed")
    for place in range(len(a), len(b)):
        if not rules.ignores(item, (*path, place)):
            yield Change((*path, place), MISSING, b[place], "added")


def _in_numbers(a: float, b: float, item: str, rules: Rules, path: Path) -> Iterator[Change]:
    if rules.strict and type(a) is not type(b):
        yield Change(path, a, b, "type")
        return
    if a == b or (a != a and b != b):
        return
    tolerance = rules.tolerance(item, path)
    if tolerance is None or not tolerance.allows(a, b):
        yield Change(path, a, b)


def _same_text(a: Any, b: Any, item: str, rules: Rules, path: Path) -> bool:
    tolerance = rules.tolerance(item, path)
    if tolerance is None or not (isinstance(a, str) and isinstance(b, str)):
        return False
    if _NUMBER.split(a) != _NUMBER.split(b):
        return False
    return all(
        tolerance.allows(float(one), float(other))
        for one, other in zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=True)
    )
