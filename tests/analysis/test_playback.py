"""Stepping through decisions: the grid after each of them is the same whichever way one came."""

from __future__ import annotations

import random
from typing import Any

import pytest

from otel_replay.analysis.conditions import condition
from otel_replay.analysis.grid import AFTER_NAMES, Axes, build_grid, find_axes
from otel_replay.analysis.playback import SPEEDS, Playback
from otel_replay.analysis.selection import Selection
from otel_replay.records import Decision


def decided(values: Any = None, cell: Any = None, action: str = "CLAMPING") -> Decision:
    """A decision."""
    return Decision(time_ns=1, span_id="", action=action, reason="why", values=values, cell=cell)


def changed(row: Any, column: Any, after: float, before: float | None = None, **more: Any) -> Decision:
    """A decision that changes a cell."""
    values = {"after": after} if before is None else {"before": before, "after": after}
    return decided(values, {"rpm": row, "kpa": column}, **more)


STORY = [
    decided(action="START"),
    changed(1000, 50, 1.0, 0.5),
    changed(2000, 50, 2.0),
    changed(1000, 50, 3.0, 1.0, action="SMOOTHING"),
    decided({"afr": 1}, {"rpm": 1000, "kpa": 50}),
    changed(1000, 95, -4.0),
]


def played(decisions: list[Decision] = STORY) -> Playback:
    """A playback of decisions."""
    axes = find_axes(decisions)
    return Playback(decisions, None if axes is None else build_grid(decisions, axes))


# -- the grid ------------------------------------------------------------------------------------------------


def test_the_axes_are_those_of_the_first_decision_that_changes_a_cell() -> None:
    """Its first two coordinates; the names of values are on a list."""
    decisions = [
        decided({"afr_error_pct": 1.5}, {"rpm": 2000, "kpa": 65}),
        decided({"original": 1.0, "result": 2}, {"label": None, "rpm_index": 0, "kpa_index": 1, "z": 3}),
        changed(1000, 50, 1.0),
    ]
    axes = find_axes(decisions)
    assert axes == Axes(row="rpm_index", column="kpa_index")
    grid = build_grid(decisions, axes)
    assert [(change.number, change.place, change.before, change.after) for change in grid.changes] == [
        (2, (0, 1), 1.0, 2.0)
    ]


def test_the_user_says_which_axes_and_which_value() -> None:
    """Then nothing else counts."""
    decisions = [decided({"afr_error_pct": 1.5}, {"rpm": 2000, "kpa": 65}), changed(1000, 50, 1.0)]
    assert find_axes(decisions, value="afr_error_pct") == Axes(
        row="rpm", column="kpa", after=("afr_error_pct",)
    )
    axes = find_axes(decisions, names=("kpa", "rpm"), value="afr_error_pct")
    assert axes is not None
    grid = build_grid(decisions, axes)
    assert (grid.rows, grid.columns, grid.largest) == ((65,), (2000,), 1.5)


def test_without_a_decision_that_changes_a_cell_there_is_no_grid() -> None:
    """Nothing is guessed."""
    assert find_axes([decided(), decided({"after": 1.0}), decided({"x": 1}, {"a": 1, "b": 2})]) is None
    assert find_axes([decided({"after": 1.0}, {"rpm": 1})]) is None


def test_coordinates_are_sorted_as_what_they_are() -> None:
    """Numbers by size, also where some are text."""
    decisions = [changed(row, "x", 1.0) for row in (10, 9.5, "b", 200, "a", 10)]
    grid = build_grid(decisions, Axes(row="rpm", column="kpa"))
    assert grid.rows == (9.5, 10, 200, "a", "b")


@pytest.mark.parametrize(
    "values", [{"after": True}, {"after": "1.0"}, {"after": None}, {"after": float("nan")}, [1.0], None, 7]
)
def test_what_is_no_number_changes_nothing(values: Any) -> None:
    """Nor does a number beside it that has another name."""
    assert build_grid([decided(values, {"rpm": 1, "kpa": 2})], Axes(row="rpm", column="kpa")).changes == ()
    assert AFTER_NAMES[0] == "after"


@pytest.mark.parametrize("cell", [{"rpm": 1}, {"rpm": 1, "kpa": None}, {"rpm": True, "kpa": 1}, [1, 2], None])
def test_what_is_no_cell_is_not_changed(cell: Any) -> None:
    """A coordinate is a number or a text."""
    assert build_grid([decided({"after": 1.0}, cell)], Axes(row="rpm", column="kpa")).changes == ()


