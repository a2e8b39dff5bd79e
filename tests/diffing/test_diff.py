"""Which item of one run is which of the other, and what is not the same in them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from analysis.story import MS, Story

from diffing.runs import answer, changes, diff, findings, step, told, tool, tuned
from otel_replay.analysis.items_builder import build_items
from otel_replay.attributes import CODE_FUNCTION, GEN_AI_INPUT_MESSAGES, GEN_AI_TOOL_CALL_ID
from otel_replay.diffing import Tolerance
from otel_replay.errors import FormatError, UsageError

# -- what is a difference ------------------------------------------------------------------------------------


def test_a_run_is_the_same_as_itself_told_again() -> None:
    """Other ids, other times and another name are no differences."""
    a = tuned(step(after=1.5), step("CLAMP", after=2.0), name="monday")
    b = tuned(step(after=1.5), step("CLAMP", after=2.0), name="tuesday")
    found = diff(a, b)
    assert found.equal
    assert not found
    assert found.first_divergence is None
    assert found.same == len(a)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (math.nan, math.nan),
        (1, 1.0),
        ([1, math.nan], [1.0, math.nan]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (None, None),
        (2**70, 2**70),
        (b"\x00", b"\x00"),
        ("\ud800", "\ud800"),
    ],
    ids=repr,
)
def test_equal_values_are_no_difference(before: Any, after: Any) -> None:
    """Maps compare without order, NaN is NaN, and 1.0 is 1."""
    assert diff(tuned(step(after=before)), tuned(step(after=after))).equal


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (1, True),
        (0, False),
        (None, 0),
        (math.nan, None),
        ("1", 1),
        (0.0, ""),
        (b"a", "a"),
        (math.inf, -math.inf),
    ],
    ids=repr,
)
def test_what_only_looks_alike_is_a_difference(before: Any, after: Any) -> None:
    """A boolean is no number, null is no zero, and NaN is not null."""
    found = diff(tuned(step(after=before)), tuned(step(after=after)))
    (change,) = found.changed[0].changes
    assert (change.name, change.how) == ("values.after", "changed")
    assert repr((change.before, change.after)) == repr((before, after))


def test_an_integer_that_became_a_float_is_told_where_types_count() -> None:
    """As a change of type."""
    found = diff(tuned(step(after=1)), tuned(step(after=1.0)), strict=True)
    assert [(one.name, one.how) for one in found.changed[0].changes] == [("values.after", "type")]


def test_a_changed_value_is_told_with_what_it_was_and_is() -> None:
    """And with the place where it stands in lists and maps."""
    a = tuned(step(after=1.5, steps=[1, {"x": 2}], gone=1))
    b = tuned(step(after=1.5, steps=[1, {"x": 3}, 4], new=[]))
    found = diff(a, b)
    assert findings(found) == [("changed", "CORRECT rpm=2000 kpa=65")]
    assert [(one.name, one.how) for one in found.changed[0].changes] == [
        ("values.steps.1.x", "changed"),
        ("values.steps.2", "added"),
        ("values.gone", "removed"),
        ("values.new", "added"),
    ]
    assert found.changed[0].path == ("run tuning", "task correct")


# -- tolerances and rules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tolerances", "equal"),
    [
        ({"values.after": 0.05}, True),
        ({"after": 0.05}, True),
        ({"aft*": Tolerance(relative=0.01)}, True),
        ({"CORRECT:values.*": 0.05}, True),
        ({"COR*:after": 0.05}, True),
        ({"CLAMP:values.*": 0.05}, False),
        ({"values.after": 0.03}, False),
        ({"before": 1.0}, False),
        ({"after": 0.0, "*": 1.0}, False),
        ({"after": Tolerance(absolute=0.001, relative=0.001)}, False),
    ],
    ids=str,
)
def test_numbers_within_their_tolerance_are_equal(tolerances: dict[str, Any], equal: bool) -> None:
    """By the first pattern that fits the value's name, for one action alone if it says so."""
    found = diff(tuned(step(after=10.0)), tuned(step(after=10.04)), tolerances=tolerances)
    assert found.equal is equal


