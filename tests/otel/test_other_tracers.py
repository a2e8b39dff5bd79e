"""Spans of the program's own tracers in a run: in the journal as they happen, and exactly as they are."""

import threading
import weakref

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import Event, SpanLimits
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

import otel_replay
from otel_replay.attributes import RUN_ID
from otel_replay.records import SpanEnd, SpanStart


def test_an_event_and_an_exception_are_in_the_journal_before_the_span_ends_and_once(store, program):
    with otel_replay.start_run("r") as run, program.tracer.start_as_current_span("query") as span:
        span.add_event("cache miss", {"key": "k1"}, timestamp=1_700_000_000_000_000_007)
        try:
            raise ValueError("no such row")
        except ValueError as error:
            span.record_exception(error, {"attempt": 2})
        recorded = store.run(run.run_id)
        assert [event.name for event in recorded.events] == ["cache miss", "exception"]
        miss, failure = recorded.events
        assert (miss.time_ns, dict(miss.attributes)) == (1_700_000_000_000_000_007, {"key": "k1"})
        assert failure.attributes["exception.type"] == "ValueError"
        assert failure.attributes["exception.message"] == "no such row"
        assert failure.attributes["attempt"] == 2
        assert "query" not in [end.name for end in recorded.of(SpanEnd)]

    recorded = store.run()
    assert [event.name for event in recorded.events] == ["cache miss", "exception"]
    query = recorded.span("query")
    assert query.dropped_events == 0
    exported = program.folded()["query"]
    assert [(e.name, e.time_ns) for e in exported.events] == [(e.name, e.time_ns) for e in query.events]


def test_an_exception_that_leaves_the_span_is_recorded_with_the_status(store, program):
    divide = program.tracer.start_as_current_span("divide")
    with otel_replay.start_run("r"), pytest.raises(ZeroDivisionError), divide:
        print(1 / 0)
    span = store.run().span("divide")
    assert (span.status, span.message) == ("error", "ZeroDivisionError: division by zero")
    assert [event.name for event in span.events] == ["exception"]


def test_events_that_go_past_add_event_get_there_when_the_span_ends(store, program):
    with otel_replay.start_run("r") as run:
        with program.tracer.start_as_current_span("span") as span:
            span.add_event("seen")
            span._add_event(Event("unseen", {"n": 1}, 1_700_000_000_000_000_001))
            assert [event.name for event in store.run(run.run_id).events] == ["seen"]
        assert sorted(event.name for event in store.run(run.run_id).events) == ["seen", "unseen"]


def test_a_span_that_had_started_before_the_processor_came_is_recorded_when_it_ends(store, program):
    early = program.tracer.start_span("early", attributes={"a": 1})
    early.add_event("before")
    with otel_replay.start_run("r"):
        early.add_event("inside")
        early.set_attribute("b", 2)
        early.end()
    span = store.run().span("early")
    assert [event.name for event in span.events] == ["before", "inside"]
    assert dict(span.attributes) == {"a": 1, "b": 2}
    assert span.start_ns == early.start_time
    assert program.names().count("early") == 1


def test_a_span_may_end_in_another_thread(store, program):
    with otel_replay.start_run("r"):
        span = program.tracer.start_span("moved")

        def finish():
            span.add_event("there")
            span.end()

        thread = threading.Thread(target=finish)
        thread.start()
        thread.join()
    recorded = store.run()
    assert recorded.parents()["moved"] == "run r"
    assert [event.name for event in recorded.span("moved").events] == ["there"]
    assert recorded.span("moved").end_ns == span.end_time


def test_all_that_opentelemetry_knows_of_a_span_is_in_the_journal(store, program):
    state = TraceState([("vendor", "x1"), ("other", "2")])
    remote = SpanContext(0xA1, 0xB2, True, TraceFlags(1), state)
    link = SpanContext(0xC3, 0xD4, True, TraceFlags(0), TraceState([("l", "1")]))
    attributes = {
        "text": "héllo \x00 line\n",
        "true": True,
        "int": -(2**53) - 1,
        "float": 0.1,
        "list": ["a", "b"],
        "map": {"inner": {"deep": [1, 2.5, None, {"x": b"\x00\xff"}]}},
        "bytes": b"\x00\x01\xfe",
        "empty": "",
    }
    with otel_replay.start_run("r") as run:
        parent = trace.set_span_in_context(NonRecordingSpan(remote))
        span = program.tracer.start_span(
            "exact",
            context=parent,
            kind=SpanKind.PRODUCER,
            attributes=attributes,
            links=[Link(link, {"why": "test", "map": {"a": 1}})],
            start_time=1_700_000_000_000_000_001,
        )
        span.add_link(SpanContext(0xE5, 0xF6, False, TraceFlags(1)))
        span.set_attribute("late", {"k": b"v"})
        span.set_attribute("int", 5)
        span.update_name("renamed")
        span.set_status(Status(StatusCode.ERROR, "broken"))
        span.end(1_700_000_000_000_000_999)
        run_id = run.run_id

    recorded = store.run()
    span = recorded.span("renamed")
    assert (span.trace_id, span.parent_id) == (format(0xA1, "032x"), format(0xB2, "016x"))
    assert (span.start_ns, span.end_ns) == (1_700_000_000_000_000_001, 1_700_000_000_000_000_999)
    assert (span.span_kind, span.status, span.message) == (4, "error", "broken")
    assert span.trace_state == state.to_header()
    assert span.flags & 1
    kept = {
        **attributes,
        "list": ["a", "b"],
        "int": 5,
        "late": {"k": b"v"},
        RUN_ID: run_id,
    }
    assert span.attributes == kept
    first, second = span.links
    assert (first.trace_id, first.span_id) == (format(0xC3, "032x"), format(0xD4, "016x"))
    assert (dict(first.attributes), first.trace_state) == ({"why": "test", "map": {"a": 1}}, "l=1")
    assert (second.trace_id, second.span_id) == (format(0xE5, "032x"), format(0xF6, "016x"))
    assert (span.scope.name, span.scope.version) == ("program", "1.0")
    assert recorded.of(SpanStart)[1].name == "exact"


