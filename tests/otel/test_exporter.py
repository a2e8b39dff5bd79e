"""The span exporter: alone behind any pipeline, or beside the processor, where nothing is recorded twice."""

import json
import logging
import threading
from importlib.metadata import entry_points

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

import otel_replay
from otel_replay.otel.exporter import ReplaySpanExporter
from otel_replay.otel.log_exporter import ReplayLogExporter
from otel_replay.records import SpanEnd, SpanStart


def pipeline(exporter, processor=BatchSpanProcessor, **resource):
    """A provider whose only way out is `exporter`."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": "shop", **resource}), shutdown_on_exit=False
    )
    provider.add_span_processor(processor(exporter))
    return provider


def some_spans(tracer, count=50):
    for number in range(count):
        with tracer.start_as_current_span(f"span {number}", attributes={"n": number}) as span:
            span.add_event("event", {"n": number})


@pytest.mark.parametrize("processor", [BatchSpanProcessor, SimpleSpanProcessor])
def test_the_exporter_alone_records_everything_and_writes_the_json_at_shutdown(store, processor):
    provider = pipeline(ReplaySpanExporter(store.root), processor)
    tracer = provider.get_tracer("program")
    with tracer.start_as_current_span("outer") as outer:
        some_spans(tracer)
        outer.set_status(Status(StatusCode.ERROR, "late"))
    provider.shutdown()
    recorded = store.run()
    assert recorded.bad_lines == []
    assert recorded.files.header.name == "shop"
    assert recorded.files.status() == "finished"
    assert len(recorded.spans) == 51
    assert set(recorded.parents().values()) == {"-", "outer"}
    assert recorded.span("outer").message == "late"
    assert recorded.span("span 7").attributes["n"] == 7
    assert [event.attributes["n"] for event in recorded.span("span 7").events] == [7]
    session = json.loads((recorded.files.directory / "session_replay.json").read_text())
    assert session["schema_version"] == "1.0"
    assert (recorded.files.directory / "manifest.json").exists()


def test_decisions_that_come_as_span_events_are_decisions_again(store):
    provider = pipeline(ReplaySpanExporter(store.root))
    with provider.get_tracer("program").start_as_current_span("span") as span:
        span.add_event(
            "decision CLAMP",
            {
                "otel_replay.action": "CLAMP",
                "otel_replay.reason": "too much",
                "otel_replay.values.before": 12.4,
                "otel_replay.cell.rpm": 3500,
            },
        )
    provider.shutdown()
    (decision,) = store.run().decisions
    assert (decision.action, decision.reason) == ("CLAMP", "too much")
    assert (decision.values, decision.cell) == ({"before": 12.4}, {"rpm": 3500})


def test_export_calls_at_the_same_time_lose_and_mix_nothing(store):
    provider = pipeline(ReplaySpanExporter(store.root), SimpleSpanProcessor)

    def work(k):
        some_spans(provider.get_tracer(f"thread {k}"), 100)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    provider.shutdown()
    recorded = store.run()
    assert recorded.bad_lines == []
    assert len(recorded.of(SpanStart)) == len(recorded.of(SpanEnd)) == len(recorded.events) == 800
    by_scope = [(span.scope.name, span.name) for span in recorded.spans]
    assert sorted(by_scope) == sorted((f"thread {k}", f"span {n}") for k in range(8) for n in range(100))


def test_a_span_goes_to_the_run_that_it_or_its_resource_names(store):
    exporter = ReplaySpanExporter(store.root)
    provider = pipeline(exporter, **{"otel_replay.run.id": "from-resource"})
    tracer = provider.get_tracer("program")
    tracer.start_span("a").end()
    tracer.start_span("b", attributes={"otel_replay.run.id": "from-span"}).end()
    tracer.start_span("bad", attributes={"otel_replay.run.id": "../../outside"}).end()
    provider.shutdown()
    assert [span.name for span in store.run("from-resource").spans] == ["a"]
    assert [span.name for span in store.run("from-span").spans] == ["b"]
    assert len(store.runs()) == 3
    assert sorted(path.name for path in store.root.parent.iterdir()) == ["store"]


def test_processor_and_exporter_on_one_provider_record_once(store, fresh_opentelemetry):
    provider = pipeline(ReplaySpanExporter(), SimpleSpanProcessor)
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("program")
    with otel_replay.start_run("r"):
        some_spans(tracer, 5)
        with otel_replay.task("busy"):
            for number in range(300):
                otel_replay.decision("STEP", "next", values={"n": number})
    provider.shutdown()
    recorded = store.run()
    starts = [start.span_id for start in recorded.of(SpanStart)]
    assert len(starts) == len(set(starts)) == 7
    assert len(recorded.of(SpanEnd)) == 7
    assert len(recorded.decisions) == 300
    assert len(recorded.events) == 5


def test_spans_that_wait_in_the_queue_when_the_processor_comes_are_recorded_once(store, fresh_opentelemetry):
    provider = pipeline(ReplaySpanExporter())
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("program")
    before = tracer.start_span("begun before")
    with otel_replay.start_run("r"):
        before.end()
        tracer.start_span("inside").end()
        provider.force_flush()
    provider.shutdown()
    names = [start.name for start in store.run().of(SpanStart)]
    assert sorted(names) == ["begun before", "inside", "run r"]


@pytest.mark.parametrize("kind", ["file", "inside a file"])
def test_a_store_that_cannot_be_written_is_told_once_and_never_raises(tmp_path, caplog, kind):
    bad = tmp_path / "taken"
    bad.write_text("a file")
    exporter = ReplaySpanExporter(bad if kind == "file" else bad / "deeper")
    other = InMemorySpanExporter()
    provider = pipeline(exporter, SimpleSpanProcessor)
    provider.add_span_processor(SimpleSpanProcessor(other))
    with caplog.at_level(logging.WARNING):
        some_spans(provider.get_tracer("program"), 30)
        assert exporter.force_flush()
        provider.shutdown()
    assert len(other.get_finished_spans()) == 30
    assert bad.read_text() == "a file"
    told = [record for record in caplog.records if record.name.startswith("otel_replay")]
    assert 1 <= len(told) <= 4
    assert sum("is not recorded" in record.getMessage() for record in told) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_after_its_shutdown_the_exporter_takes_nothing(store):
    exporter = ReplaySpanExporter(store.root)
    span = pipeline(InMemorySpanExporter()).get_tracer("program").start_span("late")
    span.end()
    exporter.shutdown()
    exporter.shutdown()
    assert exporter.export([span]) is SpanExportResult.FAILURE
    assert not store.root.exists()


def test_what_cannot_be_exported_is_a_failure_and_no_exception(store):
    exporter = ReplaySpanExporter(store.root)
    assert exporter.export([object()]) is SpanExportResult.FAILURE
    exporter.shutdown()


def test_switched_off_it_does_nothing_and_says_success(store, monkeypatch):
    monkeypatch.setenv("OTEL_REPLAY_DISABLED", "true")
    provider = pipeline(ReplaySpanExporter(), SimpleSpanProcessor)
    some_spans(provider.get_tracer("program"), 3)
    provider.shutdown()
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("opentelemetry_traces_exporter", ReplaySpanExporter),
        ("opentelemetry_logs_exporter", ReplayLogExporter),
    ],
)
def test_the_exporters_are_found_by_name_and_made_without_arguments(store, group, expected):
    (entry,) = entry_points(group=group, name="otel_replay")
    made = entry.load()()
    assert type(made) is expected
    assert made.force_flush()
    made.shutdown()
    assert not store.root.exists()


ALONE = """
    import sys
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from otel_replay import ReplaySpanExporter

    provider = TracerProvider()
    kind = {"batch": BatchSpanProcessor, "simple": SimpleSpanProcessor}[sys.argv[1]]
    provider.add_span_processor(kind(ReplaySpanExporter()))
    tracer = provider.get_tracer("program")
    for number in range(700):
        tracer.start_span(f"span {number}").end()
    if sys.argv[2] == "shutdown":
        provider.shutdown()
    elif sys.argv[2] == "raise":
        raise SystemExit(3)
