"""Decisions as log records beside the journal, and log records of others into it."""

import logging

import pytest
from opentelemetry import _logs
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.util._once import Once

import otel_replay
from otel_replay.attributes import LOG_EVENT_NAMES, RUN_ID
from otel_replay.otel.log_exporter import ReplayLogExporter
from otel_replay.records import LogEntry


@pytest.fixture
def logs(monkeypatch):
    """A program's own logger provider, with an exporter that keeps what it gets."""
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", None)
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER_SET_ONCE", Once())
    provider = LoggerProvider(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    exporter = InMemoryLogRecordExporter()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    _logs.set_logger_provider(provider)
    yield exporter
    provider.shutdown()


@pytest.fixture
def to_journal(logs):
    """The log exporter of ours, on the same provider."""
    exporter = ReplayLogExporter()
    _logs.get_logger_provider().add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return exporter


def got(exporter):
    return [entry.log_record for entry in exporter.get_finished_logs()]


def test_with_the_setting_every_moment_is_a_log_record_with_an_event_name_too(
    store, program, logs, monkeypatch
):
    monkeypatch.setenv("OTEL_REPLAY_DECISIONS_AS_LOGS", "true")
    with otel_replay.start_run("r") as run, otel_replay.task("t") as task:
        otel_replay.decision("CLAMP", "too much", values={"before": 12.5}, cell={"rpm": 3500})
        otel_replay.checkpoint("table", {"a": 1})
        otel_replay.heartbeat(done=0.5)
    decision, checkpoint, heartbeat = got(logs)
    assert decision.event_name == "otel_replay.decision"
    assert dict(decision.attributes) == {
        "otel_replay.action": "CLAMP",
        "otel_replay.reason": "too much",
        "otel_replay.values.before": 12.5,
        "otel_replay.cell.rpm": 3500,
        RUN_ID: run.run_id,
    }
    assert decision.severity_number is SeverityNumber.INFO
    assert {checkpoint.event_name, heartbeat.event_name} <= set(LOG_EVENT_NAMES.values())
    recorded = store.run()
    moments = sorted([*recorded.decisions, *recorded.events], key=lambda moment: moment.time_ns)
    for record, moment in zip([decision, checkpoint, heartbeat], moments, strict=True):
        assert record.timestamp == moment.time_ns
        assert format(record.span_id, "016x") == task.span_id == moment.span_id
        assert format(record.trace_id, "032x") == task.trace_id
        assert record.attributes[RUN_ID] == run.run_id


def test_without_the_setting_no_log_record_is_made(store, program, logs):
    with otel_replay.start_run("r"):
        otel_replay.decision("A", "because")
    assert got(logs) == []


def test_a_logger_that_fails_takes_nothing_from_the_run_and_is_counted(store, program, monkeypatch):
    monkeypatch.setenv("OTEL_REPLAY_DECISIONS_AS_LOGS", "true")

    def broken(*_args, **_options):
        raise RuntimeError("no logger")

    monkeypatch.setattr(_logs, "get_logger", broken)
    with otel_replay.start_run("r"):
        otel_replay.decision("A", "because")
    assert [decision.action for decision in store.run().decisions] == ["A"]
    assert store.run().lost == 1


def test_log_records_of_the_program_become_log_entries_as_they_are(store, program, to_journal):
    with otel_replay.start_run("r") as run:
        with program.tracer.start_as_current_span("work"):
            _logs.get_logger("app.logs", "2.0").emit(
                timestamp=1_700_000_000_000_000_001,
                observed_timestamp=1_700_000_000_000_000_002,
                severity_number=SeverityNumber.WARN,
                severity_text="WARNING",
                body={"a": [1, b"\x00", None]},
                attributes={"k": {"deep": 1.5}},
                event_name="app.event",
            )
        assert len(store.run(run.run_id).of(LogEntry)) == 1
    recorded = store.run()
    (entry,) = recorded.of(LogEntry)
    work = recorded.span("work")
    assert (entry.time_ns, entry.observed_ns) == (1_700_000_000_000_000_001, 1_700_000_000_000_000_002)
    assert (entry.severity, entry.severity_text) == (13, "WARNING")
    assert (entry.event_name, entry.body) == ("app.event", {"a": [1, b"\x00", None]})
    assert dict(entry.attributes) == {"k": {"deep": 1.5}}
    assert (entry.span_id, entry.trace_id) == (work.span_id, work.trace_id)


def test_our_own_events_from_elsewhere_become_what_they_are(store, program, to_journal):
    with otel_replay.start_run("r") as run, program.tracer.start_as_current_span("work"):
        elsewhere = _logs.get_logger("forwarded")
        elsewhere.emit(
            timestamp=1_700_000_000_000_000_001,
            event_name="otel_replay.decision",
            attributes={
                "otel_replay.action": "CLAMP",
                "otel_replay.reason": "too much",
                "otel_replay.values.before": 12.5,
                RUN_ID: run.run_id,
            },
        )
        name, log_name = next(iter(LOG_EVENT_NAMES.items()))
        elsewhere.emit(timestamp=1_700_000_000_000_000_002, event_name=log_name, attributes={"x": 1})
    recorded = store.run()
    (decision,) = recorded.decisions
    assert (decision.time_ns, decision.action) == (1_700_000_000_000_000_001, "CLAMP")
    assert (decision.reason, decision.values, decision.extra) == ("too much", {"before": 12.5}, {})
    assert recorded.owners() == {"CLAMP": "work"}
    assert [(event.name, dict(event.attributes)) for event in recorded.events] == [(name, {"x": 1})]
    assert recorded.of(LogEntry) == []


def test_what_this_process_has_recorded_itself_does_not_come_back_by_the_exporter(
    store, program, logs, to_journal, monkeypatch
):
    monkeypatch.setenv("OTEL_REPLAY_DECISIONS_AS_LOGS", "true")
    with otel_replay.start_run("r"):
        for number in range(10):
            otel_replay.decision("STEP", str(number))
    assert len(got(logs)) == 10
    recorded = store.run()
    assert len(recorded.decisions) == 10
    assert recorded.of(LogEntry) == []


def test_attributes_that_a_limit_took_from_a_log_record_are_counted(store, program, to_journal, monkeypatch):
    monkeypatch.setenv("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "2")
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(to_journal))
    with otel_replay.start_run("r"), pytest.warns(UserWarning, match="dropped due to limits"):
        provider.get_logger("app").emit(body="x", attributes={"a": 1, "b": 2, "c": 3})
    (entry,) = store.run().of(LogEntry)
    assert entry.dropped_attributes == 1
    assert len(entry.attributes) == 2


def test_a_log_record_goes_to_the_run_that_it_names(store, program, to_journal):
    with otel_replay.start_run("outer"), otel_replay.start_run("inner") as inner:
        _logs.get_logger("app").emit(body="named", attributes={RUN_ID: inner.run_id})
    assert [entry.body for entry in store.named("inner").of(LogEntry)] == ["named"]
    assert store.named("outer").of(LogEntry) == []


def test_a_log_record_goes_to_the_run_of_its_span(store, program, to_journal):
    with otel_replay.start_run("outer"), otel_replay.start_run("inner"), otel_replay.task("t"):
        _logs.get_logger("app").emit(body="in a span")
    assert [entry.body for entry in store.named("inner").of(LogEntry)] == ["in a span"]


def test_secrets_are_taken_out_of_log_records(store, program, to_journal):
    with otel_replay.start_run("r"), otel_replay.task("t"):
        _logs.get_logger("app").emit(
            body="Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789",
            attributes={"password": "hunter22"},
        )
    data = store.run().bytes()
    assert b"abcdefghijklmnopqrstuvwxyz0123456789" not in data
    assert b"hunter22" not in data


def test_after_its_shutdown_the_exporter_takes_nothing_and_failing_it_never_raises(store, program, caplog):
    exporter = ReplayLogExporter()
    with otel_replay.start_run("r"), caplog.at_level(logging.WARNING):
        assert exporter.export([object()]) is LogRecordExportResult.FAILURE
        assert exporter.force_flush()
        exporter.shutdown()
        assert exporter.export([]) is LogRecordExportResult.FAILURE
    assert store.run().lost == 1


@pytest.mark.parametrize("end", ["shutdown", "exit"])
def test_in_a_process_without_a_run_log_records_make_one(store, python, end):
    done = python(
        """
        import sys
        from opentelemetry import _logs, trace
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from otel_replay.otel.log_exporter import ReplayLogExporter

        provider = LoggerProvider()
        provider.add_log_record_processor(BatchLogRecordProcessor(ReplayLogExporter()))
        _logs.set_logger_provider(provider)
        for number in range(600):
            _logs.get_logger("app").emit(body=f"line {number}")
        if sys.argv[1] == "shutdown":
            provider.shutdown()
        """,
        end,
    )
    assert done.stderr == ""
    recorded = store.run()
    assert [entry.body for entry in recorded.of(LogEntry)] == [f"line {number}" for number in range(600)]
    assert recorded.files.status() == "finished"
    assert recorded.files.header.counts["logs"] == 600


def test_log_records_that_come_when_their_run_is_over_still_go_to_it(store, python):
    done = python(
        """
        from opentelemetry import _logs
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        import otel_replay
        from otel_replay.otel.log_exporter import ReplayLogExporter

        provider = LoggerProvider()
        waiting = BatchLogRecordProcessor(ReplayLogExporter(), schedule_delay_millis=10**6)
        provider.add_log_record_processor(waiting)
        _logs.set_logger_provider(provider)
        for name in ("first", "second"):
            with otel_replay.start_run(name), otel_replay.task("t"):
                _logs.get_logger("app").emit(body=f"in {name}")
        """
    )
    assert done.stderr == ""
    assert len(store.runs()) == 2
    for name in ("first", "second"):
        recorded = store.named(name)
        assert [entry.body for entry in recorded.of(LogEntry)] == [f"in {name}"]
        assert recorded.files.status() == "finished"
        assert recorded.files.header.counts["logs"] == 1
