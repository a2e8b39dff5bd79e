"""Spans that a program starts and never ends: the journal has them open, and they do not fill the memory."""

import pytest

import otel_replay
from otel_replay.otel.provider import attach_processor
from otel_replay.records import SpanStart

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


@pytest.mark.parametrize("in_a_run", [True, False])
def test_spans_that_are_dropped_do_not_fill_the_memory(store, program, in_a_run, monkeypatch):
    processor = attach_processor(program.provider)
    if not in_a_run:
        monkeypatch.setattr(processor, "_orphans", lambda _: None)  # each of them is left out
        for _ in range(5_000):
            program.tracer.start_span("dropped")
        assert len(processor._open) <= 1_001
        return
    with otel_replay.start_run("r") as run:
        kept = program.tracer.start_span("kept")
        for _ in range(5_000):
            program.tracer.start_span("dropped")
        assert len(processor._open) <= 1_001
        assert len(run._writer.open_spans) <= 1_001
        kept.end()
        held = [program.tracer.start_span("held") for _ in range(3_000)]
        for span in held:
            span.end()
    recorded = store.run()
    assert sum(start.name == "dropped" for start in recorded.of(SpanStart)) == 5_000
    assert recorded.span("kept").end_ns is not None
    assert all(span.end_ns for span in recorded.spans if span.name == "held")
