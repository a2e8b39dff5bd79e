"""One of the two runs, prepared: what is compared of it, who is whose child, and a hash for every subtree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import compress
from typing import Any

from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.unmade_items import Stretch, UnmadeChildren, UnmadeItems, but_decisions, of_numbers
from otel_replay.attributes import HEARTBEAT_EVENT
from otel_replay.diffing.content import Contents, label_of
from otel_replay.records import Decision

__all__ = ["Side", "make_sides"]

_TOP = -1


@dataclass(slots=True, kw_only=True)
class Side:
    """A run by the numbers (`seq`) of its items; -1 stands for what is above its roots.

    Attributes
    ----------
    items:
        The run.
    children:
        What is compared below each span, in order; concurrent spans in an order that both runs share.
    keys, trees:
        For each item the key of its own content, and one for all that is below it too.
    groups:
        For each item a number for its subject: the same in both runs.
    values, reasons:
        What a decision says, where comparing these two is comparing all of it; None for all other items.
    sizes:
        How many items a subtree has.
    flat:
        Only decisions are compared, in one row: one of the runs knows of nothing else.
    bare:
        Spans of which only the place counts, because `only` asked for others.
    clusters:
        Spans that ran at the same time as siblings of theirs have the number of their cluster.
    spans:
        Which of the items are spans.
    """

    items: Items
    children: dict[int, list[int]]
    keys: list[int]
    trees: list[int]
    groups: list[int]
    values: list[Any]
    reasons: list[str]
    sizes: list[int]
    flat: bool = False
    bare: set[int] = field(default_factory=set)
    clusters: dict[int, int] = field(default_factory=dict)
    spans: set[int] = field(default_factory=set)

    def cut_at(self, seq: int) -> bool:
        """Whether the recording ended while this span (-1: the run) was open."""
        if seq == _TOP:
            return not self.items.complete
        return self.items[seq].open


def make_sides(a: Items, b: Items, contents: Contents) -> tuple[Side, Side]:
    """Both runs, prepared. Where one knows of decisions only, those of both are compared in one row."""
    flat = _spans(a) != _spans(b)
    return _side(a, contents, flat), _side(b, contents, flat)


def _spans(items: Items) -> str:
    """How much a run says of where its decisions were made: a `session_replay.json` says nothing."""
    others = {item.kind for item in but_decisions(items.items)}
    return "none" if not others else "its own" if others == {"run"} else "some"


def _side(items: Items, contents: Contents, flat: bool) -> Side:
    size = len(items)
    side = Side(
        items=items,
        children={_TOP: []},
        keys=[0] * size,
        trees=[],
        groups=[0] * size,
        values=[None] * size,
        reasons=[""] * size,
        sizes=[1] * size,
        flat=flat,
    )
    kept, side.bare = _chosen(items, contents, flat)
    one_by_one: Iterable[Item] = items.items
    if (
        isinstance(one_by_one, UnmadeItems)
        and contents.in_columns
        and not (flat or contents.rules.only_items)
    ):
        _take_stretches(side, one_by_one, contents)
        one_by_one = [part for part in one_by_one.parts if isinstance(part, Item)]
    for item in one_by_one:
        if kept[item.seq]:
            _take_item(side, item, contents, kept)
    for seq in side.bare:
        side.keys[seq] = 0
    side.trees = side.keys[:]
    for seq in _spans_bottom_up(side):
        _close(side, seq, contents)
    _order_concurrent(side, side.children[_TOP], contents)
    return side


def _take_stretches(side: Side, items: UnmadeItems, contents: Contents) -> None:
    """Take in the decisions that nobody has made items of, by what they say."""
    said = items.said
    keys, of_places = contents.keys_of(said), contents.groups_of(said)
    groups = list(map(of_places.__getitem__, said.places))
    in_full = not contents.rules.strict
    for part in items.parts:
        if isinstance(part, Stretch):
            begin, end, numbers = part.begin, part.begin + len(part.numbers), part.numbers
            side.keys[begin:end] = of_numbers(keys, numbers)
            side.groups[begin:end] = of_numbers(groups, numbers)
            if in_full:
                side.values[begin:end] = of_numbers(said.values, numbers)
                side.reasons[begin:end] = of_numbers(said.reasons, numbers)


def _take_item(side: Side, item: Item, contents: Contents, kept: Sequence[bool]) -> None:
    seq, flat = item.seq, side.flat
    if flat or item.parent is None:
        side.children[_TOP].append(seq)
    if item.is_span:
        side.spans.add(seq)
    if item.children and not flat:
        below = item.children
        seqs = below.seqs if isinstance(below, UnmadeChildren) else [child.seq for child in below]
        side.children[seq] = list(compress(seqs, map(kept.__getitem__, seqs)))
    side.keys[seq], side.groups[seq] = contents.marks(item)
    record = item.record
    in_full = contents.in_columns and not (contents.rules.strict or flat)
    if in_full and isinstance(record, Decision) and not record.extra:
        side.values[seq], side.reasons[seq] = record.values, record.reason


def _chosen(items: Items, contents: Contents, flat: bool) -> tuple[list[bool], set[int]]:
    """Which items are compared, and which spans only stand above some that are."""
    rules = contents.rules
    kept = [True] * len(items)
    if flat:
        kept = [item.kind == "decision" for item in items]
    elif not rules.only_items and not rules.ignored_items:
        for item in but_decisions(items.items):
            if item.kind == "event" and item.name == HEARTBEAT_EVENT:
                kept[item.seq] = False
        return kept, set()
    bare: set[int] = set()
    answers: dict[str, tuple[bool, bool]] = {}
    verdicts: dict[int, bool] = {}
    for item in items:
        if kept[item.seq]:
            kept[item.seq] = _verdict(item, contents, answers, verdicts)
    if rules.only_items:
        for item in items:
            if kept[item.seq]:
                for above in item.ancestors():
                    if kept[above.seq]:
                        break
                    bare.add(above.seq)
    if not flat:
        for seq in bare:
            kept[seq] = True
    return kept, bare


def _verdict(
    item: Item, contents: Contents, answers: dict[str, tuple[bool, bool]], verdicts: dict[int, bool]
) -> bool:
    """Whether an item is compared: its own name says so, else what its parent is."""
    rules = contents.rules
    for one in (item, *item.ancestors()):
        label = label_of(one)
        if label not in answers:
            ignored = any(pattern.match(label) for pattern in rules.ignored_items)
            asked = any(pattern.match(label) for pattern in rules.only_items)
            answers[label] = ignored, asked
        ignored, asked = answers[label]
        if ignored:
            return False
        if asked:
            verdicts[item.seq] = True
    if rules.only_items:
        return verdicts.get(item.seq, False)
    return not (item.kind == "event" and item.name == HEARTBEAT_EVENT)


def _spans_bottom_up(side: Side) -> Sequence[int]:
    order = []
    todo = [seq for seq in side.children[_TOP] if seq in side.children]
    while todo:
        seq = todo.pop()
        order.append(seq)
        todo.extend(child for child in side.children[seq] if child in side.children)
    return order[::-1]


def _close(side: Side, seq: int, contents: Contents) -> None:
    """Work out a span's hash, when those of its children are known."""
    children = side.children[seq]
    _order_concurrent(side, children, contents)
    trees = side.trees
    side.trees[seq] = hash((side.keys[seq], *map(trees.__getitem__, children)))
    side.sizes[seq] = 1 + sum(map(side.sizes.__getitem__, children))


