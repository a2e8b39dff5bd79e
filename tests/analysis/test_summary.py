"""A run in numbers."""

import pytest

from analysis.story import MS, Story
from otel_replay.analysis.summary import summarise
from otel_replay.attributes import ARTIFACT_NAME, GEN_AI_INPUT_TOKENS, GEN_AI_OUTPUT_TOKENS
from otel_replay.records import BadLine, Close, LogEntry, Loss, SpanEnd


def test_decisions_are_counted_by_action_and_timed_from_first_to_last():
    story = Story()
    run = story.run()
    for action in ("AFR", "AFR", "CLAMPING"):
        story.wait(9)
        story.decide(run, action)
    story.end(run)
    found = summarise(story)
    assert found.decisions == 3
    assert found.actions == {"AFR": 2, "CLAMPING": 1}
    assert found.last_decision_ns - found.first_decision_ns == 20 * MS
    assert found.decision_pace.total == 3


def test_the_time_of_a_span_itself_leaves_out_its_children():
    story = Story()
    run = story.run()
    story.wait(9)
    task = story.task("smooth", run)
    story.wait(29)
    story.end(task)
    story.wait(59)
    story.end(run)
    found = summarise(story)
    assert found.duration_ns == 100 * MS
    assert found.kinds["run"].self_ns == 70 * MS
    assert found.kinds["task"].self_ns == found.kinds["task"].total_ns == 30 * MS


def test_children_that_run_at_the_same_time_count_once_for_their_parent():
    story = Story()
    run = story.run()
    first = story.task("a", run)
    second = story.task("b", run)
    story.wait(10)
    story.end(first)
    story.wait(10)
    story.end(second)
    story.end(run)
    found = summarise(story)
    assert found.kinds["run"].self_ns == 2 * MS
    assert found.kinds["task"].total_ns == 12 * MS + 22 * MS


def test_a_child_that_outlives_its_parent_leaves_it_no_negative_time():
    story = Story()
    run = story.run()
    task = story.task("late", run)
    story.end(run)
    story.wait(50)
    story.end(task)
    assert summarise(story).kinds["run"].self_ns == 1 * MS


def test_where_the_time_went_is_told_by_name_with_the_largest_first():
    story = Story()
    run = story.run()
    for name, length in (("a", 5), ("b", 20), ("a", 30)):
        task = story.task(name, run)
        story.wait(length)
        story.end(task)
    story.end(run)
    rows = [(name, totals.count) for _, name, totals in summarise(story).bottlenecks(2)]
    assert rows == [("task a", 2), ("task b", 1)]


def test_models_and_tools_are_counted_with_tokens_and_failures():
    story = Story()
    run = story.run()
    for tokens, status in ((100, "ok"), (50, "error")):
        generation = story.generation("gpt-x", run)
        usage = {GEN_AI_INPUT_TOKENS: tokens, GEN_AI_OUTPUT_TOKENS: 7}
        story.end(generation, status, **usage)
    call = story.tool_call("search", run)
    story.end(call, "error")
    found = summarise(story)
    model = found.models["gpt-x"]
    assert (model.count, model.failed, model.input_tokens, model.output_tokens) == (2, 1, 150, 14)
    assert (found.tools["search"].count, found.tools["search"].failed) == (1, 1)


@pytest.mark.parametrize("odd", ["many", None, float("nan"), float("inf"), True, [1]])
def test_a_token_count_that_is_none_counts_as_nothing(odd):
    story = Story()
    story.end(story.generation("m", ""), **{GEN_AI_INPUT_TOKENS: odd})
    assert summarise(story).models["m"].input_tokens == 0


def test_everything_that_was_dropped_or_changed_is_told():
    story = Story()
    run = story.run()
    story.add(Loss(time_ns=story.now_ns, records=3, reason="disk full"))
    story.add(Loss(time_ns=story.now_ns, records=2, reason="disk full"))
    story.add(BadLine(number=3, offset_bytes=0, size_bytes=1, reason="not JSON"))
    story.add(BadLine(number=9, offset_bytes=0, size_bytes=1, reason="torn", torn=True))
    story.add(
        SpanEnd(time_ns=story.now_ns, span_id=run, dropped_attributes=1, dropped_events=172, dropped_links=4)
    )
    story.add(Close(time_ns=story.now_ns, how="ended", notes={"redacted": 2}))
    found = summarise(story)
    assert found.losses == {"disk full": 5}
    assert found.dropped == {"attributes": 1, "events": 172, "links": 4}
    assert found.notes == {"redacted": 2}
    assert (found.bad_lines, found.torn_lines) == (1, 1)
    assert [(journal, line.number) for journal, line in found.first_bad_lines] == [("home.jsonl", 3)]


def test_open_spans_are_named_and_count_up_to_the_last_sign_of_life():
    story = Story()
    task = story.task("smooth", story.run())
    story.wait(8)
    story.decide(task)
    found = summarise(story)
    assert found.open_names == ("run tuning", "task smooth")
    assert (found.kinds["task"].count, found.kinds["task"].open) == (1, 1)
    assert found.kinds["task"].self_ns == 9 * MS
    assert (found.kinds["run"].total_ns, found.kinds["run"].self_ns) == (10 * MS, 1 * MS)


def test_events_artifacts_and_log_records_are_counted():
    story = Story()
    run = story.run()
    story.happen(run, "artifact", **{ARTIFACT_NAME: "table.csv"})
    story.happen(run, "file read")
    story.add(LogEntry(time_ns=story.now_ns, body="hello"))
    found = summarise(story)
    assert found.events == {"artifact": 1, "file read": 1}
    assert list(found.artifacts) == ["table.csv"]
    assert found.logs == 1


def test_a_program_that_makes_up_names_does_not_make_memory_grow():
    story = Story()
    run = story.run()
    for number in range(1_500):
        story.decide(run, f"ACTION_{number}")
        story.end(story.task(f"task {number}", run))
    found = summarise(story)
    assert len(found.actions) == 1_001
    assert found.actions["(others)"] == 500
    assert sum(found.actions.values()) == 1_500
    assert len(found.names) < 1_010


def test_an_empty_run_has_an_empty_summary():
    found = summarise(Story())
    assert (found.duration_ns, found.decisions, found.spans, found.bottlenecks()) == (0, 0, 0, [])