# -- stepping ------------------------------------------------------------------------------------------------


def test_the_grid_holds_what_the_decisions_so_far_have_said() -> None:
    """Nothing of later ones, and nothing of cells that nobody has spoken of."""
    playback = played()
    seen = [dict(playback.values)]
    while playback.step():
        seen.append(dict(playback.values))
    one, two, three = (1000, 50), (2000, 50), (1000, 95)
    assert seen == [
        {},
        {},
        {one: 1.0},
        {one: 1.0, two: 2.0},
        {one: 3.0, two: 2.0},
        {one: 3.0, two: 2.0},
        {one: 3.0, two: 2.0, three: -4.0},
    ]
    assert playback.at_end


def test_whichever_way_one_came_the_grid_is_the_same() -> None:
    """A thousand jumps, against playing from the start each time."""
    chance = random.Random(7)
    decisions = [
        changed(chance.randrange(4), chance.randrange(4), chance.random())
        if chance.random() < 0.7
        else decided()
        for _ in range(200)
    ]
    playback = played(decisions)
    for _ in range(1000):
        position = chance.randrange(-5, 210)
        playback.go(position)
        kept = max(0, min(position, 200))
        fresh = {
            (one.cell["rpm"], one.cell["kpa"]): one.values["after"] for one in decisions[:kept] if one.cell
        }
        assert (playback.position, playback.values) == (kept, fresh)


def test_the_change_of_the_current_decision_is_told() -> None:
    """With what was there before, where the decision says so; None where it changes nothing."""
    playback = played()
    assert (playback.current, playback.change) == (None, None)
    playback.go(4)
    assert playback.change is not None
    assert (playback.change.before, playback.change.after) == (1.0, 3.0)
    playback.step()
    assert playback.current is STORY[4]
    assert playback.change is None


def test_the_ends_are_ends() -> None:
    """One does not fall off."""
    playback = played()
    assert not playback.step(-1)
    playback.step(100)
    assert playback.position == len(STORY)
    assert not playback.step()
    playback.first()
    assert (playback.position, playback.values) == (0, {})


def test_a_filter_passes_over_decisions_and_makes_them_all_the_same() -> None:
    """What is passed over has happened: the grid shows it."""
    playback = played()
    playback.filter = Selection(action="SMOOTHING")
    assert playback.step()
    assert playback.position == 4
    assert playback.values == {(1000, 50): 3.0, (2000, 50): 2.0}
    assert not playback.step()
    assert playback.step(-1)
    assert playback.position == 0
    playback.last()
    assert playback.position == 4


# -- playing -------------------------------------------------------------------------------------------------


def test_playing_goes_on_by_one_with_each_tick_and_stands_at_the_end() -> None:
    """From where it began anew."""
    playback = played()
    assert not playback.tick()
    playback.toggle()
    for _ in STORY:
        assert playback.tick()
    assert playback.at_end
    assert playback.tick()
    assert not playback.playing
    playback.toggle()
    assert (playback.playing, playback.position) == (True, 0)


def test_playing_stops_where_a_breakpoint_holds() -> None:
    """And says which it was; going on leaves it behind."""
    playback = played()
    playback.breakpoints = (condition("after>=2"), condition("after<0"))
    playback.toggle()
    while playback.playing:
        playback.tick()
    assert (playback.position, playback.stopped_by) == (3, playback.breakpoints[0])
    playback.toggle()
    assert playback.stopped_by is None
    playback.tick()
    assert (playback.position, playback.playing) == (4, False)
    playback.run_to_breakpoint()
    assert (playback.position, playback.stopped_by) == (6, playback.breakpoints[1])


def test_without_a_breakpoint_ahead_it_runs_to_the_end() -> None:
    """And was stopped by nothing."""
    playback = played()
    playback.breakpoints = (condition("after>99"),)
    playback.run_to_breakpoint()
    assert (playback.at_end, playback.stopped_by) == (True, None)


def test_speeds_have_ends() -> None:
    """Faster and slower, no further."""
    playback = played()
    for _ in range(20):
        playback.faster()
    assert playback.speed == SPEEDS[-1]
    for _ in range(20):
        playback.slower()
    assert playback.speed == SPEEDS[0]


def test_a_run_without_decisions_is_played_all_the_same() -> None:
    """There is nothing to see, and nothing fails."""
    playback = played([])
    playback.toggle()
    playback.tick()
    playback.last()
    playback.run_to_breakpoint()
    assert (playback.position, playback.current, playback.grid) == (0, None, None)
