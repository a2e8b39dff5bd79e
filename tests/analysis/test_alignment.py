"""Two sequences side by side: the best alignment there is, quickly, and the same each time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import cache
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.mutated_traces import Mutated, key, mutated, tool
from otel_replay.analysis.alignment import Alignment, Pair, align
from otel_replay.analysis.alike import alike
from otel_replay.analysis.anchors import rising, worthwhile
from otel_replay.analysis.moves import Move, find_moves

# Items are a letter and a number: of one letter they are alike, the nearer the numbers the more.
items = st.tuples(st.sampled_from("abc"), st.integers(0, 9))
sequences = st.lists(items, max_size=12)


def similarity(a: tuple[str, int], b: tuple[str, int]) -> float:
    return 1 - abs(a[1] - b[1]) / 10 if a[0] == b[0] else 0.0


def unlike(*_: Any) -> float:
    return 0.0


def alike_anyway(*_: Any) -> float:
    return 0.9


def itself(item: Hashable) -> Hashable:
    return item


def worth(found: Alignment, least: float) -> float:
    """What an alignment is worth: each pair by what its similarity has above `least`."""
    return sum(pair.similarity - least for pair in found.matched)


def best_worth(left: Sequence[Any], right: Sequence[Any], least: float) -> float:
    """The worth of the best alignment, from the table of all of them."""

    @cache
    def best(i: int, j: int) -> float:
        if i == len(left) or j == len(right):
            return 0.0
        like = 1.0 if left[i] == right[j] else similarity(left[i], right[j])
        paired = like - least + best(i + 1, j + 1) if like > least else -math.inf
        return max(paired, best(i + 1, j), best(i, j + 1))

    return best(0, 0)


def is_whole(found: Alignment, left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether every item of both stands in it once, in its own order."""
    lefts = [pair.left for pair in found.pairs if pair.left is not None]
    rights = [pair.right for pair in found.pairs if pair.right is not None]
    return lefts == list(range(len(left))) and rights == list(range(len(right)))


@given(sequences, sequences, st.sampled_from([0.0, 0.3, 0.55]))
def test_no_alignment_is_better(left, right, least) -> None:
    """Compared with the table of all alignments, for any sequences."""
    found = align(left, right, similarity, key=itself, least=least)
    assert found.exact
    assert is_whole(found, left, right)
    assert worth(found, least) == pytest.approx(best_worth(left, right, least))


@given(sequences, sequences, st.integers(0, 30))
def test_with_little_work_it_is_still_an_alignment(left, right, work) -> None:
    """Anchors and bands may miss the best one; what they give is whole, in order, and above the least."""
    found = align(left, right, similarity, key=itself, identity=lambda item: item[0], work=work)
    assert is_whole(found, left, right)
    for pair in found.matched:
        a, b = left[pair.left], right[pair.right]
        assert pair.similarity == (1.0 if a == b else similarity(a, b)) > 0.3
    if found.exact:
        assert worth(found, 0.3) == pytest.approx(best_worth(left, right, 0.3))


@given(sequences, sequences)
def test_it_is_worth_the_same_from_either_side(left, right) -> None:
    there = align(left, right, similarity, key=itself)
    back = align(right, left, similarity, key=itself)
    assert worth(there, 0.3) == pytest.approx(worth(back, 0.3))


@given(sequences)
def test_what_is_equal_is_equal_item_by_item(items) -> None:
    found = align(items, items, similarity, key=itself)
    assert [(pair.left, pair.right) for pair in found.pairs] == [(i, i) for i in range(len(items))]
    assert found.score == 1.0


@given(sequences, sequences)
def test_items_of_different_groups_are_never_partners(left, right) -> None:
    """Also where the similarity would let them."""
    found = align(left, right, alike_anyway, key=itself, group=lambda item: item[0])
    assert all(left[pair.left][0] == right[pair.right][0] for pair in found.matched)


@given(sequences, sequences)
def test_the_same_sequences_give_the_same_alignment(left, right) -> None:
    assert align(left, right, similarity, key=itself) == align(left, right, similarity, key=itself)


def test_items_that_only_one_side_has_stand_where_they_were() -> None:
    found = align("abcd", "axcde", unlike, key=itself)
    rows = [(pair.left, pair.right) for pair in found.pairs]
    assert rows == [(0, 0), (1, None), (None, 1), (2, 2), (3, 3), (None, 4)]
    assert (found.only_left, found.only_right) == ([1], [1, 4])
    assert found.score == pytest.approx(6 / 9)


