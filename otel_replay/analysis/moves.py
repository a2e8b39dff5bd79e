"""Items that an alignment left alone on both sides because they have moved past others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

from otel_replay.analysis.alignment import Alignment, Key, Similarity

__all__ = ["Move", "find_moves"]

T = TypeVar("T")

_WORK = 20_000


class Move(NamedTuple):
    """An item that has no partner in its place, and one elsewhere: its place on the left and on the right."""

    left: int
    right: int
    similarity: float


def find_moves(
    alignment: Alignment,
    left: Sequence[T],
    right: Sequence[T],
    similarity: Similarity[T],
    *,
    key: Key[T],
    group: Key[T] | None = None,
    least: float = 0.8,
    work: int = _WORK,
) -> list[Move]:
    """Items without a partner that stand elsewhere on the other side, in the order of the left.

    Equal ones first (the nearest), then the most alike above `least`; each is used once. Where more than
    `work` similarities would have to be worked out, only equal ones are found.
    """
    alone, others = alignment.only_left, alignment.only_right
    keys: defaultdict[Hashable, list[int]] = defaultdict(list)
    for j in others:
        keys[key(right[j])].append(j)
    moves = []
    for i in alone:
        same = keys.get(key(left[i]))
        if same:
            _, j = min((abs(place - i), place) for place in same)
            same.remove(j)
            moves.append(Move(i, j, 1.0))
    used_left, used_right = {move.left for move in moves}, {move.right for move in moves}
    rest = [i for i in alone if i not in used_left]
    by_group: defaultdict[Hashable, list[int]] = defaultdict(list)
    for j in others:
        if j not in used_right:
            by_group[group(right[j]) if group else None].append(j)
    candidates = [(i, by_group.get(group(left[i]) if group else None, [])) for i in rest]
    if sum(len(places) for _, places in candidates) <= work:
        likes = [(similarity(left[i], right[j]), i, j) for i, places in candidates for j in places]
        for like, i, j in sorted(
            (like for like in likes if like[0] >= least), key=lambda row: (-row[0], row)
        ):
            if i not in used_left and j not in used_right:
                used_left.add(i)
                used_right.add(j)
                moves.append(Move(i, j, like))
    return sorted(moves)
