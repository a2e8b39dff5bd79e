"""What is not the same in two decisions of which nothing but plain values and the reason can be another.

So it is with nearly all that changed, and where every value has drifted with every decision: it is worked out
in one step, and once more for the few that somebody is shown.
"""

from __future__ import annotations

from typing import Any

from otel_replay.diffing.content import Contents
from otel_replay.diffing.rules import Path
from otel_replay.diffing.sides import Side
from otel_replay.diffing.values import LEAVES

__all__ = ["REASON", "Leaf", "Leaves"]

Leaf = tuple[Path, Any, Any]
"""A value of a decision that is not the same: where it stands, before and after."""

REASON: Path = ("reason",)
"""Where a decision's reason stands; a leaf of it has this very tuple."""

_TEXTS = frozenset({str, bytes})


class Leaves:
    """Finds them, in the two runs as they are compared."""

    def __init__(self, left: Side, right: Side, contents: Contents) -> None:
        self._values = left.values, right.values
        self._reasons = left.reasons, right.reasons
        self._groups = left.groups
        self._contents = contents
        self._tolerant = bool(contents.rules.tolerances)
        self._paths = _Paths()

    def of(self, i: int, j: int) -> list[Leaf] | None:
        """Those of a decision of each run, by `seq`; None where they cannot be told so."""
        before, after = self._values[0][i], self._values[1][j]
        if type(before) is not dict or type(after) is not dict:
            return None
        if before.keys() != after.keys():
            return None
        paths = self._paths
        leaves: list[Leaf] = [
            (paths[name], one, after[name])
            for name, one in before.items()
            if one != after[name] or type(one) is not type(after[name]) or type(one) not in LEAVES
        ]
        odd = False
        for _, one, other in leaves:
            if type(one) is not type(other) or type(one) not in LEAVES:
                return None
            odd = odd or one != one
        if odd:
            # NaN is NaN, and is not equal to itself.
            leaves = [leaf for leaf in leaves if leaf[1] == leaf[1] or leaf[2] == leaf[2]]
        reason, later = self._reasons[0][i], self._reasons[1][j]
        if self._tolerant:
            leaves = [leaf for leaf in leaves if not self._allows(i, leaf)]
            if reason != later or any(type(one) in _TEXTS for _, one, _ in leaves):
                return None
        if reason != later:
            leaves.insert(0, (REASON, reason, later))
        return leaves

    def _allows(self, seq: int, leaf: Leaf) -> bool:
        """Whether a number is the same within its tolerance."""
        path, before, after = leaf
        if type(before) is not float and type(before) is not int:
            return False
        contents = self._contents
        action = contents.about[self._groups[seq]].action
        tolerance = contents.rules.tolerance(action, path)
        return tolerance is not None and tolerance.allows(before, after)


class _Paths(dict[str, Path]):
    """Where a value of a decision stands, made once for each name."""

    def __missing__(self, name: str) -> Path:
        path = self[name] = ("values", name)
        return path