def test_a_tolerance_holds_inside_texts_too() -> None:
    """A reason says the numbers once more."""
    a, b = (tuned(step(after=1.0, said=f"off by {number} %")) for number in (3.21, 3.22))
    assert diff(a, b, tolerances={"said": 0.05}).equal
    assert not diff(a, b, tolerances={"said": 0.001}).equal
    assert not diff(a, tuned(step(after=1.0, said="over by 3.21 %")), tolerances={"said": 0.05}).equal


def test_infinity_is_within_no_tolerance() -> None:
    """And a tolerance below zero is refused."""
    a, b = tuned(step(after=math.inf)), tuned(step(after=1.0))
    assert not diff(a, b, tolerances={"*": 1e300}).equal
    with pytest.raises(UsageError, match="0 or more"):
        diff(a, b, tolerances={"*": -1})


@pytest.mark.parametrize(
    "ignore",
    [
        ["values.weight"],
        ["weight"],
        ["w*ght"],
        ["CORRECT:values.weight"],
        ["values"],
        ["CORRECT"],
        ["task *"],
    ],
    ids=str,
)
def test_what_is_ignored_is_no_difference(ignore: list[str]) -> None:
    """Attributes, decisions, and a span with everything in it."""
    a, b = tuned(step(after=1, weight=2)), tuned(step(after=1, weight=3))
    assert not diff(a, b).equal
    assert diff(a, b, ignore=ignore).equal


def test_what_is_ignored_is_not_told_beside_what_is_not() -> None:
    """A whole map as well as one value."""
    a, b = (tuned(step(after=1, deep={"x": more, "y": more})) for more in (1, 2))
    assert [name for name, *_ in changes(diff(a, b, ignore=["deep.x"]))] == ["values.deep.y"]
    c = tuned(step(after=3, deep={"x": 2, "y": 2}))
    assert [name for name, *_ in changes(diff(a, c, ignore=["deep"]))] == ["values.after"]


def test_only_what_is_asked_for_is_compared() -> None:
    """With what is in it; the way to it says where it stands."""
    a = tuned(step(after=1), step("CLAMP", after=1))
    b = tuned(step(after=2), step("CLAMP", after=3))
    found = diff(a, b, only=["CL*"])
    assert findings(found) == [("changed", "CLAMP rpm=2000 kpa=65")]
    assert found.changed[0].path == ("run tuning", "task correct")
    assert len(diff(a, b, only=["task correct"]).findings) == 2
    assert diff(a, b, only=["nothing"]).equal


def test_heartbeats_are_no_differences() -> None:
    """They tell that time goes by."""
    a = told(lambda story, run: story.happen(run, "heartbeat"))
    assert diff(a, told(lambda *_: None)).equal


def test_lengths_of_spans_count_where_it_is_asked_for() -> None:
    """Beyond what they may differ by."""

    def slow(milliseconds: float) -> Any:
        def script(story: Story, run: str) -> None:
            task = story.task("work", run)
            story.wait(milliseconds)
            story.end(task)

        return told(script)

    a, b = slow(100), slow(150)
    assert diff(a, b).equal
    found = diff(a, b, times=True)
    assert findings(found) == [("changed", "task work"), ("changed", "run tuning")]
    assert changes(found)[0] == ("duration_ms", 101.0, 151.0)
    assert found.findings[1].follows == 1
    assert diff(a, b, times=60).equal
    assert diff(a, b, times=Tolerance(relative=0.5)).equal


# -- which is which ------------------------------------------------------------------------------------------


