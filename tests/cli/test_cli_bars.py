"""Bars on a time scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_replay.cli.bars import bar, sparkline, squeeze, stretch

SHARES = st.floats(0, 1)


@given(SHARES, SHARES, st.integers(1, 200))
def test_a_stretch_fills_its_cells_and_is_never_invisible(begin, end, cells):
    text = stretch(min(begin, end), max(begin, end), cells)
    assert len(text) == cells
    assert text.strip()


@pytest.mark.parametrize(
    ("begin", "end", "text"),
    [
        (0, 1, "████████"),
        (0, 0.5, "████    "),
        (0.5, 1, "    ████"),
        (0.25, 0.5, "  ██    "),
        (0, 0, "▏       "),
        (1, 1, "       ▐"),
        (0.0625, 0.5, "▐███    "),
        (0, 0.3125, "██▌     "),
        (-5, 9, "████████"),
    ],
)
def test_a_stretch_stands_where_it_was(begin, end, text):
    assert stretch(begin, end, 8) == text


@given(SHARES, SHARES, st.integers(8, 100))
def test_a_stretch_lies_where_it_says_to_half_a_cell(begin, end, cells):
    begin, end = min(begin, end), max(begin, end)
    text = stretch(begin, end, cells)
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip())
    assert begin * cells - 1 <= first <= begin * cells + 1
    assert end * cells - 1.5 <= last <= max(end * cells + 1.5, first + 1)


def test_a_bar_is_as_long_as_its_share():
    assert bar(0, 8) == ""
    assert bar(1, 8) == "█" * 8
    assert bar(0.5, 8) == "████"
    assert bar(0.0001, 8) == "▏"


def test_a_sparkline_has_a_character_for_each_count():
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([]) == ""


@given(st.lists(st.integers(0, 100)), st.integers(1, 20))
def test_squeezed_counts_fit_and_nothing_is_lost(counts, cells):
    squeezed = squeeze(counts, cells)
    assert len(squeezed) <= cells
    assert sum(squeezed) == sum(counts)