def test_nothing_is_aligned_with_nothing() -> None:
    assert align([], [], similarity, key=itself).score == 1.0
    assert align([], ["a"], similarity, key=itself).only_right == [0]


def test_a_strong_pair_is_preferred_to_two_weak_ones() -> None:
    left, right = [("a", 0), ("a", 5)], [("a", 5), ("a", 9)]
    found = align(left, right, similarity, key=itself, least=0.45)
    assert [(pair.left, pair.right) for pair in found.matched] == [(1, 0)]


def test_a_least_that_is_no_similarity_is_refused() -> None:
    with pytest.raises(ValueError, match=r"least=1\.5 is not a similarity"):
        align("a", "b", unlike, key=itself, least=1.5)


# -- how good ------------------------------------------------------------------------------------------------


def f1(trace: Mutated, **options: Any) -> float:
    """The harmonic mean of how many pairs found are true, and how many true ones were found."""
    found = align(
        trace.before,
        trace.after,
        lambda a, b: sum(b["arguments"][name] == value for name, value in a["arguments"].items()) / 3,
        key=key,
        group=tool,
        **options,
    )
    pairs = {(pair.left, pair.right) for pair in found.matched}
    return 2 * len(pairs & trace.truth) / (len(pairs) + len(trace.truth))


@pytest.mark.parametrize("work", [20_000, 0], ids=["exact", "anchors"])
def test_changed_calls_find_their_own_among_new_and_missing_ones(work: int) -> None:
    """300 traces of 60 calls, 6 gone, 6 new, 30 % of the rest with a changed argument."""
    scores = [f1(mutated(seed), work=work) for seed in range(300)]
    assert mean(scores) > 0.999
    assert min(scores) > 0.97


@pytest.mark.parametrize("change", [0.3, 0.9])
def test_long_traces_are_aligned_as_well(change: float) -> None:
    """1,000 calls, 100 gone, 100 new; far more than can be worked out pair by pair."""
    assert f1(mutated(1, steps=1_000, gone=100, new=100, change=change)) > 0.995


def test_a_run_in_which_every_value_drifted_is_paired_by_what_it_is_about() -> None:
    """48 cells, all corrected by a little more than before; two are new, three are gone."""
    before = [{"cell": cell, "after": 90.0 + cell % 7} for cell in range(48)]
    after = [{**one, "after": one["after"] + 0.05} for one in before if one["cell"] not in (5, 20, 47)]
    after.insert(11, {"cell": 101, "after": 12.0})
    after.insert(30, {"cell": 102, "after": 14.0})
    found = align(
        before,
        after,
        lambda a, b: 0.5 * (a["cell"] == b["cell"]) + 0.5 * alike(a["after"], b["after"]),
        key=lambda one: (one["cell"], one["after"]),
        identity=lambda one: one["cell"],
        least=0.5,
    )
    pairs = {(before[pair.left]["cell"], after[pair.right]["cell"]) for pair in found.matched}
    assert pairs == {(cell, cell) for cell in range(48)} - {(5, 5), (20, 20), (47, 47)}
    assert [after[place]["cell"] for place in found.only_right] == [101, 102]


# -- how quickly ---------------------------------------------------------------------------------------------


