"""Which item of the one run is which of the other: from the top down, and then what has moved.

Below two spans that are the same thing, their children are aligned (`analysis.alignment`); where two subtrees
are equal nothing below them is looked at. What has no partner in its place may have one elsewhere: in the
same cluster of concurrent spans, where order says nothing, or anywhere else, which is a move.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import eq
from typing import Literal

from otel_replay.analysis.alignment import Alignment, Pair, align
from otel_replay.analysis.moves import find_moves
from otel_replay.diffing.concurrent import exchange_partners
from otel_replay.diffing.content import Contents
from otel_replay.diffing.likeness import LEAST, Likeness
from otel_replay.diffing.sides import Side
from otel_replay.diffing.streaks import cut_into_streaks

__all__ = ["How", "Row", "pair_runs"]

How = Literal["paired", "removed", "added", "moved", "moved here", "not reached"]

_TOP = -1
_PAIRED: How = "paired"
_ALIKE_ELSEWHERE = 0.8
_LONG = 400
_MANY_SUBJECTS = 16


@dataclass(slots=True, eq=False)
class Row:
    """An item of either run, or of both: -1 where there is none.

    Attributes
    ----------
    left, right:
        The numbers (`seq`) of the items.
    how:
        `paired` and `moved` have both; the place to which something moved has a row `moved here`.
    equal:
        The two subtrees are equal: nothing below is told.
    rows:
        What is below, in an order that both runs have.
    """

    left: int
    right: int
    how: How = "paired"
    equal: bool = False
    rows: Sequence[Row] = field(default=())

    def walk(self) -> Iterator[Row]:
        """The row and all below it, parents first."""
        todo = [self]
        while todo:
            row = todo.pop()
            yield row
            todo.extend(reversed(row.rows))


def pair_runs(left: Side, right: Side, contents: Contents) -> Row:
    """The rows of both runs below one for the runs themselves."""
    return _Pairing(left, right, contents).run()


class _Pairing:
    def __init__(self, left: Side, right: Side, contents: Contents) -> None:
        self.left, self.right = left, right
        # The aligner asks by one number for either side: the second run's come after the first's.
        self.offset = len(left.items)
        self.trees = left.trees + right.trees
        self.groups = left.groups + right.groups
        self.look_inside_equal = contents.rules.times is not None
        self.likeness = Likeness(left, right, contents)
        self.left_alone: list[Row] = []
        self.right_alone: list[Row] = []

    def run(self) -> Row:
        top = Row(_TOP, _TOP)
        self.below(top)
        while self.find_moves():
            pass
        return top

    def below(self, top: Row) -> None:
        """Pair everything below two items that are the same thing."""
        todo = [top]
        here, there, inside = self.left.children, self.right.children, self.look_inside_equal
        while todo:
            row = todo.pop()
            a, b = here.get(row.left, []), there.get(row.right, [])
            if not a and not b:
                continue
            row.rows = rows = self.siblings(row, a, b)
            for one in rows:
                if one.how != "paired":
                    (self.left_alone if one.left >= 0 else self.right_alone).append(one)
                elif (one.left in here or one.right in there) and (inside or not one.equal):
                    todo.append(one)

    def siblings(self, parent: Row, a: list[int], b: list[int]) -> list[Row]:
        left, right = self.left, self.right
        if list(map(left.trees.__getitem__, a)) == list(map(right.trees.__getitem__, b)):
            return [Row(i, j, equal=True) for i, j in zip(a, b, strict=True)]
        rows = list(self.aligned(a, b) if len(a) + len(b) < _LONG else self.long(a, b))
        exchange_partners(rows, left, right)
        if len(rows) == len(a) == len(b):
            return rows
        rows = self.concurrent(rows)
        rows = _paired_in_gaps(rows, left, right)
        return self.cut(parent, rows)

    def long(self, a: list[int], b: list[int]) -> list[Row]:
        """Many siblings: what is equal goes in streaks, and so does what is about the same things."""
        rows: list[Row] = []
        trees = list(map(self.left.trees.__getitem__, a)), list(map(self.right.trees.__getitem__, b))
        for piece in cut_into_streaks(*trees):
            here, there = a[piece.left : piece.left_end], b[piece.right : piece.right_end]
            if piece.equal:
                rows += map(Row, here, there, repeat(_PAIRED), repeat(True))
            elif len(here) + len(there) < _LONG:
                rows += self.aligned(here, there)
            else:
                rows += self.by_subjects(here, there)
        return rows

    def by_subjects(self, a: list[int], b: list[int]) -> Iterable[Row]:
        """Where nearly all values have drifted, what the decisions are about is the same all the same."""
        left, right = self.left, self.right
        subjects, others = list(map(left.groups.__getitem__, a)), list(map(right.groups.__getitem__, b))
        # A handful of subjects would come into step with themselves anywhere.
        if len(set(subjects)) < _MANY_SUBJECTS:
            return self.aligned(a, b)
        rows: list[Row] = []
        for piece in cut_into_streaks(subjects, others):
            here, there = a[piece.left : piece.left_end], b[piece.right : piece.right_end]
            if piece.equal:
                trees = map(left.trees.__getitem__, here), map(right.trees.__getitem__, there)
                rows += map(Row, here, there, repeat(_PAIRED), map(eq, *trees))
            else:
                rows += self.aligned(here, there)
        return rows

    def aligned(self, a: list[int], b: list[int]) -> Iterable[Row]:
        left, right = self.left, self.right
        if len(a) == len(b) == 1 and left.groups[a[0]] == right.groups[b[0]]:
            # The only one on either side, and about the same thing.
            return [Row(a[0], b[0], equal=left.trees[a[0]] == right.trees[b[0]])]
        found = align(
            a,
            [j + self.offset for j in b],
            self.likeness_of,
            key=self.trees.__getitem__,
            identity=self.groups.__getitem__,
            group=self.groups.__getitem__,
            least=LEAST,
        )
        return [
            Row(
                -1 if i is None else a[i],
                -1 if j is None else b[j],
                "removed" if j is None else "added" if i is None else "paired",
                i is not None and j is not None and left.trees[a[i]] == right.trees[b[j]],
            )
            for i, j, _ in found.pairs
        ]

    def likeness_of(self, i: int, j: int) -> float:
        return self.likeness(i, j - self.offset)

    def concurrent(self, rows: list[Row]) -> list[Row]:
        """Pair what has no partner among spans that ran at the same time, whose order says nothing."""
        left, right = self.left, self.right
        if not left.clusters or not right.clusters:
            return rows
        together = {
            (left.clusters[row.left], right.clusters[row.right])
            for row in rows
            if row.how == "paired" and row.left in left.clusters and row.right in right.clusters
        }
        alone = [row for row in rows if row.how == "removed" and row.left in left.clusters]
        others = [row for row in rows if row.how == "added" and row.right in right.clusters]
        if not alone or not others:
            return rows
        taken = set()
        for one, other, _ in self.moves(alone, others, least=LEAST):
            where = left.clusters[one.left], right.clusters[other.right]
            if where in together or not any(where[0] == a or where[1] == b for a, b in together):
                self.join(one, other)
                taken.add(other)
        return [row for row in rows if row not in taken]

    def join(self, row: Row, other: Row, how: How = "paired") -> None:
        row.right, row.how = other.right, how
        row.equal = self.left.trees[row.left] == self.right.trees[row.right]

    def moves(
        self, alone: Sequence[Row], others: Sequence[Row], *, least: float
    ) -> Iterator[tuple[Row, Row, float]]:
        a, b = [row.left for row in alone], [row.right + self.offset for row in others]
        pairs = [*(Pair(i, None) for i in range(len(a))), *(Pair(None, j) for j in range(len(b)))]
        for move in find_moves(
            Alignment(pairs=tuple(pairs), exact=True),
            a,
            b,
            self.likeness_of,
            key=self.trees.__getitem__,
            group=self.groups.__getitem__,
            least=least,
        ):
            yield alone[move.left], others[move.right], move.similarity

    def cut(self, parent: Row, rows: list[Row]) -> list[Row]:
        """What comes last on one side only, where the other side's recording ended, was not reached by it."""
        for side, mine, how in ((self.right, parent.right, "removed"), (self.left, parent.left, "added")):
            if not side.cut_at(mine):
                continue
            for row in reversed(rows):
                if row.how not in {how, "not reached"}:
                    break
                row.how = "not reached"
        return rows

    def find_moves(self) -> bool:
        """Whether something was found elsewhere, below which there is more to pair."""
        alone = [row for row in self.left_alone if row.how == "removed"]
        others = [row for row in self.right_alone if row.how == "added"]
        self.left_alone, self.right_alone = [], []
        deeper = False
        for row, other, _ in self.moves(alone, others, least=_ALIKE_ELSEWHERE):
            self.join(row, other, "moved")
            other.how = "moved here"
            if not row.equal:
                self.below(row)
                deeper = True
        return deeper


