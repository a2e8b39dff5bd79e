"""Long sequences are cut into what is equal and what is not."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from diffing.runs import diff, step, tuned
from otel_replay.diffing.streaks import cut_into_streaks

sequences = st.lists(st.integers(0, 4), max_size=40)


@given(sequences, sequences)
def test_the_pieces_are_both_sequences_whole(a: list[int], b: list[int]) -> None:
    """In order, nothing twice, and what is called equal is."""
    i = j = 0
    for piece in cut_into_streaks(a, b):
        assert (piece.left, piece.right) == (i, j)
        i, j = piece.left_end, piece.right_end
        if piece.equal:
            assert a[piece.left : i] == b[piece.right : j]
    assert (i, j) == (len(a), len(b))


def test_after_a_difference_the_sequences_come_together_again() -> None:
    """Whether something is gone, new, or other."""
    a = list(range(1000))
    b = [*a[:100], *a[103:500], 5000, 5001, *a[500:700], 7000, *a[701:]]
    unequal = [piece[:4] for piece in cut_into_streaks(a, b) if not piece.equal]
    assert unequal == [(100, 103, 100, 100), (500, 500, 497, 499), (700, 701, 699, 700)]


def test_a_long_run_is_compared_as_a_short_one_is() -> None:
    """Where nearly everything has drifted, and where nearly nothing has."""
    rng = random.Random(5)
    steps = [step(rpm=rng.randrange(40), kpa=rng.randrange(9), after=rng.random()) for _ in range(900)]
    gone, new, other = (
        set(rng.sample(range(900), 9)),
        set(rng.sample(range(900), 7)),
        set(rng.sample(range(900), 50)),
    )
    for drift in (0.0, 0.001):
        later = []
        for number, (action, values, cell) in enumerate(steps):
            if number in new:
                later.append(step("NEW", rpm=number, after=1))
            if number not in gone:
                more = 1 if number in other else drift
                later.append((action, {"after": values["after"] + more}, cell))
        found = diff(tuned(*steps), tuned(*later), tolerances={"after": 0.01})
        assert (len(found.removed), len(found.added)) == (len(gone), len(new))
        assert len(found.changed) == len(other - gone)
