"""The spans and log records of a file, told apart by the runs that they belong to.

The spans of a run may stand anywhere in a file, and which run a span belongs to may be said after it. What
is small is held in memory. Of a large file what has come of each run is put away, in order, whenever much has
come, under the name that its run has by what was read until then. Where that name turns out to be another
one, it is all of one run that is called otherwise; only where it is not, the file is read again.
Memory grows with the number of traces and runs, and by some 90 bytes for each span: of a span that was sent
twice one is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Protocol, TypeAlias

from otel_replay.attributes import INTERRUPTED, RUN_ID, RUN_NAME, SPAN_TYPE
from otel_replay.errors import FormatError
from otel_replay.formats.belonging import Belonging, trace_of
from otel_replay.formats.fold import keep_one
from otel_replay.formats.otlp_json_read import Read
from otel_replay.formats.spans import Log, Span, log_records, span_records
from otel_replay.importing.foreign_run import ForeignRun, made_run_id
from otel_replay.importing.pieces import Piece, write_piece
from otel_replay.importing.source_file import Damage, SourceFile
from otel_replay.records import BadLine, Record, Resource, Scope, SpanEnd, SpanStart
from otel_replay.storage.refusals import told_as_store_error
from otel_replay.storage.run_header import EndStatus

__all__ = ["Reading", "runs_among"]

_HELD_BYTES = 16 << 20
"""So much of a file is held at a time; as objects of Python that is some eight times as much."""
_MOST_OPEN = 20_000
"""So many spans of a run that were sent while they were open wait for their end."""
_MOST_PIECES = 1_000
"""A run that was put away under more names than that is put away anew: all its pieces are read at once."""


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
    traces: set[str] = field(default_factory=set)
    """Those that belong to it by what the trace is called, as far as that was read."""
    is_certain: bool = False
    """Whether something belongs to it whatever traces are called."""
    started_ns: int = 2**64
    ended_ns: int = 0
    own: tuple[int, Span] | None = None
    outermost: tuple[int, Span] | None = None
    spans: list[Span] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    put_away: list[Piece] = field(default_factory=list)

    def take(self, item: Span | Log, at: int) -> None:
        if isinstance(item, Log):
            time_ns = item.entry.time_ns or item.entry.observed_ns
            self.started_ns, self.ended_ns = min(self.started_ns, time_ns), max(self.ended_ns, time_ns)
            self.logs.append(item)
            return
        self.started_ns, self.ended_ns = min(self.started_ns, item.start_ns), max(self.ended_ns, item.end_ns)
        self.given = self.given or item.attributes.get(RUN_ID) == self.key  # of any type, as others wrote it
        if item.attributes.get(SPAN_TYPE) == "run":
            self.own = _first(self.own, (at, item))
        if not item.parent_id:
            self.outermost = _outermost(self.outermost, (at, item))
        self.spans.append(item)

    def join(self, other: _Gathered) -> None:
        """Take what is known of the same run under another name."""
        self.given = self.given or other.given
        self.started_ns = min(self.started_ns, other.started_ns)
        self.ended_ns = max(self.ended_ns, other.ended_ns)
        self.own, self.outermost = _first(self.own, other.own), _outermost(self.outermost, other.outermost)
        self.spans += other.spans
        self.logs += other.logs
        self.put_away = sorted([*self.put_away, *other.put_away])

    def held(self) -> list[tuple[Record, ...]]:
        """The records of what is held, as journals; then nothing is."""
        spans, logs, self.spans, self.logs = self.spans, self.logs, [], []
        return list(filter(None, (_in_order(keep_one(spans)), tuple(log_records(logs)))))

    @property
    def root(self) -> Span | None:
        """The span that tells of the run as a whole."""
        found = self.own or self.outermost
        return None if found is None else found[1]

    def run(self, damage: tuple[str, ...]) -> ForeignRun:
        root = self.root
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


_Found: TypeAlias = "tuple[int, Span] | None"


def _first(one: _Found, other: _Found) -> _Found:
    """Which of two stands first in the file; of one span that was sent open and then ended, its end."""
    if one is None or other is None:
        return one or other
    first, second = sorted((one, other), key=itemgetter(0))
    kept = keep_one([first[1], second[1]])
    # It stays where it first stood: another span may have come between the two.
    return (first[0], second[1]) if len(kept) == 1 and kept[0] is second[1] else first


def _outermost(one: _Found, other: _Found) -> _Found:
    """Which of two began first."""
    if one is None or other is None:
        return one or other
    if one[1].start_ns == other[1].start_ns:
        return _first(one, other)
    return min(one, other, key=lambda found: found[1].start_ns)


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
    damage = Damage()
    parts = _Parts(belonging, source.folder)
    for item in reading:
        if isinstance(item, BadLine):
            damage.append(f"line {item.number}: {item.reason}" if item.number else item.reason)
            continue
        belonging.see(item)
        parts.take(item, reading.taken_bytes)
    told = (*source.damage.told(), *damage.told())
    if belonging.needs_ways:
        for item in parts.items if parts.holds_all else _items(reading):
            belonging.see_way(item)
    runs = parts.runs()
    if runs is None:
        parts.forget()
        parts = _Parts(belonging, source.folder, knows_all=True)
        for item in _items(reading):
            parts.take(item, reading.taken_bytes)
        runs = parts.runs() or {}
    if not runs:
        reason = f": {told[0]}" if told else ""
        raise FormatError(f"it holds no span and no log record that can be read{reason}")
    # What is damaged is told once, with the file's first run.
    return [run.run(told if number == 0 else ()) for number, run in enumerate(runs.values())]


def _items(reading: Reading) -> Iterator[Span | Log]:
    return (item for item in reading if not isinstance(item, BadLine))


class _Parts:
    """What has come of a file, and what of it was put away under which name.

    With `knows_all` all of the file has been seen before, so that names are what they are.
    """

    def __init__(self, belonging: Belonging, folder: Path, *, knows_all: bool = False) -> None:
        self.items: list[Span | Log] = []
        self._belonging = belonging
        self._folder = folder
        self._knows_all = knows_all
        self._runs: dict[str, _Gathered] = {}
        self._seen: dict[tuple[str, str], set[int]] = {}
        self._paths: list[Path] = []
        self._reached = self._count = 0
        self._is_wrong = False

    @property
    def holds_all(self) -> bool:
        """Whether nothing had to be put away."""
        return not self._paths and not self._is_wrong

    def take(self, item: Span | Log, taken_bytes: int) -> None:
        """Take what comes next; `taken_bytes` is how much of the file has been read."""
        self.items.append(item)
        if taken_bytes - self._reached > _HELD_BYTES:
            self._reached = taken_bytes
            # Which run a span belongs to is then a matter of what it stands below, and that may come later.
            self._is_wrong = self._is_wrong or (self._belonging.needs_ways and not self._knows_all)
            if not self._is_wrong:
                self._sort_in()
                path = self._folder / f"{'again-' * self._knows_all}{len(self._paths) + 1}.jsonl"
                self._paths.append(path)
                _write(path, len(self._paths), self._runs)
            self.items.clear()

    def runs(self) -> dict[str, _Gathered] | None:
        """All runs by what they are called; None where what was put away is not all of one run."""
        if self._is_wrong or (self._paths and self._belonging.needs_ways and not self._knows_all):
            return None
        knows_all = self._knows_all or self.holds_all
        self._sort_in(is_all=self.holds_all)
        if self._paths:
            self._drop_ended()
        runs: dict[str, _Gathered] = {}
        for run in self._runs.values():
            names = {run.key} if knows_all or run.is_certain else set()
            names.update(() if knows_all else map(self._belonging.called, run.traces))
            if len(names) > 1:
                return None
            [run.key] = names
            if run.key in runs:
                runs[run.key].join(run)
            else:
                runs[run.key] = run
        # Where two names met, the end of a run's span may have been left out for another: it is read again.
        roots = () if knows_all else [run.root for run in runs.values()]
        if any(root is not None and self._has_ended(root) for root in roots):
            return None
        most = _MOST_PIECES + 2 * len(self._paths)
        if not knows_all and any(len(run.put_away) > most for run in runs.values()):
            return None
        return runs

    def forget(self) -> None:
        """Remove what was put away."""
        for path in self._paths:
            path.unlink(missing_ok=True)

    def _sort_in(self, *, is_all: bool = False) -> None:
        """Give what is held to the runs that it belongs to, by what is known now."""
        for item in self.items:
            given = self._belonging.given(item)
            key = given or self._belonging.key(item)
            self._count += 1
            if not is_all and isinstance(item, Span) and self._is_again(item, given):
                continue
            run = self._runs.get(key)
            if run is None:
                run = self._runs[key] = _Gathered(key)
            trace_id = "" if given else trace_of(item)
            if trace_id:
                run.traces.add(trace_id)
            else:
                run.is_certain = True
            run.take(item, self._count)
        self.items = []

    def _is_again(self, span: Span, given: str) -> bool:
        """Whether a span has come before; one that was sent while it was open does not count yet."""
        seen = self._seen.setdefault((given, span.trace_id), set())
        key = _number_of(span)
        if key in seen:
            return True
        if INTERRUPTED not in span.attributes:
            seen.add(key)
        return False

    def _drop_ended(self) -> None:
        """Of spans that were sent while they were open, leave out those that have come with their end."""
        for run in self._runs.values():
            run.spans = [span for span in run.spans if not self._has_ended(span)]

    def _has_ended(self, span: Span) -> bool:
        seen = self._seen.get((self._belonging.given(span), span.trace_id), ())
        return INTERRUPTED in span.attributes and _number_of(span) in seen


def _number_of(span: Span) -> int:
    """What tells a span from the others of its trace, in little room."""
    return int(span.span_id, 16) << 64 | span.start_ns


def _write(path: Path, number: int, runs: dict[str, _Gathered]) -> None:
    """Put away what is held of each run, but for open spans, of which the end may come."""
    with told_as_store_error("write", path), path.open("wb") as stream:
        for run in runs.values():
            still_open = [span for span in run.spans if INTERRUPTED in span.attributes]
            if len(still_open) > _MOST_OPEN:
                still_open = []
            elif still_open:
                run.spans = [span for span in run.spans if INTERRUPTED not in span.attributes]
            run.put_away += [write_piece(stream, path, number, records) for records in run.held()]
            run.spans = still_open


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
