"""Points that two sequences have in common and that an alignment may be cut at.

An anchor is an item that stands once on either side (patience). The longest chain of anchors that rises on
both sides is taken, and of it only what is worth the items that it would leave without a partner: one item
that has moved far must not tear apart everything in between. An anchor left out costs time, never quality.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

__all__ = ["Point", "rising", "unique", "worthwhile"]

Point = tuple[int, int]
"""A place on the left and one on the right."""

_SHIFT_PRICE = 0.5
"""What an anchor costs for each item that it leaves alone: half of what the item would be worth at most."""


def unique(numbers: Sequence[int], start: int, stop: int) -> dict[int, int]:
    """The numbers that stand once from `start` to `stop`, with their places, in their order."""
    counts = Counter(numbers[start:stop])
    return {numbers[i]: i for i in range(start, stop) if counts[numbers[i]] == 1}


def rising(points: Sequence[Point]) -> list[Point]:
    """The longest chain that rises on both sides (patience sorting); `points` rise on the left."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(points):
        place = bisect_left(tops, j)
        before.append(ends[place - 1] if place else -1)
        tops[place : place + 1], ends[place : place + 1] = [j], [number]
    chain: list[Point] = []
    number = ends[-1] if ends else -1
    while number >= 0:
        chain.append(points[number])
        number = before[number]
    return chain[::-1]


def worthwhile(chain: Sequence[Point], start: Point, end: Point) -> list[Point]:
    """The part of a chain that is worth most, where every item that is left alone for it has a price.

    From one anchor to the next, as many items are left alone as the distance between the two sides changes.
    `start` (included) and `end` (excluded) are the corners of what is aligned, which are given in any case.
    """
    streaks = _streaks(chain)
    corners = (start[1] - start[0], end[1] - end[0])
    shifts = [corners[0], *(streak[0][1] - streak[0][0] for streak in streaks), corners[1]]
    worths = [0, *map(len, streaks), 0]
    order = {shift: place for place, shift in enumerate(sorted(set(shifts)))}
    from_below = _Best(len(order))
    from_above = _Best(len(order))
    before = [-1] * len(shifts)
    for number, shift in enumerate(shifts):
        place = order[shift]
        below = from_below.up_to(place)
        above = from_above.up_to(len(order) - 1 - place)
        worth = 0.0
        if number:
            price = _SHIFT_PRICE * shift
            worth, before[number] = max((below[0] - price, below[1]), (above[0] + price, above[1]))
            worth += worths[number]
        from_below.put(place, worth + _SHIFT_PRICE * shift, number)
        from_above.put(len(order) - 1 - place, worth - _SHIFT_PRICE * shift, number)
    kept: list[list[Point]] = []
    number = before[-1]
    while number > 0:
        kept.append(streaks[number - 1])
        number = before[number]
    return [point for streak in reversed(kept) for point in streak]


def _streaks(chain: Sequence[Point]) -> list[list[Point]]:
    """Neighbours in a chain that leave nothing alone between them: all of them are worth it, or none."""
    streaks: list[list[Point]] = []
    last: int | None = None
    for point in chain:
        shift = point[1] - point[0]
        if shift == last:
            streaks[-1].append(point)
        else:
            streaks.append([point])
            last = shift
    return streaks


class _Best:
    """The greatest value put at one of the first places (a Fenwick tree of maxima), and who put it."""

    def __init__(self, size: int) -> None:
        self._tree = [(float("-inf"), -1)] * (size + 1)

    def put(self, place: int, value: float, who: int) -> None:
        place += 1
        while place < len(self._tree):
            self._tree[place] = max(self._tree[place], (value, who))
            place += place & -place

    def up_to(self, place: int) -> tuple[float, int]:
        place += 1
        best = self._tree[0]
        while place:
            best = max(best, self._tree[place])
            place &= place - 1
        return best
