"""Two recorded values side by side: every part that is not the same, with what it was and what it is.

Maps compare without order, lists place by place. NaN is NaN. 1 and 1.0 are the same number unless the rules
are strict. A text in which numbers stand is the same where only these differ, by no more than its tolerance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from otel_replay.diffing.rules import Path, Rules, path_text

__all__ = ["Change", "LEAVES", "MISSING", "How", "value_changes"]

How = Literal["changed", "added", "removed", "type"]

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class _Missing:
    """What stands for a value that is not there: null is one that is."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""The other side of a value that only one run has."""


@dataclass(slots=True, unsafe_hash=True)
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


def value_changes(a: Any, b: Any, item: str, rules: Rules, path: Path = ()) -> list[Change]:
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
    found: list[Change] = []
    _compare(a, b, item, rules, path, found)
    return found


def _compare(a: Any, b: Any, item: str, rules: Rules, path: Path, found: list[Change]) -> None:
    if rules.ignored and path and rules.ignores(item, path):
        return
    kinds = type(a), type(b)
    if kinds[0] is kinds[1] is dict:
        _compare_maps(a, b, item, rules, path, found)
    elif kinds in _PLAIN_NUMBERS:
        _compare_numbers(a, b, item, rules, path, found)
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        _compare_maps(a, b, item, rules, path, found)
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple):
        _compare_lists(a, b, item, rules, path, found)
    elif kinds[0] is kinds[1] and a == b:
        return
    elif not (rules.ignores(item, path) or _same_text(a, b, item, rules, path)):
        found.append(Change(path, a, b))


_PLAIN_NUMBERS = frozenset({(one, other) for one in (int, float) for other in (int, float)})


def _compare_maps(
    a: Mapping[str, Any], b: Mapping[str, Any], item: str, rules: Rules, path: Path, found: list[Change]
) -> None:
    # Nothing but the numbers themselves counts; so it is unless somebody asked for more.
    exact = not rules.tolerances and not rules.ignored
    for key, before in a.items():
        if key in b:
            after = b[key]
            kind = type(before)
            # Most are the same: the rest must not wait for them.
            if kind is not type(after) or kind not in LEAVES or before != after:
                if exact and kind is float and type(after) is float:
                    if before == before or after == after:
                        found.append(Change((*path, key), before, after))
                    continue
                _compare(before, after, item, rules, (*path, key), found)
        elif not rules.ignores(item, (*path, key)):
            found.append(Change((*path, key), before, MISSING, "removed"))
    if len(b) > len(a) or b.keys() - a.keys():
        found += [
            Change((*path, key), MISSING, after, "added")
            for key, after in b.items()
            if key not in a and not rules.ignores(item, (*path, key))
        ]


LEAVES = frozenset({int, float, str, bool, bytes, type(None)})
"""Types of values that are the same where they are equal, and have no parts."""


def _compare_lists(a: Any, b: Any, item: str, rules: Rules, path: Path, found: list[Change]) -> None:
    if rules.ignores(item, path):
        return
    for place, (before, after) in enumerate(zip(a, b, strict=False)):
        _compare(before, after, item, rules, (*path, place), found)
    rest: list[tuple[int, Any, Any, How]] = [
        *((place, a[place], MISSING, "removed") for place in range(len(b), len(a))),
        *((place, MISSING, b[place], "added") for place in range(len(a), len(b))),
    ]
    for place, before, after, how in rest:
        if not rules.ignores(item, (*path, place)):
            found.append(Change((*path, place), before, after, how))


def _compare_numbers(a: float, b: float, item: str, rules: Rules, path: Path, found: list[Change]) -> None:
    if rules.strict and type(a) is not type(b):
        how: How = "type"
    elif a == b or (a != a and b != b):
        return
    else:
        tolerance = rules.tolerance(item, path)
        if tolerance is not None and tolerance.allows(a, b):
            return
        how = "changed"
    if not rules.ignores(item, path):
        found.append(Change(path, a, b, how))


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
