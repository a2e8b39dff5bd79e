"""One journal of ours that was taken out of its run, or is all that is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from otel_replay.attributes import RUN_NAME, SPAN_TYPE
from otel_replay.errors import FormatError
from otel_replay.importing.foreign_run import ForeignRun, Importer
from otel_replay.importing.source_file import Damage, SourceFile
from otel_replay.records import BadLine, Close, JournalHeader, Record, SpanEnd, SpanStart
from otel_replay.storage.journal_reader import read_journal

__all__ = ["IMPORTER"]

_FORMAT = b'"otel-replay.journal"'


def _recognises(head: bytes) -> bool:
    return _FORMAT in head.partition(b"\n")[0]


def _read(source: SourceFile) -> Iterator[ForeignRun]:
    path = source.decompressed()
    damage = Damage()
    header: JournalHeader | None = None
    root: SpanStart | None = None
    end: SpanEnd | None = None
    last_ns = 0
    for located in read_journal(path):
        record = located.record
        last_ns = max(last_ns, getattr(record, "time_ns", 0))
        if isinstance(record, BadLine):
            damage.append(f"line {record.number}: {record.reason}")
        elif isinstance(record, JournalHeader):
            header = header or record
        elif isinstance(record, SpanStart) and root is None and record.attributes.get(SPAN_TYPE) == "run":
            root = record
        elif isinstance(record, SpanEnd) and root is not None and record.span_id == root.span_id:
            end = record
    if header is None:
        raise FormatError(f"it is no journal that can be read: {damage[0] if damage else 'it has no header'}")
    yield ForeignRun(
        wanted_id=header.run_id,
        name=str(root.attributes.get(RUN_NAME, root.name)) if root is not None else source.name,
        started_ns=header.time_ns,
        ended_ns=last_ns,
        journals=(_Journal(path),),
        trace_id=root.trace_id if root is not None else "",
        span_id=root.span_id if root is not None else "",
        status=None if end is None else "error" if end.status == "error" else "ok",
        message="" if end is None else end.message,
        damage=(*source.damage.told(), *damage.told()),
    )


@dataclass(frozen=True, slots=True)
class _Journal:
    """What a journal holds, without what is about the journal itself."""

    path: Path

    def __iter__(self) -> Iterator[Record]:
        for located in read_journal(self.path):
            if not isinstance(located.record, BadLine | JournalHeader | Close):
                yield located.record


IMPORTER = Importer(
    format="journal",
    what="a journal of ours",
    recognises=_recognises,
    read=_read,
)
