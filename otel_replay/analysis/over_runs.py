"""Many runs in numbers: what spans, models, tools and actions came to over all of them, and from run to run.

Takes in one summary after the other, so memory grows with the number of runs and of different names, and
not with what the runs hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from otel_replay.analysis.bounded import OTHERS, entry
from otel_replay.analysis.distribution import Distribution
from otel_replay.analysis.generations import ModelTotals
from otel_replay.analysis.summary import Summary, Totals

if TYPE_CHECKING:
    from otel_replay.analysis.cost import Prices

__all__ = ["GROUPINGS", "Grouping", "OneRun", "OverRuns", "Row"]

Grouping = Literal["name", "action", "model", "tool"]
GROUPINGS: tuple[str, ...] = get_args(Grouping)

_MOST_STEPS = 1_000
"""Runs of which a row keeps its median one by one: the newest so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRun:
    """What one run came to. `cost_usd` is None where nobody recorded a cost, `priced` without prices.

    `bad_lines` and `unread_counts` (of tokens) cannot be read, and `lost` records could not be kept: the
    other numbers are without them.
    """

    run_id: str
    name: str
    status: str
    started_ns: int
    duration_ns: int
    decisions: int
    spans: int
    failed: int
    generations: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    priced: float | None
    bad_lines: int = 0
    lost: int = 0
    unread_counts: int = 0


@dataclass(slots=True, kw_only=True)
class Row:
    """What one name, action, model or tool came to in all runs. Of an action only `count` and `runs` mean
    anything.

    `trend` is of each run that has it, in order: its median length in nanoseconds; of an action its count.
    """

    kind: str = ""
    runs: int = 0
    totals: Totals | ModelTotals = field(default_factory=Totals)
    trend: list[int] = field(default_factory=list)

    def add(self, kind: str, totals: Totals | ModelTotals, median: int | None) -> None:
        """Take in what it came to in one run."""
        self.kind = kind
        self.runs += 1
        _add(self.totals, totals)
        if median is not None:
            self.trend.append(median)
            del self.trend[:-_MOST_STEPS]


class OverRuns:
    """Takes in runs in their order.

    Parameters
    ----------
    by:
        Whose totals are wanted.
    prices:
        The user's prices, where there are any.
    """

    def __init__(self, by: Grouping = "name", prices: Prices | None = None) -> None:
        self.by = by
        self.prices = prices
        self.runs: list[OneRun] = []
        self.rows: dict[str, Row] = {}

    def add(
        self, run_id: str, name: str, status: str, started_ns: int, summary: Summary, unread: int = 0
    ) -> None:
        """Take in one run; `unread` parts of its file could not be read."""
        models = summary.models.values()
        recorded = [model.cost_usd for model in models if model.costs]
        self.runs.append(
            OneRun(
                run_id=run_id,
                name=name,
                status=status,
                started_ns=started_ns or summary.start_ns,
                duration_ns=summary.duration_ns,
                decisions=summary.decisions,
                spans=summary.spans,
                failed=sum(totals.failed for totals in summary.kinds.values()),
                generations=sum(model.count for model in models),
                input_tokens=sum(model.input_tokens for model in models),
                output_tokens=sum(model.output_tokens for model in models),
                cost_usd=sum(recorded) if recorded else None,
                priced=self._priced(summary),
                bad_lines=summary.bad_lines + unread,
                lost=sum(summary.losses.values()),
                unread_counts=sum(model.unread_counts for model in models),
            )
        )
        make = Row if self.by != "model" else _row_of_models
        for name_of, (kind, totals, median) in _parts(self.by, summary).items():
            entry(self.rows, name_of, OTHERS, make).add(kind, totals, median)

    def _priced(self, summary: Summary) -> float | None:
        if self.prices is None:
            return None
        found = [(self.prices.of(model), totals) for model, totals in summary.models.items()]
        return sum(price.of(totals) for price, totals in found if price is not None)

    def ranked(self) -> list[tuple[str, Row]]:
        """The rows, those that took most time first; actions by their number."""
        return sorted(self.rows.items(), key=lambda row: (-row[1].totals.total_ns, -row[1].totals.count))


def _row_of_models() -> Row:
    return Row(totals=ModelTotals())


_Part = tuple[str, Totals | ModelTotals, int | None]


def _parts(by: Grouping, summary: Summary) -> dict[str, _Part]:
    if by == "model":
        return {name: ("generation", one, one.lengths.percentile(50)) for name, one in summary.models.items()}
    if by == "tool":
        return {name: ("tool call", one, one.lengths.percentile(50)) for name, one in summary.tools.items()}
    if by == "action":
        return {name: ("decision", Totals(count=count), count) for name, count in summary.actions.items()}
    found: dict[str, _Part] = {}
    for (kind, name), totals in summary.names.items():
        # A name that spans of two kinds share is two rows.
        key = f"{name} ({kind})" if name in found else name
        found[key] = (kind, totals, totals.lengths.percentile(50))
    return found


def _add(into: Any, more: Any) -> None:
    for part in fields(into):
        mine, other = getattr(into, part.name), getattr(more, part.name)
        if isinstance(mine, Distribution):
            mine.merge(other)
        elif part.name == "longest_ns":
            setattr(into, part.name, max(mine, other))
        else:
            setattr(into, part.name, mine + other)
