"""Programs that do with OpenTelemetry what they should not, or what they do at an unusual time."""

import json
import threading

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_replay
from otel_replay import ReplaySpanExporter, ReplaySpanProcessor, decision, start_run, task
from otel_replay.formats.assemble import assemble
from otel_replay.records import SpanEnd, SpanStart

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


@pytest.fixture
def provider():
    """A provider that the program has set itself."""
    made = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(made)
    return made


def listen(provider):
    """Another exporter of the provider."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


class Fails(SpanProcessor):
    """Somebody's processor that fails at one place."""

    def __init__(self, where):
        self.where = where

    def on_start(self, *_args, **_kwargs):
        if self.where == "start":
            raise ValueError("theirs")

    def on_end(self, *_args):
        if self.where == "end":
            raise ValueError("theirs")


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("where", ["start", "end"])
def test_a_processor_of_somebody_else_that_fails_costs_no_decision(store, provider, where, order):
    if order == "after":
        with start_run("warm"):
            pass
    provider.add_span_processor(Fails(where))
    with start_run("r"):
        decision("D", "")
        with task("t"):
            decision("E", "")
    recorded = store.named("r")
    assert [d.action for d in recorded.decisions] == ["D", "E"]
    assert recorded.bad_lines == []
    assert recorded.files.status() == "finished"
    if where == "end":
        assert recorded.owners() == {"D": "run r", "E": "task t"}
        assert len(recorded.of(SpanEnd)) == len(recorded.of(SpanStart)) == 2


def test_an_exporter_that_is_added_in_the_middle_of_a_run_gets_the_decisions_of_open_spans(store, provider):
    with start_run("r"):
        decision("BEFORE", "", {"n": 1})
        trace.get_current_span().add_event("theirs", {"a": 1})
        otel_replay.heartbeat()
        late = listen(provider)
        decision("AFTER", "")
        with task("t"):
            decision("INSIDE", "")
    names = {span.name: [event.name for event in span.events] for span in late.get_finished_spans()}
    assert names["task t"] == ["decision INSIDE"]
    assert sorted(names["run r"]) == ["decision AFTER", "decision BEFORE", "heartbeat", "theirs"]


def test_an_exporter_that_is_added_after_many_decisions_gets_them_all(store, provider):
    with start_run("r"):
        for number in range(700):
            decision("D", str(number))
        late = listen(provider)
        for number in range(700, 1000):
            decision("D", str(number))
    events = [event for span in late.get_finished_spans() for event in span.events]
    events.sort(key=lambda event: event.timestamp)
    assert [event.attributes["otel_replay.reason"] for event in events] == [str(n) for n in range(1000)]


def test_a_program_that_sets_its_provider_after_the_run_has_begun_gets_what_it_wants(store, caplog):
    with start_run("r"):
        decision("BEFORE", "")
        mine = TracerProvider(shutdown_on_exit=False)
        exporter = listen(mine)
        trace.set_tracer_provider(mine)
        assert trace.get_tracer_provider() is mine
        with task("t"), trace.get_tracer("library").start_as_current_span("theirs"):
            decision("INSIDE", "")
    assert [span.name for span in exporter.get_finished_spans()] == ["theirs", "task t"]
    recorded = store.run()
    assert recorded.parents() == {"run r": "-", "task t": "run r", "theirs": "task t"}
    assert recorded.owners() == {"BEFORE": "run r", "INSIDE": "theirs"}
    assert caplog.text == ""


def test_a_provider_that_is_shut_down_in_the_middle_of_a_run_takes_nothing_from_the_journal(store, provider):
    provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    with start_run("r"):
        with task("before"):
            decision("A", "")
        provider.shutdown()
        with task("after"):
            decision("B", "")
        provider.force_flush()
    recorded = store.run()
    assert recorded.owners() == {"A": "task before", "B": "task after"}
    assert recorded.files.status() == "finished"


def test_a_processor_may_say_itself_where_orphans_go_and_which_are_left_out(store, provider):
    with start_run("r") as run:
        other = TracerProvider(shutdown_on_exit=False)
        processor = ReplaySpanProcessor(orphans=lambda span: None if span.name == "no" else run._writer)
        other.add_span_processor(processor)
        tracer = other.get_tracer("library")
        for name in ("no", "yes"):
            tracer.start_span(name, context=context.Context()).end()
        assert processor.force_flush()
    assert set(store.run().parents()) == {"run r", "yes"}
    assert processor._open == {}


def test_spans_of_two_providers_with_one_resource_are_all_recorded(store):
    resource = Resource({"service.name": "shared"})
    one, two = (TracerProvider(resource=resource, shutdown_on_exit=False) for _ in range(2))
    trace.set_tracer_provider(one)
    two.add_span_processor(SimpleSpanProcessor(ReplaySpanExporter()))
    with start_run("r"):
        with one.get_tracer("a").start_as_current_span("of one"):
            pass
        with two.get_tracer("b").start_as_current_span("of two"):
            pass
    assert set(store.run().parents()) == {"run r", "of one", "of two"}


