"""Whatever goes wrong in here: the program's spans start and end, and its other telemetry goes out."""

import logging

import pytest
from opentelemetry import trace

import otel_replay
from otel_replay.otel import moments_out, processor, span_methods
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_writer import RunWriter


def use_all_of_it(program):
    with program.tracer.start_as_current_span("work", attributes={"a": 1}) as span:
        span.add_event("event", {"n": 1})
        span.set_attribute("b", 2)
        for number in range(300):
            otel_replay.decision("STEP", str(number))
        with otel_replay.task("t"):
            pass


def check_theirs(program):
    (work,) = [span for span in program.exported if span.name == "work"]
    assert {"a": 1, "b": 2}.items() <= dict(work.attributes).items()
    assert "event" in [event.name for event in work.events]


def fails(*_args, **_options):
    raise RuntimeError("ours is broken")


def disk_is_gone(*_args):
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (processor, "write_start"),
        (processor, "write_end"),
        (processor, "links_of"),
        (processor, "listen"),
        (processor, "_mark"),
        (processor, "resource_id"),
        (span_methods, "give_out"),
        (span_methods, "give_out_chunk"),
        (processor, "_write_unseen_events"),
        (OpenSpan, "foreign_event"),
        (moments_out, "_events"),
        (moments_out, "decode"),
        (RunWriter, "span_started"),
        (RunWriter, "span_ended"),
        (RunWriter, "line"),
        (RunWriter, "write"),
        (processor.ReplaySpanProcessor, "_writer_of"),
    ],
)
def test_a_fault_of_ours_reaches_neither_start_nor_end_of_a_span(store, program, monkeypatch, owner, name):
    with otel_replay.start_run("r"), monkeypatch.context() as broken:
        broken.setattr(owner, name, fails)
        use_all_of_it(program)
    check_theirs(program)


def test_a_fault_of_ours_is_counted_as_a_loss(store, program, monkeypatch, caplog):
    with otel_replay.start_run("r") as run, caplog.at_level(logging.WARNING):
        with monkeypatch.context() as broken:
            broken.setattr(processor, "write_end", fails)
            program.tracer.start_span("work").end()
        assert sum(run.lost.values()) == 1
    assert store.run().lost == 1
    assert [r.getMessage().count("ours is broken") for r in caplog.records if r.name == "otel_replay"] == [1]


@pytest.mark.parametrize("where", ["start", "middle"])
def test_a_store_that_is_a_file_or_is_lost_leaves_the_other_telemetry_alone(
    tmp_path, store, program, monkeypatch, caplog, where
):
    if where == "start":
        store.root.write_text("a file")
    with (
        caplog.at_level(logging.WARNING),
        otel_replay.start_run("r") as run,
        monkeypatch.context() as broken,
    ):
        if where == "middle":
            broken.setattr(run._writer.journal, "append", disk_is_gone)
            broken.setattr(run._writer.journal, "fast", disk_is_gone)
            broken.setattr(run._writer, "_opened", disk_is_gone)
        use_all_of_it(program)
    check_theirs(program)
    assert {"run r", "task t", "work"} <= set(program.names())
    assert len(program.folded()["work"].events) == 301
    told = [record.getMessage() for record in caplog.records if record.name.startswith("otel_replay")]
    assert sum(run.lost.values()) > 0
    assert 1 <= len(told) <= 3
    assert len(set(told)) == len(told)


def test_what_the_environment_names_wrongly_is_told_and_the_run_goes_on(store, program, monkeypatch, caplog):
    monkeypatch.setenv("OTEL_REPLAY_JOURNAL", "stone")
    with otel_replay.start_run("r"):
        use_all_of_it(program)
    check_theirs(program)
    assert "OTEL_REPLAY_JOURNAL" in caplog.text
    assert len(store.run().decisions) == 300


def test_a_fault_in_a_processor_of_the_program_is_the_programs_as_it_was_without_us(store, program):
    from opentelemetry.sdk.trace import SpanProcessor

    class Theirs(SpanProcessor):
        def on_end(self, span):
            if span.name == "bad":
                raise KeyError("theirs")

    program.provider.add_span_processor(Theirs())
    with otel_replay.start_run("r"):
        with pytest.raises(KeyError, match="theirs"):
            trace.get_tracer("program").start_span("bad").end()
        otel_replay.decision("A", "because")
    recorded = store.run()
    assert recorded.span("bad").status == "unset"
    assert recorded.owners() == {"A": "run r"}
