"""Pairs what is expected with what was made, each at most once: in order, or in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["inversions", "pair_all", "pair_in_order", "pair_steps"]

Fits = Sequence[Sequence[bool]]
"""Whether expected call `row` fits made call `column`."""


def pair_in_order(fits: Fits, made: int) -> dict[int, int]:
    """The longest pairing in which both orders are kept (a longest common subsequence)."""
    expected = len(fits)
    longest = [[0] * (made + 1) for _ in range(expected + 1)]
    for row in range(expected - 1, -1, -1):
        for column in range(made - 1, -1, -1):
            longest[row][column] = max(
                longest[row + 1][column + 1] + fits[row][column],
                longest[row + 1][column],
                longest[row][column + 1],
            )
    pairs: dict[int, int] = {}
    row = column = 0
    while row < expected and column < made:
        if fits[row][column] and longest[row][column] == longest[row + 1][column + 1] + 1:
            pairs[row] = column
            row, column = row + 1, column + 1
        elif longest[row + 1][column] >= longest[row][column + 1]:
            row += 1
        else:
            column += 1
    return pairs


def pair_all(fits: Fits, made: int) -> dict[int, int]:
    """As many pairs as there can be, in any order (a maximum bipartite matching, by augmenting paths).

    Where it does not matter, the first expected gets the first made.
    """
    taken: dict[int, int] = {}
    for row in range(len(fits)):
        _place(row, fits, made, taken)
    return {row: column for column, row in sorted(taken.items(), key=lambda pair: pair[1])}


def pair_steps(fits: Fits, made: int, steps: Sequence[int]) -> dict[int, int]:
    """As `pair_all`, and with no call before one of an earlier step, where all can be paired so.

    Where all are paired and none is too early, the sorted steps say of which step each made call is.
    """
    if len(fits) == made:
        due = sorted(steps)
        kept = [
            [fit and step == due[column] for column, fit in enumerate(row)]
            for row, step in zip(fits, steps, strict=True)
        ]
        pairs = pair_all(kept, made)
        if len(pairs) == made:
            return pairs
    return pair_all(fits, made)


def _place(row: int, fits: Fits, made: int, taken: dict[int, int]) -> bool:
    """Find a place for `row`, moving others where they have another one; without recursion."""
    came_from: dict[int, int] = {}
    todo = [row]
    while todo:
        current = todo.pop(0)
        for column in range(made):
            if not fits[current][column] or column in came_from:
                continue
            came_from[column] = current
            if column not in taken:
                _shift(column, came_from, taken, row)
                return True
            todo.append(taken[column])
    return False


def _shift(column: int, came_from: Mapping[int, int], taken: dict[int, int], row: int) -> None:
    places = {owner: place for place, owner in taken.items()}
    while True:
        owner = came_from[column]
        before = places.get(owner)
        taken[column] = owner
        if owner == row or before is None:
            return
        column = before


def inversions(pairs: Mapping[int, int], steps: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of expected calls, the first of an earlier step, of which the second was made first.

    Calls of one step, and equal calls, may be paired either way; of each call only the nearest is told.
    """
    order = sorted(pairs, key=pairs.__getitem__)
    found = []
    latest = -1
    for row in order:
        if latest >= 0 and steps[row] < steps[latest]:
            found.append((row, latest))
        elif latest < 0 or steps[row] > steps[latest]:
            latest = row
    return found
