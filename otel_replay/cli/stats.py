"""`stats`: many runs in numbers, by name, action, model or tool, and from run to run."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import (
    choosing_options,
    complete_run,
    json_option,
    open_store,
    prices_option,
    store_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_replay.analysis.over_runs import OverRuns, Row
    from otel_replay.cli.terminal import Screen, Text

__all__ = ["command"]

_SHOWN = 30


@click.command("stats")
@click.argument("runs", metavar="RUN...", nargs=-1, shell_complete=complete_run)
@choosing_options
@click.option(
    "--by",
    type=click.Choice(["name", "action", "model", "tool"]),
    default="name",
    show_default=True,
    help="What to add up.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
@prices_option
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    runs: tuple[str, ...],
    all_runs: bool,
    since: str | None,
    by: Any,
    as_csv: bool,
    prices_file: str | None,
    as_json: bool,
) -> int:
    """Add up what happened in many runs: counts, errors, percentiles, tokens, cost, and the trend.

    RUN is a run, a file of any kind (docs/runs.md), or a pattern such as `night-*` that the id or the name
    fits. The trend is the median of each run, the oldest first (of
    actions: the number). A run that cannot be read is told and left out, and the exit code is 2.
    """
    from otel_replay.analysis.over_runs import OverRuns
    from otel_replay.analysis.summary import summarise
    from otel_replay.cli.chosen_runs import ReadRuns, choose_runs
    from otel_replay.cli.prices import read_prices
    from otel_replay.errors import UsageError

    if as_json and as_csv:
        raise UsageError("--json and --csv are two ways of printing: choose one")
    store = open_store(context)
    chosen = ReadRuns(choose_runs(runs, store, all_runs=all_runs, since=since), store)
    found = OverRuns(by, read_prices(prices_file))
    for run in chosen:
        broken = len(chosen.unreadable)
        summary = summarise(run.records)
        if len(chosen.unreadable) == broken:
            found.add(run.run_id, run.name, run.status, run.started_ns, summary, len(run.damage))
    if as_json:
        from otel_replay.cli.json_out import print_json

        document = {"by": by, "runs": [_run(one) for one in found.runs], "rows": list(_rows(found))}
        print_json(document | {"unreadable": chosen.as_json()})
    elif as_csv:
        _print_csv(list(_rows(found)))
    else:
        _print_tables(found)
    _tell_lost(found)
    return chosen.tell()


def _tell_lost(found: OverRuns) -> None:
    """Which runs count with less than happened in them."""
    from otel_replay.cli import people
    from otel_replay.cli.terminal import stderr

    screen = stderr()
    for run in found.runs:
        lost = []
        if run.bad_lines:
            lost.append(f"{people.counted(run.bad_lines, 'line or part', 'lines or parts')} cannot be read")
        if run.lost:
            lost.append(f"{people.counted(run.lost, 'record')} could not be kept while it was recorded")
        if run.unread_counts:
            lost.append(f"{people.counted(run.unread_counts, 'count')} of tokens could not be read")
        if lost:
            screen.print(("damaged: ", "failed"), f"{run.run_id}: {', '.join(lost)}")


def _run(one: Any) -> dict[str, Any]:
    from dataclasses import asdict

    from otel_replay.clock import iso_milliseconds

    document = asdict(one)
    document["started"] = iso_milliseconds(document.pop("started_ns"))
    document["duration_ms"] = document.pop("duration_ns") / 1e6
    return document


def _rows(found: OverRuns) -> Iterator[dict[str, Any]]:
    from otel_replay.cli.summary_json import totals_document

    is_action = found.by == "action"
    for name, row in found.ranked():
        document = {"name": name, "kind": row.kind, "runs": row.runs}
        if is_action:
            yield document | {"count": row.totals.count, "trend_count": row.trend}
        else:
            document |= totals_document(row.totals, found.prices, name)
            yield document | {"trend_p50_ms": [length / 1e6 for length in row.trend]}


def _print_csv(rows: list[dict[str, Any]]) -> None:
    from otel_replay.cli.json_out import stdout_bytes

    text = io.StringIO()
    if rows:
        names = [name for name in rows[0] if not name.startswith("trend")]
        writer = csv.DictWriter(text, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(map(_shown, rows) if sys.stdout.isatty() else rows)
    stdout_bytes().write(text.getvalue().encode("utf-8", "backslashreplace"))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a terminal: what hides or turns text in it is an escape."""
    from otel_replay.wording import visible

    return {name: visible(cell) if isinstance(cell, str) else cell for name, cell in row.items()}