def test_decisions_are_found_again_by_their_cells_though_every_value_has_drifted() -> None:
    """Two are new, three are gone, and no value is the same."""
    cells = [(rpm, kpa) for rpm in range(1500, 6500, 500) for kpa in (35, 65, 95)]
    a = tuned(*(step(rpm=rpm, kpa=kpa, after=rpm / 100 + kpa) for rpm, kpa in cells))
    later = [*cells[:4], (9000, 9), *cells[5:11], *cells[13:20], (9500, 9), *cells[20:]]
    b = tuned(*(step(rpm=rpm, kpa=kpa, after=rpm / 100 + kpa + 0.05) for rpm, kpa in later))
    found = diff(a, b)
    assert (len(found.changed), len(found.added), len(found.removed)) == (27, 2, 3)
    assert all(one.before.record.cell == one.after.record.cell for one in found.changed)
    assert len(diff(a, b, tolerances={"after": 0.06}).changed) == 0


def test_what_stands_elsewhere_has_moved() -> None:
    """And what was changed a little on the way as well."""
    steps = [step(rpm=rpm, after=1.0, before=2.0, weight=3.0, n=rpm) for rpm in (1000, 2000, 3000, 4000)]
    found = diff(tuned(*steps), tuned(*steps[1:], steps[0]))
    assert findings(found) == [("moved", "CORRECT rpm=1000 kpa=65")]
    changed = ("CORRECT", {**steps[0][1], "weight": 3.1}, steps[0][2])
    found = diff(tuned(*steps), tuned(*steps[1:], changed))
    assert findings(found) == [("moved", "CORRECT rpm=1000 kpa=65")]
    assert changes(found) == [("values.weight", 3.0, 3.1)]


def test_what_moved_to_another_span_is_told_once() -> None:
    """With everything in it."""

    def script(inside: bool) -> Any:
        def tell(story: Story, run: str) -> None:
            first, second = (story.task(name, run) for name in ("first", "second"))
            inner = story.task("inner", first if inside else second)
            story.decide(inner, values={"after": 1})
            for span in (inner, first, second):
                story.end(span)

        return told(tell)

    found = diff(script(True), script(False))
    assert findings(found) == [("moved", "task inner")]
    assert found.moved[0].items == 2


def test_a_declared_identity_says_what_an_item_is_about() -> None:
    """A cell that was renumbered is the same cell by its rpm and its kpa."""
    a = tuned(("CORRECT", {"after": 1}, {"rpm": 2000, "kpa": 65, "index": 4}))
    b = tuned(("CORRECT", {"after": 1}, {"rpm": 2000, "kpa": 65, "index": 5}))
    assert [how for how, _ in findings(diff(a, b))] == ["removed", "added"]
    found = diff(a, b, identity={"CORR*": ["cell.rpm", "cell.kpa"]})
    assert changes(found) == [("cell.index", 4, 5)]


def test_tool_calls_with_other_arguments_are_the_same_calls() -> None:
    """At the same place; another place in the program is another call."""

    def script(query: str, place: str) -> Any:
        return told(
            lambda story, run: tool(
                story, run, "search", {"query": query, "top": 5}, **{CODE_FUNCTION: place}
            )
        )

    found = diff(script("cats", "find"), script("dogs", "find"))
    assert changes(found) == [("gen_ai.tool.call.arguments.query", "cats", "dogs")]
    assert len(diff(script("cats", "find"), script("cats", "elsewhere")).findings) == 2


def test_ids_of_calls_are_no_differences() -> None:
    """Neither their own nor those in messages."""

    def script(number: str) -> Any:
        message = [{"role": "assistant", "parts": [{"type": "tool_call", "id": number, "name": "search"}]}]

        def tell(story: Story, run: str) -> None:
            answer(story, run, "yes", **{GEN_AI_INPUT_MESSAGES: message})
            tool(story, run, "search", {"q": 1}, **{GEN_AI_TOOL_CALL_ID: number})

        return told(tell)

    assert diff(script("call_1"), script("call_9")).equal


def at_once(*queries: str, milliseconds: float = 50) -> Any:
    """A run that calls a tool several times at the same time."""
    story = Story()
    run = story.run()
    spans = []
    for query in queries:
        span = story.start(
            "execute_tool search", run, **{"gen_ai.operation.name": "execute_tool", "query": query}
        )
        spans.append(span)
    story.now_ns += round(milliseconds * MS)
    for span in spans:
        story.end(span)
    story.end(run)
    return build_items(story)


