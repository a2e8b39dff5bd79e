"""A tree as rows: a span or a moment, with the guide lines that stand before it. No widths yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from otel_replay.analysis.tree import Fold, Moment, Node, label_of
from otel_replay.cli.terminal import Text

__all__ = ["More", "Note", "Row", "rows"]

Notes = Callable[[Node], Iterable["Note"]]
"""Lines that stand right below a span: what there is to say of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """Moments of a label that are counted and not shown."""

    label: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What there is to say of a span, and what stands at the end of the line, whole."""

    text: Text
    aside: str = ""


Item = Node | Moment | More | Fold | Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line to be: `guides` are the tree's lines, one text of equal length for each level."""

    guides: tuple[str, ...]
    item: Item


_BRANCH, _LAST, _LINE, _NONE = "├─ ", "└─ ", "│  ", "   "


def rows(top: Node, notes: Notes) -> Iterator[Row]:
    """The rows below `top`, in the order of time, moments between the child spans as they happened."""
    stack: list[Iterator[Row]] = [_inside(_items(top), (), is_top=True)]
    while stack:
        row = next(stack[-1], None)
        if row is None:
            stack.pop()
            continue
        yield row
        if isinstance(row.item, Node):
            ends = bool(row.guides) and row.guides[-1] == _LAST
            below = (*row.guides[:-1], _NONE if ends else _LINE) if row.guides else ()
            stack.append(_inside([*notes(row.item), *_items(row.item)], below, is_top=False))


def _inside(items: list[Item], guides: tuple[str, ...], *, is_top: bool) -> Iterator[Row]:
    last_child = max((at for at, item in enumerate(items) if isinstance(item, (Node, Fold))), default=-1)
    for at, item in enumerate(items):
        if is_top:
            here = guides
        elif isinstance(item, (Node, Fold)):
            here = (*guides, _LAST if at == last_child else _BRANCH)
        else:
            here = (*guides, _LINE if at < last_child else _NONE)
        yield Row(guides=here, item=item)


def _items(node: Node) -> list[Item]:
    timed: list[tuple[int, Node | Moment]] = [(moment.time_ns, moment) for moment in node.kept]
    timed += [(child.start_ns, child) for child in node.children]
    timed.sort(key=lambda pair: pair[0])
    shown = Counter(label_of(moment) for moment in node.kept)
    hidden = {label: count - shown[label] for label, count in node.counts.items() if count > shown[label]}
    items: list[Item] = []
    for _, item in timed:
        items.append(item)
        if not isinstance(item, Node):
            label = label_of(item)
            shown[label] -= 1
            if not shown[label] and label in hidden:
                items.append(More(label=label, count=hidden.pop(label)))
    if node.kept:
        items += [More(label=label, count=count) for label, count in hidden.items()]
    if node.fold.spans:
        items.append(node.fold)
    return items
