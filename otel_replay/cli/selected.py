"""What `--select SELECTOR` means of a run: the items, what stands above them, and how much is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from otel_replay.analysis.items_builder import build_items, is_moment
from otel_replay.records import Decision, Event, LogEntry, SpanEnd, SpanStart, SpanUpdate

if TYPE_CHECKING:
    from otel_replay.analysis.items import Item
    from otel_replay.opening import OpenRun
    from otel_replay.queries.query import Query
    from otel_replay.records import BadLine, Record
    from otel_replay.storage.run_files import Located

__all__ = ["Selected"]

_PLACES = {"decision": "decisions", "event": "events", "log": "logs"}


class Selected:
    """What a query means of a run. The run is held in memory, as it is for `find`.

    Attributes
    ----------
    source:
        The run; it is held, and gives the same records each time.
    found:
        How many items the query means.
    left_out:
        How many spans, decisions, events and log records are neither meant nor stand above what is.
    """

    def __init__(self, source: OpenRun, query: Query) -> None:
        source.hold()
        self.source = source
        items = build_items(source.records(), status=source.status)
        items.read_blob = source.blobs.read
        meant = query.select(items)
        self.found = len(meant)
        kept = {item.seq for item in meant}
        for item in meant:
            for above in item.ancestors():
                if above.seq in kept:
                    break
                kept.add(above.seq)
        self.left_out = Counter(_place(item) for item in items if item.seq not in kept)
        self._no_spans = {item.span_id for item in items if item.is_span and item.seq not in kept}
        moments = [item for item in items if item.seq in kept and not item.is_span]
        self._moments = {id(item.record) for item in moments}
        # A log record that tells one of our moments is that moment among the items.
        self._logged = {(item.process, item.start_ns, item.span_id) for item in moments}

    def means(self, record: Record | BadLine) -> bool:
        """Whether a moment is meant; `record` is one that the source gives."""
        return id(record) in self._moments

    def records(self) -> Iterator[Located]:
        """The records of the run without those of what is left out."""
        for located in self.source.records():
            record = located.record
            if isinstance(record, SpanStart | SpanUpdate | SpanEnd):
                if record.span_id in self._no_spans:
                    continue
            elif isinstance(record, LogEntry):
                time_ns = record.time_ns or record.observed_ns
                is_told = is_moment(record) and (located.journal, time_ns, record.span_id) in self._logged
                if not (is_told or self.means(record)):
                    continue
            elif isinstance(record, Decision | Event) and not self.means(record):
                continue
            yield located

    def told(self) -> str:
        """What is left out, for a person; empty where nothing is."""
        from otel_replay.cli.people import counted

        words = (("spans", "span"), ("decisions", "decision"), ("events", "event"), ("logs", "log record"))
        parts = [counted(self.left_out[name], word) for name, word in words if self.left_out[name]]
        return f"left out: {', '.join(parts)}" if parts else ""


def _place(item: Item) -> str:
    return _PLACES.get(item.kind, "spans")
