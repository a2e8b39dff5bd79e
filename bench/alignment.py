"""How many of the pairs of two runs are found: ours, difflib and by position, on the same mutated runs.

F1 is the harmonic mean of precision and recall of the pairs of steps. What is told is what is missing to 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher

from bench.mutated_runs import Kind, Mutated, Mutation, mutated
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import difference
from otel_replay.analysis.items import Item, Items
from otel_replay.diffing.content import Contents
from otel_replay.diffing.pairing import Row as PairedRow
from otel_replay.diffing.pairing import pair_runs
from otel_replay.diffing.rules import make_rules
from otel_replay.diffing.sides import Side, make_sides

__all__ = ["NAME", "measure"]

NAME = "alignment"
_BAR = 0.01
_UNIT = "of F1"

_RUNS: tuple[tuple[str, Kind, Mutation], ...] = (
    ("agent runs: 10% gone, 10% new, 2% moved, 30% changed", "agent", Mutation()),
    ("tuning runs, the same mutations", "tuning", Mutation()),
    ("tuning runs, every value drifted besides", "tuning", Mutation(changed=0.0, drift=0.05)),
)

Pairs = set[tuple[int, int]]


def measure(scale: Scale) -> list[Row]:
    """One row for each kind of runs and each way to pair them."""
    rows = []
    for what, kind, mutation in _RUNS:
        runs = [mutated(seed, kind, mutation) for seed in range(scale.mutated_runs)]
        for name, pairs, bar in (
            ("missed by ours", ours, _BAR),
            ("missed by difflib", by_difflib, None),
            ("missed by position", by_place, None),
        ):
            missing = [1 - f1(pairs(run), run) for run in runs]
            mean = sum(missing) / len(missing)
            note = f"worst of {len(runs)}: {max(missing):.3f}; mean F1 {1 - mean:.4f}"
            figure = difference([mean])
            rows.append(row(NAME, f"{what}: {name}", figure, unit=_UNIT, bar=bar, note=note))
    return rows


def f1(found: Pairs, run: Mutated) -> float:
    """The harmonic mean of precision and recall of `found`."""
    right = len(found & run.truth)
    return 2 * right / (len(found) + len(run.truth)) if found or run.truth else 1.0


def ours(run: Mutated) -> Pairs:
    """What `otel-replay diff` takes for the same step."""
    contents = Contents(make_rules())
    left, right = make_sides(run.before, run.after, contents)
    pairs = _of_rows(pair_runs(left, right, contents), left, right)
    steps = {item.seq for item in _steps(run.before)}
    return {pair for pair in pairs if pair[0] in steps}


def _of_rows(top: PairedRow, left: Side, right: Side) -> Iterator[tuple[int, int]]:
    for one in top.walk():
        if one.left >= 0 and one.right >= 0:
            yield one.left, one.right
            if one.equal and not one.rows:
                yield from _below(one.left, one.right, left, right)


def _below(i: int, j: int, left: Side, right: Side) -> Iterator[tuple[int, int]]:
    """The pairs below two equal subtrees, into which nobody looked."""
    for a, b in zip(left.children.get(i, ()), right.children.get(j, ()), strict=True):
        yield a, b
        yield from _below(a, b, left, right)


def by_difflib(run: Mutated) -> Pairs:
    """The standard library's line diff: equal or not."""
    a, b = list(_steps(run.before)), list(_steps(run.after))
    matcher = SequenceMatcher(None, [*map(_text, a)], [*map(_text, b)], autojunk=False)
    return {
        (a[block.a + place].seq, b[block.b + place].seq)
        for block in matcher.get_matching_blocks()
        for place in range(block.size)
    }


def by_place(run: Mutated) -> Pairs:
    """The first with the first, and so on."""
    return {(a.seq, b.seq) for a, b in zip(_steps(run.before), _steps(run.after), strict=False)}


def _steps(items: Items) -> Iterator[Item]:
    return (item for item in items if item.kind in {"decision", "tool call"})


def _text(item: Item) -> str:
    return json.dumps([item.name, dict(item.attributes)], sort_keys=True)
