"""Times, sizes and values as a person reads them."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_replay.cli import people
from otel_replay.cli.scale import scale
from otel_replay.cli.terminal import width
from otel_replay.cli.times import read_time
from otel_replay.queries.times import length_ns

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "0 ns"),
        (850, "850 ns"),
        (999, "999 ns"),
        (1_000, "1 µs"),
        (12_340, "12.3 µs"),
        (999_499, "999 µs"),
        (999_500, "1.00 ms"),
        (1_000_000, "1 ms"),
        (1_310_000, "1.31 ms"),
        (92_340_000, "92.3 ms"),
        (999_499_999, "999 ms"),
        (999_600_000, "1.00 s"),
        (3_210_000_000, "3.21 s"),
        (59_900_000_000, "59.9 s"),
        (59_990_000_000, "1m00s"),
        (245 * SECOND, "4m05s"),
        (3_599_600_000_000, "1h00m"),
        (8_040 * SECOND, "2h14m"),
        (3 * 86_400 * SECOND, "3d00h"),
    ],
)
def test_a_length_of_time_has_three_digits(time_ns, text):
    assert people.duration(time_ns) == text


@given(st.integers(0, 10**18))
def test_a_length_of_time_is_short(time_ns):
    assert len(people.duration(time_ns)) <= 8


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (231_400, "231 kB"),
        (999_600, "1.00 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_are_decimal(size, text):
    assert people.size(size) == text


@pytest.mark.parametrize(
    ("count", "seconds", "text"),
    [(5_400, 1, "5,400/s"), (1, 4, "0.25/s"), (1, 3_600, "1/h"), (0, 1, ""), (5, 0, "")],
)
def test_rates(count, seconds, text):
    assert people.per_second(count, seconds * SECOND) == text


def test_a_time_is_told_the_shorter_the_nearer_it_is(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    now = 1_767_268_800 * SECOND  # 2026-01-01 12:00 UTC
    assert people.local_time(now - 60 * SECOND, now) == "today 11:59:00"
    assert people.local_time(now - 86_400 * SECOND, now) == "yesterday 12:00"
    assert people.local_time(now + 86_400 * SECOND * 40, now) == "10 Feb 12:00"
    assert people.local_time(now - 86_400 * SECOND * 400, now) == "2024-11-27"
    assert people.local_time(10**30, now) == "?"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (1e300, "1e+300"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (True, "true"),
        (None, "null"),
        ("front", "front"),
        ("3500", '"3500"'),
        ("nan", '"nan"'),
        ("true", '"true"'),
        ("two words", '"two words"'),
        ("", '""'),
        ('say "x"', '"say \\"x\\""'),
        ("日本", "日本"),
        ([1, 2], "[1, 2]"),
        ([], "[]"),
        ({"a": 1, "b": {"c": 2}}, "{a=1 b={c=2}}"),
        (b"\x00\xff", "<2 bytes 00ff>"),
        (b"", "<0 bytes >"),
        ({"otel_replay.blob": "ab" * 32, "size_bytes": 1_200_000}, "<blob abababababab 1.20 MB>"),
    ],
)
def test_values_keep_their_type_visible(value, text):
    assert people.value(value) == text


def test_what_is_left_out_of_a_value_is_said():
    assert people.value(list(range(100))) == "[0, 1, 2, 3, 4, … 95 more]"
    assert people.value("x" * 1_000).endswith("… (1,000 characters)")
    assert people.value(bytes(100)) == "<100 bytes 0000000000000000…>"


def test_a_whole_value_is_whole():
    assert people.value(list(range(7)), whole=True) == "[0, 1, 2, 3, 4, 5, 6]"
    assert people.value("x" * 1_000, whole=True) == "x" * 1_000
    assert people.value(bytes(10), whole=True) == "<10 bytes 00000000000000000000>"


@pytest.mark.parametrize(
    ("text", "offset_ns"),
    [
        ("0s", 0),
        ("1.5s", 1_500_000_000),
        ("+200ms", 200_000_000),
        ("2 m", 120 * SECOND),
        (".5h", 1_800 * SECOND),
        ("7us", 7_000),
    ],
)
def test_a_time_may_be_given_from_the_start_of_the_run(text, offset_ns):
    assert read_time(text, 100) == 100 + offset_ns


def test_a_time_may_be_given_as_iso():
    assert read_time("2026-01-01T00:00:00.500Z", 0) == 1_767_225_600_500_000_000


@pytest.mark.parametrize("text", ["", "soon", "1", "1.5 parsecs", "2026-01-01T00:00:00", "-5s", "1e400s"])
def test_what_is_no_time_is_refused_with_examples(text):
    with pytest.raises(ValueError, match=r"1\.5s"):
        read_time(text, 0)


@given(st.integers(1, 10**17), st.integers(8, 200))
def test_a_scale_fills_its_cells_and_begins_at_zero(length_ns, cells):
    line = scale(length_ns, cells)
    assert width(line) == cells
    assert line.startswith("╷0")


def test_a_length_of_time_that_no_number_holds_is_refused():
    with pytest.raises(ValueError, match="is longer than any length of time"):
        length_ns("9" * 400 + "h")
