"""Makes the items of a run in one pass over its records: spans closed, continuations folded back, all linked.

The rules are those of `formats.assemble`: a span told twice is one span; one that never ended was
interrupted at the run's last sign of life, unless the run goes on. A log record that is one of our moments is
that moment, unless the run has it as a span's event already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.causes import causes_of_items
from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.analysis.garbage import no_garbage_yet
from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.kinds import kind_of
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.analysis.unmade_items import UnmadeChildren, UnmadeItems, all_made, but_decisions, first_ns
from otel_replay.attributes import ACTION, INTERRUPTED, LOG_EVENT_NAMES
from otel_replay.formats.event_shape import event_to_record
from otel_replay.records import (
    BadLine,
    Decision,
    Event,
    LogEntry,
    Loss,
    Scope,
    SpanEnd,
    SpanStart,
    SpanUpdate,
)
from otel_replay.storage.run_files import RunFiles, RunStatus

if TYPE_CHECKING:
    from otel_replay.storage.run_files import Located

__all__ = ["build_items", "is_moment", "items_of"]

_EVENTS_OF_LOGS = {log_name: name for name, log_name in LOG_EVENT_NAMES.items()}
_NO_NAME = "log"


def items_of(
    files: RunFiles, lines: DecisionLines | None = None, *, status: RunStatus | None = None
) -> Items:
    """All items of a run of the store, with what its header says.

    Parameters
    ----------
    files:
        The run.
    lines:
        What reads its decisions, where several runs are read to be compared.
    status:
        How it stands, for a caller who knows.

    Raises
    ------
    StoreError, FormatError
        If it cannot be read.
    """
    header = files.header
    builder = _Builder(status or files.status(), lines or DecisionLines())
    items = builder.build(files.records(builder.take))
    items.run_id = items.source = files.run_id
    items.name = header.name
    items.message = header.message
    items.attributes = header.attributes
    items.read_blob = files.blobs.read
    return items


def build_items(records: Iterable[Located], *, status: RunStatus = "finished") -> Items:
    """All items of these records, in their order."""
    return _Builder(status, DecisionLines()).build(records)


def is_moment(log: LogEntry) -> bool:
    """Whether a log record tells one of our moments, and is that moment among the items."""
    return log.event_name in _EVENTS_OF_LOGS or ACTION in log.attributes


class _Builder:
    def __init__(self, status: RunStatus, lines: DecisionLines) -> None:
        self.status = status
        self.lines = lines
        self.items = lines.items()
        self.book = SpanBook()
        self.spans: dict[str, Item] = {}
        self.told: set[tuple[str, str, int]] = set()
        self.repeated: set[tuple[str, str]] = set()
        self.orphans: list[Item] = []
        self.logged: list[Item] = []
        self.scopes: dict[tuple[str, int], str] = {}
        self.losses: list[Loss] = []
        self.bad_lines: list[BadLine] = []
        self.last_ns = 0
        self.actions: dict[str, Callable[[Any, str], None]] = {
            "scope": self.scope,
            "start": self.start,
            "update": self.update,
            "end": self.end,
            "decision": self.decision,
            "event": self.event,
            "log": self.log,
            "loss": self.loss,
            "bad line": self.bad_line,
        }

    def build(self, records: Iterable[Located]) -> Items:
        actions = self.actions
        with no_garbage_yet(stays=True):
            for located in records:
                record = located.record
                act = actions.get(record.kind)
                if act is not None:
                    act(record, located.journal)
            return self.finish()

    def take(self, journal: str, lines: list[bytes], begin: int) -> int:
        """Take up decisions as they stand in a journal; the number of the first line that is not taken."""
        if self.repeated:
            return begin
        count = len(self.items)
        end = self.lines.take(lines, begin, journal, self.items, self.spans)
        if isinstance(self.items, UnmadeItems):
            self.seen(self.items.last_ns)
            return end
        for item in self.items[count:]:
            if item.start_ns > self.last_ns:
                self.last_ns = item.start_ns
        return end

    def seen(self, time_ns: int) -> None:
        if time_ns > self.last_ns:
            self.last_ns = time_ns

    # -- spans

    def scope(self, record: Scope, journal: str) -> None:
        self.scopes[journal, record.id] = record.name

    def start(self, record: SpanStart, journal: str) -> None:
        self.seen(record.time_ns)
        key = (record.trace_id, record.span_id, record.time_ns)
        if key in self.told:
            # Told again from here to its end, unless only the start stands twice.
            open_here = self.book.open.get(record.span_id)
            if open_here is None or open_here.journal != journal:
                self.repeated.add((journal, record.span_id))
            return
        span = self.book.begin(record, journal)
        if span is None:
            owner = self.spans.get(self.book.owner(record.span_id))
            if owner is not None:
                self.spans[record.span_id] = owner
            return
        self.told.add(key)
        item = Item(
            kind="other",
            name=record.name,
            record=record,
            start_ns=record.time_ns,
            end_ns=None,
            seq=len(self.items),
            process=journal,
            parent=self.spans.get(record.parent_id),
            children=UnmadeChildren(self.items) if isinstance(self.items, UnmadeItems) else [],
            open=True,
            scope=self.scopes.get((journal, record.scope), ""),
            _attributes=span.attributes,
        )
        self.items.append(item)
        self.spans[record.span_id] = item
        if item.parent is not None:
            item.parent.children.append(item)  # type: ignore[attr-defined]  # a list until it is given away
        elif record.parent_id:
            self.orphans.append(item)

    def update(self, record: SpanUpdate, _: str) -> None:
        self.seen(record.time_ns)
        self.book.update(record)

    def end(self, record: SpanEnd, journal: str) -> None:
        self.seen(record.time_ns)
        if (journal, record.span_id) in self.repeated:
            self.repeated.discard((journal, record.span_id))
            return
        owner = self.book.owner(record.span_id)
        if owner != record.span_id:
            if owner in self.spans:
                self.spans[owner].dropped += _dropped(record)
            return
        span = self.book.finish(record, journal)
        if span is not None:
            self.ended(span)

    def ended(self, span: TrackedSpan) -> None:
        end, item = span.end, self.spans[span.span_id]
        assert end is not None
        item.end_ns = max(end.time_ns, item.start_ns)
        item.name = span.name
        item.status, item.message = end.status, end.message
        item.dropped += _dropped(end)
        item.open = INTERRUPTED in span.attributes

    # -- what happens in them

    def put(self, name: str, kind: Any, record: Any, time_ns: int, journal: str) -> Item:
        if time_ns > self.last_ns:
            self.last_ns = time_ns
        items = self.items
        parent = self.spans.get(record.span_id)
        item = Item(kind, name, record, time_ns, time_ns, len(items), journal, parent)
        items.append(item)
        if parent is not None:
            parent.children.append(item)  # type: ignore[attr-defined]  # a list until it is given away
        elif record.span_id:
            self.orphans.append(item)
        return item

    def decision(self, record: Decision, journal: str) -> None:
        if self.repeated and (journal, record.span_id) in self.repeated:
            return
        self.put(record.action, "decision", record, record.time_ns, journal)

    def event(self, record: Event, journal: str) -> None:
        if self.repeated and (journal, record.span_id) in self.repeated:
            return
        self.put(record.name, "event", record, record.time_ns, journal).dropped = record.dropped_attributes

    def log(self, record: LogEntry, journal: str) -> None:
        time_ns = record.time_ns or record.observed_ns
        own_name = _EVENTS_OF_LOGS.get(record.event_name)
        if own_name is not None or ACTION in record.attributes:
            moment = event_to_record(
                time_ns, record.span_id, own_name or record.event_name, record.attributes
            )
            take = self.decision if isinstance(moment, Decision) else self.event
            take(moment, journal)  # type: ignore[arg-type]  # the one that takes it
            self.logged.append(self.items[-1])
            return
        name = record.event_name or record.severity_text or _NO_NAME
        self.put(name, "log", record, time_ns, journal).dropped = record.dropped_attributes

    def loss(self, record: Loss, _: str) -> None:
        self.losses.append(record)

    def bad_line(self, record: BadLine, _: str) -> None:
        self.bad_lines.append(record)

    # -- and at the end

    def finish(self) -> Items:
        for span in list(self.book.ended_elsewhere()):
            self.ended(span)
        if self.status != "running":
            for tracked in self.book.open.values():
                self.interrupt(self.spans[tracked.span_id])
        self.adopt()
        spans = [item for item in but_decisions(self.items) if item.is_span]
        for item in spans:
            item.kind = kind_of(item.attributes)
        _cut_rings(spans)
        items = self.without_told_twice() if self.logged else self.items
        run = Items(
            items=items,
            status=self.status,
            start_ns=first_ns(items),
            end_ns=self.last_ns,
            losses=self.losses,
            bad_lines=self.bad_lines,
        )
        _link_causes(run, spans)
        return run

    def adopt(self) -> None:
        """Give those whose span came after them to it; in the order of the journals all the same."""
        found = set()
        for item in self.orphans:
            record = item.record
            wanted = record.parent_id if isinstance(record, SpanStart) else record.span_id
            parent = self.spans.get(self.book.owner(wanted))
            if parent is not None and parent is not item:
                item.parent = parent
                parent.children.append(item)  # type: ignore[attr-defined]  # a list until it is given away
                found.add(parent.seq)
        for seq in found:
            parent = self.items[seq]
            if isinstance(parent.children, UnmadeChildren):
                parent.children.seqs.sort()
            else:
                parent.children = sorted(parent.children, key=lambda child: child.seq)

    def interrupt(self, item: Item) -> None:
        item.end_ns = max(self.last_ns, item.start_ns)
        item.status, item.message = "error", "interrupted"
        item._attributes = {**item.attributes, INTERRUPTED: True}

    def without_told_twice(self) -> list[Item]:
        """The items without those that a log record tells and a span's event told already."""
        if isinstance(self.items, UnmadeItems):
            self.items = all_made(self.items)
        logs = {item.seq for item in self.logged}
        there = {_told(item) for item in self.items if not item.is_span and item.seq not in logs}
        twice = {item.seq for item in self.logged if _told(item) in there}
        for parent in {item.parent for item in self.logged if item.seq in twice}:
            if parent is not None:
                parent.children = [child for child in parent.children if child.seq not in twice]
        kept = [item for item in self.items if item.seq not in twice]
        for seq, item in enumerate(kept):
            item.seq = seq
        return kept


def _link_causes(run: Items, spans: list[Item]) -> None:
    """Let tool calls say what asked for them; worked out for all of them when the first one is asked."""
    calls = [span for span in spans if span.kind == "tool call"]
    if calls and any(span.kind == "generation" for span in spans):
        known = cache(lambda: causes_of_items(run))
        for call in calls:
            call._causes = known


def _told(item: Item) -> tuple[str, int, str]:
    return (item.span_id, item.start_ns, item.name)


def _dropped(end: SpanEnd) -> int:
    return end.dropped_attributes + end.dropped_events + end.dropped_links


def _cut_rings(spans: list[Item]) -> None:
    """Spans of others may name each other as parents: the first of such a ring then stands at the top."""
    safe: set[int] = set()
    for span in spans:
        way: dict[int, Item] = {}
        item: Item | None = span
        while item is not None and item.seq not in safe:
            if item.seq in way:
                ring = list(way.values())[list(way).index(item.seq) :]
                first = min(ring, key=lambda one: one.seq)
                assert first.parent is not None
                first.parent.children = [child for child in first.parent.children if child is not first]
                first.parent = None
                break
            way[item.seq] = item
            item = item.parent
        safe.update(way)
