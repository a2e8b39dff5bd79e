"""What the tests of spans share: records of a span, and where they stand in which journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from otel_replay.formats.spans import Span
from otel_replay.records import Decision, Event, JournalHeader, SpanEnd, SpanStart

TRACE = "5b8efff798038103d269b633813fc60c"
A = "00000000000000aa"
B = "00000000000000bb"


@dataclass
class At:
    """A record and where it stands."""

    record: Any
    journal: str
    line: int


def journal(*records: Any, name: str = "home.jsonl", limit: int = 128) -> list[At]:
    header = JournalHeader(version=1, run_id="r1", time_ns=0, event_limit=limit)
    return [At(record, name, line) for line, record in enumerate((header, *records), 1)]


def start(span_id: str = A, time_ns: int = 10, **fields: Any) -> SpanStart:
    return SpanStart(**{"time_ns": time_ns, "trace_id": TRACE, "span_id": span_id, "name": "task", **fields})


def end(span_id: str = A, time_ns: int = 90, **fields: Any) -> SpanEnd:
    return SpanEnd(time_ns=time_ns, span_id=span_id, **fields)


def event(name: str, span_id: str = A, time_ns: int = 50) -> Event:
    return Event(time_ns=time_ns, span_id=span_id, name=name)


def events(count: int, first: int = 0, span_id: str = A) -> list[Decision]:
    """Moments of the recording API."""
    return [
        Decision(time_ns=11 + number, span_id=span_id, action=f"e{number}", reason="")
        for number in range(first, first + count)
    ]


def names(span: Span) -> list[str]:
    return [moment.action if isinstance(moment, Decision) else moment.name for moment in span.events]
