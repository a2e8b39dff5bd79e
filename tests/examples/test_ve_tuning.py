"""The fuel-table tuner: each stage on small exact cases, what holds for every grid, and the command."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.ve_tuning.anomalies import find_anomalies, pearson, robust_scores, roughness
from examples.ve_tuning.binning import afr_error_pct, bin_samples, rejection
from examples.ve_tuning.correction import clamp, correct, correction_from_error
from examples.ve_tuning.grid import KPA_BINS, RPM_BINS, Grid, cells, combine, empty_grid, nearest, neighbours
from examples.ve_tuning.log_file import COLUMNS, Reading, Sample, parse_log
from examples.ve_tuning.outputs import paste_block, table
from examples.ve_tuning.smoothing import (
    gradients,
    limit_by_gradient,
    passes_for,
    settle,
    smooth,
    smooth_small_errors,
)

# What the DynoAI tuner measured and decided for a real log of 3,600 samples (MIT licence, (c) DynoAI).
REAL_ERRORS = (
    (None, 1.548341, -0.232613, -1.970797, None),
    (None, 1.822733, -0.455077, 1.056110, -3.617623),
    (None, 1.528372, -0.662314, 2.499445, None),
    (None, -0.502819, 1.154049, 0.554039, 0.101342),
    (None, 3.910528, 2.353730, -1.828254, -6.095662),
)
# Row, column: gradient, blend factor, original, smoothed, result.
REAL_LIMITS = {
    (0, 1): (1.78, 0.89, 1.55, 1.05, 1.49),
    (0, 2): (1.78, 0.89, -0.23, -0.45, -0.26),
    (0, 3): (3.03, 1.0, -1.97, -0.45, -1.97),
    (1, 1): (2.28, 1.0, 1.82, 0.99, 1.82),
    (1, 2): (2.28, 1.0, -0.46, 0.21, -0.46),
    (1, 3): (4.67, 1.0, 1.06, -0.29, 1.06),
    (1, 4): (4.67, 1.0, -3.62, -3.62, -3.62),
    (2, 1): (2.19, 1.0, 1.53, 0.34, 1.53),
    (2, 2): (3.16, 1.0, -0.66, 0.98, -0.66),
    (2, 3): (3.16, 1.0, 2.5, 0.94, 2.5),
    (3, 1): (4.41, 1.0, -0.5, 1.66, -0.5),
    (3, 2): (1.82, 0.908, 1.15, 1.38, 1.17),
    (3, 3): (2.38, 1.0, 0.55, 0.16, 0.55),
    (3, 4): (6.2, 1.0, 0.1, -2.63, 0.1),
    (4, 1): (4.41, 1.0, 3.91, 3.91, 3.91),
    (4, 2): (4.18, 1.0, 2.35, 1.45, 2.35),
    (4, 3): (4.27, 1.0, -1.83, -1.58, -1.83),
    (4, 4): (6.2, 1.0, -6.1, -6.1, -6.1),
}
REAL_RESULT = """
1.41 -0.27 -1.68 1.68 -0.32 0.78 -3.23 1.34 -0.38 2.19 -0.13 1.09 0.53 -0.25 3.57 2.15 -1.73 -5.47
"""

values_pct = st.floats(min_value=-60, max_value=60)
grids = st.lists(
    st.lists(st.none() | values_pct, min_size=len(KPA_BINS), max_size=len(KPA_BINS)),
    min_size=len(RPM_BINS),
    max_size=len(RPM_BINS),
)
passes_counts = st.integers(min_value=0, max_value=5)


def grid_of(*lines: tuple[float | None, ...]) -> Grid:
    """A grid that starts with these lines and is empty below and to the right of them."""
    grid = empty_grid()
    for row, line in enumerate(lines):
        grid[row][: len(line)] = line
    return grid


def sample(**changes: float) -> Sample:
    """A sample at 2000 rpm and 65 kPa with changes by the name of its column."""
    numbers = {"rpm": 2000.0, "map_kpa": 65.0, "torque": 73.3, "iat": 80.0, "vbatt": 13.8, "tps": 20.0}
    numbers |= {"knock": 0.0, "ve_f": 100.0, "ve_r": 102.0, "afr_cmd_f": 12.5, "afr_cmd_r": 12.5}
    numbers |= {"afr_meas_f": 12.41, "afr_meas_r": 12.5, **changes}
    line = ",".join(str(numbers[name]) for name in COLUMNS)
    return parse_log([",".join(COLUMNS), line]).samples[0]


# --- the grid -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "index"), [(0, 0), (1500, 0), (1749, 0), (1750, 0), (1751, 1), (6400, 10), (9000, 10)]
)
def test_a_value_belongs_to_the_closest_bin_and_half_way_to_the_lower_one(value: float, index: int) -> None:
    assert nearest(value, RPM_BINS) == index


def test_only_cells_with_a_value_are_neighbours() -> None:
    grid = grid_of((1.0, 2.0, None), (4.0, 5.0, 6.0))
    assert neighbours(grid, 1, 1) == [2.0, 4.0, 6.0]
    assert neighbours(grid, 0, 0) == [4.0, 2.0]


def test_two_cylinders_are_averaged_and_one_alone_is_taken_as_it_is() -> None:
    assert combine(grid_of((1.0, 2.0)), grid_of((3.0, None, 7.0))) == grid_of((2.0, 2.0, 7.0))


# --- binning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("commanded", "measured", "error"),
    [(12.5, 12.41, 0.73), (12.5, 13.15, -4.94), (13.2, 15.27, -13.56), (12.5, 10.46, 19.5)],
)
def test_the_error_is_in_percent_of_the_measured_ratio(
    commanded: float, measured: float, error: float
) -> None:
    reading = Reading(ve=100, afr_commanded=commanded, afr_measured=measured)
    assert round(afr_error_pct(reading), 2) == error


def test_samples_weigh_by_their_torque() -> None:
    samples = [sample(afr_meas_f=10, torque=10), sample(afr_meas_f=12.5, torque=30)]
    binned = bin_samples(samples, "f")
    assert binned.error_pct[1][2] == pytest.approx(25.0 * 10 / 40)
    assert binned.hits[1][2] == binned.accepted == 2


def test_the_first_three_samples_of_each_cell_are_decisions(decided: list[Any]) -> None:
    bin_samples([sample()] * 5 + [sample(rpm=3000)], "f")
    assert [one.cell for one in decided] == [{"rpm": 2000, "kpa": 65, "cylinder": "f"}] * 3 + [
        {"rpm": 3000, "kpa": 65, "cylinder": "f"}
    ]
    assert decided[0].action == "AFR_CORRECTION"
    assert decided[0].reason == "Accepted AFR error sample for f cylinder"
    assert decided[0].values == {
        "afr_error_pct": 0.73, "weight": 73.3, "afr_commanded": 12.5, "afr_measured": 12.41
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"afr_meas_f": 18.01}, "air/fuel ratio out of range"),
        ({"afr_cmd_f": 0.0}, "air/fuel ratio out of range"),
        ({"afr_meas_r": 0.0}, None),
        ({"iat": 301}, "iat out of range"),
        ({"map_kpa": 9}, "map_kpa out of range"),
        ({"tps": -1}, "tps out of range"),
        ({"torque": 4.9}, "almost no torque"),
    ],
)
def test_a_sample_out_of_range_is_left_out_with_its_reason(
    changes: dict[str, float], reason: str | None
) -> None:
    assert rejection(sample(**changes), "f") == reason
    assert bin_samples([sample(**changes)], "f").rejected == ({reason: 1} if reason else {})


# --- smoothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "passes"), [(0, 2), (1, 2), (-1, 2), (1.4, 2), (2, 1), (2.6, 0), (3, 0), (-40, 0)]
)
def test_the_larger_an_error_the_fewer_passes(error: float, passes: int) -> None:
    assert passes_for(error, 2) == passes


def test_a_small_error_is_averaged_with_its_neighbours_and_a_large_one_is_not() -> None:
    assert smooth_small_errors(grid_of((0.0, 9.0)), 1) == grid_of((4.5, 9.0))


def test_the_gradient_of_a_cell_is_its_largest_step() -> None:
    assert gradients(grid_of((1.0, 2.0, None), (1.0, -4.0, 5.0))) == grid_of(
        (1.0, 6.0, None), (5.0, 9.0, 9.0)
    )


@pytest.mark.parametrize(
    ("step", "blended"), [(0.9, 5.0), (1.0, 5.0), (1.5, 0.25 * 5.0), (2.0, 0.0), (40.0, 0.0)]
)
def test_the_steeper_a_cell_the_more_of_its_own_value_it_keeps(step: float, blended: float) -> None:
    limited = limit_by_gradient(grid_of((0.0, step)), grid_of((5.0, step)), threshold=1.0)
    assert limited[0][0] == pytest.approx(blended)


def test_settling_moves_a_cell_a_fifth_of_the_way_to_its_neighbourhood() -> None:
    settled = settle(grid_of((0.0, 9.0)))
    assert settled[0][0] == pytest.approx(0.2 * 9 / 2.25)


def test_smoothing_decides_as_the_tuner_whose_rules_these_are(decided: list[Any]) -> None:
    smoothed = smooth(grid_of(*REAL_ERRORS), passes=2, threshold=1.0)
    assert decided[0] == (
        "SMOOTHING_START",
        "Starting gradient-limited smoothing with 2 passes, threshold=1.0%",
        {"passes": 2, "gradient_threshold": 1.0},
        None,
    )
    assert decided[1:] == [
        (
            "GRADIENT_LIMITING",
            "High gradient detected, blending toward original value",
            {
                "gradient": gradient,
                "threshold": 1.0,
                "blend_factor": blend,
                "original": original,
                "smoothed": after,
                "result": result,
            },
            {"rpm_index": row, "kpa_index": column},
        )
        for (row, column), (gradient, blend, original, after, result) in REAL_LIMITS.items()
    ]
    assert [round(value, 2) for _, _, value in cells(smoothed)] == [
        float(text) for text in REAL_RESULT.split()
    ]


@given(grids, passes_counts)
def test_without_a_threshold_nothing_is_blended_back(grid: Grid, passes: int) -> None:
    assert limit_by_gradient(grid, smooth_small_errors(grid, passes), math.inf) == smooth_small_errors(
        grid, passes
    )


@given(grids, passes_counts)
def test_with_a_threshold_of_zero_every_cell_on_a_step_keeps_its_value(grid: Grid, passes: int) -> None:
    limited = limit_by_gradient(grid, smooth_small_errors(grid, passes), 0.0)
    steps = {(row, column) for row, column, step in cells(gradients(grid)) if step > 0}
    assert {place: limited[place[0]][place[1]] for place in steps} == {
        place: grid[place[0]][place[1]] for place in steps
    }


@given(grids)
def test_no_passes_leave_small_errors_as_they_are(grid: Grid) -> None:
    assert smooth_small_errors(grid, 0) == grid


@given(grids, passes_counts, st.floats(min_value=0, max_value=100))
def test_smoothing_invents_nothing(grid: Grid, passes: int, threshold: float) -> None:
    """Empty cells stay empty, and no value leaves the range of those that were measured."""
    smoothed = smooth(grid, passes=passes, threshold=threshold)
    before, after = list(cells(grid)), list(cells(smoothed))
    assert [place[:2] for place in before] == [place[:2] for place in after]
    if before:
        low, high = min(value for *_, value in before), max(value for *_, value in before)
        assert all(low - 1e-9 <= value <= high + 1e-9 for *_, value in after)


@given(values_pct, passes_counts)
def test_a_level_table_stays_level(value: float, passes: int) -> None:
    grid: Grid = [[value] * len(KPA_BINS) for _ in RPM_BINS]
    assert all(one == pytest.approx(value) for *_, one in cells(smooth(grid, passes=passes, threshold=1.0)))


@pytest.mark.parametrize(
    "stage",
    [
        lambda grid: smooth(grid, passes=2, threshold=1.0),
        lambda grid: clamp(grid, 10.0),
        lambda grid: settle(grid),
        lambda grid: gradients(grid),
        lambda grid: correction_from_error(grid),
    ],
)
def test_a_stage_leaves_the_grid_that_it_was_given_alone(stage: Callable[[Grid], Grid]) -> None:
    grid = grid_of(*REAL_ERRORS)
    stage(grid)
    assert grid == grid_of(*REAL_ERRORS)


# --- clamping and correcting ------------------------------------------------------------------------------


def test_each_clamped_cell_is_a_decision_with_its_value_before_and_after(decided: list[Any]) -> None:
    assert clamp(grid_of((12.0, -3.0), (-99.0,)), 10.0) == grid_of((10.0, -3.0), (-10.0,))
    assert decided == [
        ("CLAMPING_START", "Clamping VE corrections to +/- 10.0%", {"limit": 10.0}, None),
        (
            "CLAMPING_APPLIED",
            "Clamped a correction that exceeds the +/- 10.0% limit",
            {"original": 12.0, "clamped": 10.0, "limit": 10.0},
            {"rpm": 1500, "kpa": 35},
        ),
        (
            "CLAMPING_APPLIED",
            "Clamped a correction that exceeds the +/- 10.0% limit",
            {"original": -99.0, "clamped": -10.0, "limit": 10.0},
            {"rpm": 2000, "kpa": 35},
        ),
    ]


@given(grids, st.floats(min_value=0, max_value=50))
def test_no_correction_is_ever_beyond_the_clamp(grid: Grid, limit: float) -> None:
    clamped = clamp(grid, limit)
    assert all(abs(value) <= limit for *_, value in cells(clamped))
    assert clamp(clamped, limit) == clamped
    within = [(row, column, value) for row, column, value in cells(grid) if abs(value) <= limit]
    assert all(clamped[row][column] == value for row, column, value in within)


def test_a_rich_cell_gets_less_fuel_and_a_lean_one_more() -> None:
    corrections = correction_from_error(grid_of((5.0, -5.0, None)))
    assert correct(grid_of((100.0, 100.0, 100.0)), corrections) == grid_of((95.0, 105.0, 100.0))


# --- anomalies --------------------------------------------------------------------------------------------


def test_a_single_spike_is_the_roughest_cell_of_a_table() -> None:
    grid: Grid = [
        [(row * 3 + column) % 4 / 10 for column in range(len(KPA_BINS))] for row in range(len(RPM_BINS))
    ]
    grid[5][2] = 8.0
    score, place = max((score, (row, column)) for row, column, score in cells(robust_scores(roughness(grid))))
    assert place == (5, 2)
    assert score > 3.5


def test_a_table_without_values_has_no_anomalies(decided: list[Any]) -> None:
    nothing = bin_samples([], "f")
    assert find_anomalies([], nothing, bin_samples([], "r"), empty_grid()) == []
    assert [one.action for one in decided] == ["ANOMALY_DETECTION_START"]


def types_found(samples: list[Sample]) -> set[str]:
    front, rear = bin_samples(samples, "f"), bin_samples(samples, "r")
    corrections = correction_from_error(combine(front.error_pct, rear.error_pct))
    return {anomaly.type for anomaly in find_anomalies(samples, front, rear, corrections)}


@pytest.mark.parametrize(
    ("samples", "type_"),
    [
        ([sample(rpm=3000, afr_meas_f=12.5, afr_meas_r=12.0)], "Cylinder fueling imbalance"),
        (
            [sample(rpm=2000, map_kpa=50, afr_meas_f=13.2, afr_meas_r=13.2), sample(rpm=3000)],
            "Possible exhaust leak (low MAP bias)",
        ),
        ([sample(knock=1.5)], "Knock cluster"),
        (
            [
                sample(vbatt=12 + step / 10, afr_meas_f=13 - step / 10, afr_meas_r=13 - step / 10)
                for step in range(10)
            ],
            "Electrical supply correlation",
        ),
    ],
)
def test_each_suspicion_has_its_detector(samples: list[Sample], type_: str) -> None:
    assert type_ in types_found(samples)
    assert types_found([sample()] * 12) == set()


@pytest.mark.parametrize(
    ("pairs", "correlation"),
    [([(1, 1), (2, 2), (3, 3)], 1.0), ([(1, 3), (2, 2), (3, 1)], -1.0), ([(1, 1), (1, 2), (1, 3)], 0.0)],
)
def test_correlation_of_series(pairs: list[tuple[float, float]], correlation: float) -> None:
    assert pearson(pairs) == pytest.approx(correlation)


# --- outputs and the made-up log --------------------------------------------------------------------------


def test_a_table_has_its_bins_its_signs_and_no_negative_zero() -> None:
    lines = table(grid_of((1.234, -0.001, None, -5.0))).splitlines()
    assert lines[:2] == ["RPM,35,50,65,80,95", "1500,+1.23,+0.00,,-5.00,"]
    assert len(lines) == 1 + len(RPM_BINS)


def test_a_paste_block_holds_numbers_only() -> None:
    assert paste_block(grid_of((1.5, None, -2.0))).splitlines()[0] == "+1.50\t\t-2.00\t\t"
