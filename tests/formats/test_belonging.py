"""A trace is one run, unless run ids say otherwise; sessions and conversations never part one."""

from __future__ import annotations

from itertools import permutations

import pytest

from otel_replay.attributes import RUN_ID
from otel_replay.formats.belonging import run_keys
from otel_replay.formats.spans import Log, Span
from otel_replay.records import LogEntry, Resource

TRACE, OTHER = "a" * 32, "b" * 32
RUN, SESSION, CONVERSATION = RUN_ID, "session.id", "gen_ai.conversation.id"


def span(id: str, parent: str = "", *, trace: str = TRACE, resource: str = "", **named: str) -> Span:
    """A span that starts at the moment of its id."""
    names = {"run": RUN, "session": SESSION, "conversation": CONVERSATION}
    return Span(
        trace_id=trace,
        span_id=id,
        parent_id=parent,
        name=id,
        start_ns=int(id, 16),
        end_ns=99,
        attributes={names[name]: value for name, value in named.items()},
        resource=Resource(id=0, attributes={RUN: resource} if resource else {}),
    )


def log(span_id: str = "", trace: str = TRACE, **attributes: str) -> Log:
    """A log record."""
    return Log(entry=LogEntry(time_ns=5, trace_id=trace, span_id=span_id, attributes=attributes))


def test_a_trace_of_which_only_some_spans_name_a_conversation_is_one_run() -> None:
    """An agent's framework names it, the SDK below and the HTTP client do not."""
    spans = [span("1"), span("2", "1", conversation="c"), span("3", "2"), span("4", "1")]
    assert run_keys([*spans, log("3"), log("1")]) == ["c"] * 6


def test_of_several_conversations_in_a_trace_the_first_names_the_run() -> None:
    """Whatever the order in which they were written."""
    spans = [span("1"), span("2", "1", conversation="late"), span("3", "1", conversation="later")]
    for order in permutations(spans):
        assert set(run_keys(order)) == {"late"}


def test_a_session_goes_before_a_conversation() -> None:
    """A session holds conversations."""
    assert run_keys([span("1", conversation="c"), span("2", "1", session="s")]) == ["s", "s"]


def test_traces_of_one_conversation_are_one_run_and_others_are_their_own() -> None:
    """A trace that nobody named is called by its id."""
    spans = [span("1", conversation="c"), span("1", trace=OTHER, conversation="c"), span("1", trace="c" * 32)]
    assert run_keys(spans) == ["c", "c", "c" * 32]


def test_run_ids_part_a_trace_and_what_has_none_belongs_to_the_run_around_it() -> None:
    """A conversation says nothing against a run id, on the span or on a resource."""
    spans = [
        span("1", run="outer"),
        span("2", "1", resource="inner"),
        span("3", "2", conversation="c"),
        span("4", "1"),
        span("5", "no such span"),
    ]
    for order in permutations(spans):
        keys = {one.span_id: key for one, key in zip(order, run_keys(order), strict=True)}
        assert keys == {"1": "outer", "2": "inner", "3": "inner", "4": "outer", "5": "outer"}
    assert run_keys([*spans, log("3"), log("9"), log("2", **{RUN: "own"})])[-3:] == ["inner", "outer", "own"]


def test_a_log_record_outside_of_any_trace_says_itself_where_it_belongs() -> None:
    """As those of coding agents do; what says nothing does not take another one's name."""
    logs = [log(trace="", **{SESSION: "s"}), log(trace=""), log(trace="", **{RUN: "r"})]
    assert run_keys(logs) == ["s", "", "r"]


@pytest.mark.parametrize("parents", [("1",), ("2", "1"), ("3", "1", "2")])
def test_spans_that_are_each_others_parents_come_to_an_end(parents: tuple[str, ...]) -> None:
    """A damaged file must not hold a reader for ever."""
    ids = "123"[: len(parents)]
    looped = [span(id, parent) for id, parent in zip(ids, parents, strict=True)]
    assert run_keys([*looped, span("9", run="r")]) == ["r"] * (len(ids) + 1)


def test_a_deep_trace_is_climbed_once() -> None:
    """10,000 spans in one line, the outermost of which has the run's id, in the worst order."""
    deep = [span(f"{number:x}", f"{number - 1:x}") for number in range(10_000, 1, -1)]
    assert set(run_keys([*deep, span("1", run="r")])) == {"r"}
