"""The whole of a run as items in order: spans and what happened in them, for comparing and for asserting.

Unlike the tree (`analysis.tree`), which is bounded for a screen, nothing is folded and nothing left out. An
item knows its parent and its children; `seq` is its place in the order of the journals, for times may tie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from otel_replay.analysis.kinds import SpanKind
from otel_replay.records import AnyMap, BadLine, Decision, Event, LogEntry, Loss, SpanStart, StatusCode
from otel_replay.storage.run_files import RunStatus

if TYPE_CHECKING:
    from otel_replay.analysis.causes import Cause

__all__ = ["ITEM_KINDS", "SPAN_KINDS", "Item", "ItemKind", "Items"]

ItemKind = SpanKind | Literal["decision", "event", "log"]

SPAN_KINDS: frozenset[str] = frozenset(get_args(SpanKind))
"""Kinds of items that last; the others happen at one moment."""

ITEM_KINDS: tuple[str, ...] = (*get_args(SpanKind), "decision", "event", "log")

_ERROR_SEVERITY = 17
"""OpenTelemetry's SeverityNumber from which a log record is an error."""


@dataclass(slots=True, eq=False)
class Item:
    """One thing of a run.

    Attributes
    ----------
    kind, name:
        What it is, and its name: a span's, an event's, a decision's action, a log record's event name.
    record:
        What the journal has of it: a span's start, or the moment itself.
    start_ns, end_ns:
        A moment ends when it begins. None for a span that is open in a run that goes on.
    seq:
        Its place among all items, by the order of the journals, from 0.
    process:
        The journal that has it; each process writes its own.
    parent:
        The span in which it began or happened; None at the top, and where that span is not in the run.
    status, message:
        How a span ended.
    open:
        The span never ended: the process died (then `end_ns` is the run's last sign of life), or goes on.
    dropped:
        Attributes, events and links that OpenTelemetry's limits took away from it.
    scope:
        The name of the instrumentation scope.
    """

    kind: ItemKind
    name: str
    record: SpanStart | Decision | Event | LogEntry
    start_ns: int
    end_ns: int | None
    seq: int
    process: str
    parent: Item | None = field(default=None, repr=False)
    children: Sequence[Item] = field(default=(), repr=False)
    status: StatusCode = "unset"
    message: str = ""
    open: bool = False
    dropped: int = 0
    scope: str = ""
    _attributes: AnyMap | None = field(default=None, repr=False)
    _causes: Callable[[], Mapping[str, Cause]] | None = field(default=None, repr=False)

    @property
    def attributes(self) -> AnyMap:
        """Its own attributes as recorded; of a decision `action`, `reason`, `values`, `cell` and the rest."""
        if self._attributes is None:
            record = self.record
            if isinstance(record, Decision):
                self._attributes = _of_decision(record)
            else:
                self._attributes = record.attributes
        return self._attributes

    @property
    def span_id(self) -> str:
        """Its own id, of a moment that of the span in which it happened."""
        return self.record.span_id

    @property
    def is_span(self) -> bool:
        """Whether it lasts."""
        return isinstance(self.record, SpanStart)

    @property
    def duration_ns(self) -> int | None:
        """From start to end; None while it is open. A clock that was set back does not make it negative."""
        return None if self.end_ns is None else max(0, self.end_ns - self.start_ns)

    @property
    def failed(self) -> bool:
        """Whether it is a span that ended with an error, or a log record of an error."""
        record = self.record
        return self.status == "error" or (isinstance(record, LogEntry) and record.severity >= _ERROR_SEVERITY)

    @property
    def cause(self) -> Cause | None:
        """Of a tool call the generation that asked for it, where that is known (`analysis.causes`)."""
        return None if self._causes is None else self._causes().get(self.span_id)

    def ancestors(self) -> Iterator[Item]:
        """Its parent, the parent's parent, and so on."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    def walk(self) -> Iterator[Item]:
        """Itself and everything below it, as a tree is read."""
        todo = [self]
        while todo:
            item = todo.pop()
            yield item
            todo.extend(reversed(item.children))

    def path(self) -> str:
        """Where it stands: the names from the top to it, with ` > ` between them."""
        names = [item.name for item in self.ancestors()]
        return " > ".join([*reversed(names), self.name])


def _of_decision(record: Decision) -> AnyMap:
    attributes: dict[str, Any] = {"action": record.action, "reason": record.reason}
    if record.values is not None:
        attributes["values"] = record.values
    if record.cell is not None:
        attributes["cell"] = record.cell
    attributes.update(record.extra)
    return attributes


@dataclass(slots=True, kw_only=True, eq=False)
class Items:
    """A run: all its items in the order of their `seq`, and what is known of it besides.

    Attributes
    ----------
    run_id, name, status:
        As `otel-replay list` shows them.
    source:
        Where it was read from, for a person: the run's id, or a file's name.
    losses, bad_lines:
        What could not be kept or cannot be read. `damage` says it of a file of somebody else.
    read_blob:
        Gives the bytes of a blob by its sha256; None where the source has none.
    """

    items: Sequence[Item] = field(repr=False)
    run_id: str = ""
    name: str = ""
    status: RunStatus = "finished"
    message: str = ""
    source: str = ""
    start_ns: int = 0
    end_ns: int = 0
    losses: Sequence[Loss] = ()
    bad_lines: Sequence[BadLine] = ()
    damage: Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    read_blob: Callable[[str], bytes] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        """In the order in which things happened."""
        return iter(self.items)

    def __getitem__(self, seq: int) -> Item:
        return self.items[seq]

    @property
    def roots(self) -> list[Item]:
        """What stands at the top: the run's own span as a rule, and what has no parent in the run."""
        return [item for item in self.items if item.parent is None]

    def walk(self) -> Iterator[Item]:
        """All items as a tree is read: each before what is below it."""
        for root in self.roots:
            yield from root.walk()

    @property
    def complete(self) -> bool:
        """Whether the run came to its end."""
        return self.status in {"finished", "failed"}

    @property
    def lost(self) -> int:
        """Records that could not be kept."""
        return sum(loss.records for loss in self.losses)

    @property
    def dropped(self) -> int:
        """Attributes, events and links that OpenTelemetry's limits took away."""
        return sum(item.dropped for item in self.items)
