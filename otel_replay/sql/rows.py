"""Runs as rows of tables; `docs/query.md` says what each column means.

What was recorded stands in them as it is; `otel_replay.values_json` says what JSON it becomes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.cost import CostsTold
from otel_replay.analysis.generations import model_of
from otel_replay.analysis.repeats import Repeats
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.attributes import GEN_AI_RESPONSE_ID
from otel_replay.dialects.reading import read_span, unread_counts, usage_of
from otel_replay.records import Decision, Event, LogEntry, Scope, SpanEnd, SpanStart, SpanUpdate
from otel_replay.values_json import INT64

if TYPE_CHECKING:
    from otel_replay.loading import RunRecords

__all__ = ["CALL", "TABLES", "rows_of"]

CALL = "call"
"""Of a row of generations: the number of its call in the run. Several rows of one call are one in the end."""

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


def rows_of(run: RunRecords, wanted: Set[str], unread: Counter[str] | None = None) -> Iterator[Row]:
    """The rows of one run, each with the name of its table; memory grows with open spans only.

    A call of which two libraries told is a whole row of generations, and for each span that tells of it again
    one with nothing but the same `CALL` and what was not told before.

    Parameters
    ----------
    run:
        The run.
    wanted:
        The tables whose rows are wanted.
    unread:
        Gets how many counts of tokens cannot be read, by run; they are no part of the rows.
    """
    head = {"run_id": run.run_id, "name": run.name, "status": run.status, "message": run.message}
    yield "runs", {**head, "started": _time(run.started_ns)}
    if wanted - {"runs"}:
        rows = _Rows(run.run_id, wanted)
        yield from rows.of(run)
        if unread is not None and rows.unread:
            unread[run.run_id] += rows.unread


class _Rows:
    """Follows one run."""

    def __init__(self, run_id: str, wanted: Set[str]) -> None:
        self.run_id = run_id
        self.wanted = wanted
        self.book = SpanBook()
        self.scopes: dict[tuple[str, int], str] = {}
        self.repeats = Repeats()
        self.costs = CostsTold()
        self.unread = 0

    def of(self, run: RunRecords) -> Iterator[Row]:
        book, number, wanted = self.book, 0, self.wanted
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
            elif isinstance(record, Scope):
                self.scopes[item.journal, record.id] = record.name
            elif isinstance(record, SpanEnd):
                span = book.finish(record, item.journal)
                if span is not None and wants_spans:
                    yield from self.span(span)
        if wants_spans:
            # Children before their parents, as they end.
            for span in [*book.ended_elsewhere(), *reversed(book.open.values())]:
                yield from self.span(span)

    def span(self, span: TrackedSpan) -> Iterator[Row]:
        end, kind = span.end, span.kind
        row = {
            "run_id": self.run_id,
            "span_id": span.span_id,
            "parent_id": self.book.owner(span.start.parent_id),
            "name": span.name,
            "status": span.status,
            "message": "" if end is None else end.message,
            "start_time": _time(span.start.time_ns),
            "end_time": None if end is None else _time(end.time_ns),
            "duration_ms": None if end is None else span.duration_ns / 1e6,
        }
        if "spans" in self.wanted:
            yield "spans", {**row, "kind": kind, "attributes": span.attributes}
        if kind != "generation":
            self.repeats.other(span.span_id)
            self.costs.other(span.span_id)
        elif "generations" in self.wanted:
            yield "generations", self.generation(span, row)

    def generation(self, span: TrackedSpan, row: dict[str, Any]) -> dict[str, Any]:
        """The row of a call, or what a span adds to that of the one that told of it before.

        Counts as `otel_replay.analysis.summary` does.
        """
        usage, cost = usage_of(span.attributes), read_span(span.name, span.attributes).cost_usd
        self.unread += unread_counts(span.attributes)
        scope = self.scopes.get((span.journal, span.start.scope), "")
        parent_id = self.book.owner(span.start.parent_id)
        parent = parent_id if parent_id in self.book.open else None
        call, before = self.repeats.generation(span, usage, scope, parent)
        if before is None:
            row = {**row, "model": model_of(span.attributes)}
        else:
            row, usage = {}, usage.besides(before)
        answer = str(span.attributes.get(GEN_AI_RESPONSE_ID, ""))
        counts = self.costs.counts(
            span.span_id, parent or "", answer, repeated=before is not None, told=cost is not None
        )
        row |= {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        return {**row, "cost_usd": cost if counts else None, CALL: call}


def _time(time_ns: int) -> int | None:
    """A moment, where a timestamp can say it: OTLP has room for times after the year 2262."""
    return time_ns if time_ns in INT64 else None


def _decision(run_id: str, number: int, span_id: str, record: Decision) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "number": number,
        "span_id": span_id,
        "time": _time(record.time_ns),
        "action": record.action,
        "reason": record.reason,
        "values": record.values,
        "cell": record.cell,
        "attributes": dict(record.extra),
    }


def _event(run_id: str, span_id: str, record: Event | LogEntry) -> dict[str, Any]:
    if isinstance(record, LogEntry):
        name, time_ns = record.event_name, record.time_ns or record.observed_ns
    else:
        name, time_ns = record.name, record.time_ns
    return {
        "run_id": run_id,
        "span_id": span_id,
        "name": name,
        "time": _time(time_ns),
        "attributes": dict(record.attributes),
    }
