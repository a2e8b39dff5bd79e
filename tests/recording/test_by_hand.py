"""Spans without a block: begun and ended by methods, whether a run made them or a function of ours."""

import pytest

import otel_replay
from otel_replay.attributes import GEN_AI_OUTPUT_MESSAGES, GEN_AI_TOOL_RESULT

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")

BY_RUN = {
    "task": lambda run: run.task("x"),
    "agent": lambda run: run.agent("x"),
    "tool": lambda run: run.tool_call("x"),
    "generation": lambda run: run.generation("x"),
}
BY_FUNCTION = {
    "task": lambda _: otel_replay.task("x"),
    "agent": lambda _: otel_replay.agent("x"),
    "tool": lambda _: otel_replay.tool("x"),
    "generation": lambda _: otel_replay.generation("x"),
}


@pytest.mark.parametrize("by", [BY_RUN, BY_FUNCTION], ids=["run", "function"])
@pytest.mark.parametrize("kind", BY_RUN)
def test_a_span_without_a_block_has_the_same_methods_whoever_made_it(store, by, kind):
    with otel_replay.start_run("r") as run:
        span = by[kind](run)
        otel_replay.decision("BEFORE", "it is not the current one yet")
        span.attach()
        otel_replay.decision("INSIDE", "")
        span.detach()
        otel_replay.decision("AFTER", "")
        span.decision("IN IT", "")
        span.set("a", 1)
        span.set_all({"b": 2})
        span.fail("no use")
        if kind == "tool":
            span.result("found")
        if kind == "generation":
            span.output("said", usage={"input_tokens": 3})
        ids = (span.trace_id, span.span_id)
        assert span.recording
        span.end()
        span.end()
    recorded = store.run()
    (made,) = [one for one in recorded.spans if one.name != "run r"]
    assert (made.trace_id, made.span_id) == ids
    assert made.end_ns is not None
    assert made.status == "error"
    assert (made.attributes["a"], made.attributes["b"]) == (1, 2)
    assert recorded.owners() == {
        "BEFORE": "run r",
        "INSIDE": made.name,
        "AFTER": "run r",
        "IN IT": made.name,
    }
    assert made.attributes.get(GEN_AI_TOOL_RESULT) == ("found" if kind == "tool" else None)
    assert (GEN_AI_OUTPUT_MESSAGES in made.attributes) == (kind == "generation")


@pytest.mark.parametrize("by", [BY_RUN, BY_FUNCTION], ids=["run", "function"])
def test_a_span_that_is_only_ended_began_where_it_was_made(store, by):
    with otel_replay.start_run("r") as run:
        with run.task("outer"):
            span = by["agent"](run)
            otel_replay.decision("WORK", "")
        span.end()
    recorded = store.run()
    made = recorded.span("invoke_agent x")
    assert recorded.parents()["invoke_agent x"] == "task outer"
    (work,) = recorded.decisions
    assert made.start_ns <= work.time_ns <= made.end_ns


def test_start_begins_the_span_and_gives_it(store):
    with otel_replay.start_run("r"):
        span = otel_replay.task("x").start()
        span.end()
    assert store.run().span("task x").end_ns is not None


def test_where_nothing_records_the_methods_do_nothing():
    for make in BY_FUNCTION.values():
        span = make(None)
        span.attach()
        span.detach()
        span.set("a", 1)
        span.fail("no")
        span.decision("A", "")
        span.end()
        assert not span.recording
        assert span.span_id == "0" * 16


def test_a_block_that_was_begun_by_hand_may_be_entered_as_well(store):
    with otel_replay.start_run("r"):
        block = otel_replay.task("x")
        with block as inside:
            assert block.span_id != inside.span_id
        block.end()
    recorded = store.run()
    assert [span.name for span in recorded.spans].count("task x") == 2
    assert all(span.end_ns for span in recorded.spans)