def _order_concurrent(side: Side, children: list[int], contents: Contents) -> None:
    """Put spans that overlap in time into the places that they have together, in an order of their own."""
    items = side.items
    if side.spans.isdisjoint(children):
        return
    spans = [place for place, seq in enumerate(children) if seq in side.spans]
    cluster: list[int] = []
    reached = -1.0
    for place in [*spans, -1]:
        item = items[children[place]] if place >= 0 else None
        if item is not None and item.start_ns < reached:
            cluster.append(place)
        else:
            _settle(side, children, cluster, contents)
            cluster = [place]
            reached = -1.0
        if item is not None:
            end = float("inf") if item.end_ns is None else item.end_ns
            reached = max(reached, end)


def _settle(side: Side, children: list[int], cluster: list[int], contents: Contents) -> None:
    if len(cluster) < 2:
        return
    number = children[cluster[0]]
    # What they say decides, and not their hashes: Python's are others in each process.
    own = {children[place]: contents.text(side.items[children[place]]) for place in cluster}
    groups = side.groups
    often = Counter((groups[seq], text) for seq, text in own.items())
    whole = {
        seq: b"" if often[groups[seq], text] == 1 else _text_below(side, seq, contents)
        for seq, text in own.items()
    }
    ordered = sorted(own, key=lambda seq: (groups[seq], own[seq], whole[seq]))
    for place, seq in zip(cluster, ordered, strict=True):
        children[place] = seq
        side.clusters[seq] = number


def _text_below(side: Side, seq: int, contents: Contents) -> bytes:
    """What all below a span says, as a hash; what is concurrent there has been put into its order."""
    digest = blake2b(digest_size=16)
    todo = list(side.children.get(seq, ()))[::-1]
    while todo:
        below = todo.pop()
        if below < 0:
            digest.update(b")")
            continue
        digest.update(contents.text(side.items[below]) + b"(")
        todo.append(-1)
        todo.extend(side.children.get(below, ())[::-1])
    return digest.digest()
