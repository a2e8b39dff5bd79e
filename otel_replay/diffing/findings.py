"""What the rows of two runs say: every place where they are not the same, in its order in time.

A span's inputs are known when it begins and what came of it when it ends: a task that failed because of what
happened in it is told after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from otel_replay import attributes as names
from otel_replay.analysis.grid import AFTER_NAMES
from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import title_of
from otel_replay.diffing.content import DURATION, MESSAGE, STATUS, Contents, label_of
from otel_replay.diffing.pairing import Row
from otel_replay.diffing.sides import Side
from otel_replay.diffing.values import Change, value_changes
from otel_replay.records import Decision

__all__ = ["OF_AFTER", "Finding", "How", "are_outcomes", "find", "is_map", "is_outcome"]

How = Literal["changed", "added", "removed", "moved", "not reached"]

_OUTCOMES = frozenset(
    {
        *(STATUS, MESSAGE, DURATION, "reason", "error.type"),
        *(names.GEN_AI_OUTPUT_MESSAGES, names.GEN_AI_TOOL_RESULT, names.GEN_AI_RESPONSE_MODEL),
        *(names.MEMORY_OUTPUT_SHA256, names.MEMORY_FRAMES, names.MEMORY_ERROR),
        *("output.value", "output.mime_type", "traceloop.entity.output"),
    }
)
_OUTCOME_PREFIXES = (
    "gen_ai.response.",
    "gen_ai.usage.",
    "gen_ai.completion.",
    "llm.output_messages.",
    "llm.token_count.",
)

OF_AFTER = frozenset(AFTER_NAMES)
"""Names of what a decision leaves behind, to be asked for all at once."""


@dataclass(slots=True, kw_only=True)
class Finding:
    """One thing that is not the same in both runs.

    Attributes
    ----------
    number:
        Its place among the findings, from 1, in the order in which things happened.
    how:
        `changed`, `added` (only the second run has it), `removed` (only the first), `moved`, or
        `not reached`: the other run's recording ended before.
    path:
        The titles of the spans that it is in, outermost first.
    before, after:
        The item in the first run and in the second.
    changes:
        The values that are not the same.
    items:
        How many decisions, events and spans it stands for: a removed task takes all below it with it.
    follows:
        The number of the earlier finding that explains it; None for one that nothing before explains.
    why:
        In a few words, how it is known what it follows from, or that it is independent.
    """

    number: int = 0
    how: How
    path: tuple[str, ...]
    before: Item | None
    after: Item | None
    changes: tuple[Change, ...] = ()
    items: int = 1
    follows: int | None = None
    why: str = ""

    @property
    def title(self) -> str:
        """What it is, for a person: `AFR_CORRECTION rpm=2000 kpa=65`."""
        return title_of(self.item)

    @property
    def item(self) -> Item:
        """The item, of the first run where that has it."""
        found = self.before if self.before is not None else self.after
        assert found is not None
        return found

    @property
    def independent(self) -> bool:
        """Whether nothing that differed before explains it."""
        return self.follows is None

    @property
    def where(self) -> str:
        """The path and the title as one text."""
        return " > ".join((*self.path, self.title))


def is_outcome(item: Item, change: Change) -> bool:
    """Whether a value is what came of an item, and not what it began with."""
    first = str(change.path[0])
    if first in _OUTCOMES or first.startswith(_OUTCOME_PREFIXES):
        return True
    record = item.record
    if isinstance(record, Decision) and first == "values" and isinstance(record.values, Mapping):
        if any(name in record.values for name in AFTER_NAMES):
            return len(change.path) > 1 and change.path[1] in AFTER_NAMES
        return True
    return False


def is_map(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is a map; asking an abstract class takes ten times as long."""
    return type(value) is dict or isinstance(value, Mapping)


def are_outcomes(item: Item, changes: Sequence[Change]) -> list[bool]:
    """As :func:`is_outcome`, for several changes of an item."""
    values = item.record.values if isinstance(item.record, Decision) else None
    if not is_map(values):
        return [is_outcome(item, change) for change in changes]
    says = not OF_AFTER.isdisjoint(values)
    return [
        (not says or (len(change.path) > 1 and change.path[1] in OF_AFTER))
        if change.path[0] == "values"
        else is_outcome(item, change)
        for change in changes
    ]


def find(top: Row, left: Side, right: Side, contents: Contents) -> tuple[list[Finding], int]:
    """All findings below `top` in their order, and how many items are the same."""
    finder = _Finder(left, right, contents)
    findings = list(finder.below(top))
    for number, finding in enumerate(findings, 1):
        finding.number = number
    return findings, finder.same


class _Finder:
    def __init__(self, left: Side, right: Side, contents: Contents) -> None:
        self.left, self.right, self.contents = left, right, contents
        self.same = 0

    def below(self, top: Row) -> Iterator[Finding]:
        todo: list[tuple[Row, tuple[str, ...]] | Finding] = [(row, ()) for row in reversed(top.rows)]
        times = self.contents.rules.times is not None
        same, sizes = 0, self.left.sizes
        while todo:
            entry = todo.pop()
            if isinstance(entry, Finding):
                yield entry
                continue
            row, path = entry
            if row.equal and not times and row.how == "paired":
                same += sizes[row.left]
                continue
            if row.how == "moved here":
                continue
            finding = self.finding(row, path)
            if finding is None:
                same += 1
            elif (
                row.rows and finding.changes and all(is_outcome(finding.item, one) for one in finding.changes)
            ):
                todo.append(finding)
                finding = None
            if row.rows:
                item = self.left.items[row.left] if row.left >= 0 else self.right.items[row.right]
                inner = (*path, title_of(item))
                todo.extend((one, inner) for one in reversed(row.rows))
            if finding is not None:
                yield finding
        self.same = same

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


def _only_values_differ(a: Decision, b: Decision) -> bool:
    """Whether nothing else can be another in two decisions; so it is with most that changed."""
    if type(a.values) is not dict or type(b.values) is not dict or a.extra or b.extra:
        return False
    return bool(a.reason == b.reason and a.cell == b.cell)