"""


@pytest.mark.parametrize("kind", ["batch", "simple"])
@pytest.mark.parametrize("end", ["shutdown", "exit", "raise"])
def test_in_a_process_without_a_run_the_exporter_records_one_named_after_the_program(
    store, python, kind, end
):
    done = python(ALONE, kind, end, expect=3 if end == "raise" else 0)
    assert done.stderr == ""
    recorded = store.run()
    assert recorded.files.header.name == "program.py"
    assert len(recorded.spans) == 700
    assert recorded.bad_lines == []
    assert recorded.files.status() == "finished"
    session = json.loads((recorded.files.directory / "session_replay.json").read_text())
    assert session["schema_version"] == "1.0"
    assert recorded.files.header.counts["spans"] == 700


def test_a_child_that_is_forked_in_the_middle_of_an_export_can_export_itself(python, store):
    python("""
        import os, signal, threading
        from opentelemetry.sdk.trace import TracerProvider
        from otel_replay.otel.exporter import ReplaySpanExporter

        exporter = ReplaySpanExporter()
        inside, go_on = threading.Event(), threading.Event()

        class Slow:
            def __iter__(self):
                inside.set()
                go_on.wait()
                return iter(())

        threading.Thread(target=exporter.export, args=(Slow(),)).start()
        inside.wait()
        child = os.fork()
        if not child:
            signal.alarm(60)
            span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("of the child")
            span.end()
            exporter.export([span])
            exporter.shutdown()
            os._exit(0)
        go_on.set()
        assert os.waitpid(child, 0)[1] == 0
    """)
    assert store.run().span("of the child")
