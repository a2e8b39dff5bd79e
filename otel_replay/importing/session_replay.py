"""A `session_replay.json` becomes a run with one span, in which its decisions were made.

The document knows when decisions were made and when it was written; the run begins with the first decision
and ends when the document was written. Ids are made from the content: the same file is the same trace.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

from otel_replay.attributes import IMPORT_REST, RUN_ID, RUN_NAME, SPAN_TYPE
from otel_replay.formats import session_replay
from otel_replay.importing.foreign_run import ForeignRun, Importer
from otel_replay.importing.requests import is_archive, looks_like_protobuf
from otel_replay.importing.source_file import SourceFile
from otel_replay.records import Record, SpanEnd, SpanStart

__all__ = ["IMPORTER"]

_START = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"schema_version"\s*:')


def _recognises(head: bytes) -> bool:
    if is_archive(head) or looks_like_protobuf(head):
        return False  # a span may have the text of such a document
    # Our own writer and the first programs put the version first; keys may come in any order.
    return _START.match(head) is not None or (b'"schema_version"' in head and b'"decisions"' in head)


def _read(source: SourceFile) -> Iterator[ForeignRun]:
    document = session_replay.read(source.content())
    trace_id = hashlib.sha256(f"trace {source.sha256}".encode()).hexdigest()[:32]
    span_id = hashlib.sha256(f"span {source.sha256}".encode()).hexdigest()[:16]
    times = [decision.time_ns for decision in document.decisions]
    started_ns = min(times, default=document.generated_ns)
    rest = {IMPORT_REST: dict(document.rest)} if document.rest else {}
    records: list[Record] = [
        SpanStart(
            time_ns=started_ns,
            trace_id=trace_id,
            span_id=span_id,
            name=f"run {source.name}",
            attributes={SPAN_TYPE: "run", RUN_NAME: source.name, RUN_ID: document.run_id},
        ),
        *(replace(decision, span_id=span_id) for decision in document.decisions),
        SpanEnd(time_ns=max([document.generated_ns, *times]), span_id=span_id),
    ]
    yield ForeignRun(
        wanted_id=document.run_id,
        name=source.name,
        started_ns=started_ns,
        ended_ns=document.generated_ns,
        journals=(tuple(records),),
        trace_id=trace_id,
        span_id=span_id,
        attributes=rest,
    )


IMPORTER = Importer(
    format="session_replay",
    what="a session_replay.json, schema 1.x",
    recognises=_recognises,
    read=_read,
)
