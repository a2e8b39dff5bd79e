"""What the rows of two runs say: every place where they are not the same, in its order in time.

A span's inputs are known when it begins and what came of it when it ends: a task that failed because of what
happened in it is told after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import title_of
from otel_replay.diffing.content import DURATION, Contents, label_of
from otel_replay.diffing.findings import Brief, Finding, Findings, How, Leaf, Where, is_outcome
from otel_replay.diffing.pairing import Row
from otel_replay.diffing.rules import Path
from otel_replay.diffing.sides import Side
from otel_replay.diffing.values import LEAVES, Change, value_changes
from otel_replay.records import Decision

__all__ = ["find"]

_REASON: Path = ("reason",)
_TEXTS = frozenset({str, bytes})


def find(top: Row, left: Side, right: Side, contents: Contents) -> tuple[Findings, int]:
    """All findings below `top` in their order, and how many items are the same."""
    finder = _Finder(left, right, contents)
    entries = list(finder.below(top))
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, Finding):
            entry.number = number
    return Findings(entries, left.items.items, right.items.items), finder.same


class _Paths(dict[str, Path]):
    """Where a value of a decision stands, made once for each name."""

    def __missing__(self, name: str) -> Path:
        path = self[name] = ("values", name)
        return path


class _Finder:
    def __init__(self, left: Side, right: Side, contents: Contents) -> None:
        self.left, self.right, self.contents = left, right, contents
        self.tolerant = bool(contents.rules.tolerances)
        self.paths = _Paths()
        self.same = 0

    def below(self, top: Row) -> Iterator[Finding | Brief]:
        # Of each span its rows that are left, where they stand, and what is told when it ends.
        todo: list[tuple[Iterator[Row], Where, Finding | None]] = [(iter(top.rows), Where(), None)]
        times = self.contents.rules.times is not None
        sizes = self.left.sizes
        while todo:
            rows, where, late = todo[-1]
            for row in rows:
                if row.equal and not times and row.how == "paired":
                    self.same += sizes[row.left]
                    continue
                if row.how == "moved here":
                    continue
                leaves = self.leaves(row) if row.how == "paired" and not row.rows else None
                if leaves:
                    yield Brief(row.left, row.right, where, leaves)
                    continue
                found = self.finding(row, where.path) if leaves is None else None
                self.same += found is None
                ended = found if row.rows and _came_of_it(found) else None
                if found is not None and ended is None:
                    yield found
                if row.rows:
                    todo.append((iter(row.rows), self.inside(row, where), ended))
                    break
            else:
                todo.pop()
                if late is not None:
                    yield late

    def inside(self, row: Row, where: Where) -> Where:
        first = self.left.items[row.left] if row.left >= 0 else None
        return Where((*where.path, title_of(first or self.right.items[row.right])), first)

    def leaves(self, row: Row) -> list[Leaf] | None:
        """What is not the same in two decisions, where nothing but plain values and the reason can be."""
        i, j = row.left, row.right
        left, right = self.left, self.right
        before, after = left.values[i], right.values[j]
        if type(before) is not dict or type(after) is not dict or before.keys() != after.keys():
            return None
        paths = self.paths
        leaves = [
            (paths[name], one, after[name])
            for name, one in before.items()
            if one != after[name] or type(one) is not type(after[name]) or type(one) not in LEAVES
        ]
        for _, one, other in leaves:
            # NaN is NaN, and is not equal to itself.
            if type(one) is not type(other) or type(one) not in LEAVES or (one != one and other != other):
                return None
        if self.tolerant:
            leaves = [leaf for leaf in leaves if not self.allows(i, leaf)]
            if any(type(one) in _TEXTS for _, one, _ in leaves) or left.reasons[i] != right.reasons[j]:
                return None
        if left.reasons[i] != right.reasons[j]:
            leaves.insert(0, (_REASON, left.reasons[i], right.reasons[j]))
        return leaves

    def allows(self, seq: int, leaf: Leaf) -> bool:
        """Whether a number is the same within its tolerance."""
        path, before, after = leaf
        if type(before) is not float and type(before) is not int:
            return False
        action = self.contents.about[self.left.groups[seq]].action
        tolerance = self.contents.rules.tolerance(action, path)
        return tolerance is not None and tolerance.allows(before, after)

    def finding(self, row: Row, path: tuple[str, ...]) -> Finding | None:
        before = self.left.items[row.left] if row.left >= 0 else None
        after = self.right.items[row.right] if row.right >= 0 else None
        item = before or after
        assert item is not None
        if before is not None and after is not None:
            changes = tuple(self.changes(before, after, row))
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

    def changes(self, before: Item, after: Item, row: Row) -> Iterable[Change]:
        if self.left.keys[row.left] == self.right.keys[row.right]:
            found: list[Change] = []
        else:
            found = self.contents_changed(before, after)
        if self.contents.rules.times is not None and before.is_span and not before.open and not after.open:
            found += self.times(before, after)
        return found

    def contents_changed(self, before: Item, after: Item) -> list[Change]:
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

    def times(self, before: Item, after: Item) -> Iterator[Change]:
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