def _paired_in_gaps(rows: list[Row], left: Side, right: Side) -> list[Row]:
    """Between two pairs, the only removed and the only added item of a subject are one that was changed."""
    alone = [place for place, row in enumerate(rows) if row.how != "paired"]
    gone = {left.trees[rows[place].left] for place in alone if rows[place].how == "removed"}
    new = {right.trees[rows[place].right] for place in alone if rows[place].how == "added"}
    elsewhere = gone & new  # what stands unchanged in another place has moved there
    result: list[Row] = []
    gap: list[Row] = []
    reached = 0
    for place in alone:
        if place > reached:
            result += _paired_in_gap(gap, left, right, elsewhere)
            result += rows[reached:place]
            gap = []
        gap.append(rows[place])
        reached = place + 1
    return result + _paired_in_gap(gap, left, right, elsewhere) + rows[reached:]


def _paired_in_gap(gap: list[Row], left: Side, right: Side, elsewhere: set[int]) -> list[Row]:
    removed: defaultdict[int, list[Row]] = defaultdict(list)
    added: defaultdict[int, list[Row]] = defaultdict(list)
    for row in gap:
        if row.how == "removed" and left.trees[row.left] not in elsewhere:
            removed[left.groups[row.left]].append(row)
        elif row.how == "added" and right.trees[row.right] not in elsewhere:
            added[right.groups[row.right]].append(row)
    taken = set()
    for group, rows in removed.items():
        if len(rows) == len(added[group]) == 1:
            (one,), (other,) = rows, added[group]
            one.right, one.how = other.right, "paired"
            taken.add(other)
    return [row for row in gap if row not in taken] if taken else gap