class Counting:
    """A similarity that counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, a: Any, b: Any) -> float:
        self.calls += 1
        return alike(a, b)


def test_long_equal_stretches_cost_nothing() -> None:
    """20,000 items of which three changed: only these are compared."""
    before = [("item", i) for i in range(20_000)]
    after = list(before)
    for place in (10, 9_000, 19_990):
        after[place] = ("item", -1 - place)
    asked = Counting()
    found = align(before, after, asked, key=itself)
    assert found.only_left == found.only_right == []
    assert asked.calls <= 9


def test_what_repeats_is_compared_once() -> None:
    """A loop of a thousand equal calls has one similarity with another such loop."""
    asked = Counting()
    found = align(["x", *["a"] * 1_000], ["y", *["b"] * 900], asked, key=itself, least=0.0, work=10**7)
    assert asked.calls == 4
    assert found.only_left == list(range(1_001))


def test_the_band_is_used_where_nothing_is_unique() -> None:
    """No anchors, too much to work out: it lies near the diagonal, and says that it may be better."""
    before = [("a", i % 3) for i in range(400)]
    after = [("a", (i + 1) % 3 + 5) for i in range(380)]
    found = align(before, after, similarity, key=itself, work=5_000)
    assert not found.exact
    assert is_whole(found, before, after)
    assert len(found.matched) > 340


def test_an_item_that_has_moved_far_does_not_tear_the_rest_apart() -> None:
    """It is the only equal one: everything else has drifted."""
    before = [("head", 0.0), *(("value", float(i)) for i in range(1, 400))]
    after = [*(("value", i + 0.01) for i in range(1, 400)), ("head", 0.0)]
    found = align(before, after, lambda a, b: alike(a[1], b[1]) if a[0] == b[0] else 0.0, key=itself)
    assert sum(pair.left == pair.right + 1 for pair in found.matched) == 399
    moves = find_moves(found, before, after, unlike, key=itself)
    assert moves == [Move(0, 399, 1.0)]


# -- anchors and moves -----------------------------------------------------------------------------------


@given(st.permutations(range(9)))
def test_the_rising_chain_rises_and_none_is_longer(order) -> None:
    chain = rising(list(enumerate(order)))
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(chain))
    longest = [1] * len(order)
    for j in range(len(order)):
        longest[j] += max((longest[i] for i in range(j) if order[i] < order[j]), default=0)
    assert len(chain) == max(longest)


def test_anchors_after_an_insertion_are_kept() -> None:
    """Ten new items in the middle shift everything after them: that is no reason to doubt it."""
    chain = [(i, i if i < 50 else i + 10) for i in range(100)]
    assert worthwhile(chain, (0, 0), (100, 110)) == chain


def test_an_anchor_far_off_the_others_is_left_out() -> None:
    chain = [(i, i if i != 50 else 60) for i in range(100) if i not in range(51, 61)]
    assert worthwhile(chain, (0, 0), (100, 100)) == [point for point in chain if point[0] == point[1]]


def test_moves_prefer_what_is_equal_and_use_each_item_once() -> None:
    left, right = ["p q r", "a b c d e f", "z"], ["z", "a b c d e g", "a b c d e f"]
    none_alone = Alignment(pairs=(Pair(0, 0), Pair(1, 1), Pair(2, 2)), exact=True)
    assert find_moves(none_alone, left, right, alike, key=itself) == []
    lefts, rights = [Pair(i, None) for i in range(3)], [Pair(None, j) for j in range(3)]
    alone = Alignment(pairs=(*lefts, *rights), exact=True)
    assert find_moves(alone, left, right, alike, key=itself) == [Move(1, 2, 1.0), Move(2, 0, 1.0)]


def test_moves_of_other_groups_or_beyond_the_work_are_not_found() -> None:
    left, right = ["a b c d e f"], ["a b c d e g"]
    alone = align(left, right, unlike, key=itself)
    assert find_moves(alone, left, right, alike, key=itself)[0].similarity == pytest.approx(5 / 6)
    assert find_moves(alone, left, right, alike, key=itself, group=itself) == []
    assert find_moves(alone, left, right, alike, key=itself, work=0) == []


# -- how alike -------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text("ab ", max_size=4) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)


@given(plain, plain)
def test_values_are_alike_from_0_to_1_and_the_same_both_ways(a, b) -> None:
    assert 0.0 <= alike(a, b) <= 1.0
    assert alike(a, b) == pytest.approx(alike(b, a))
    assert alike(a, a) == 1.0


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1, 1.0, 1.0),
        (90, 100, 0.9),
        (-1, 1, 0.0),
        (0, 5, 0.0),
        (1, True, 0.0),
        (math.nan, math.nan, 1.0),
        (math.inf, 1.0, 0.0),
        ("read the file", "read a file", 2 / 3),
        ({"x": 1, "y": 2}, {"x": 1, "z": 2}, 1 / 3),
        ([1, 2], [1, 2, 3, 4], 0.5),
        ("1", 1, 0.0),
        (None, 0, 0.0),
        (b"ab", b"ab", 1.0),
    ],
)
def test_how_alike_two_values_are(a, b, expected) -> None:
    assert alike(a, b) == pytest.approx(expected)