def test_the_order_of_concurrent_calls_says_nothing() -> None:
    """Whichever of them began first."""
    assert diff(at_once("a", "b", "c"), at_once("c", "a", "b")).equal
    found = diff(at_once("a b c", "d e f", "g h i"), at_once("g h x", "d e f", "a b c"))
    assert changes(found) == [("query", "g h i", "g h x")]
    assert not found.moved


def test_the_order_of_calls_one_after_the_other_does() -> None:
    """They are told as moved."""

    def script(*queries: str) -> Any:
        return told(lambda story, run: [tool(story, run, "search", {"q": one}) for one in queries] and None)

    assert [one.how for one in diff(script("a", "b", "c"), script("b", "c", "a")).findings] == ["moved"]


def test_a_task_is_found_again_by_what_is_in_it() -> None:
    """Of several of one name, the one that is like it."""

    def script(*numbers: int) -> Any:
        def tell(story: Story, run: str) -> None:
            for number in numbers:
                task = story.task("stage", run)
                for place in range(4):
                    story.decide(task, f"STEP_{number}_{place}", values={"after": number + place})
                story.end(task)

        return told(tell)

    found = diff(script(1, 2, 3), script(1, 3))
    assert findings(found) == [("removed", "task stage")]
    assert found.removed[0].items == 5


# -- runs that did not come to their end ---------------------------------------------------------------------


def test_what_a_killed_run_did_not_reach_is_not_removed() -> None:
    """It is told apart, and what differs before is told as ever."""
    steps = [step(rpm=rpm, after=rpm) for rpm in range(1000, 6000, 1000)]
    found = diff(tuned(*steps), tuned(*steps[:3], cut=True))
    assert [one.how for one in found.findings] == ["not reached"] * 2
    assert found.equal_so_far
    assert not found.equal
    assert found.first_divergence is None
    found = diff(tuned(*steps[:3], cut=True), tuned(*steps))
    assert [one.how for one in found.findings] == ["not reached"] * 2
    found = diff(tuned(*steps), tuned(steps[0], steps[2], cut=True))
    assert [one.how for one in found.findings] == ["removed", "not reached", "not reached"]


def test_a_run_that_goes_on_is_compared_as_far_as_it_is() -> None:
    """What came to its end in it must be the same; its open spans may still."""

    def script(story: Story, run: str) -> None:
        task = story.task("first", run)
        story.decide(task, values={"after": 1})
        story.end(task)
        story.task("second", run)

    def whole(story: Story, run: str) -> None:
        script(story, run)
        story.end("3".rjust(16, "0"), "ok", result=3)

    found = diff(told(whole), told(script, status="running"))
    assert found.equal


def test_a_run_without_spans_is_compared_by_its_decisions() -> None:
    """As a `session_replay.json` is, which knows of nothing else."""
    a = tuned(step(after=1), step("CLAMP", after=2))
    story = Story()
    for action, values, cell in (step(after=1), step("CLAMP", after=3)):
        story.decide("", action, "because", values=values, cell=cell)
    found = diff(a, build_items(story))
    assert found.decisions_only
    assert changes(found) == [("values.after", 2, 3)]
    assert [one.name for one in found.aggregates] == ["decisions"]


def test_two_empty_runs_are_the_same() -> None:
    """And one that has something is not."""
    empty = build_items(Story())
    assert diff(empty, empty).equal
    assert not diff(empty, tuned(step(after=1))).equal


def test_a_value_that_is_nested_too_deeply_is_told() -> None:
    """As deep as anything is recorded, values are compared; a file of somebody else may go further."""

    def nested(depth: int, value: Any) -> Any:
        for _ in range(depth):
            value = [value]
        return tuned(step(after=value))

    assert len(diff(nested(64, 1), nested(64, 2)).changed) == 1
    with pytest.raises(FormatError, match="nested too deeply"):
        diff(nested(5000, 1), nested(5000, 2))