def _print_tables(found: OverRuns) -> None:
    from otel_replay.cli import people
    from otel_replay.cli.terminal import Text, stdout

    screen = stdout()
    runs = found.runs
    decisions = sum(run.decisions for run in runs)
    spans = sum(run.spans for run in runs)
    broken = sum(run.status not in {"finished", "running"} for run in runs)
    head = Text((people.counted(len(runs), "run"), "bold"))
    head.add(f"  {people.counted(decisions, 'decision')}, {people.counted(spans, 'span')}")
    if broken:
        head.add("  ").add(f"{broken:,} failed or interrupted", "failed")
    screen.write_fitted(head)
    for title, lines in (
        (f"By {found.by}", _by_lines(found, screen)),
        ("Cost", _cost_lines(found, screen)),
        ("Run by run", _run_lines(found, screen)),
    ):
        section = list(lines)
        if section:
            for line in (Text(), Text((title, "bold")), *section):
                screen.write_fitted(line)
    screen.flush()


def _by_lines(found: OverRuns, screen: Screen) -> Iterator[Text]:
    from otel_replay.analysis.distribution import PERCENTILES
    from otel_replay.cli.table import table_lines
    from otel_replay.cli.terminal import Text

    ranked = found.ranked()
    titles = ("", "runs", "count", "errors", *(f"p{percent}" for percent in PERCENTILES), "tokens", "trend")
    yield from table_lines(titles, [_cells(name, row) for name, row in ranked[:_SHOWN]], screen)
    if len(ranked) > _SHOWN:
        yield Text((f"  {screen.ellipsis} {len(ranked) - _SHOWN:,} more; --json and --csv have all", "dim"))


def _cells(name: str, row: Row) -> list[Text]:
    from otel_replay.analysis.generations import ModelTotals
    from otel_replay.cli.bars import sparkline
    from otel_replay.cli.terminal import Text
    from otel_replay.cli.time_lines import length_cells, rate_cell

    totals = row.totals
    tokens = totals.input_tokens + totals.output_tokens if isinstance(totals, ModelTotals) else 0
    return [
        Text((name, "action" if row.kind == "decision" else row.kind)),
        Text(f"{row.runs:,}"),
        Text(f"{totals.count:,}"),
        rate_cell(totals.failed, totals.count),
        *length_cells(totals.lengths),
        Text(f"{tokens:,}" if tokens else ""),
        Text((sparkline(row.trend[-20:]), "dim") if len(row.trend) > 1 else ""),
    ]


def _cost_lines(found: OverRuns, screen: Screen) -> Iterator[Text]:
    from otel_replay.analysis.generations import ModelTotals
    from otel_replay.cli.time_lines import cost_lines

    models = {name: row.totals for name, row in found.rows.items() if isinstance(row.totals, ModelTotals)}
    return cost_lines(models, found.prices, screen)


def _run_lines(found: OverRuns, screen: Screen) -> Iterator[Text]:
    from otel_replay.cli import people
    from otel_replay.cli.table import table_lines
    from otel_replay.cli.terminal import Text

    rows = []
    for run in found.runs[-_SHOWN:]:
        cost = run.priced if found.prices is not None else run.cost_usd
        tokens = run.input_tokens + run.output_tokens
        rows.append(
            [
                Text((run.run_id, "bold")),
                Text((run.status, run.status)),
                Text(people.duration(run.duration_ns)),
                Text(f"{run.decisions:,}" if run.decisions else ""),
                Text(f"{run.spans:,}" if run.spans else ""),
                Text((f"{run.failed:,}", "failed") if run.failed else ""),
                Text(f"{tokens:,}" if tokens else ""),
                Text("" if cost is None else f"{cost:,.4f}"),
            ]
        )
    titles = ("", "status", "duration", "decisions", "spans", "errors", "tokens", "cost")
    yield from table_lines(titles, rows, screen)
    if len(found.runs) > _SHOWN:
        yield Text((f"  the newest {_SHOWN} of {len(found.runs):,}; --json has all", "dim"))
