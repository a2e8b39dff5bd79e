"""Pairings of what is expected with what was made: against all that there are, for every small case."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations, product

import pytest

from otel_replay.assertions.pairing import Fits, inversions, pair_all, pair_in_order, pair_steps

SIZES = [(0, 0), (1, 3), (2, 2), (3, 2), (2, 4), (3, 3), (4, 2)]


def tables(expected: int, made: int) -> Iterator[Fits]:
    """Every table of what fits what."""
    for bits in product([False, True], repeat=expected * made):
        yield [bits[row * made : (row + 1) * made] for row in range(expected)]


def most(fits: Fits, made: int, *, in_order: bool) -> int:
    """How many can be paired: by trying all ways."""
    rows, columns = range(len(fits)), range(made)
    ways = combinations if in_order else permutations
    for size in range(min(len(fits), made), 0, -1):
        for chosen in combinations(rows, size):
            for places in ways(columns, size):
                if all(fits[row][column] for row, column in zip(chosen, places, strict=True)):
                    return size
    return 0


def is_pairing(fits: Fits, pairs: dict[int, int]) -> bool:
    """Whether each is paired once, with what fits it."""
    return len(set(pairs.values())) == len(pairs) and all(fits[row][column] for row, column in pairs.items())


@pytest.mark.parametrize(("expected", "made"), SIZES)
def test_in_order_as_many_are_paired_as_can_be(expected: int, made: int) -> None:
    for fits in tables(expected, made):
        pairs = pair_in_order(fits, made)
        assert is_pairing(fits, pairs)
        assert list(pairs) == sorted(pairs)
        assert list(pairs.values()) == sorted(pairs.values())
        assert len(pairs) == most(fits, made, in_order=True), fits


@pytest.mark.parametrize(("expected", "made"), SIZES)
def test_in_any_order_as_many_are_paired_as_can_be(expected: int, made: int) -> None:
    for fits in tables(expected, made):
        pairs = pair_all(fits, made)
        assert is_pairing(fits, pairs)
        assert list(pairs) == sorted(pairs)
        assert len(pairs) == most(fits, made, in_order=False), fits


def test_where_it_does_not_matter_the_first_gets_the_first() -> None:
    fits = [[True] * 3] * 3
    assert pair_all(fits, 3) == pair_in_order(fits, 3) == {0: 0, 1: 1, 2: 2}
    assert pair_all([[True, True], [True, False]], 2) == {0: 1, 1: 0}
    assert pair_in_order([[True, True]], 2) == {0: 0}


@pytest.mark.parametrize("steps", [(0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 2)])
def test_by_steps_all_are_paired_in_order_where_they_can_be(steps: tuple[int, ...]) -> None:
    for fits in tables(3, 3):
        pairs = pair_steps(fits, 3, steps)
        assert is_pairing(fits, pairs)
        assert len(pairs) == most(fits, 3, in_order=False)
        can = any(
            all(fits[row][column] for row, column in enumerate(places))
            and [steps[row] for row in sorted(range(3), key=places.__getitem__)] == sorted(steps)
            for places in permutations(range(3))
        )
        assert (len(pairs) == 3 and not inversions(pairs, steps)) == can, fits


def test_of_what_was_made_too_early_the_nearest_is_told() -> None:
    assert inversions({0: 2, 1: 0, 2: 1}, (0, 1, 2)) == [(0, 2)]
    assert inversions({0: 1, 1: 2, 2: 0}, (0, 1, 2)) == [(0, 2), (1, 2)]
    assert inversions({0: 1, 1: 0}, (0, 0)) == []
    assert inversions({}, ()) == []
    assert inversions({1: 0, 0: 3, 2: 1, 3: 2}, (0, 1, 1, 2)) == [(0, 3)]
