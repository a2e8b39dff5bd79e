"""From spans and log entries to records, which give the same spans and log entries again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from otlp_strategies import exact, examples, spans
from told_records import TRACE, At

from otel_replay.formats.assemble import assemble, logs
from otel_replay.formats.spans import Log, Span, log_records, span_records
from otel_replay.records import LogEntry, Resource, Scope


@examples
@given(st.lists(spans(), max_size=4, unique_by=lambda span: span.span_id))
def test_spans_become_records_and_spans_again(written: list[Span]) -> None:
    """The journal can be rebuilt from OTLP: nothing but the end of a backward span changes."""
    tidy = [span for span in written if span.end_ns >= span.start_ns]
    records = [At(record, "j", line) for line, record in enumerate(span_records(tidy), 1)]
    assert [exact(span) for span in assemble(records)] == [exact(span) for span in tidy]


def test_a_resource_is_written_once_for_all_its_spans() -> None:
    """Spans from outside each bring their own copy of it."""
    many = [
        Span(
            trace_id=TRACE,
            span_id=f"{n:016x}",
            name="x",
            start_ns=1,
            end_ns=2,
            resource=Resource(id=0, attributes={"s": n % 2}),
        )
        for n in range(1, 9)
    ]
    records = list(span_records(many))
    assert [record.id for record in records if record.kind == "resource"] == [1, 2]
    assert [record.resource for record in records if record.kind == "start"] == [1, 2] * 4


def test_log_entries_find_their_resource_and_scope() -> None:
    """They name them by number, as spans do."""
    log = Log(
        entry=LogEntry(time_ns=5, event_name="session.start"),
        resource=Resource(id=0, attributes={"service.name": "agent"}),
        scope=Scope(id=0, name="lib"),
    )
    records = [At(record, "j", line) for line, record in enumerate(log_records([log, log]), 1)]
    [first, second] = logs(records)
    assert first == second
    assert (first.resource, first.scope, first.entry.event_name) == (log.resource, log.scope, "session.start")