def test_a_limit_on_attributes_takes_none_that_the_program_would_have_kept_without_us(
    store, set_up, monkeypatch
):
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4")
    program = set_up()
    given = {"a": 1, "b": 2, "c": 3, "d": 4}
    with otel_replay.start_run("r"):
        program.tracer.start_span("full", attributes=given).end()
        later = program.tracer.start_span("later")
        for key, value in given.items():
            later.set_attribute(key, value)
        later.end()
        many = program.tracer.start_span("many", attributes=given)
        many.set_attribute("e", 5)
        many.end()
    exported = {span.name: span for span in program.exported}
    assert dict(exported["full"].attributes) == given
    assert dict(exported["later"].attributes) == given
    recorded = store.run()
    assert given.items() <= recorded.span("full").attributes.items()
    assert recorded.span("full").dropped_attributes == 0
    assert recorded.span("many").dropped_attributes == 1
    assert {**given, "e": 5}.items() <= recorded.span("many").attributes.items()


def test_events_that_a_limit_took_from_the_span_are_in_the_journal(store, set_up):
    program = set_up(span_limits=SpanLimits(max_events=4))
    with otel_replay.start_run("r"), program.tracer.start_as_current_span("busy") as span:
        for number in range(10):
            span.add_event(f"event {number}")
    (exported,) = [span for span in program.exported if span.name == "busy"]
    assert exported.dropped_events == 6
    span = store.run().span("busy")
    assert [event.name for event in span.events] == [f"event {number}" for number in range(10)]
    assert span.dropped_events == 0


def test_events_that_nobody_has_seen_are_counted_as_dropped(store, set_up):
    program = set_up(span_limits=SpanLimits(max_events=4, max_links=2))
    early = program.tracer.start_span("early")
    for number in range(10):
        early.add_event(f"event {number}")
        early.add_link(SpanContext(1, number + 1, False, TraceFlags(1)))
    with otel_replay.start_run("r"):
        early.end()
    span = store.run().span("early")
    assert [event.name for event in span.events] == [f"event {number}" for number in range(6, 10)]
    assert (span.dropped_events, span.dropped_links) == (6, 8)
    assert len(span.links) == 2


def test_the_event_of_a_span_keeps_all_its_attributes_whatever_the_limit(store, set_up):
    program = set_up(span_limits=SpanLimits(max_event_attributes=2, max_attribute_length=3))
    with otel_replay.start_run("r"), program.tracer.start_as_current_span("span") as span:
        span.add_event("e", {"a": "long text", "b": 2, "c": {"d": b"e"}})
    (event,) = store.run().events
    assert event.attributes == {"a": "long text", "b": 2, "c": {"d": b"e"}}


def test_a_provider_whose_processors_run_in_threads_is_recorded_like_any_other(store, set_up):
    from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor

    program = set_up(active_span_processor=ConcurrentMultiSpanProcessor())
    started = program.tracer.start_as_current_span("span")
    with otel_replay.start_run("outer"), otel_replay.start_run("inner"), started as span:
        span.add_event("here")
        otel_replay.decision("A", "because")
    recorded = store.named("inner")
    assert recorded.owners() == {"A": "span"}
    assert [event.name for event in recorded.events] == ["here"]
    exported = program.folded()["span"]
    assert [type(moment).__name__ for moment in exported.events] == ["Event", "Decision"]


def test_a_span_that_nobody_holds_is_ended_and_exported_like_any_other(store, program):
    with otel_replay.start_run("r"):
        program.tracer.start_span("a").end()
        program.tracer.start_span("b").add_event("e")
    assert "a" in program.names()
    recorded = store.run()
    assert {end.span_id for end in recorded.of(SpanEnd)} >= {recorded.span("a").span_id}
    assert [event.name for event in recorded.span("b").events] == ["e"]


def test_a_span_lives_no_longer_for_being_recorded(store, program):
    with otel_replay.start_run("r"):
        span = program.tracer.start_span("short")
        gone = weakref.ref(span)
        span.end()
        del span
        assert gone() is None


@pytest.mark.parametrize(
    ("first", "again"), [(1, True), (1, 1.0), (0.0, -0.0), ("a", "b"), ([1], [1.0]), ("same", "same")]
)
def test_an_attribute_that_is_set_again_has_its_last_value_and_its_type(store, program, first, again):
    with otel_replay.start_run("r") as run:
        span = program.tracer.start_span("work", attributes={"one": first, "two": 2})
        span.set_attribute("one", again)
        span.end()
        other = program.tracer.start_span("other", attributes={"one": first})
        other.set_attribute(RUN_ID, "the program's own")
        other.end()
        plain = program.tracer.start_span("plain", attributes={"one": first, RUN_ID: "given"})
        plain.end()
    recorded = store.run()
    attributes = recorded.span("work").attributes
    assert repr(attributes["one"]) == repr(again)
    assert dict(attributes) == {"one": again, "two": 2, RUN_ID: run.run_id}
    assert dict(recorded.span("other").attributes) == {"one": first, RUN_ID: "the program's own"}
    assert dict(recorded.span("plain").attributes) == {"one": first, RUN_ID: run.run_id}
