"""Long sequences cut into what is equal and what is not, step by step: most of two long runs is the same.

From where two sequences part, the nearest place is looked for at which they go on alike for a few items. It
costs a fraction of an alignment, which then has only the pieces between to do. What it cannot find within its
reach, it leaves whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Piece", "cut_into_streaks"]

_ALIKE = 3
"""So many items in a row must be equal after a difference."""

_REACH = 12
"""So many items may be between, both sides together."""

_STEPS = sorted(
    ((dx, total - dx) for total in range(1, _REACH + 1) for dx in range(total + 1)),
    key=lambda step: (sum(step), abs(step[0] - step[1])),
)


class Piece(NamedTuple):
    """A stretch of both sequences, from (included) to (excluded); equal item by item, or not looked at."""

    left: int
    left_end: int
    right: int
    right_end: int
    equal: bool


def cut_into_streaks(a: Sequence[int], b: Sequence[int]) -> Iterator[Piece]:
    """The pieces in order; together they are both sequences whole."""
    i = j = 0
    while i < len(a) and j < len(b):
        length = _equal_length(a, b, i, j)
        if length:
            yield Piece(i, i + length, j, j + length, True)
            i, j = i + length, j + length
            continue
        step = _step(a, b, i, j)
        if step is None:
            break
        yield Piece(i, i + step[0], j, j + step[1], False)
        i, j = i + step[0], j + step[1]
    if i < len(a) or j < len(b):
        yield Piece(i, len(a), j, len(b), False)


def _equal_length(a: Sequence[int], b: Sequence[int], i: int, j: int) -> int:
    start, step = i, 1
    while step:
        piece = a[i : i + step]
        if piece and len(piece) == step and piece == b[j : j + step]:
            i, j, step = i + step, j + step, step * 2
        else:
            step //= 2
    return i - start


def _step(a: Sequence[int], b: Sequence[int], i: int, j: int) -> tuple[int, int] | None:
    for dx, dy in _STEPS:
        after = a[i + dx : i + dx + _ALIKE]
        if len(after) == _ALIKE and after == b[j + dy : j + dy + _ALIKE]:
            return dx, dy
    return None
