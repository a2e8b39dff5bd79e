"""A thousand rules on a run of 100,000 decisions: reading the run, then all of them, each different."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from time import perf_counter, process_time
from typing import Any

from bench.recorded import temporary_directory
from bench.rows import Row, row
from bench.scale import Scale
from otel_replay.analysis.items import Items
from otel_replay.assertions import Checks, attr, check, counting, decision, order, task, values
from otel_replay.assertions.rule import Rule
from otel_replay.loading import load_items
from otel_replay.storage.store import Store

__all__ = ["NAME", "measure"]

NAME = "rules"
_RULES = 1_000
_DECISIONS = 100_000
_BAR_SECONDS = 5.0
_ACTIONS = ("AFR_CORRECTION", "GRADIENT_LIMITING", "CLAMPING_APPLIED")


def measure(scale: Scale) -> list[Row]:
    """Processor seconds for all rules, and for reading the run beforehand."""
    decisions = min(_DECISIONS, scale.decisions[-1])
    with temporary_directory() as place:
        store = place / "store"
        recorder = [sys.executable, "-m", "bench.many_decisions", str(store), "rules", str(decisions)]
        subprocess.run(recorder, check=True)
        read_seconds, read_clock, items = _timed(lambda: load_items("rules", store=Store(store)))
        assert len([item for item in items if item.kind == "decision"]) == decisions
        rules = list(_rules())
        seconds, clock, checks = _timed(lambda: _check(items, rules))
        told_seconds, _, text = _timed(lambda: checks.text)
    failed = len(checks.failures)
    assert text.count("checks failed") == 1
    assert 0 < failed < _RULES, "rules that all pass, or all fail, measure half of the work"
    return [
        row(
            NAME,
            f"{_RULES:,} rules on {decisions:,} decisions",
            seconds,
            unit="s",
            bar=_BAR_SECONDS,
            note=f"{clock:.1f} s by the clock; {failed} failed, which took {told_seconds:.1f} s to tell",
        ),
        row(
            NAME,
            f"reading the {decisions:,} decisions beforehand",
            read_seconds,
            unit="s",
            note=f"{read_clock:.1f} s by the clock",
        ),
    ]


def _timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Processor seconds, seconds by the clock, and what came out."""
    begin, begin_clock = process_time(), perf_counter()
    result = work()
    return process_time() - begin, perf_counter() - begin_clock, result


def _check(items: Items, rules: list[Rule]) -> Checks:
    checks = check(items)
    for rule in rules:
        checks.add(rule)
    return checks


def _rules() -> Iterator[Rule]:
    """Rules of all sorts, no two alike: about values, numbers of items, orders and sums."""
    chance = random.Random(11)
    for number in range(_RULES):
        one, other = decision(chance.choice(_ACTIONS)), decision(chance.choice(_ACTIONS))
        limit = round(chance.uniform(5, 60), 4)
        small = (attr("afr_error_pct").abs() if number % 2 else attr("afr_error_pct")) < limit
        cell = (attr("cell.rpm") == chance.randrange(1500, 7000, 500)) & (attr("weight") > limit)
        a, b = one & cell, other & cell
        yield (
            values.All(one, small),
            values.Any(a, small),
            values.Nothing(a, ~small),
            counting.AtLeast(a & small, 3),
            order.Response(a, other, "5s"),
            order.Precedence(one, b),
            counting.Absence(a.child_of(task("stage 3"))),
            values.Total(attr("weight").expression, a, 1e9),
        )[number % 8]
