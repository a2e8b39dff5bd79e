"""Records become whole spans, each as soon as it is complete, in memory that does not grow with the run.

The rules, one for each way in which a run is not tidy:

- A span takes the moments of the journal in which it was started, up to the journal's event limit. The next
  ones, late ones, and those from other journals go into continuations (`formats.continuation`).
- The end in the journal of the start counts; without one there the first other, once all records are read.
  Updates count when they come from the same journal as the end that counts.
- A span that ends before it starts (the clock was set back) ends when it starts; the journal has both times.
- A span that is started again with the same trace and time is the same span told twice: the first telling is
  kept. With another trace or time it is another span whose id happens to be equal, and both are kept.
- A span that is open when the records end was interrupted: it ends with the last sign of life of the run.
- An end or an update without a start tells of no span and is passed over (whoever reads the journal reports
  the damaged line); moments without a start are kept, in a continuation.

The order of a journal's own spans does not depend on how journals interleave, so `send` can go on at a line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from otel_replay.formats.span_so_far import (
    Aside,
    JournalSoFar,
    SpanSoFar,
    continue_aside,
    continue_lost,
    interruption,
)
from otel_replay.formats.spans import Log, Moment, Span
from otel_replay.records import (
    BadLine,
    Close,
    JournalHeader,
    LogEntry,
    Record,
    Resource,
    Scope,
    SpanEnd,
    SpanStart,
    SpanUpdate,
)

__all__ = ["Assembler", "Located", "OpenSpans", "assemble", "logs"]

REMEMBERED_SPANS = 16_384
"""Ended spans whose late moments still find their name and trace; those of older ones are kept without."""

REMEMBERED_ASIDE = 1_024
"""Unfinished continuations of one journal, besides those of its open spans."""

OpenSpans = Literal["interrupted", "leave"]


class Located(Protocol):
    """A record and where it stands."""

    @property
    def record(self) -> Record | BadLine:
        """The record."""

    @property
    def journal(self) -> str:
        """The name of its journal."""

    @property
    def line(self) -> int:
        """Its line, from 1."""


class Assembler:
    """Takes records one by one, in the order of the run; gives spans as they are complete.

    Parameters
    ----------
    open_spans:
        What :meth:`finish` does with spans that have not ended, and with continuations that are not full:
        `interrupted` gives them as they are, `leave` (a run that is still recorded) keeps them back.
    """

    def __init__(self, *, open_spans: OpenSpans = "interrupted") -> None:
        self.open_spans = open_spans
        self.last_ns = 0
        self._first_trace = ""
        self._journals: dict[str, JournalSoFar] = {}
        self._by_id: dict[str, SpanSoFar] = {}
        self._open: dict[int, SpanSoFar] = {}
        self._ended: deque[SpanSoFar] = deque()
        self._act: dict[str, Callable[[Any, JournalSoFar], Sequence[Span]]] = {
            "journal": self._header,
            "resource": self._resource,
            "scope": self._scope,
            "start": self._start,
            "update": self._update,
            "event": self._moment,
            "decision": self._moment,
            "end": self._end,
            "log": self._seen,
            "loss": self._seen,
            "close": self._close,
        }

    def feed(self, located: Located) -> Sequence[Span]:
        """The spans that this record completes; mostly none."""
        record = located.record
        act = self._act.get(record.kind)
        if act is None:
            return ()
        journal = self._journal(located.journal)
        journal.line = located.line
        return act(record, journal)

    def log(self, located: Located) -> Log:
        """A log entry among the records, with the resource and scope that its journal gave so far."""
        entry = located.record
        assert isinstance(entry, LogEntry)
        return self._journal(located.journal).log(entry)

    @property
    def open_count(self) -> int:
        """How many spans are open."""
        return len(self._open)

    def finish(self) -> Iterator[Span]:
        """What is left when there are no more records."""
        if self.open_spans == "leave":
            return
        for journal in self._journals.values():
            yield from self._flush(journal)
        for known in list(self._open.values()):
            yield from self._give_up(known)

    def _journal(self, name: str) -> JournalSoFar:
        journal = self._journals.get(name)
        if journal is None:
            journal = self._journals[name] = JournalSoFar(name)
        return journal

    # --- one method for each kind of record ---

    def _seen(self, record: Any, journal: JournalSoFar) -> Sequence[Span]:  # noqa: ARG002 - the table's signature
        if record.time_ns > self.last_ns:
            self.last_ns = record.time_ns
        return ()

    def _header(self, record: JournalHeader, journal: JournalSoFar) -> Sequence[Span]:
        journal.run_id = record.run_id
        if record.event_limit > 0:
            journal.event_limit = record.event_limit
        return self._seen(record, journal)

    def _resource(self, record: Resource, journal: JournalSoFar) -> Sequence[Span]:
        journal.resources[record.id] = replace(record, id=0)
        return ()

    def _scope(self, record: Scope, journal: JournalSoFar) -> Sequence[Span]:
        journal.scopes[record.id] = replace(record, id=0)
        return ()

    def _start(self, record: SpanStart, journal: JournalSoFar) -> Sequence[Span]:
        self._seen(record, journal)
        self._first_trace = self._first_trace or record.trace_id
        span_id = record.span_id
        here = journal.spans.get(span_id)
        before = here or self._by_id.get(span_id)
        if before is not None and _is_same(before.start, record):
            # Told again from here to its end in this journal, unless only the start stands twice.
            if not (before.open and before is here):
                journal.repeated.add(span_id)
            return ()
        spans = self._give_up(here) if here is not None and here.open else ()
        known = SpanSoFar(record, journal)
        journal.spans[span_id] = known
        self._by_id.setdefault(span_id, known)
        self._open[id(known)] = known
        return spans

    def _update(self, record: SpanUpdate, journal: JournalSoFar) -> Sequence[Span]:
        known = self._find(record.span_id, journal)
        if known is not None and known.open and record.span_id not in journal.repeated:
            if known.home is journal:
                known.attributes.update(record.attributes)
            else:
                known.foreign_updates.setdefault(journal.name, {}).update(record.attributes)
        return self._seen(record, journal)

    def _moment(self, record: Moment, journal: JournalSoFar) -> Sequence[Span]:
        if record.time_ns > self.last_ns:
            self.last_ns = record.time_ns
        span_id = record.span_id
        if journal.repeated and span_id in journal.repeated:
            return ()
        known = journal.spans.get(span_id)
        if known is None or not known.open:
            return self._moment_aside(record, journal)
        continuation = known.take(record, journal.event_limit)
        return () if continuation is None else (continuation,)

    def _moment_aside(self, record: Moment, journal: JournalSoFar) -> Sequence[Span]:
        span_id = record.span_id
        spans: list[Span] = []
        aside = journal.aside.get(span_id)
        if aside is None:
            if len(journal.aside) == REMEMBERED_ASIDE:
                spans.append(self._continue(*journal.aside.popitem(last=False), journal))
            aside = journal.aside[span_id] = Aside(first_line=journal.line)
        aside.moments.append(record)
        if len(aside.moments) == journal.event_limit:
            del journal.aside[span_id]
            spans.append(self._continue(span_id, aside, journal))
        return spans

    def _end(self, record: SpanEnd, journal: JournalSoFar) -> Sequence[Span]:
        self._seen(record, journal)
        if record.span_id in journal.repeated:
            journal.repeated.discard(record.span_id)
            return ()
        known = self._find(record.span_id, journal)
        if known is None or not known.open:
            return ()
        if known.home is not journal:
            known.foreign_end = known.foreign_end or (journal.name, record)
            return ()
        return self._remember(known, known.end(record, known.attributes))

    def _close(self, record: Close, journal: JournalSoFar) -> Sequence[Span]:
        # A journal may be recovered long after; that is no sign of life.
        if record.how != "recovered":
            self._seen(record, journal)
        return self._flush(journal)

    # --- what several of them need ---

    def _find(self, span_id: str, journal: JournalSoFar) -> SpanSoFar | None:
        return journal.spans.get(span_id) or self._by_id.get(span_id)

    def _flush(self, journal: JournalSoFar) -> list[Span]:
        spans = [self._continue(span_id, aside, journal) for span_id, aside in journal.aside.items()]
        journal.aside.clear()
        return spans

    def _continue(self, span_id: str, aside: Aside, journal: JournalSoFar) -> Span:
        known = self._find(span_id, journal)
        if known is None:
            return continue_lost(span_id, aside, journal, self._first_trace)
        return continue_aside(known, aside, journal)

    def _give_up(self, known: SpanSoFar) -> list[Span]:
        if known.foreign_end is None:
            return self._remember(
                known, known.end(interruption(known.start.span_id, self.last_ns), known.attributes)
            )
        journal, end = known.foreign_end
        return self._remember(known, known.end(end, known.foreign_updates.get(journal, {})))

    def _remember(self, known: SpanSoFar, spans: list[Span]) -> list[Span]:
        del self._open[id(known)]
        self._ended.append(known)
        if len(self._ended) > REMEMBERED_SPANS:
            oldest = self._ended.popleft()
            span_id = oldest.start.span_id
            if oldest.home.spans.get(span_id) is oldest:
                del oldest.home.spans[span_id]
            if self._by_id.get(span_id) is oldest:
                del self._by_id[span_id]
        return spans


def _is_same(one: SpanStart, other: SpanStart) -> bool:
    return (one.time_ns, one.trace_id) == (other.time_ns, other.trace_id)


def assemble(records: Iterable[Located], *, open_spans: OpenSpans = "interrupted") -> Iterator[Span]:
    """The spans of a run, each as soon as it is complete; those that never ended come last.

    Parameters
    ----------
    records:
        The run's records with their places, in order.
    open_spans:
        See :class:`Assembler`.
    """
    assembler = Assembler(open_spans=open_spans)
    for located in records:
        yield from assembler.feed(located)
    yield from assembler.finish()


def logs(records: Iterable[Located]) -> Iterator[Log]:
    """The log entries of a run, with their resources and scopes."""
    assembler = Assembler()
    for located in records:
        kind = located.record.kind
        if kind == "log":
            yield assembler.log(located)
        elif kind in {"resource", "scope"}:
            assembler.feed(located)
