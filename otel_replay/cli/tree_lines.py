"""The rows of a tree as lines: name, a bar on the run's time scale, duration; below, what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from otel_replay.analysis.bounded import OTHERS
from otel_replay.analysis.causes import Cause
from otel_replay.analysis.tree import Fold, Moment, Node, Tree
from otel_replay.cli import people
from otel_replay.cli.bars import stretch
from otel_replay.cli.scale import scale
from otel_replay.cli.span_notes import EXCEPTION_EVENT, counts_text, facts_text, moment_text
from otel_replay.cli.terminal import Screen, Text, cut_inside, escape
from otel_replay.cli.tree_rows import More, Note, Row, rows
from otel_replay.records import Event

__all__ = ["tree_lines"]

_DURATION_CELLS = 8
_GAP = 2
_NARROWEST_BAR = 8
_LEAST_ROOM = 30
_ROOM_BESIDE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How many cells each column has, 0 where it is left out; `levels` is how many guides are drawn."""

    name: int
    bar: int
    counts: int
    levels: int


def tree_lines(tree: Tree, screen: Screen, *, dense: bool = False) -> Iterator[Text]:
    """The lines of the tree, a time scale first.

    Parameters
    ----------
    tree:
        What is to be seen, picked already.
    screen:
        Says how wide, and which characters.
    dense:
        One line for each span: how much happened in it as a number, and none of its attributes.
    """
    painter = _Painter(tree, screen, dense)
    yield from painter.head()
    for row in rows(tree.top, painter.notes):
        yield painter.line(row)


def _lay_out(tree: Tree, columns: int, dense: bool) -> _Layout:
    levels = max(4, columns // 14)
    nodes = list(tree.top.walk())[1:]
    widest = max((3 * min(node.depth, levels) + Text(node.name).width for node in nodes), default=8)
    most = max((_moments(node) for node in nodes), default=0) if dense else 0
    counts = len(_count_text(most)) if most else 0
    room = columns - _DURATION_CELLS - 2 * _GAP - (counts + _GAP if counts else 0)
    name = max(8, min(widest, room * 11 // 20))
    bar = room - name
    if bar < _NARROWEST_BAR:
        return _Layout(name=min(widest, room + _GAP), bar=0, counts=counts, levels=levels)
    return _Layout(name=name, bar=bar, counts=counts, levels=levels)


def _moments(node: Node) -> int:
    return sum(node.counts.values())


def _count_text(count: int) -> str:
    return f"◆ {count:,}"


class _Painter:
    def __init__(self, tree: Tree, screen: Screen, dense: bool) -> None:
        self.screen = screen
        self.dense = dense
        self.start_ns = tree.start_ns
        self.length_ns = max(1, tree.end_ns - tree.start_ns)
        self.layout = _lay_out(tree, screen.columns, dense)

    def head(self) -> Iterator[Text]:
        if self.layout.bar:
            marks = scale(self.length_ns, self.layout.bar)
            yield Text().pad(self.layout.name + _GAP).add(marks, "dim")

    def line(self, row: Row) -> Text:
        item, line = row.item, self.guides(row.guides)
        if isinstance(item, Node):
            return self.span(line, item)
        if isinstance(item, Note):
            return self.aside(line.join(item.text), item.aside)
        if isinstance(item, More):
            line.add(f"{self.screen.ellipsis} {item.count:,} more {item.label}", "dim")
        elif isinstance(item, Fold):
            line.add(_fold_text(item, self.screen.ellipsis), "dim")
        else:
            return self.moment(line, item)
        return line.fit(self.screen.columns, self.screen.ellipsis)

    def guides(self, guides: tuple[str, ...]) -> Text:
        text = "".join(guides)
        if len(guides) > self.layout.levels:
            # Deeper than there is room: the number of levels that are not drawn, then the last ones.
            drawn = self.layout.levels - 2
            hidden = f"{self.screen.ellipsis}{len(guides) - drawn}"
            text = f"{hidden:<6}" + "".join(guides[-drawn:])
        return Text((text, "dim"))

    def span(self, line: Text, node: Node) -> Text:
        layout = self.layout
        style = "failed" if node.failed else "open" if node.open else node.kind
        name = cut_inside(escape(node.name), layout.name - line.width, self.screen.ellipsis)
        line = line.add(name, style).fit(layout.name, self.screen.ellipsis).pad(layout.name)
        if layout.bar:
            line.add(" " * _GAP).add(self.bar(node), style)
        length = node.duration_ns
        line.add(" " * _GAP).add(
            ("open" if length is None else people.duration(length)).rjust(_DURATION_CELLS),
            style if length is None else "",
        )
        if layout.counts and node.counts:
            line.add(" " * _GAP).add(_count_text(_moments(node)).rjust(layout.counts), "dim")
        return line

    def bar(self, node: Node) -> str:
        end_ns = self.start_ns + self.length_ns if node.end_ns is None else node.end_ns
        begin, end = ((time_ns - self.start_ns) / self.length_ns for time_ns in (node.start_ns, end_ns))
        text = stretch(begin, end, self.layout.bar)
        # A span that is open goes on to where nothing more was heard.
        return text.replace("█", "▒") if node.open else text

    def notes(self, node: Node) -> Iterator[Note]:
        told = Text() if self.dense else facts_text(node)
        cause = "" if self.dense or node.cause is None else self.cause(node.cause)
        if cause and self.screen.columns - len(cause) < _ROOM_BESIDE:
            if told.width:
                yield Note(text=told)
            yield Note(text=Text((cause, "dim")))
        elif told.width or cause:
            yield Note(text=told, aside=cause)
        if node.failed and node.message and not _tells_why(node):
            yield Note(text=Text((f"✗ {node.message}", "failed")))
        if node.counts and not node.kept and not self.dense:
            yield Note(text=counts_text(node))

    def cause(self, cause: Cause) -> str:
        began = people.duration(max(0, cause.start_ns - self.start_ns))
        return f"cause by {cause.by}: {escape(cause.name)} +{began}"

    def moment(self, line: Text, moment: Moment) -> Text:
        offset = people.duration(max(0, moment.time_ns - self.start_ns))
        return self.aside(line.join(moment_text(moment)), "+" + offset)

    def aside(self, line: Text, text: str) -> Text:
        """A line with something at its end that stays, where there is room for both."""
        aside = Text((text, "dim"))
        room = self.screen.columns - aside.width - 2
        if room < _LEAST_ROOM or not text:
            return line.fit(self.screen.columns, self.screen.ellipsis)
        return line.fit(room, self.screen.ellipsis).pad(room + 2).join(aside)


def _tells_why(node: Node) -> bool:
    return any(isinstance(moment, Event) and moment.name == EXCEPTION_EVENT for moment in node.kept)


def _fold_text(fold: Fold, ellipsis: str) -> str:
    names = [(name, count) for name, count in fold.names.most_common(4) if name != OTHERS][:3]
    if len(fold.names) == 1 and names:
        text = f"{ellipsis} {fold.spans:,} more {names[0][0]}"
    else:
        told = ", ".join(f"{count:,} {name}" for name, count in names)
        rest = fold.spans - sum(count for _, count in names)
        text = f"{ellipsis} {people.counted(fold.spans, 'more span')}: {told}"
        text += f" and {rest:,} of other names" if rest else ""
    if fold.failed:
        text += f"; {fold.failed:,} failed"
    if fold.moments:
        text += f"; {people.counted(fold.moments, 'decision or event', 'decisions and events')} in them"
    return text
