"""`view`: the decisions of a run, one by one, as they were made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import find_run, json_option, run_argument, select_option, store_option

if TYPE_CHECKING:
    from otel_replay.cli.matching import Matching, Numbered
    from otel_replay.cli.terminal import Screen
    from otel_replay.opening import OpenRun
    from otel_replay.queries.query import Query

__all__ = ["command"]

_LOOK_AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """How the decisions are shown; which ones is the `Selection`."""

    limit: int | None
    tail: int | None
    follow: bool
    one_line: bool | None
    whole: bool
    summary_only: bool
    export: str | None
    as_json: bool
    selects: bool = False


@click.command("view")
@run_argument
@click.option(
    "-a",
    "--action",
    default="",
    metavar="A",
    help="Only actions with A in them: CLAMPING finds CLAMPING_START.",
)
@click.option(
    "-c", "--cell", multiple=True, metavar="K=V", help="Only this cell, such as rpm=3500; may be repeated."
)
@click.option(
    "-w",
    "--where",
    multiple=True,
    metavar="COND",
    help="Only where this holds, such as 'afr_error_pct>5'; may be repeated.",
)
@click.option("--reason", default="", metavar="TEXT", help="Only reasons with TEXT in them.")
@click.option("--since", metavar="T", help="Only from T on: 1.5s or 200ms after the start, or an ISO time.")
@click.option("--until", metavar="T", help="Only up to T.")
@select_option
@click.option("-n", "--limit", type=click.IntRange(min=0), metavar="N", help="Only the first N.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N.")
@click.option("-f", "--follow", is_flag=True, help="Go on as long as the run does.")
@click.option(
    "--one-line/--full", default=None, help="One line each or several (default: several on a terminal)."
)
@click.option("--whole", is_flag=True, help="Do not shorten long values.")
@click.option("--summary-only", is_flag=True, help="Only how many there are of each action.")
@click.option("--export", metavar="FILE", help="Write them to FILE, as text.")
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    run: str,
    action: str,
    cell: tuple[str, ...],
    where: tuple[str, ...],
    reason: str,
    since: str | None,
    until: str | None,
    select: str | None,
    **rest: Any,
) -> None:
    """Show the decisions of RUN one by one.

    RUN may also be a file (docs/runs.md). COND compares a value, part of the cell, the action or
    the reason: afr_error_pct>5, cell.rpm<=3500, cell.cylinder!=f, action~CLAMP (has it in it). With --select
    only the decisions that SELECTOR means, such as 'task(clamp) decision'; how many are left out is told.
    """
    from otel_replay.cli.matching import Matching
    from otel_replay.cli.selecting import selection

    options = _Options(selects=select is not None, **rest)
    _check_together(options, select)
    query = _query(select)
    source = find_run(context, run)
    means = None
    if query is not None:
        from otel_replay.cli.selected import Selected

        selected = Selected(source, query)
        source, means = selected.source, selected.means
    matching = Matching(
        selection(
            source.started_ns,
            action=action,
            cell=cell,
            where=where,
            reason=reason,
            since=since,
            until=until,
        ),
        means,
    )
    if options.summary_only:
        _print_counts(source, matching, options.as_json)
    elif options.as_json:
        _print_json(source, _chosen(source, matching, options))
    elif options.export:
        _export(source, matching, options)
    else:
        _print(source, matching, options)


def _query(select: str | None) -> Query | None:
    if select is None:
        return None
    from otel_replay.queries.parse import selector

    return selector(select)


def _check_together(options: _Options, select: str | None) -> None:
    from otel_replay.errors import UsageError

    if options.limit is not None and options.tail is not None:
        raise UsageError("--limit and --tail exclude each other")
    if options.follow:
        excluded = {
            "--limit": options.limit,
            "--json": options.as_json,
            "--export": options.export,
            "--summary-only": options.summary_only,
            "--select": select,
        }
        for name, given in excluded.items():
            if given:
                raise UsageError(f"--follow and {name} exclude each other")


def _chosen(source: OpenRun, matching: Matching, options: _Options) -> Iterator[Numbered]:
    if options.tail is not None:
        return matching.last(source.records(), options.tail)
    return matching.first(source.records(), options.limit)


# -- as text


def _print(source: OpenRun, matching: Matching, options: _Options) -> None:
    from otel_replay.cli.terminal import stdout
    from otel_replay.opening import StoredRun

    screen = stdout()
    if options.follow and isinstance(source, StoredRun):
        _follow(source, matching, options, screen)
    else:
        _write(_chosen(source, matching, options), source.started_ns, screen, options)
    screen.flush()
    _tell_how_many(source, matching, options)


def _write(decisions: Iterable[Numbered], start_ns: int, screen: Screen, options: _Options) -> None:
    from otel_replay.cli.decision_lines import full_lines, one_line

    brief = options.one_line if options.one_line is not None else not screen.is_terminal
    for number, decision in decisions:
        if brief:
            screen.write(one_line(decision, whole=options.whole))
        else:
            screen.write_all(full_lines(decision, number, start_ns, screen, whole=options.whole))


def _follow(source: Any, matching: Matching, options: _Options, screen: Screen) -> None:
    from otel_replay.cli.matching import follow
    from otel_replay.storage.run_files import RunFiles

    def wait() -> None:
        screen.flush()
        time.sleep(_LOOK_AGAIN_SECONDS)

    for number, records in enumerate(follow(lambda: RunFiles(source.files.directory), wait)):
        first_tail = options.tail is not None and number == 0
        decisions = matching.last(records, options.tail or 0) if first_tail else matching.of(records)
        _write(decisions, source.started_ns, screen, options)


def _tell_how_many(source: OpenRun, matching: Matching, options: _Options) -> None:
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stderr

    screen = stderr()
    if not matching.seen:
        screen.print(f"No decisions in {source.run_id}.")
    elif not matching.matched:
        screen.print(f"None of {counted(matching.seen, 'decision')} fits.")
        if not options.follow:
            screen.print(
                ("hint: ", "key"),
                f"`otel-replay view {source.run_id} --summary-only` shows the actions there are",
            )
    elif (screen.is_terminal or options.selects) and matching.matched < matching.seen:
        screen.print((f"{matching.matched:,} of {counted(matching.seen, 'decision')}", "dim"))


def _export(source: OpenRun, matching: Matching, options: _Options) -> None:
    import io
    from pathlib import Path

    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import Screen, stderr
    from otel_replay.storage.atomic import open_output

    assert options.export is not None
    with open_output(Path(options.export)) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="\n", write_through=True)
        _write(_chosen(source, matching, options), source.started_ns, Screen(text, 100), _full(options))
        text.detach()
    stderr().print(f"Wrote {counted(matching.matched, 'decision')} to {options.export}")


def _full(options: _Options) -> _Options:
    from dataclasses import replace

    return options if options.one_line is not None else replace(options, one_line=False)


# -- as numbers and as JSON


def _print_counts(source: OpenRun, matching: Matching, as_json: bool) -> None:
    from collections import Counter

    from otel_replay.analysis.bounded import count_name

    actions: Counter[str] = Counter()
    first_ns = last_ns = 0
    for _, decision in matching.of(source.records()):
        count_name(actions, decision.action)
        first_ns = first_ns or decision.time_ns
        last_ns = max(last_ns, decision.time_ns)
    if as_json:
        from otel_replay.cli.json_out import print_json

        print_json(
            {
                "run_id": source.run_id,
                "decisions": matching.matched,
                "actions": dict(actions.most_common()),
                "duration_ms": (last_ns - first_ns) / 1e6,
            }
        )
        return
    from otel_replay.cli.bars import count_bars
    from otel_replay.cli.people import counted, duration
    from otel_replay.cli.terminal import stdout

    screen = stdout()
    screen.print(
        (source.run_id, "bold"),
        f"  {counted(matching.matched, 'decision')} in {duration(last_ns - first_ns)}",
    )
    screen.write_all(count_bars(actions.most_common(), screen))


def _print_json(source: OpenRun, decisions: Iterable[Numbered]) -> None:
    from otel_replay.cli.json_out import write_list
    from otel_replay.cli.plain_records import decision_object

    head = {"run_id": source.run_id, "name": source.name, "status": source.status}
    write_list(
        head, "decisions", ({"number": number} | decision_object(decision) for number, decision in decisions)
    )
