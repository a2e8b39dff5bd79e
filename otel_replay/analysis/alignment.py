"""Two sequences laid side by side: which item of one is which of the other, and which have no partner.

It is the global alignment of Needleman and Wunsch with a similarity anywhere between 0 and 1, and with the
same price for every item that is left alone. The best alignment is then the heaviest rising chain of pairs,
where a pair weighs what its similarity has above `least`: pairs that are worth nothing need no table.

What is equal is told by a key, which costs next to nothing: equal beginnings and ends are paired off first.
Where more similarities would have to be worked out than `work` allows, the sequences are cut at anchors
(`analysis.anchors`), by their keys or, failing that, by their identities; what is still too large is aligned
in a band around its diagonal. Within `work` the result is the best there is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from otel_replay.analysis.anchors import rising, unique, worthwhile

__all__ = ["Alignment", "Key", "Pair", "Similarity", "align"]

T = TypeVar("T")

Similarity = Callable[[T, T], float]
"""How alike two items are: 0 (nothing in common) to 1 (equal). Called for items with different keys only."""
Key = Callable[[T], Hashable]

_WORK = 20_000


class Pair(NamedTuple):
    """One row of an alignment: an item on the left, on the right, or both; `similarity` 0 for one alone."""

    left: int | None
    right: int | None
    similarity: float = 0.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """Two sequences side by side.

    `pairs` holds every item of both exactly once, in an order that keeps both sequences' own. Between two
    pairs come first the items that only the left has, then those that only the right has. `exact` says that
    no better alignment exists; it is False where there was more to work out than was allowed.
    """

    pairs: tuple[Pair, ...]
    exact: bool

    @property
    def matched(self) -> list[Pair]:
        """The rows that have both sides."""
        return [pair for pair in self.pairs if pair.left is not None and pair.right is not None]

    @property
    def only_left(self) -> list[int]:
        """Items of the left without a partner."""
        return [pair.left for pair in self.pairs if pair.right is None and pair.left is not None]

    @property
    def only_right(self) -> list[int]:
        """Items of the right without a partner."""
        return [pair.right for pair in self.pairs if pair.left is None and pair.right is not None]

    @property
    def score(self) -> float:
        """The share of the two sequences that is the same: 1 for equal ones (and for two empty ones)."""
        rows = 2 * len(self.pairs) - sum(1 for pair in self.pairs if pair.left is None or pair.right is None)
        return 2 * sum(pair.similarity for pair in self.pairs) / rows if rows else 1.0


def align(
    left: Sequence[T],
    right: Sequence[T],
    similarity: Similarity[T],
    *,
    key: Key[T],
    identity: Key[T] | None = None,
    group: Key[T] | None = None,
    least: float = 0.3,
    work: int = _WORK,
) -> Alignment:
    """Lay `left` and `right` side by side.

    Parameters
    ----------
    left, right:
        The sequences.
    similarity:
        0 to 1, the same both ways. Two items below `least` are never partners.
    key:
        Equal for two items exactly when they are equal: then they are partners of similarity 1.
    identity:
        What says that two items are the same thing although they differ (action and cell of a decision, name
        and place of a call). It finds anchors where nothing is equal; it is no similarity by itself.
    group:
        Items of different groups are never partners (a tool call is no decision); saves looking.
    least:
        The similarity that two items must have more than to be partners, 0 to 1. Two weak pairs are not
        preferred to a strong one.
    work:
        How many similarities may be worked out before anchors are used, and for each stretch between them.

    Raises
    ------
    ValueError
        If `least` is not between 0 and 1.
    """
    if not 0 <= least < 1:
        raise ValueError(f"least={least} is not a similarity from 0 to 1")
    sides = _Sides(left, right, similarity, key=key, identity=identity, group=group, least=least)
    found: list[_Match] = []
    exact = True
    blocks = [_Block(0, len(left), 0, len(right))]
    while blocks:
        block, ends = _trimmed(sides, blocks.pop())
        found += ends
        if block.is_empty:
            continue
        if sides.cost(block, work) <= work:
            found += _heaviest(sides, block, None)
            continue
        exact = False
        anchors = _anchors(sides, block)
        if anchors:
            found += anchors
            blocks += _between(block, anchors)
        else:
            found += _heaviest(sides, block, max(16, work // (2 * block.rows)))
    return Alignment(pairs=tuple(_rows(sorted(found), len(left), len(right))), exact=exact)


# -- the two sides -----------------------------------------------------------------------------------------


class _Match(NamedTuple):
    left: int
    right: int
    similarity: float


class _Block(NamedTuple):
    """A stretch of either side: from (included) and to (excluded)."""

    left: int
    left_end: int
    right: int
    right_end: int

    @property
    def rows(self) -> int:
        return self.left_end - self.left

    @property
    def columns(self) -> int:
        return self.right_end - self.right

    @property
    def is_empty(self) -> bool:
        return self.left >= self.left_end or self.right >= self.right_end


class _Sides(Generic[T]):
    """Both sequences with what is known of their items, as numbers: equal keys have equal numbers."""

    def __init__(
        self,
        left: Sequence[T],
        right: Sequence[T],
        similarity: Similarity[T],
        *,
        key: Key[T],
        identity: Key[T] | None,
        group: Key[T] | None,
        least: float,
    ) -> None:
        self.left, self.right = left, right
        self.least = least
        self._similarity = similarity
        self.left_keys, self.right_keys = _numbered(left, right, key)
        self.kinds = [(self.left_keys, self.right_keys)]
        if identity is not None:
            self.kinds.append(_numbered(left, right, identity))
        one = [0] * len(left), [0] * len(right)
        self.left_groups, self.right_groups = _numbered(left, right, group) if group else one
        self._known: dict[tuple[int, int], float] = {}

    def cost(self, block: _Block, enough: int) -> int:
        """How many pairs a block has at most; counted by groups only where there may be too many."""
        if block.rows * block.columns <= enough:
            return block.rows * block.columns
        rows = Counter(self.left_groups[block.left : block.left_end])
        columns = Counter(self.right_groups[block.right : block.right_end])
        return sum(count * columns[group] for group, count in rows.items())

    def similarity(self, i: int, j: int) -> float:
        """How alike two items are; worked out once for each two keys."""
        pair = self.left_keys[i], self.right_keys[j]
        if pair[0] == pair[1]:
            return 1.0
        known = self._known.get(pair)
        if known is None:
            known = self._known[pair] = self._similarity(self.left[i], self.right[j])
        return known


def _numbered(left: Sequence[T], right: Sequence[T], key: Key[T]) -> tuple[list[int], list[int]]:
    numbers: dict[Hashable, int] = {}
    both = [[numbers.setdefault(key(item), len(numbers)) for item in side] for side in (left, right)]
    return both[0], both[1]


def _trimmed(sides: _Sides[T], block: _Block) -> tuple[_Block, list[_Match]]:
    """A block without the equal items at its beginning and end; and these. An alignment that is best for the
    rest is best with them, because no pair is worth more than an equal one."""
    left, right = sides.left_keys, sides.right_keys
    i, i_end, j, j_end = block
    found = []
    while i < i_end and j < j_end and left[i] == right[j]:
        found.append(_Match(i, j, 1.0))
        i, j = i + 1, j + 1
    while i < i_end and j < j_end and left[i_end - 1] == right[j_end - 1]:
        i_end, j_end = i_end - 1, j_end - 1
        found.append(_Match(i_end, j_end, 1.0))
    return _Block(i, i_end, j, j_end), found


# -- the best alignment of a block ---------------------------------------------------------------------------


def _heaviest(sides: _Sides[T], block: _Block, width: int | None) -> list[_Match]:
    """The heaviest rising chain of a block's pairs; with a `width`, of those in the band around its diagonal.

    Row by row. For every weight that a chain may have, the smallest column at which one of that weight ends:
    `columns` and `weights` rise together, so the best chain before a column is found by bisection.
    """
    by_group: defaultdict[int, list[int]] = defaultdict(list)
    for j in range(block.right, block.right_end):
        by_group[sides.right_groups[j]].append(j)
    columns: list[int] = []
    weights: list[float] = []
    ends: list[_Link] = []
    least, similarity = sides.least, sides.similarity
    for i in range(block.left, block.left_end):
        candidates = by_group.get(sides.left_groups[i], [])
        if width is not None:
            low, high = _band(block, i, width)
            candidates = candidates[bisect_left(candidates, low) : bisect_right(candidates, high)]
        # From the right: a chain that goes through this row must not find the row's own pairs.
        for j in reversed(candidates):
            like = similarity(i, j)
            if like <= least:
                continue
            place = bisect_left(columns, j)
            weight = like - least + (weights[place - 1] if place else 0.0)
            # A chain that ends in this column already, and is as good, was there first.
            if place < len(columns) and columns[place] == j and weights[place] >= weight:
                continue
            stop = place
            while stop < len(columns) and weights[stop] <= weight:
                stop += 1
            link = _Link(i, j, like, ends[place - 1] if place else None)
            columns[place:stop], weights[place:stop], ends[place:stop] = [j], [weight], [link]
    return list(_unlinked(ends[-1] if ends else None))


class _Link(NamedTuple):
    left: int
    right: int
    similarity: float
    before: _Link | None


def _unlinked(link: _Link | None) -> Iterator[_Match]:
    while link is not None:
        yield _Match(link.left, link.right, link.similarity)
        link = link.before


def _band(block: _Block, i: int, width: int) -> tuple[int, int]:
    """The columns of a row that lie near the line from corner to corner, first and last."""
    middle = block.right + (i - block.left) * block.columns // max(block.rows, 1)
    slack = abs(block.rows - block.columns)
    # Insertions may all lie in one place: the band is wider by as many as one side has more, up to a limit.
    half = width + min(slack, 3 * width)
    return middle - half, middle + half


# -- anchors ----------------------------------------------------------------------------------------------


def _anchors(sides: _Sides[T], block: _Block) -> list[_Match]:
    """Items that stand once on either side of a block, in an order that both have, and worth their price."""
    for left, right in sides.kinds:
        places = unique(left, block.left, block.left_end)
        others = unique(right, block.right, block.right_end)
        common = [(i, others[number]) for number, i in places.items() if number in others]
        chain = worthwhile(rising(common), (block.left, block.right), (block.left_end, block.right_end))
        matches = [_Match(i, j, sides.similarity(i, j)) for i, j in chain]
        matches = [match for match in matches if match.similarity > sides.least]
        if matches:
            return matches
    return []


def _between(block: _Block, anchors: list[_Match]) -> Iterator[_Block]:
    i, j = block.left, block.right
    for anchor in anchors:
        yield _Block(i, anchor.left, j, anchor.right)
        i, j = anchor.left + 1, anchor.right + 1
    yield _Block(i, block.left_end, j, block.right_end)


def _rows(matches: Iterable[_Match], left_size: int, right_size: int) -> Iterator[Pair]:
    i = j = 0
    for match in (*matches, _Match(left_size, right_size, 0.0)):
        yield from (Pair(alone, None) for alone in range(i, match.left))
        yield from (Pair(None, alone) for alone in range(j, match.right))
        if match.left < left_size:
            yield Pair(*match)
        i, j = match.left + 1, match.right + 1
