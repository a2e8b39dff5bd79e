"""Where time and money went, in lines for a person: percentiles, the critical path, idle time, cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from otel_replay.analysis.distribution import PERCENTILES, Distribution
from otel_replay.cli import people
from otel_replay.cli.bars import bar
from otel_replay.cli.table import table_lines
from otel_replay.cli.terminal import Screen, Text

if TYPE_CHECKING:
    from otel_replay.analysis.cost import Prices
    from otel_replay.analysis.generations import ModelTotals
    from otel_replay.analysis.summary import Summary

__all__ = ["cost_lines", "critical_lines", "idle_lines", "length_cells", "percentile_lines", "rate_cell"]

_NAMES_SHOWN = 15
_ENOUGH_TO_RANK = 2
_BAR_CELLS = 12
_WORTH_TELLING = 0.01


def length_cells(lengths: Distribution) -> list[Text]:
    """A cell for each percentile."""
    found = lengths.percentiles_ns()
    return [Text("" if length is None else people.duration(length)) for length in found.values()]


def rate_cell(failed: int, count: int) -> Text:
    """The part that failed, empty where nothing did."""
    return Text((f"{failed / count:.1%}", "failed")) if failed and count else Text()


def percentile_lines(summary: Summary, screen: Screen) -> Iterator[Text]:
    """Percentiles of what happened more than once, by name."""
    ranked = sorted(
        (row for row in summary.names.items() if row[1].lengths.count >= _ENOUGH_TO_RANK),
        key=lambda row: -row[1].total_ns,
    )
    rows = [
        [
            Text((name, kind)),
            Text(f"{totals.count:,}"),
            rate_cell(totals.failed, totals.count),
            *length_cells(totals.lengths),
            Text(people.duration(totals.longest_ns)),
        ]
        for (kind, name), totals in ranked[:_NAMES_SHOWN]
    ]
    titles = ("", "count", "errors", *(f"p{percent}" for percent in PERCENTILES), "longest")
    yield from table_lines(titles, rows, screen)
    if len(ranked) > _NAMES_SHOWN:
        yield Text((f"  {screen.ellipsis} {len(ranked) - _NAMES_SHOWN:,} more names; --json has all", "dim"))


def critical_lines(summary: Summary, screen: Screen) -> Iterator[Text]:
    """What the end of the run waited for; nothing where nothing went on side by side."""
    whole_ns = sum(summary.critical_ns.values())
    self_ns = sum(totals.self_ns for totals in summary.names.values())
    if len(summary.critical_ns) < _ENOUGH_TO_RANK or self_ns <= whole_ns:
        return  # one after the other: where the time went says it all
    rows = []
    for (kind, name), time_ns in sorted(summary.critical_ns.items(), key=lambda row: -row[1])[:_NAMES_SHOWN]:
        share = time_ns / max(1, whole_ns)
        cells = [Text((name, kind)), Text(people.duration(time_ns)), Text(f"{share:.0%}")]
        rows.append([*cells, Text((bar(share, _BAR_CELLS), "dim"))])
    yield from table_lines(("", "on path", "of path", ""), rows, screen)


def idle_lines(summary: Summary, screen: Screen) -> Iterator[Text]:  # noqa: ARG001 - a section's signature
    """How long nothing was open below the root, where that is worth a line."""
    idle = summary.idle
    share = idle.total_ns / max(1, summary.duration_ns)
    if share >= _WORTH_TELLING:
        yield Text(
            f"  {people.duration(idle.total_ns)} ({share:.0%} of the run) with nothing open below the root, "
            f"in {people.counted(idle.stretches, 'stretch', 'stretches')}; the longest "
            f"{people.duration(idle.longest_ns)}"
        )
    if idle.longest_pause_ns >= _WORTH_TELLING * max(1, summary.duration_ns):
        yield Text(f"  longest pause between two decisions: {people.duration(idle.longest_pause_ns)}")


def cost_lines(models: Mapping[str, ModelTotals], prices: Prices | None, screen: Screen) -> Iterator[Text]:
    """What models cost, as recorded and by the user's prices; nothing where neither is known."""
    rows = []
    for model, totals in models.items():
        price = None if prices is None else prices.of(model)
        if not totals.costs and prices is None:
            continue
        rows.append(
            [
                Text((model, "generation")),
                Text(f"{totals.input_tokens + totals.output_tokens:,}"),
                Text(f"{totals.cost_usd:,.4f}" if totals.costs else ""),
                Text(f"{totals.costs:,} of {totals.count:,}" if totals.costs else ""),
                Text("no price" if prices is not None and price is None else ""),
                Text("" if price is None else f"{price.of(totals):,.4f}"),
            ]
        )
    yield from table_lines(("", "tokens", "recorded USD", "calls", "missing", "by --prices"), rows, screen)
