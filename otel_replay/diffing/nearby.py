"""What stands around the first divergence: the last things that were the same, and what came after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from otel_replay.analysis.titles import title_of
from otel_replay.diffing.findings import Finding
from otel_replay.diffing.pairing import Row
from otel_replay.diffing.sides import Side

__all__ = ["Neighbour", "neighbours"]

_BEFORE, _AFTER = 3, 2


class Neighbour(NamedTuple):
    """A sibling: its title, and how it compares (`same`, `changed`, `added`, …); `here` is the divergence."""

    title: str
    how: str
    here: bool = False


def neighbours(top: Row, finding: Finding, left: Side, right: Side) -> Iterator[Neighbour]:
    """The siblings of a finding that are next to it, in their order."""
    before = -1 if finding.before is None else finding.before.seq
    after = -1 if finding.after is None else finding.after.seq
    for parent in top.walk():
        for place, row in enumerate(parent.rows):
            if row.left == before and row.right == after:
                for near in range(max(0, place - _BEFORE), min(len(parent.rows), place + _AFTER + 1)):
                    yield _neighbour(parent.rows[near], left, right, here=near == place)
                return


def _neighbour(row: Row, left: Side, right: Side, *, here: bool) -> Neighbour:
    item = left.items[row.left] if row.left >= 0 else right.items[row.right]
    how = row.how
    if how == "paired":
        how_text = "same" if row.equal else "changed"
    else:
        how_text = "moved" if how == "moved here" else how
    return Neighbour(title_of(item), how_text, here)
