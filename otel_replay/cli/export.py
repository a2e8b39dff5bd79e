"""`export`: a run as one page, a PDF or a table, to hand on to somebody who has no otel-replay."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from otel_replay.cli.grid_options import grid_of, grid_options
from otel_replay.cli.options import find_run, run_argument, store_option

if TYPE_CHECKING:
    from otel_replay.analysis.grid import Grid
    from otel_replay.exporting.facts import RunFacts
    from otel_replay.exporting.steps import Steps
    from otel_replay.opening import OpenRun
    from otel_replay.records import Decision

__all__ = ["command"]


@click.command("export")
@run_argument
@click.option("--html", metavar="FILE", help="One page for any browser, with everything in it.")
@click.option("--pdf", metavar="FILE", help="A PDF (needs the extra `pdf`).")
@click.option("--csv", metavar="FILE", help="A table, a row for each decision.")
@click.option("-a", "--action", default="", metavar="A", help="Only actions with A in them.")
@click.option("-c", "--cell", multiple=True, metavar="K=V", help="Only this cell; may be repeated.")
@click.option("-w", "--where", multiple=True, metavar="COND", help="Only where this holds, as in `view`.")
@click.option("--since", metavar="T", help="Only from T on, as in `view`.")
@click.option("--until", metavar="T", help="Only up to T.")
@click.option("--font", metavar="FILE", help="A TrueType font for the PDF, for letters that are not Latin.")
@grid_options
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    run: str,
    html: str | None,
    pdf: str | None,
    csv: str | None,
    font: str | None,
    axes: str,
    value: str,
    before: str,
    **chosen: Any,
) -> None:
    """Write RUN as one HTML page, a PDF or a CSV table; several at once may be asked for.

    RUN may also be a file (docs/runs.md). The page is one file that loads nothing: the spans on a time scale
    with what was asked and answered, the decisions with search, filters and playback, and the grid as a heat
    map before and after. With --action and the like it holds the chosen decisions, and no spans. A decision
    changes a cell of the grid when its cell has both axes and its values have the value's name.
    """
    from otel_replay.cli.selecting import selection
    from otel_replay.errors import UsageError
    from otel_replay.exporting.steps import find_steps

    wanted = {name: place for name, place in (("html", html), ("pdf", pdf), ("csv", csv)) if place}
    if not wanted:
        raise UsageError("say what to write: --html FILE, --pdf FILE or --csv FILE")
    if len({os.path.realpath(place) for place in wanted.values()}) < len(wanted):
        raise UsageError("two of the files to write are the same one")
    source = find_run(context, run)
    rules = selection(source.started_ns, **chosen)
    decisions, total = _decisions(source, rules.matches if rules else None)
    grid = grid_of(decisions, axes, value, before) if html or pdf else None
    facts = _facts(source, len(decisions), total)
    # A page of chosen decisions holds nothing beside them.
    steps = find_steps(source.records, source.blobs.read) if html and not rules else None
    for form, place in wanted.items():
        _write(form, Path(place), facts, decisions, grid, font, steps)


def _decisions(source: OpenRun, matches: Callable[[Decision], bool] | None) -> tuple[list[Decision], int]:
    from otel_replay.cli.progress import Progress
    from otel_replay.records import Decision

    chosen, total = [], 0
    with Progress("records read") as progress:
        for item in progress.over(source.records()):
            if isinstance(item.record, Decision):
                total += 1
                if matches is None or matches(item.record):
                    chosen.append(item.record)
    return chosen, total


def _facts(source: OpenRun, chosen: int, total: int) -> RunFacts:
    from otel_replay.exporting.facts import RunFacts

    return RunFacts(
        run_id=source.run_id,
        name=source.name,
        status=source.status,
        started_ns=source.started_ns,
        ended_ns=source.header.ended_ns,
        message=source.message,
        chosen=f"{chosen:,} of {total:,} chosen" if chosen < total else "",
    )


def _write(
    form: str,
    place: Path,
    facts: RunFacts,
    decisions: list[Decision],
    grid: Grid | None,
    font: str | None,
    steps: Steps | None,
) -> None:
    from otel_replay.cli.people import counted, size
    from otel_replay.cli.terminal import stderr
    from otel_replay.storage.atomic import open_output

    write = _writer(form, facts, decisions, grid, font, steps)
    with open_output(place) as stream:
        write(stream)
    written = size(os.stat(place).st_size)
    stderr().print(f"Wrote {counted(len(decisions), 'decision')} to {place}, {written}")


def _writer(
    form: str,
    facts: RunFacts,
    decisions: list[Decision],
    grid: Grid | None,
    font: str | None,
    steps: Steps | None,
) -> Callable[[BinaryIO], None]:
    if form == "html":
        from otel_replay.exporting.page import write_page

        return lambda stream: write_page(stream, facts, decisions, grid, steps)
    if form == "pdf":
        from otel_replay.cli.extras import extra

        with extra("pdf", "`otel-replay export --pdf`"):
            from otel_replay.exporting.paper import write_paper
        given = None if font is None else Path(font)
        return lambda stream: write_paper(stream, facts, decisions, grid, font=given)
    from otel_replay.formats.csv_table import csv_rows

    return lambda stream: stream.writelines(csv_rows(lambda: decisions))
