"""The spans and log records of a file, told apart by the runs that they belong to.

The spans of a run may stand anywhere in a file, and which run a span belongs to may be said after it. What
is small is held in memory. Of a large file it is first found out which runs there are; then it is read again,
and what has come of each run is put away, in order, whenever much has come. Memory grows with the number of
traces and runs, not with what is in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Protocol

from otel_replay.attributes import INTERRUPTED, RUN_ID, RUN_NAME, SPAN_TYPE
from otel_replay.errors import FormatError
from otel_replay.formats.belonging import Belonging
from otel_replay.formats.fold import keep_one
from otel_replay.formats.journal_v1 import LONGEST_LINE_BYTES, decode, encode
from otel_replay.formats.otlp_json_read import Read
from otel_replay.formats.spans import Log, Span, log_records, span_records
from otel_replay.importing.foreign_run import ForeignRun, made_run_id, too_long
from otel_replay.importing.source_file import Damage, SourceFile
from otel_replay.records import BadLine, Record, Resource, Scope, SpanEnd, SpanStart
from otel_replay.storage.refusals import told_as_store_error
from otel_replay.storage.run_header import EndStatus

__all__ = ["Reading", "runs_among"]

_HELD_BYTES = 16 << 20
"""So much of a file is held at a time; as objects of Python that is some eight times as much."""
_STEP_BYTES = 1 << 15


class Reading(Protocol):
    """What gives the spans and log records of a file, from its beginning, each time that it is asked."""

    def __iter__(self) -> Iterator[Read]:
        """All of them, and a `BadLine` for each that cannot be read."""

    @property
    def taken_bytes(self) -> int:
        """How much has been read for what was given so far; 0 where the file is held as a whole anyway."""


@dataclass(slots=True)
class _Gathered:
    """What is known of one run, and what of it is held just now."""

    key: str
    given: bool = False
    started_ns: int = 2**64
    ended_ns: int = 0
    own: Span | None = None
    outermost: Span | None = None
    spans: list[Span] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    put_away: list[Iterable[Record]] = field(default_factory=list)

    def take(self, item: Span | Log) -> None:
        if isinstance(item, Log):
            time_ns = item.entry.time_ns or item.entry.observed_ns
            self.started_ns, self.ended_ns = min(self.started_ns, time_ns), max(self.ended_ns, time_ns)
            self.logs.append(item)
            return
        self.started_ns, self.ended_ns = min(self.started_ns, item.start_ns), max(self.ended_ns, item.end_ns)
        self.given = self.given or item.attributes.get(RUN_ID) == self.key  # of any type, as others wrote it
        if self.own is None and item.attributes.get(SPAN_TYPE) == "run":
            self.own = item
        if not item.parent_id and (self.outermost is None or item.start_ns < self.outermost.start_ns):
            self.outermost = item
        self.spans.append(item)

    def held(self) -> list[tuple[Record, ...]]:
        """The records of what is held, as journals; then nothing is."""
        spans, logs, self.spans, self.logs = self.spans, self.logs, [], []
        return list(filter(None, (_in_order(keep_one(spans)), tuple(log_records(logs)))))

    def run(self, damage: tuple[str, ...]) -> ForeignRun:
        root = self.own or self.outermost
        named = root.attributes.get(RUN_NAME) if root is not None else None
        interrupted = root is not None and bool(root.attributes.get(INTERRUPTED))
        status: EndStatus | None = "error" if root is not None and root.status == "error" else "ok"
        digest = hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest()
        return ForeignRun(
            wanted_id=self.key if self.given else made_run_id(self.started_ns, digest),
            name=named if isinstance(named, str) else root.name if root is not None else self.key,
            started_ns=self.started_ns,
            ended_ns=self.ended_ns,
            journals=(*self.put_away, *self.held()),
            trace_id=root.trace_id if root is not None else "",
            span_id=root.span_id if root is not None else "",
            status=None if interrupted else status,
            message=root.message if root is not None else "",
            damage=damage,
        )


def runs_among(reading: Reading, source: SourceFile) -> list[ForeignRun]:
    """The runs that spans and log records belong to, by `formats.belonging`.

    Raises
    ------
    FormatError
        If there is no span and no log record at all, or one is longer than a run takes.
    StoreError
        If what is put away cannot be written.
    """
    belonging = Belonging()
    held: list[Span | Log] = []
    damage = Damage()
    fits = True
    for item in reading:
        if isinstance(item, BadLine):
            damage.append(f"line {item.number}: {item.reason}" if item.number else item.reason)
            continue
        belonging.see(item)
        if fits:
            held.append(item)
            if reading.taken_bytes > _HELD_BYTES:
                fits = False
                held.clear()
    told = (*source.damage.told(), *damage.told())
    if belonging.needs_ways:
        for item in held if fits else _items(reading):
            belonging.see_way(item)
    runs: dict[str, _Gathered] = {}
    if fits:
        for item in held:
            _take(item, belonging, runs)
    else:
        _put_away(reading, belonging, runs, source.folder)
    if not runs:
        reason = f": {told[0]}" if told else ""
        raise FormatError(f"it holds no span and no log record that can be read{reason}")
    # What is damaged is told once, with the file's first run.
    return [run.run(told if number == 0 else ()) for number, run in enumerate(runs.values())]


def _items(reading: Reading) -> Iterator[Span | Log]:
    return (item for item in reading if not isinstance(item, BadLine))


def _take(item: Span | Log, belonging: Belonging, runs: dict[str, _Gathered]) -> None:
    key = belonging.key(item)
    run = runs.get(key)
    if run is None:
        run = runs[key] = _Gathered(key)
    run.take(item)


def _put_away(reading: Reading, belonging: Belonging, runs: dict[str, _Gathered], folder: Path) -> None:
    """Take all items; whenever much is held, what is held of each run goes into a file."""
    number = reached = 0
    for item in _items(reading):
        _take(item, belonging, runs)
        if reading.taken_bytes - reached > _HELD_BYTES:
            reached = reading.taken_bytes
            number += 1
            _write(folder / f"{number}.jsonl", runs)


def _write(path: Path, runs: dict[str, _Gathered]) -> None:
    with told_as_store_error("write", path), path.open("wb") as stream:
        for run in runs.values():
            for records in run.held():
                begin = stream.tell()
                stream.writelines(map(_line, records))
                run.put_away.append(_Piece(path, begin, stream.tell()))


def _line(record: Record) -> bytes:
    line = encode(record)
    if len(line) > LONGEST_LINE_BYTES:
        raise too_long(record, len(line))
    return line


@dataclass(frozen=True, slots=True)
class _Piece:
    """Records of a run that were put away."""

    path: Path
    begin: int
    end: int

    def __iter__(self) -> Iterator[Record]:
        at = self.begin
        while lines := self._lines(at):
            at += sum(map(len, lines))
            yield from map(decode, lines)

    def _lines(self, at: int) -> list[bytes]:
        """Some lines. The file is not kept open: all pieces of a run are read at once, however many."""
        lines = []
        with told_as_store_error("read", self.path), self.path.open("rb") as stream:
            stream.seek(at)
            most = min(self.end, at + _STEP_BYTES)
            while at < most and (line := stream.readline()):
                at += len(line)
                lines.append(line)
        return lines


def _in_order(spans: Iterable[Span]) -> tuple[Record, ...]:
    """Records of all spans by time; at the same moment starts come first, outer ones before inner."""
    tables: list[Record] = []
    timed: list[tuple[int, int, int, Record]] = []
    outer_first = sorted(spans, key=lambda span: (span.start_ns, -span.end_ns, bool(span.parent_id)))
    begun_ns = 0
    for record in span_records(outer_first):
        if isinstance(record, (Resource, Scope)):
            tables.append(record)
        elif isinstance(record, SpanStart):
            begun_ns = record.time_ns
            timed.append((record.time_ns, 0, len(timed), record))
        elif isinstance(record, SpanEnd):
            # Where a clock was put back it ended all the same; without a time it did not.
            time_ns = max(record.time_ns, begun_ns) if record.time_ns else 0
            timed.append((time_ns, 2, -len(timed), record))
        else:
            timed.append((getattr(record, "time_ns", 0), 1, len(timed), record))
    timed.sort(key=itemgetter(0, 1, 2))
    return (*tables, *(item[3] for item in timed))
