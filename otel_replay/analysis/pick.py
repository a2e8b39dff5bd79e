"""Which spans of a tree go on the screen when there is room for a few only: the outline before the detail.

Level by level, all spans of a level while they fit; where they do not, each parent gets an equal share, and
of its children those that failed or are open come first, then the earliest.
"""

from __future__ import annotations

from collections.abc import Iterable

from otel_replay.analysis.tree import Fold, Node, Tree

__all__ = ["pick"]


def pick(tree: Tree, limit: int, max_depth: int | None = None) -> int:
    """Fold away, in the tree itself, all but `limit` spans and what is deeper; returns how many stay."""
    room = limit
    level = [tree.top]
    while level:
        too_deep = max_depth is not None and level[0].depth + 1 >= max_depth
        shares = _shares([len(node.children) for node in level], 0 if too_deep else room)
        for node, share in zip(level, shares, strict=True):
            _keep(node, share)
        room -= sum(shares)
        level = [child for node in level for child in node.children]
    return limit - room


def _shares(wanted: list[int], room: int) -> list[int]:
    """How many each may have: what it wants while that is no more than an equal share of what is left."""
    if sum(wanted) <= room:
        return wanted
    shares = [0] * len(wanted)
    left = room
    for rank, index in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        # The rest of the division goes to the later ones, which want most.
        shares[index] = min(wanted[index], left // (len(wanted) - rank))
        left -= shares[index]
    return shares


def _keep(node: Node, share: int) -> None:
    if len(node.children) <= share:
        return
    ranked = sorted(node.children, key=lambda child: not (child.failed or child.open))
    chosen = {id(child) for child in ranked[:share]}
    node.fold.add(_folded(child for child in node.children if id(child) not in chosen))
    node.children = [child for child in node.children if id(child) in chosen]


def _folded(nodes: Iterable[Node]) -> Fold:
    fold = Fold()
    for node in nodes:
        fold.add(node.folded_whole())
    return fold
