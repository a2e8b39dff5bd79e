"""Spans that ran at the same time, whose order says nothing: which of one run is which of the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from otel_replay.diffing.sides import Side

if TYPE_CHECKING:
    from otel_replay.diffing.pairing import Row

__all__ = ["exchange_partners"]

_MOST = 100
"""So many that are paired but not equal are held against each other; of more, only equal ones are found."""


def exchange_partners(rows: Iterable[Row], left: Side, right: Side) -> None:
    """Give rows of spans that are concurrent on both sides the partners that they are most like.

    Equal spans are paired first, then those that have most in common below them.

    Parameters
    ----------
    rows:
        Siblings of both runs. Those that are paired, and not equal, may change their partners.
    """
    if not (left.clusters and right.clusters):
        return
    together: defaultdict[tuple[int, int, int], list[Row]] = defaultdict(list)
    for row in rows:
        if (
            row.how == "paired"
            and not row.equal
            and row.left in left.clusters
            and row.right in right.clusters
        ):
            place = left.clusters[row.left], right.clusters[row.right], left.groups[row.left]
            together[place].append(row)
    for some in together.values():
        if len(some) > 1:
            _exchange(some, left, right)


def _exchange(rows: Sequence[Row], left: Side, right: Side) -> None:
    free = [row.right for row in rows]
    equal: defaultdict[int, list[int]] = defaultdict(list)
    for seq in reversed(free):
        equal[right.trees[seq]].append(seq)
    rest = []
    for row in rows:
        same = equal[left.trees[row.left]]
        if same:
            row.right, row.equal = same.pop(), True
        else:
            rest.append(row)
    taken = {row.right for row in rows if row.equal}
    free = [seq for seq in free if seq not in taken]
    if len(rest) > _MOST:
        partners = dict(enumerate(free))
    else:
        below = [Counter(_trees_below(left, row.left)) for row in rest]
        others = [Counter(_trees_below(right, seq)) for seq in free]
        shared = sorted(
            (-(one & other).total() - (i == j) / 2, i, j)
            for i, one in enumerate(below)
            for j, other in enumerate(others)
        )
        partners = {}
        used: set[int] = set()
        for _, i, j in shared:
            if i not in partners and j not in used:
                partners[i] = free[j]
                used.add(j)
    for i, row in enumerate(rest):
        row.right = partners[i]


def _trees_below(side: Side, seq: int) -> list[int]:
    return [side.trees[child] for child in side.children.get(seq, ())]
