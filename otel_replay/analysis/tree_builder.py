"""Builds the tree of a run in one pass and in bounded memory.

Of many siblings the first ones and the failed ones are kept. Where there are too many nodes all the same,
the deepest levels are given up, so that what stays is the run's outline and not its first minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from otel_replay.analysis.facts import facts_of
from otel_replay.analysis.spans import NO_SIGN_OF_LIFE, SpanBook, TrackedSpan
from otel_replay.analysis.tree import Limits, Moment, Node, Tree, label_of
from otel_replay.records import BadLine, Decision, Event, Loss, SpanEnd, SpanStart, SpanUpdate

if TYPE_CHECKING:
    from otel_replay.storage.run_files import Located

__all__ = ["build_tree"]

_OPEN_NAMES_SHOWN = 20


def build_tree(records: Iterable[Located], limits: Limits | None = None) -> Tree:
    """The tree of all these records."""
    builder = _Builder(limits or Limits())
    for item in records:
        builder.take(item.record, item.journal)
    return builder.finish()


class _Builder:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.top = Node(span_id="", parent_id="", name="", kind="other", start_ns=0, depth=-1)
        self.tree = Tree(top=self.top)
        self.book = SpanBook()
        self.where: dict[str, Node] = {}  # the node that stands for a span: its own, or an ancestor's
        self.waiting: dict[str, list[Node]] = {}  # by the id of a parent that has not been seen yet
        self.nodes = 0
        self.moments = 0
        self.depth_limit = 1_000_000_000
        self.failed_kept: Counter[str] = Counter()
        self.actions: dict[str, Callable[[Any, str], None]] = {
            "start": self.start,
            "update": self.update,
            "end": self.end,
            "decision": self.moment,
            "event": self.moment,
            "log": self.moment,
            "loss": self.loss,
            "bad line": self.bad_line,
        }

    def take(self, record: Any, journal: str) -> None:
        act = self.actions.get(record.kind)
        if act is not None:
            act(record, journal)
        time_ns = 0 if record.kind in NO_SIGN_OF_LIFE else getattr(record, "time_ns", 0)
        if time_ns:
            tree = self.tree
            if time_ns > tree.end_ns:
                tree.end_ns = time_ns
            if time_ns < tree.start_ns or not tree.start_ns:
                tree.start_ns = time_ns

    # -- spans

    def start(self, record: SpanStart, journal: str) -> None:
        span = self.book.begin(record, journal)
        if span is None:
            return
        self.tree.spans += 1
        parent = self.where.get(self.book.owner(record.parent_id), self.top)
        if self.has_room(parent):
            node = self.attach(span, parent)
            for orphan in self.waiting.pop(record.span_id, ()):
                self.move(orphan, node)
            if parent is self.top and record.parent_id:
                self.waiting.setdefault(record.parent_id, []).append(node)
            self.give_up_depth()
        else:
            parent.fold.add_name(record.name)
            self.where[record.span_id] = parent

    def has_room(self, parent: Node) -> bool:
        return len(parent.children) < self.limits.siblings and parent.depth + 1 <= self.depth_limit

    def attach(self, span: TrackedSpan, parent: Node) -> Node:
        record = span.start
        node = Node(
            span_id=record.span_id,
            parent_id=record.parent_id,
            name=span.name,
            kind=span.kind,
            start_ns=record.time_ns,
            depth=parent.depth + 1,
        )
        parent.children.append(node)
        self.where[record.span_id] = node
        self.nodes += 1
        return node

    def move(self, node: Node, parent: Node) -> None:
        if node not in self.top.children:
            return
        all_below = list(node.walk())
        if parent in all_below:  # spans of others may name each other as parents
            return
        self.top.children.remove(node)
        parent.children.append(node)
        for below in all_below:
            below.depth += parent.depth + 1

    def give_up_depth(self) -> None:
        """Where there are too many nodes, fold the deepest levels away until half of them are left."""
        if self.nodes <= self.limits.nodes:
            return
        levels: list[list[Node]] = [[self.top]]
        while children := [child for node in levels[-1] for child in node.children]:
            levels.append(children)
        kept = self.nodes
        while len(levels) > 2 and kept > self.limits.nodes // 2:
            kept -= len(levels.pop())
        self.depth_limit = len(levels) - 2
        survivors: dict[Node, Node] = {}
        for parent in levels[-1]:
            for child in parent.children:
                parent.fold.add(child.folded_whole())
                for node in child.walk():
                    survivors[node] = parent
                    self.moments -= len(node.kept)
            parent.children.clear()
        self.nodes = kept
        # An id is needed as long as something may still happen in its span.
        still_open = self.book.open
        for span_id, node in list(self.where.items()):
            if node in survivors:
                if span_id in still_open:
                    self.where[span_id] = survivors[node]
                else:
                    del self.where[span_id]

    def update(self, record: SpanUpdate, _: str) -> None:
        self.book.update(record)

    def end(self, record: SpanEnd, journal: str) -> None:
        span = self.book.finish(record, journal)
        if span is not None:
            self.ended(span)

    def ended(self, span: TrackedSpan) -> None:
        failed = span.status == "error"
        self.tree.failed += failed
        node = self.where.get(span.span_id)
        if node is not None and node.span_id == span.span_id:
            self.fill(node, span)
            return
        if node is None:
            return
        # A folded span; one that failed directly below a kept one is worth a line of its own.
        directly = node.span_id == self.book.owner(span.start.parent_id)
        if failed and directly and self.failed_kept[node.span_id] < self.limits.failed_siblings:
            self.failed_kept[node.span_id] += 1
            node.fold.remove_name(span.start.name)
            self.fill(self.attach(span, node), span)
            self.give_up_depth()
        else:
            node.fold.failed += failed
            del self.where[span.span_id]

    def fill(self, node: Node, span: TrackedSpan) -> None:
        assert span.end is not None
        node.end_ns = span.end.time_ns
        node.status = span.end.status
        node.message = span.end.message
        node.name = span.name
        node.kind = span.kind
        if node.kind == "generation":
            self.tree.asks = True
        node.facts = facts_of(span.attributes, span.name)

    # -- what happens in them

    def moment(self, record: Moment, _: str) -> None:
        tree = self.tree
        if isinstance(record, Decision):
            tree.decisions += 1
        elif isinstance(record, Event):
            tree.events += 1
        else:
            tree.logs += 1
        span_id = self.book.owner(record.span_id)
        node = self.where.get(span_id, self.top)
        if node.span_id != span_id:
            node.fold.moments += 1
            return
        number = node.count(label_of(record))
        if number <= self.limits.moments and self.moments < self.limits.all_moments:
            self.moments += 1
            node.kept.append(record)

    def loss(self, record: Loss, _: str) -> None:
        self.tree.lost += record.records

    def bad_line(self, record: BadLine, _: str) -> None:
        if record.torn:
            self.tree.torn_lines += 1
        else:
            self.tree.bad_lines += 1

    def finish(self) -> Tree:
        for span in list(self.book.ended_elsewhere()):
            self.ended(span)
        left = self.book.open.values()
        self.tree.open_spans = len(left)
        self.tree.open_names = tuple(span.name for span in left)[:_OPEN_NAMES_SHOWN]
        for span in left:
            node = self.where.get(span.span_id)
            if node is not None and node.span_id == span.span_id:
                node.facts = facts_of(span.attributes, span.name)
        for node in self.top.walk():
            node.children.sort(key=lambda child: child.start_ns)
        return self.tree
