"""Runs as rows of tables; `docs/query.md` says what each column means."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.generations import model_of
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.dialects.reading import read_span, usage_of
from otel_replay.records import Decision, Event, LogEntry, SpanEnd, SpanStart, SpanUpdate
from otel_replay.values_json import to_json

if TYPE_CHECKING:
    from otel_replay.loading import RunRecords

__all__ = ["TABLES", "rows_of"]

_SPAN = {
    **dict.fromkeys(("run_id", "span_id", "parent_id", "name", "kind", "status", "message"), "VARCHAR"),
    "start_time": "BIGINT",
    "end_time": "BIGINT",
    "duration_ms": "DOUBLE",
    "attributes": "JSON",
}
TABLES: dict[str, dict[str, str]] = {
    "runs": {
        **dict.fromkeys(("run_id", "name", "status", "message"), "VARCHAR"),
        "started": "BIGINT",
    },
    "spans": _SPAN,
    "events": {
        **dict.fromkeys(("run_id", "span_id", "name"), "VARCHAR"),
        "time": "BIGINT",
        "attributes": "JSON",
    },
    "decisions": {
        **dict.fromkeys(("run_id", "span_id", "action", "reason"), "VARCHAR"),
        "number": "BIGINT",
        "time": "BIGINT",
        "values": "JSON",
        "cell": "JSON",
        "attributes": "JSON",
    },
    "generations": {
        **{name: type_ for name, type_ in _SPAN.items() if name not in {"kind", "attributes"}},
        "model": "VARCHAR",
        "input_tokens": "BIGINT",
        "output_tokens": "BIGINT",
        "cost_usd": "DOUBLE",
    },
}
"""The columns of each table. Those of BIGINT whose name ends in `time` or is `started` are nanoseconds
until they are loaded, and timestamps then."""

Row = tuple[str, dict[str, Any]]


def rows_of(run: RunRecords, wanted: Set[str]) -> Iterator[Row]:
    """The rows of one run, each with the name of its table; memory grows with open spans only.

    Parameters
    ----------
    run:
        The run.
    wanted:
        The tables whose rows are wanted.
    """
    head = {"run_id": run.run_id, "name": run.name, "status": run.status, "message": run.message}
    yield "runs", {**head, "started": run.started_ns}
    if not wanted - {"runs"}:
        return
    book, number = SpanBook(), 0
    wants_spans = bool(wanted & {"spans", "generations"})
    for item in run.records:
        record = item.record
        if isinstance(record, Decision):
            number += 1
            if "decisions" in wanted:
                yield "decisions", _decision(run.run_id, number, book.owner(record.span_id), record)
        elif isinstance(record, Event | LogEntry):
            if "events" in wanted:
                yield "events", _event(run.run_id, book.owner(record.span_id), record)
        elif isinstance(record, SpanStart):
            book.begin(record, item.journal)
        elif isinstance(record, SpanUpdate):
            book.update(record)
        elif isinstance(record, SpanEnd) and wants_spans:
            span = book.finish(record, item.journal)
            if span is not None:
                yield from _span(run.run_id, book, span)
    if wants_spans:
        for span in [*book.ended_elsewhere(), *book.open.values()]:
            yield from _span(run.run_id, book, span)


def _decision(run_id: str, number: int, span_id: str, record: Decision) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "number": number,
        "span_id": span_id,
        "time": record.time_ns,
        "action": record.action,
        "reason": record.reason,
        "values": to_json(record.values),
        "cell": to_json(record.cell),
        "attributes": to_json(dict(record.extra)),
    }


def _event(run_id: str, span_id: str, record: Event | LogEntry) -> dict[str, Any]:
    name = record.event_name if isinstance(record, LogEntry) else record.name
    return {
        "run_id": run_id,
        "span_id": span_id,
        "name": name,
        "time": record.time_ns,
        "attributes": to_json(dict(record.attributes)),
    }


def _span(run_id: str, book: SpanBook, span: TrackedSpan) -> Iterator[Row]:
    end = span.end
    row = {
        "run_id": run_id,
        "span_id": span.span_id,
        "parent_id": book.owner(span.start.parent_id),
        "name": span.name,
        "status": span.status,
        "message": "" if end is None else end.message,
        "start_time": span.start.time_ns,
        "end_time": None if end is None else end.time_ns,
        "duration_ms": None if end is None else span.duration_ns / 1e6,
    }
    yield "spans", {**row, "kind": span.kind, "attributes": to_json(span.attributes)}
    if span.kind == "generation":
        usage = usage_of(span.attributes)
        yield (
            "generations",
            {
                **row,
                "model": model_of(span.attributes),
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "cost_usd": read_span(span.name, span.attributes).cost_usd,
            },
        )
