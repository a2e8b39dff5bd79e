"""More moments on one span than OpenTelemetry keeps: none is lost, in the journal or for another exporter."""

import threading

import pytest
from opentelemetry.sdk.trace import SpanLimits

import otel_replay
from otel.program import folded
from otel_replay.attributes import CONTINUATION_INDEX, CONTINUATION_OF
from otel_replay.formats.assemble import assemble
from otel_replay.formats.continuation import continuation_id
from otel_replay.records import Decision


def decide(count, start=0):
    for number in range(start, start + count):
        otel_replay.decision(
            "STEP", f"number {number}", values={"n": number, "x": number / 7}, cell={"rpm": number}
        )


def numbers(moments):
    return [moment.values["n"] for moment in moments if isinstance(moment, Decision)]


def test_a_thousand_decisions_are_in_the_journal_and_reach_the_exporter_in_their_order(store, program):
    with otel_replay.start_run("r"), otel_replay.task("busy"):
        decide(1000)
    recorded = store.run().span("task busy")
    assert numbers(recorded.events) == list(range(1000))
    assert recorded.dropped_events == 0
    exported = program.folded()["task busy"]
    assert exported.events == recorded.events


def test_continuations_are_children_with_ids_that_anybody_can_derive_and_the_times_of_what_they_hold(
    store, program
):
    with otel_replay.start_run("r"), otel_replay.task("busy") as busy:
        decide(1000)
        during = len(program.continuations())
    assert during >= 5
    (own,) = [span for span in program.exported if span.name == "task busy"]
    assert len(own.events) == 128
    continuations = program.continuations()
    assert [span.attributes[CONTINUATION_INDEX] for span in continuations] == list(range(1, 8))
    for number, span in enumerate(continuations, start=1):
        assert span.name == "task busy (continued)"
        assert span.attributes[CONTINUATION_OF] == busy.span_id
        assert format(span.parent.span_id, "016x") == busy.span_id
        assert format(span.context.span_id, "016x") == continuation_id(busy.span_id, str(number))
        assert format(span.context.trace_id, "032x") == busy.trace_id
        assert span.resource is own.resource
        assert len(span.events) == (128 if number < 7 else 1000 - 7 * 128)
        assert (span.start_time, span.end_time) == (span.events[0].timestamp, span.events[-1].timestamp)
        assert own.start_time <= span.start_time <= span.end_time <= own.end_time
    assert "task busy (continued)" not in {span.name for span in store.run().spans}


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 256, 257])
def test_at_the_edges_of_the_limit_nothing_is_lost_or_told_twice(store, program, count):
    with otel_replay.start_run("r"), otel_replay.task("busy"):
        decide(count)
    assert numbers(program.folded()["task busy"].events) == list(range(count))
    assert store.run().span("task busy").events == program.folded()["task busy"].events
    assert len(program.continuations()) == max(0, (count - 1) // 128)


def test_events_of_the_program_keep_their_place_among_a_thousand_decisions(store, program):
    with otel_replay.start_run("r"), program.tracer.start_as_current_span("mixed") as span:
        for number in range(100):
            span.add_event(f"theirs {number}")
            decide(10, number * 10)
    recorded = store.run().span("mixed")
    exported = program.folded()["mixed"]
    assert numbers(recorded.events) == numbers(exported.events) == list(range(1000))
    theirs = [f"theirs {number}" for number in range(100)]
    for events in (recorded.events, exported.events):
        assert [moment.name for moment in events if not isinstance(moment, Decision)] == theirs
    assert recorded.dropped_events == exported.dropped_events == 0
    assert exported.events == recorded.events


@pytest.mark.parametrize("limit", [0, 1, 10, 1000])
def test_whatever_the_programs_limit_on_events_decisions_are_not_what_it_takes(store, set_up, limit):
    program = set_up(span_limits=SpanLimits(max_events=limit))
    with otel_replay.start_run("r"), program.tracer.start_as_current_span("span") as span:
        decide(300)
        span.add_event("last")
    (own,) = [span for span in program.exported if span.name == "span"]
    assert len(own.events) <= limit
    assert numbers(program.folded()["span"].events) == list(range(300))
    assert numbers(store.run().span("span").events) == list(range(300))


def test_without_a_limit_on_events_nothing_is_lost_either(store, set_up):
    program = set_up(span_limits=SpanLimits(max_events=SpanLimits.UNSET))
    with otel_replay.start_run("r"), otel_replay.task("busy"):
        decide(1000)
    assert numbers(program.folded()["task busy"].events) == list(range(1000))


LIMITS = [0, 1, 2, 10, 127, 128, 200, SpanLimits.UNSET]


@pytest.mark.parametrize("limit", LIMITS, ids=str)
@pytest.mark.parametrize("count", [1, 10, 128, 129, 300])
@pytest.mark.parametrize("theirs", [0, 3, 100])
def test_whoever_gets_a_run_live_and_has_it_sent_again_gets_no_moment_twice(
    store, set_up, limit, count, theirs
):
    """Spans are the same by their ids: whichever of two such a backend keeps, it has each moment once."""
    program = set_up(span_limits=SpanLimits(max_events=limit))
    with otel_replay.start_run("r"), program.tracer.start_as_current_span("span") as span:
        for number in range(theirs):
            span.add_event(f"theirs {number}")
        decide(count)
    live = {
        format(span.context.span_id, "016x"): [
            event.attributes["otel_replay.values.n"]
            for event in span.events
            if event.name.startswith("decision")
        ]
        for span in program.exported
    }
    sent = {span.span_id: numbers(span.events) for span in assemble(store.run().located)}
    assert sent == live
    assert sorted(number for told in sent.values() for number in told) == list(range(count))


def test_four_threads_on_one_span_lose_nothing(store, program):
    with otel_replay.start_run("r"), otel_replay.task("shared"):
        threads = [threading.Thread(target=decide, args=(1000, k * 1000)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recorded = numbers(store.run().span("task shared").events)
    exported = numbers(program.folded()["task shared"].events)
    assert sorted(recorded) == sorted(exported) == list(range(4000))
    for k in range(4):
        mine = range(k * 1000, k * 1000 + 1000)
        assert [n for n in exported if n in mine] == list(mine)


def test_what_waits_for_the_exporter_stays_bounded(store, program):
    with otel_replay.start_run("r"), otel_replay.task("busy") as busy:
        most = 0
        for number in range(2000):
            decide(1, number)
            most = max(most, len(busy._open.pending) + len(busy._open.held or ()))
        assert most < 256
    assert busy._open.pending is None
    assert busy._open.held is None
    assert len(program.continuations()) == 15


def test_two_exporters_get_the_same(store, program):
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    second = InMemorySpanExporter()
    program.provider.add_span_processor(BatchSpanProcessor(second))
    with otel_replay.start_run("r"), otel_replay.task("busy"):
        decide(500)
    assert program.provider.force_flush()
    others = folded(list(second.get_finished_spans()))
    assert others["task busy"].events == program.folded()["task busy"].events
    assert numbers(others["task busy"].events) == list(range(500))
