"""What follows from what, and what nothing before explains."""

from __future__ import annotations

from analysis.story import Story

from diffing.runs import answer, diff, step, told, tool, tuned
from otel_replay.attributes import CHECKPOINT_NAME, CHECKPOINT_SHA256, GEN_AI_INPUT_MESSAGES


def test_the_first_divergence_is_told_with_what_stands_around_it() -> None:
    """What was the same before it, and what comes after."""
    steps = [step(rpm=rpm, after=rpm) for rpm in range(1000, 9000, 1000)]
    other = [*steps[:4], step(rpm=5000, after=1), *steps[5:]]
    found = diff(tuned(*steps), tuned(*other))
    first = found.first_divergence
    assert first is not None
    assert first.where == "run tuning > task correct > CORRECT rpm=5000 kpa=65"
    assert [(one.title[8:16], one.how, one.here) for one in found.context] == [
        ("rpm=2000", "same", False),
        ("rpm=3000", "same", False),
        ("rpm=4000", "same", False),
        ("rpm=5000", "changed", True),
        ("rpm=6000", "same", False),
        ("rpm=7000", "same", False),
    ]


def test_a_decision_on_a_cell_follows_from_the_one_that_changed_the_cell() -> None:
    """It began with another value; the same value in and another one out is independent."""
    a = tuned(
        step(before=5.5, after=7.5),
        step("CLAMP", before=7.5, after=7.0),
        step("SMOOTH", rpm=1, before=2, after=3),
    )
    b = tuned(
        step(before=5.5, after=8.5),
        step("CLAMP", before=8.5, after=7.1),
        step("SMOOTH", rpm=1, before=2, after=4),
    )
    found = diff(a, b)
    assert [(one.title.split()[0], one.follows) for one in found.findings] == [
        ("CORRECT", None),
        ("CLAMP", 1),
        ("SMOOTH", None),
    ]
    assert [one.number for one in found.independent] == [1, 3]
    assert found.followers == {1: 1}
    assert found.findings[1].why == "values.before had changed before"


def test_a_decision_that_is_new_on_a_changed_cell_follows() -> None:
    """And one on another cell is independent."""
    a = tuned(step(before=1.5, after=2.5))
    b = tuned(
        step(before=1.5, after=3.5),
        step("CLAMP", before=3.5, after=3),
        step("CLAMP", rpm=9, before=1, after=2),
    )
    assert [(one.how, one.follows) for one in diff(a, b).findings] == [
        ("changed", None),
        ("added", 1),
        ("added", None),
    ]


def test_a_model_that_was_told_another_result_answers_otherwise_because_of_it() -> None:
    """The tool's result went into the message, and the answer into the next call."""

    def script(result: str, reply: str) -> object:
        def tell(story: Story, run: str) -> None:
            tool(story, run, "lookup", {"order": 7}, result)
            message = [{"role": "user", "parts": [{"type": "text", "content": f"it says: {result}"}]}]
            answer(story, run, reply, **{GEN_AI_INPUT_MESSAGES: message})
            tool(story, run, "send", {"text": reply})

        return told(tell)

    found = diff(script("shipped", "on its way"), script("lost at sea", "so sorry"))
    assert [(one.item.kind, one.follows) for one in found.findings] == [
        ("tool call", None),
        ("generation", 1),
        ("tool call", 2),
    ]
    assert found.findings[0].why == "the same went in, and something else came out"


def test_a_tool_that_is_called_because_a_model_named_it_follows_from_the_answer() -> None:
    """The answer itself is independent: the model was asked the same."""

    def script(name: str) -> object:
        def tell(story: Story, run: str) -> None:
            answer(story, run, f"I call {name}")
            tool(story, run, name, {"path": name})

        return told(tell)

    found = diff(script("read_file"), script("delete_file"))
    assert [(one.how, one.follows) for one in found.findings] == [
        ("changed", None),
        ("removed", 1),
        ("added", 1),
    ]


def test_a_task_that_fails_because_of_what_is_in_it_is_told_after_it() -> None:
    """What came of a span is known when it ends."""

    def script(status: str) -> object:
        def tell(story: Story, run: str) -> None:
            task = story.task("work", run)
            tool(story, task, "divide", {"by": 0 if status == "error" else 1}, None)
            story.end(task, status, "boom" if status == "error" else "")

        return told(tell)

    found = diff(script("ok"), script("error"))
    assert [(one.title, one.follows) for one in found.findings] == [
        ("execute_tool divide", None),
        ("task work", 1),
    ]


def test_small_numbers_that_meet_by_chance_explain_nothing() -> None:
    """That 0 became 1 twice says nothing."""
    a = tuned(step(before=1.5, after=0), step("NEXT", rpm=3000, before=0, after=0.5))
    b = tuned(step(before=1.5, after=1), step("NEXT", rpm=3000, before=1, after=0.6))
    assert [one.follows for one in diff(a, b).findings] == [None, None]


def test_a_value_that_is_carried_on_is_explained_by_where_it_changed_first() -> None:
    """A setting of the run changed, and the decisions say the setting; so does what is kept of them."""

    def script(limit: float) -> object:
        def tell(story: Story, run: str) -> None:
            story.decide(run, "CLAMP", values={"limit": limit})
            story.happen(
                run, "checkpoint", **{CHECKPOINT_NAME: "clamped", CHECKPOINT_SHA256: str(limit) * 20}
            )
            story.happen(run, "checkpoint", **{CHECKPOINT_NAME: "else", CHECKPOINT_SHA256: "1" * 64})

        return told(tell, limit=limit)

    found = diff(script(10.5), script(9.5))
    assert [(one.title, one.follows) for one in found.findings] == [
        ("run tuning", None),
        ("CLAMP", 1),
        ("checkpoint clamped", 2),
    ]
