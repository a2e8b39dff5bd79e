"""A run as a tree of spans with what happened in them: the values that `build_tree` makes and others show.

Everything is counted; what is kept as nodes is bounded (`Limits`). What is not kept is folded into a count
at the nearest kept ancestor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.bounded import OTHERS, count_name
from otel_replay.analysis.kinds import SpanKind
from otel_replay.records import Decision, Event, LogEntry, StatusCode

if TYPE_CHECKING:
    from otel_replay.analysis.causes import Cause

__all__ = ["Fold", "Limits", "Moment", "Node", "Tree", "label_of"]

Moment = Decision | Event | LogEntry

_MOST_NAMES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is kept. `moments` is for each span and each label (an action, an event's name)."""

    nodes: int = 20_000
    siblings: int = 500
    failed_siblings: int = 100
    moments: int = 3
    all_moments: int = 5_000


@dataclass(slots=True, kw_only=True)
class Fold:
    """Spans that are counted and not shown: how many of each name, and what was in them."""

    names: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    moments: int = 0

    @property
    def spans(self) -> int:
        """How many spans are in it."""
        return sum(self.names.values())

    def add_name(self, name: str, count: int = 1) -> None:
        """Count spans of this name; past 50 names the new ones share one."""
        count_name(self.names, name, count, most=_MOST_NAMES)

    def remove_name(self, name: str) -> None:
        """Take back one span that was counted by :meth:`add_name`."""
        self.names[name if self.names[name] > 0 else OTHERS] -= 1
        self.names += Counter()

    def add(self, other: Fold) -> None:
        """Take in what another fold holds."""
        for name, count in other.names.items():
            self.add_name(name, count)
        self.failed += other.failed
        self.moments += other.moments


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """A span in the tree. `end_ns` is None while it is open; `facts` are its short attributes.

    `cause` is what asked for a tool call, where that is known and was looked for (`analysis.causes`).
    """

    span_id: str
    parent_id: str
    name: str
    kind: SpanKind
    start_ns: int
    depth: int = 0
    end_ns: int | None = None
    status: StatusCode = "unset"
    message: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    fold: Fold = field(default_factory=Fold)
    kept: list[Moment] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    cause: Cause | None = None

    def count(self, label: str) -> int:
        """Count a moment of the span itself, and say the how-manieth of its label it is."""
        return self.counts[count_name(self.counts, label, most=_MOST_NAMES)]

    @property
    def open(self) -> bool:
        """Whether no end was recorded."""
        return self.end_ns is None

    @property
    def failed(self) -> bool:
        """Whether it ended with an error."""
        return self.status == "error"

    @property
    def duration_ns(self) -> int | None:
        """From start to end, or None while it is open."""
        return None if self.end_ns is None else max(0, self.end_ns - self.start_ns)

    def walk(self) -> Iterator[Node]:
        """The node and all below it, parents first, without recursion: a chain may be thousands deep."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def folded_whole(self) -> Fold:
        """The node and all below it as one fold."""
        whole = Fold()
        for node in self.walk():
            whole.add_name(node.name)
            whole.failed += node.failed
            whole.moments += sum(node.counts.values())
            whole.add(node.fold)
        return whole


@dataclass(slots=True, kw_only=True)
class Tree:
    """The whole run. `top` is no span: its children are the run's root spans. `asks`: a
    model was asked, in a span that is or was a node."""

    top: Node
    start_ns: int = 0
    end_ns: int = 0
    spans: int = 0
    decisions: int = 0
    events: int = 0
    logs: int = 0
    failed: int = 0
    open_names: tuple[str, ...] = ()
    open_spans: int = 0
    bad_lines: int = 0
    torn_lines: int = 0
    lost: int = 0
    asks: bool = False


def label_of(moment: Moment) -> str:
    """What moments are counted by: a decision's action, an event's name."""
    if isinstance(moment, Decision):
        return moment.action
    return moment.name if isinstance(moment, Event) else moment.event_name or "log"
