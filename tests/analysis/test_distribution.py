"""Percentiles in bounded memory."""

import math
import random

import pytest

from otel_replay.analysis.distribution import RELATIVE_ERROR, Distribution


def of(lengths):
    found = Distribution()
    for length in lengths:
        found.add(length)
    return found


def nearest_rank(lengths, percent):
    return sorted(lengths)[max(1, math.ceil(len(lengths) * percent / 100)) - 1]


def test_a_few_lengths_give_exact_percentiles():
    assert of([30, 10, 20]).percentiles_ns() == {50: 20, 90: 30, 99: 30}


def test_nothing_has_no_percentiles():
    assert of([]).percentiles_ns() == {50: None, 90: None, 99: None}


@pytest.mark.parametrize("percent", [1, 50, 90, 99, 100])
@pytest.mark.parametrize("seed", range(3))
def test_many_lengths_give_percentiles_within_one_percent(percent, seed):
    draw = random.Random(seed)
    lengths = [round(draw.lognormvariate(14, 3)) for _ in range(5_000)]
    true = nearest_rank(lengths, percent)
    assert of(lengths).percentile(percent) == pytest.approx(true, rel=RELATIVE_ERROR, abs=1)


@pytest.mark.parametrize(("first", "second"), [(10, 20), (200, 200), (1_000, 10), (10, 1_000), (900, 900)])
def test_two_that_are_joined_are_what_one_would_have_found(first, second):
    lengths = [number * number * 1_000 for number in range(first + second)]
    joined = of(lengths[:first])
    joined.merge(of(lengths[first:]))
    assert joined.percentiles_ns() == of(lengths).percentiles_ns()
    assert (joined.count, joined.longest_ns) == (first + second, lengths[-1])


def test_lengths_of_zero_are_lengths():
    found = of([0] * 1_000 + [5])
    assert found.percentile(50) == 0
    assert found.percentile(100) == 5