@pytest.mark.parametrize("processor_first", [True, False])
@pytest.mark.parametrize("kind", [SimpleSpanProcessor, BatchSpanProcessor])
def test_processor_and_exporter_together_record_each_span_once(store, provider, kind, processor_first):
    exporting = kind(ReplaySpanExporter())
    processors = [ReplaySpanProcessor(), exporting]
    for processor in processors if processor_first else reversed(processors):
        provider.add_span_processor(processor)
    with start_run("r"):
        for number in range(20):
            with trace.get_tracer("library").start_as_current_span(f"s{number}"):
                decision("D", str(number))
        exporting.force_flush()
    exporting.shutdown()
    recorded = store.run()
    assert len(recorded.of(SpanStart)) == len(recorded.of(SpanEnd)) == 21
    assert len(recorded.decisions) == 20


OUTSIDE = """
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from otel_replay import ReplaySpanProcessor, decision, heartbeat, task

    provider = TracerProvider()
    provider.add_span_processor(ReplaySpanProcessor())
    trace.set_tracer_provider(provider)
    with trace.get_tracer("library").start_as_current_span("theirs"):
        decision("INSIDE", "")
    decision("OUTSIDE", "no span is open")
    heartbeat()
    with task("t"):
        decision("IN A TASK", "")
    """


def test_decisions_outside_of_any_span_of_an_instrumented_process_are_kept(store, python):
    python(OUTSIDE)
    recorded = store.run()
    assert recorded.owners() == {
        "INSIDE": "theirs",
        "OUTSIDE": "process program.py",
        "IN A TASK": "task t",
    }
    assert recorded.parents() == {"theirs": "-", "process program.py": "-", "task t": "process program.py"}
    assert recorded.files.status() == "finished"
    assert recorded.bad_lines == []


def test_threads_that_end_spans_of_each_other_lose_nothing(store, provider):
    heard = listen(provider)
    spans, threads = [], []
    with start_run("r"):
        tracer = trace.get_tracer("library")
        for number in range(50):
            spans.append(tracer.start_span(f"s{number}"))

        def work(mine):
            for span in mine:
                with trace.use_span(span, end_on_exit=False):
                    decision("D", span.name)
            for span in spans:
                span.end()

        for number in range(5):
            threads.append(threading.Thread(target=work, args=(spans[number::5],)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recorded = store.run()
    assert len(recorded.decisions) == 50
    assert len(recorded.of(SpanEnd)) == 51
    assert len({span.name for span in heard.get_finished_spans()}) >= 51


@pytest.mark.parametrize(
    "limit", ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"]
)
def test_a_limit_on_the_length_of_values_cuts_nothing_that_our_own_calls_record(store, monkeypatch, limit):
    monkeypatch.setenv(limit, "10")
    with start_run("r") as run, run.tool_call("t", {"query": "x" * 100}, note="y" * 100) as call:
        call.result("z" * 100)
        decision("D", "w" * 100, {"v": "v" * 100})
    recorded = store.run()
    assert recorded.decisions[0].reason == "w" * 100
    tool = recorded.span("execute_tool t").attributes
    assert tool["gen_ai.tool.call.result"] == "z" * 100
    assert tool["note"] == "y" * 100
    assert tool["gen_ai.tool.call.arguments"] == {"query": "x" * 100}
    assert recorded.span("run r").attributes["otel_replay.run.id"] == run.run_id


FORKED = """
    import json, os, sys
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from otel_replay import decision, start_run, task

    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with start_run("r"), task("shared"):
        for number in range(200):
            decision("BEFORE", str(number))
        pid = os.fork()
        if not pid:
            exporter.clear()
        for number in range(300):
            decision("PARENT" if pid else "CHILD", str(number))
        if pid:
            os.waitpid(pid, 0)
    spans = [
        (
            s.name,
            format(s.context.span_id, "016x"),
            [(e.name, e.attributes["otel_replay.reason"]) for e in s.events],
        )
        for s in exporter.get_finished_spans()
    ]
    with open("parent" if pid else "child", "w") as stream:
        json.dump(spans, stream)
    os._exit(0)
    """


def test_after_a_fork_others_get_what_each_process_decided_once_and_under_ids_of_its_own(
    store, python, tmp_path
):
    python(FORKED)
    parent, child = (json.loads((tmp_path / name).read_text()) for name in ("parent", "child"))
    seen = [tuple(event) for _, _, events in [*parent, *child] for event in events]
    expected = [("BEFORE", 200), ("PARENT", 300), ("CHILD", 300)]
    assert sorted(seen) == sorted(
        (f"decision {who}", str(n)) for who, count in expected for n in range(count)
    )
    # The same spans as a reader makes of the two journals, apart from the end that the child gave to both.
    read = {(span.span_id, len(span.events)) for span in assemble(store.run().located)}
    live = {(identifier, len(events)) for _, identifier, events in [*parent, *child] if events}
    assert {span for span in read if span[1]} == live
