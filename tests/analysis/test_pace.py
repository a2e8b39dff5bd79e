"""How often something happened, in constant memory."""

from hypothesis import given
from hypothesis import strategies as st

from otel_replay.analysis.pace import Pace


@given(st.lists(st.integers(0, 10**15)))
def test_every_moment_is_counted_once_in_few_buckets(times):
    pace = Pace(buckets=8)
    for time_ns in sorted(times):
        pace.add(time_ns)
    assert sum(pace.counts) == pace.total == len(times)
    assert len(pace.counts) <= 8


def test_buckets_are_of_equal_length_and_in_order():
    pace = Pace(buckets=4)
    for time_ns in (0, 1_000, 2_000, 3_000, 30_000):
        pace.add(time_ns)
    assert pace.width_ns == 8_000
    assert pace.counts == [4, 0, 0, 1]


def test_a_clock_that_was_set_back_counts_at_the_beginning():
    pace = Pace(buckets=4)
    pace.add(5_000)
    pace.add(1_000)
    assert pace.counts == [2]


def test_nothing_has_no_pace():
    assert Pace().counts == []
