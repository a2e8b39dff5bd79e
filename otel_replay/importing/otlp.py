"""OTLP JSON, as lines or as one document, becomes the runs that its spans and log records name.

A file is read as a whole: the spans of a run may stand anywhere in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from otel_replay.attributes import INTERRUPTED, RUN_ID, RUN_NAME, SPAN_TYPE
from otel_replay.errors import FormatError
from otel_replay.formats.belonging import run_keys
from otel_replay.formats.otlp_json_read import Read, read_document
from otel_replay.formats.spans import Log, Span, log_records, span_records
from otel_replay.importing.foreign_run import ForeignRun, Importer, SourceFile, made_run_id
from otel_replay.records import BadLine, Record, Resource, Scope, SpanEnd, SpanStart
from otel_replay.storage.run_header import EndStatus

__all__ = ["IMPORTER", "runs_among"]

_MARKS = (b'"resourceSpans"', b'"resourceLogs"')


@dataclass(slots=True)
class _Parts:
    """What belongs to one run."""

    spans: list[Span] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)


def _recognises(head: bytes) -> bool:
    return any(mark in head for mark in _MARKS)


def _read(source: SourceFile) -> Iterator[ForeignRun]:
    return runs_among(read_document(source.content), source)


def runs_among(read: Iterable[Read], source: SourceFile) -> Iterator[ForeignRun]:
    """The runs that spans and log records belong to, by `formats.belonging`.

    Raises
    ------
    FormatError
        If there is no span and no log record at all.
    """
    runs: dict[str, _Parts] = {}
    damage: list[str] = []
    items: list[Span | Log] = []
    for item in read:
        if isinstance(item, BadLine):
            damage.append(f"line {item.number}: {item.reason}")
        else:
            items.append(item)
    for key, item in zip(run_keys(items), items, strict=True):
        parts = runs.setdefault(key, _Parts())
        if isinstance(item, Span):
            parts.spans.append(item)
        else:
            parts.logs.append(item)
    if not runs:
        reason = f": {damage[0]}" if damage else ""
        raise FormatError(f"`{source.name}` holds no span and no log record that can be read{reason}")
    for key, parts in runs.items():
        yield _run(key, parts, tuple(damage))
        damage = []  # told once, with the file's first run


def _run(key: str, parts: _Parts, damage: tuple[str, ...]) -> ForeignRun:
    root = _root(parts.spans)
    entries = [log.entry for log in parts.logs]
    starts = [span.start_ns for span in parts.spans] + [
        entry.time_ns or entry.observed_ns for entry in entries
    ]
    ends = [span.end_ns for span in parts.spans] + [entry.time_ns or entry.observed_ns for entry in entries]
    named = root.attributes.get(RUN_NAME) if root is not None else None
    given = [span.attributes.get(RUN_ID) for span in parts.spans]  # of any type, as others wrote it
    interrupted = root is not None and bool(root.attributes.get(INTERRUPTED))
    status: EndStatus | None = "error" if root is not None and root.status == "error" else "ok"
    digest = hashlib.sha256(key.encode()).hexdigest()
    return ForeignRun(
        wanted_id=key if key in given else made_run_id(min(starts), digest),
        name=named if isinstance(named, str) else root.name if root is not None else key,
        started_ns=min(starts),
        ended_ns=max(ends),
        journals=tuple(filter(None, (_in_order(parts.spans), tuple(log_records(parts.logs))))),
        trace_id=root.trace_id if root is not None else "",
        span_id=root.span_id if root is not None else "",
        status=None if interrupted else status,
        message=root.message if root is not None else "",
        damage=damage,
    )


def _root(spans: list[Span]) -> Span | None:
    """The run's own span: the one that says it is, else the first without a parent."""
    for span in spans:
        if span.attributes.get(SPAN_TYPE) == "run":
            return span
    roots = [span for span in spans if not span.parent_id]
    return min(roots, key=lambda span: span.start_ns, default=None)


def _in_order(spans: Iterable[Span]) -> tuple[Record, ...]:
    """Records of all spans by time; at the same moment starts come first, outer ones before inner."""
    tables: list[Record] = []
    timed: list[tuple[int, int, int, Record]] = []
    outer_first = sorted(spans, key=lambda span: (span.start_ns, -span.end_ns, bool(span.parent_id)))
    for record in span_records(outer_first):
        if isinstance(record, (Resource, Scope)):
            tables.append(record)
        elif isinstance(record, SpanStart):
            timed.append((record.time_ns, 0, len(timed), record))
        elif isinstance(record, SpanEnd):
            timed.append((record.time_ns, 2, -len(timed), record))
        else:
            timed.append((getattr(record, "time_ns", 0), 1, len(timed), record))
    timed.sort(key=itemgetter(0, 1, 2))
    return (*tables, *(item[3] for item in timed))


IMPORTER = Importer(
    format="otlp",
    what="OTLP JSON: spans and log records, as `dump --format otlp`, the Collector and Jaeger give them",
    recognises=_recognises,
    read=_read,
)
