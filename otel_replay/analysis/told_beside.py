"""Messages of generations that older conventions tell in events and log records, kept until the span ends."""

from __future__ import annotations

from typing import Any

from otel_replay.dialects.genai import tells_messages
from otel_replay.dialects.reading import moment_name
from otel_replay.records import Event, LogEntry

__all__ = ["ToldBeside"]

_MOST_TOLD = 10_000
"""Spans that have not ended yet."""


class ToldBeside:
    """Takes events and log records, and gives those of a span that has ended."""

    def __init__(self) -> None:
        self._told: dict[str, list[Event | LogEntry]] = {}

    def take(self, record: Any) -> None:
        """Keep a record that holds messages; all others are let go."""
        if isinstance(record, (Event, LogEntry)) and record.span_id and _tells(record):
            # A log record may stand before its span; what belongs to none that ends is not kept for ever.
            self._told.setdefault(record.span_id, []).append(record)
            if len(self._told) > _MOST_TOLD:
                del self._told[next(iter(self._told))]

    def of(self, span_id: str) -> list[Event | LogEntry]:
        """What was told of a span; it is forgotten now."""
        return self._told.pop(span_id, [])


def _tells(record: Event | LogEntry) -> bool:
    name = record.name if isinstance(record, Event) else moment_name(record)
    return name.startswith("gen_ai.") and tells_messages(name)
