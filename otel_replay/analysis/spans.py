"""Start and end of a span, brought together while the records go by. Only open spans are kept.

Two processes may end the same span (a fork in the middle of it): the end in the journal that holds the
start wins; without one there, the first other one. A continuation is not a span: what happened in it
happened in the span that it carries on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from otel_replay.analysis.kinds import SpanKind, continued_span, kind_of
from otel_replay.dialects.kinds import Dialect, told_by
from otel_replay.records import SpanEnd, SpanStart, SpanUpdate, StatusCode

__all__ = ["NO_SIGN_OF_LIFE", "SpanBook", "TrackedSpan"]

NO_SIGN_OF_LIFE = frozenset({"journal", "close"})
"""Kinds of records whose time says nothing of the run itself: a journal is opened before, closed after it."""


@dataclass(slots=True, kw_only=True, eq=False)
class TrackedSpan:
    """One span as far as it is known by now."""

    start: SpanStart
    journal: str
    attributes: dict[str, Any] = field(default_factory=dict)
    end: SpanEnd | None = None

    @property
    def span_id(self) -> str:
        """The span's id."""
        return self.start.span_id

    @property
    def name(self) -> str:
        """The name; what the end says goes before what the start said."""
        if self.end is not None and self.end.name is not None:
            return self.end.name
        return self.start.name

    @property
    def kind(self) -> SpanKind:
        """What it is, by its attributes."""
        return kind_of(self.attributes)

    @property
    def dialect(self) -> Dialect:
        """In whose words it says so."""
        return told_by(self.attributes)[1]

    @property
    def status(self) -> StatusCode:
        """The status that its end gave it."""
        return "unset" if self.end is None else self.end.status

    @property
    def duration_ns(self) -> int:
        """From start to end, 0 while it is open; a clock that was set back does not make it negative."""
        return 0 if self.end is None else max(0, self.end.time_ns - self.start.time_ns)


class SpanBook:
    """The spans that are open, by id."""

    def __init__(self) -> None:
        self.open: dict[str, TrackedSpan] = {}
        self._continues: dict[str, str] = {}
        self._ended_elsewhere: dict[str, SpanEnd] = {}

    def owner(self, span_id: str) -> str:
        """The span that `span_id` stands for: itself, or the one that it continues."""
        return self._continues.get(span_id, span_id)

    def begin(self, record: SpanStart, journal: str) -> TrackedSpan | None:
        """Take up a span; None for a continuation and for one that is there already."""
        carried_on = continued_span(record.attributes)
        if carried_on is not None:
            self._continues[record.span_id] = carried_on
            return None
        if record.span_id in self.open:
            return None
        span = TrackedSpan(start=record, journal=journal, attributes=dict(record.attributes))
        self.open[record.span_id] = span
        return span

    def update(self, record: SpanUpdate) -> None:
        """Add what an open span learned."""
        span = self.open.get(record.span_id)
        if span is not None:
            span.attributes.update(record.attributes)

    def finish(self, record: SpanEnd, journal: str) -> TrackedSpan | None:
        """The span that this record ends, or None: a continuation, a second end, or one that must wait."""
        span = self.open.get(record.span_id)
        if span is None:
            return None
        if span.journal != journal:
            self._ended_elsewhere.setdefault(record.span_id, record)
            return None
        return self._close(span, record)

    def _close(self, span: TrackedSpan, record: SpanEnd) -> TrackedSpan:
        del self.open[span.span_id]
        span.end = record
        span.attributes.update(record.attributes)
        return span

    def ended_elsewhere(self) -> Iterator[TrackedSpan]:
        """After the last record: the spans that only another process ended. What is open then is open."""
        for span_id, record in self._ended_elsewhere.items():
            span = self.open.get(span_id)
            if span is not None:
                yield self._close(span, record)
