"""What the rows of two runs say: every place where they are not the same, in its order in time.

A span's inputs are known when it begins and what came of it when it ends: a task that failed because of what
happened in it is told after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import title_of
from otel_replay.diffing.columns import MOST, Columns, columns_of
from otel_replay.diffing.content import DURATION, Contents, label_of
from otel_replay.diffing.findings import Brief, Finding, How, Where, is_outcome
from otel_replay.diffing.leaves import Leaf, Leaves
from otel_replay.diffing.pairing import Row
from otel_replay.diffing.sides import Side
from otel_replay.diffing.values import Change, value_changes
from otel_replay.records import Decision

__all__ = ["Finder", "Told"]

Told = Columns | tuple[Finding | Brief, list[Leaf]]
"""A finding, with what is not the same in it if it is in brief; or many together."""


class Finder:
    """Goes through the rows of two runs.

    Attributes
    ----------
    leaves:
        Tells what is not the same in two decisions, in brief.
    same:
        How many items are the same, of those that were gone through.
    """

    def __init__(self, left: Side, right: Side, contents: Contents) -> None:
        self.left, self.right, self.contents = left, right, contents
        self.leaves = Leaves(left, right, contents)
        self.same = 0

    def below(self, top: Row) -> Iterator[Told]:
        """All findings below `top` in their order; of those in brief, many together where they are alike."""
        # Of each span its rows that are left, where they stand, and what is told when it ends.
        todo: list[tuple[Iterator[Row], Where, Finding | None]] = [(iter(top.rows), Where(), None)]
        times = self.contents.rules.times is not None
        sizes = self.left.sizes
        alike: list[Row] = []
        while todo:
            rows, where, late = todo[-1]
            for row in rows:
                if row.equal and not times and row.how == "paired":
                    self.same += sizes[row.left]
                    continue
                if row.how == "paired" and not row.rows:
                    alike.append(row)
                    if len(alike) == MOST:
                        yield from self._together(alike, where)
                        alike = []
                    continue
                if row.how == "moved here":
                    continue
                yield from self._together(alike, where)
                alike = []
                found = self._finding(row, where.path)
                self.same += found is None
                ended = found if row.rows and _came_of_it(found) else None
                if found is not None and ended is None:
                    yield found, []
                if row.rows:
                    todo.append((iter(row.rows), self._inside(row, where), ended))
                    break
            else:
                yield from self._together(alike, where)
                alike = []
                todo.pop()
                if late is not None:
                    yield late, []

    def _together(self, rows: Sequence[Row], where: Where) -> Iterator[Told]:
        """What is told of these, below which there is nothing."""
        if not rows:
            return
        seqs = [row.left for row in rows], [row.right for row in rows]
        tolerant = bool(self.contents.rules.tolerances)
        columns = None if tolerant else columns_of(self.left, self.right, seqs, where)
        if columns is not None:
            yield columns
            return
        for row in rows:
            leaves = self.leaves.of(row.left, row.right)
            if leaves:
                yield Brief(row.left, row.right, where), leaves
                continue
            found = self._finding(row, where.path) if leaves is None else None
            self.same += found is None
            if found is not None:
                yield found, []

    def _inside(self, row: Row, where: Where) -> Where:
        first = self.left.items[row.left] if row.left >= 0 else None
        return Where((*where.path, title_of(first or self.right.items[row.right])), first)

    def _finding(self, row: Row, path: tuple[str, ...]) -> Finding | None:
        before = self.left.items[row.left] if row.left >= 0 else None
        after = self.right.items[row.right] if row.right >= 0 else None
        item = before or after
        assert item is not None
        if before is not None and after is not None:
            changes = tuple(self._changes(before, after, row))
            if row.how != "moved" and not changes:
                return None
            how: How = "moved" if row.how == "moved" else "changed"
            size = self.left.sizes[row.left] if row.equal else 1
            return Finding(
                how=how,
                path=path,
                before=before,
                after=after,
                changes=changes,
                items=size,
            )
        assert row.how in {"added", "removed", "not reached"}
        size = self.left.sizes[row.left] if before is not None else self.right.sizes[row.right]
        return Finding(
            how=row.how,
            path=path,
            before=before,
            after=after,
            items=size,
        )

    def _changes(self, before: Item, after: Item, row: Row) -> Iterable[Change]:
        if self.left.keys[row.left] == self.right.keys[row.right]:
            found: list[Change] = []
        else:
            found = self._contents_changed(before, after)
        if self.contents.rules.times is not None and before.is_span and not before.open and not after.open:
            found += self._times(before, after)
        return found

    def _contents_changed(self, before: Item, after: Item) -> list[Change]:
        rules, label = self.contents.rules, label_of(before)
        a, b = before.record, after.record
        if (
            isinstance(a, Decision)
            and isinstance(b, Decision)
            and _only_values_differ(a, b)
            and not rules.strict
        ):
            return value_changes(a.values, b.values, label, rules, ("values",))
        found = value_changes(self.contents.of(before), self.contents.of(after), label, rules)
        if not (before.open or after.open):
            return found
        # What an open span has not got yet, it may still have got.
        late = {*(["removed"] if after.open else []), *(["added"] if before.open else [])}
        return [change for change in found if change.how not in late]

    def _times(self, before: Item, after: Item) -> Iterator[Change]:
        rules = self.contents.rules
        took = tuple((item.duration_ns or 0) / 1e6 for item in (before, after))
        allowed = rules.tolerance(label_of(before), (DURATION,)) or rules.times
        if allowed is not None and not allowed.allows(took[0], took[1]):
            yield Change((DURATION,), took[0], took[1])


def _came_of_it(found: Finding | None) -> bool:
    """Whether it is told after what happened in the span: what it began with was the same."""
    return (
        found is not None
        and bool(found.changes)
        and all(is_outcome(found.item, one) for one in found.changes)
    )


def _only_values_differ(a: Decision, b: Decision) -> bool:
    """Whether nothing else can be another in two decisions; so it is with most that changed."""
    if type(a.values) is not dict or type(b.values) is not dict or a.extra or b.extra:
        return False
    return bool(a.reason == b.reason and a.cell == b.cell)
