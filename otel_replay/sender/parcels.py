"""What of a run is still to be sent: encoded spans and log entries in the run's order, each with its place.

The run is read from its start every time, because a span's records may stand far apart; what has arrived is
passed over without being encoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from otel_replay.formats.assemble import Assembler, Located, OpenSpans
from otel_replay.formats.continuation import split
from otel_replay.formats.otlp_groups import Item
from otel_replay.formats.otlp_protobuf import Encoder
from otel_replay.formats.spans import Span
from otel_replay.sender.cursor import Cursor, Position
from otel_replay.sender.target import Signal

__all__ = ["Parcel", "Parcels"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One encoded item. `position` or `tail_id` is what to note when it has arrived.

    Both are empty for all but the last part of a span that had to be divided.
    """

    signal: Signal
    item: Item
    name: str
    position: Position | None = None
    tail_id: str = ""


class Parcels:
    """The parcels of one run for one target.

    Parameters
    ----------
    records:
        The run's records, from the first on.
    cursor:
        What has arrived; it is asked as parcels are made, so it may move on meanwhile.
    open_spans:
        What to do with spans that have not ended, as in `formats.assemble`.
    largest_bytes:
        A span that is larger hands moments on to continuations.
    """

    def __init__(
        self, records: Iterable[Located], cursor: Cursor, *, open_spans: OpenSpans, largest_bytes: int
    ) -> None:
        self.open_spans = 0
        self.bad_lines = 0
        self._records = records
        self._cursor = cursor
        self._assembler = Assembler(open_spans=open_spans)
        self._encoder = Encoder()
        self._largest_bytes = largest_bytes

    def __iter__(self) -> Iterator[Parcel]:
        for located in self._records:
            kind = located.record.kind
            if kind == "bad line":
                self.bad_lines += 1
            elif kind == "log":
                yield from self._log(located)
            for number, span in enumerate(self._assembler.feed(located), 1):
                yield from self._ended(span, (located.journal, located.line, number))
        self.open_spans = self._assembler.open_count
        for span in self._assembler.finish():
            if _tail_id(span) not in self._cursor.tail:
                yield from self._parts(span, None, _tail_id(span))

    def _log(self, located: Located) -> Iterator[Parcel]:
        position = (located.journal, located.line, 1)
        if not self._cursor.has("logs", position):
            log = self._assembler.log(located)
            yield Parcel("logs", self._encoder.log(log), log.entry.event_name or "log record", position)

    def _ended(self, span: Span, position: Position) -> Iterator[Parcel]:
        # What was sent unended, before its journal was closed for good, the target has under the same id.
        if not self._cursor.has("traces", position) and _tail_id(span) not in self._cursor.tail:
            yield from self._parts(span, position, "")

    def _parts(self, span: Span, position: Position | None, tail_id: str) -> Iterator[Parcel]:
        item = self._encoder.span(span)
        if len(item.body) > self._largest_bytes:
            parts = list(split(span, lambda part: len(self._encoder.span(part).body), self._largest_bytes))
            for part in parts[:-1]:
                yield Parcel("traces", self._encoder.span(part), part.name)
            item = self._encoder.span(parts[-1])
        yield Parcel("traces", item, span.name, position, tail_id)


def _tail_id(span: Span) -> str:
    return f"{span.span_id}@{span.start_ns}"
