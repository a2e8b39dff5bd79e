"""Arguments beside those that are expected: values of any kind, what is missing, and who called how often."""

from __future__ import annotations

from typing import Any

import pytest
from analysis.story import Story

from assertions.runs import calls
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import approx, check
from otel_replay.assertions.trajectory import Arguments, Trajectory, calls_of
from otel_replay.errors import UsageError

NAN, INF, HUGE = float("nan"), float("inf"), 10**400


@pytest.mark.parametrize(
    ("expected", "found", "how", "same"),
    [
        (NAN, NAN, {}, True),
        ([1, {"a": NAN}], [1.0, {"a": NAN}], {}, True),
        (NAN, 1.0, {"abs": INF}, False),
        (1.0, NAN, {"abs": 1}, False),
        (INF, INF, {"rel": 0.1}, True),
        (INF, 5, {"rel": 0.1}, False),
        (5, INF, {"abs": 9}, False),
        (-INF, INF, {}, False),
        (HUGE, HUGE, {"rel": 0.5}, True),
        (HUGE, 1.5, {"rel": 0.5}, False),
        (1.5, HUGE, {"abs": 0.5}, False),
        (HUGE, HUGE + 1, {}, False),
        (1, True, {}, False),
        (None, None, {}, True),
        (None, False, {}, False),
        (1, "1", {}, False),
        (b"a", "a", {}, False),
        ("y" * 100_000, "y" * 100_000, {}, True),
        ("y" * 100_000, "y" * 99_999, {}, False),
        ({1: "a"}, {"1": "a"}, {}, True),
        ((1, 2), [1, 2], {}, True),
        ([approx(1, abs=0.1), 2], [1.05, 2], {}, True),
        ([approx(1, abs=0.1), 2], [1.2, 2], {}, False),
        ("1", 1, {}, False),
    ],
)
def test_values_of_any_kind_are_the_same_or_not_and_none_ends_in_a_traceback(
    expected: object, found: object, how: dict[str, float], same: bool
) -> None:
    run = calls("a")
    call = next(item for item in run if item.kind == "tool call")
    call.attributes["gen_ai.tool.call.arguments"] = {"x": found}  # type: ignore[index]  # as an SDK records it
    result = Trajectory(calls_of([("a", {"x": expected})]), **how).check(run)  # type: ignore[arg-type]  # floats
    assert result.passed is same
    if not same:
        assert "expected x" in str(result.failure)


@pytest.mark.parametrize("arguments", ["exact", "subset", "superset"])
def test_a_value_that_is_missing_is_not_null(arguments: Arguments) -> None:
    """Not even the other way round; `subset` and `superset` say which may be missing."""

    def fits(expected: object, found: object) -> bool:
        return Trajectory(calls_of([("a", expected)]), arguments=arguments).check(calls(("a", found))).passed

    assert fits({"x": None}, {"x": None})
    assert fits({"x": None}, {}) is (arguments == "subset")
    assert fits({}, {"x": None}) is (arguments == "superset")


def test_a_call_that_was_made_again_after_it_failed_counts_unless_the_failed_ones_are_left_out() -> None:
    story = Story("retry-1")
    run = story.run("retry")
    story.end(story.tool_call("search", run), "error", "timeout")
    story.end(story.tool_call("search", run))
    story.end(run)
    items = build_items(story)
    assert not check(items).trajectory(["search"])
    assert check(items).trajectory(["search"], among="tool:not(:failed)")


def test_calls_of_one_of_several_agents_are_asked_for_by_the_agent() -> None:
    story = Story("agents-1")
    run = story.run("agents")
    for agent in ("planner", "writer"):
        inside = story.start(f"invoke_agent {agent}", run, **{"gen_ai.operation.name": "invoke_agent"})
        story.end(story.tool_call(f"{agent}_tool", inside))
        story.end(inside)
    story.end(run)
    t = check(build_items(story))
    assert t.trajectory(["writer_tool"], among="agent(*writer) tool")
    assert not t.trajectory(["writer_tool"])


@pytest.mark.parametrize("expected", ["search", {"search": 1}, 5, None])
def test_what_is_no_list_of_calls_is_not_taken_letter_by_letter(expected: object) -> None:
    with pytest.raises(UsageError, match="is no list of calls"):
        calls_of(expected)  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize("how", [{"abs": -1}, {"rel": NAN}, {"abs": "1"}, {"rel": True}])
def test_a_tolerance_that_is_none_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="is how far a number may be off"):
        Trajectory(calls_of(["a"]), **how)
    with pytest.raises(UsageError, match="is how far a number may be off"):
        approx(1, **how)
