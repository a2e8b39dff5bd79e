"""What the records of a run hold: counted in one pass, in memory that does not grow with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from otel_replay.attributes import (
    ARTIFACT_EVENT,
    ARTIFACT_MEDIA_TYPE,
    ARTIFACT_NAME,
    ARTIFACT_SHA256,
    SPAN_TYPE,
)
from otel_replay.light import NamedTuple
from otel_replay.records import (
    BadLine,
    Close,
    Decision,
    Event,
    LogEntry,
    Loss,
    SpanEnd,
    SpanStart,
)
from otel_replay.storage.journal_reader import Located

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Artifact", "Contents"]


class Artifact(NamedTuple):
    """A named output of the run, as its record says it."""

    name: str
    sha256: str
    media_type: str


class Contents:
    """Counts what goes through :meth:`decisions_of`; remembers only open spans and artifacts one by one.

    Parameters
    ----------
    root_id:
        The run's own span. Unless it is given: the first that says so, or else the first to start.

    Attributes
    ----------
    last_ns:
        The latest time that any record has.
    root_trace_id:
        The trace of the run's own span, where that says that it is the run's own.
    root_end:
        The end of that span, if it was seen.
    """

    def __init__(self, root_id: str = "") -> None:
        self.decisions = self.spans = self.events = self.logs = 0
        self.errors = self.bad_lines = self.lost = self.last_ns = 0
        self.notes: dict[str, int] = {}
        self.artifacts: dict[Artifact, None] = {}
        self.open_spans: dict[str, SpanStart] = {}
        self.root_id = root_id
        self.root_trace_id = ""
        self.root_end: SpanEnd | None = None
        self._ended_before_start: set[str] = set()

    def counts(self) -> dict[str, int]:
        """The numbers for the run's header."""
        always = {"decisions": self.decisions, "spans": self.spans, "events": self.events, "logs": self.logs}
        rare = {"errors": self.errors, "open_spans": len(self.open_spans), "bad_lines": self.bad_lines}
        return always | {name: number for name, number in rare.items() if number}

    def ordered(self) -> tuple[int, ...]:
        """How many there are of what stands in the order in which it was read, each kind by itself."""
        return self.decisions, len(self.artifacts), len(self.notes)

    def decisions_of(self, records: Iterable[Located]) -> Iterator[Decision]:
        """The decisions among `records`; everything is counted as it goes by."""
        last_ns = self.last_ns
        for located in records:
            record = located.record
            time_ns = getattr(record, "time_ns", 0)
            if time_ns > last_ns:
                self.last_ns = last_ns = time_ns
            if type(record) is Decision:
                self.decisions += 1
                yield record
            else:
                self.count(record)

    def count(self, record: object) -> None:
        """Count a record that is no decision."""
        count = _COUNT.get(type(record))
        if count is not None:
            count(self, record)

    def count_all(self, records: Iterable[Located]) -> Contents:
        """Count `records` without taking anything from them; returns this object."""
        for _ in self.decisions_of(records):
            pass
        return self

    def _start(self, record: SpanStart) -> None:
        self.spans += 1
        if not self.root_id:
            self.root_id = record.span_id
        if not self.root_trace_id and record.attributes.get(SPAN_TYPE) == "run":
            self.root_id, self.root_trace_id = record.span_id, record.trace_id
        if record.span_id in self._ended_before_start:
            self._ended_before_start.discard(record.span_id)
        else:
            self.open_spans[record.span_id] = record

    def _end(self, record: SpanEnd) -> None:
        if self.open_spans.pop(record.span_id, None) is None:
            # A fork ends a span twice; another process's clock may put an end before its start.
            self._ended_before_start.add(record.span_id)
        if record.status == "error":
            self.errors += 1
        if record.span_id == self.root_id:
            self.root_end = record

    def _event(self, record: Event) -> None:
        self.events += 1
        if record.name == ARTIFACT_EVENT:
            found = record.attributes
            name, sha256 = found.get(ARTIFACT_NAME), found.get(ARTIFACT_SHA256)
            if isinstance(name, str) and isinstance(sha256, str):
                self.artifacts[Artifact(name, sha256, str(found.get(ARTIFACT_MEDIA_TYPE, "")))] = None

    def _log(self, _: LogEntry) -> None:
        self.logs += 1

    def _loss(self, record: Loss) -> None:
        self.lost += record.records

    def _close(self, record: Close) -> None:
        for name, number in record.notes.items():
            if isinstance(number, int):
                self.notes[name] = self.notes.get(name, 0) + number

    def _bad(self, _: BadLine) -> None:
        self.bad_lines += 1


_COUNT: dict[type, Callable[[Contents, Any], None]] = {
    SpanStart: Contents._start,
    SpanEnd: Contents._end,
    Event: Contents._event,
    LogEntry: Contents._log,
    Loss: Contents._loss,
    Close: Contents._close,
    BadLine: Contents._bad,
}
