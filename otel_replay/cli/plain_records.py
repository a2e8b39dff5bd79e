"""Records as plain JSON objects with words for keys, for `dump --format jsonl` and `--json`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.causes import Cause, CauseReader
from otel_replay.analysis.kinds import kind_of
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.analysis.told_beside import ToldBeside
from otel_replay.clock import iso_milliseconds
from otel_replay.dialects.current import current_words, is_current
from otel_replay.dialects.reading import read_span
from otel_replay.records import BadLine, Decision, Event, LogEntry, Loss, Scope
from otel_replay.values import to_json

if TYPE_CHECKING:
    from otel_replay.opening import OpenRun
    from otel_replay.storage.run_files import Located

__all__ = ["cause_object", "decision_object", "event_object", "log_object", "objects", "run_object"]

Object = dict[str, Any]


def run_object(run: OpenRun) -> Object:
    """What the run's header says: the first line of a dump."""
    header = run.header
    return {
        "kind": "run",
        "run_id": header.run_id,
        "name": header.name,
        "status": run.status,
        "message": header.message,
        "started": iso_milliseconds(header.started_ns),
        "started_ns": header.started_ns,
        "ended_ns": header.ended_ns,
        "trace_id": header.trace_id,
        "parent_run_id": header.parent_run_id,
        "attributes": to_json(dict(header.attributes)),
    }


def cause_object(cause: Cause | None) -> Object | None:
    """The generation that asked for a tool call, and how that is known; None where it is not."""
    return None if cause is None else {"span_id": cause.span_id, "name": cause.name, "by": cause.by}


def decision_object(record: Decision) -> Object:
    """A decision; `values` and `cell` are left out where none were given."""
    plain = {"kind": "decision"} | _time(record.time_ns) | {"action": record.action, "reason": record.reason}
    if record.values is not None:
        plain["values"] = to_json(record.values)
    if record.cell is not None:
        plain["cell"] = to_json(record.cell)
    if record.span_id:
        plain["span_id"] = record.span_id
    if record.extra:
        plain["attributes"] = to_json(dict(record.extra))
    return plain


def objects(records: Iterable[Located], read_blob: Callable[[str], bytes] | None = None) -> Iterator[Object]:
    """One object for each span (when it ends, or last of all if it never did), decision, event and log,
    for each loss, and for each line that cannot be read; at the end one for each tool call's cause."""
    book, causes = SpanBook(), CauseReader(read_blob)
    last_ns = 0
    told = ToldBeside()
    for item in records:
        record = item.record
        last_ns = max(last_ns, getattr(record, "time_ns", 0))
        told.take(record)
        if record.kind == "start":
            begun = book.begin(record, item.journal)
            if begun is not None:
                causes.begin(begun, book.owner(record.parent_id))
        elif record.kind == "update":
            book.update(record)
        elif record.kind == "end":
            ended = book.finish(record, item.journal)
            if ended is not None:
                beside = told.of(ended.span_id)
                causes.end(ended, book.owner(ended.start.parent_id), beside)
                yield _span(ended, beside)
        elif isinstance(record, Decision):
            yield _in_span(decision_object(record), book)
        elif isinstance(record, BadLine):
            yield _bad_line(record, item.journal)
        elif record.kind in _MAKE:
            yield _in_span(_MAKE[record.kind](record), book)
        elif isinstance(record, Scope):
            causes.scope(record, item.journal)
    for span in (*book.ended_elsewhere(), *book.open.values()):
        causes.end(span, book.owner(span.start.parent_id), told.of(span.span_id))
        yield _span(span)
    for span_id, cause in causes.causes().items():
        yield {"kind": "cause", "span_id": span_id, "generation": cause.span_id, "by": cause.by}


def _time(time_ns: int) -> Object:
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    return {"time": f"{_iso_second(seconds)}{rest_ns // 1_000_000:03d}Z", "time_ns": time_ns}


# Most moments share the second with the one before.
@lru_cache(maxsize=64)
def _iso_second(seconds: int) -> str:
    return iso_milliseconds(seconds * 1_000_000_000)[:-4]


def _in_span(plain: Object, book: SpanBook) -> Object:
    span_id = plain.get("span_id")
    if span_id:
        plain["span_id"] = book.owner(span_id)
    return plain


def event_object(record: Event) -> Object:
    """An event with its attributes."""
    return (
        {"kind": "event"}
        | _time(record.time_ns)
        | {"name": record.name, "attributes": to_json(dict(record.attributes)), "span_id": record.span_id}
    )


def log_object(record: LogEntry) -> Object:
    """A log record."""
    return (
        {"kind": "log"}
        | _time(record.time_ns or record.observed_ns)
        | {
            "name": record.event_name,
            "severity": record.severity,
            "severity_text": record.severity_text,
            "body": to_json(record.body),
            "attributes": to_json(dict(record.attributes)),
            "span_id": record.span_id,
            "trace_id": record.trace_id,
        }
    )


def _loss(record: Loss) -> Object:
    return {"kind": "loss"} | _time(record.time_ns) | {"records": record.records, "reason": record.reason}


_MAKE: dict[str, Any] = {"event": event_object, "log": log_object, "loss": _loss}


def _bad_line(record: BadLine, journal: str) -> Object:
    return {
        "kind": "bad line",
        "journal": journal,
        "line": record.number,
        "offset_bytes": record.offset_bytes,
        "size_bytes": record.size_bytes,
        "torn": record.torn,
        "reason": record.reason,
    }


def _span(span: TrackedSpan, told: Sequence[Event | LogEntry] = ()) -> Object:
    start, end = span.start, span.end
    words: Object = {}
    if told or not is_current(span.attributes):
        words = {"gen_ai": to_json(current_words(read_span(span.name, span.attributes, events=told)))}
    return {
        "kind": "span",
        "type": kind_of(span.attributes),
        "name": span.name,
        "span_id": span.span_id,
        "parent_id": start.parent_id,
        "trace_id": start.trace_id,
        "start": iso_milliseconds(start.time_ns),
        "start_ns": start.time_ns,
        "end_ns": None if end is None else end.time_ns,
        "duration_ms": None if end is None else span.duration_ns / 1e6,
        "status": "open" if end is None else end.status,
        "message": "" if end is None else end.message,
        "attributes": to_json(span.attributes),
        **words,
    }
