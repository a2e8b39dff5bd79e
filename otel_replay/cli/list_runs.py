"""`list`: the runs of the store, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import complete_run, json_option, open_store, since_option, store_option

if TYPE_CHECKING:
    from otel_replay.storage.listing import RunSummary
    from otel_replay.storage.store import Store

__all__ = ["command"]

_ROWS_FOR_PEOPLE = 50
_MOST_LOOKED_INTO = 3
_MOST_JOURNAL_BYTES = 4 << 20
"""What is read of an interrupted run to say what was open: a tenth of a second's worth."""
_MOST_NAMES = 5
_STATUSES = ("finished", "failed", "running", "interrupted", "damaged")


@click.command("list")
@click.argument("patterns", metavar="[RUN]...", nargs=-1, shell_complete=complete_run)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="At most N runs; 0 for all (default: 50; all with --json).",
)
@click.option("--status", type=click.Choice(_STATUSES), help="Only runs with this status.")
@since_option
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    patterns: tuple[str, ...],
    limit: int | None,
    status: str | None,
    since: str | None,
    as_json: bool,
) -> None:
    """List the runs, newest first; with RUN those whose id or name is or fits it, such as 'tune-*'.

    An interrupted run is one whose process died; `otel-replay recover` closes it.
    """
    store = open_store(context)
    runs = [run for run in store.runs() if status is None or run.status == status]
    if patterns or since is not None:
        from otel_replay.cli.chosen_runs import runs_like

        runs = runs_like(runs, patterns, store, since=since)
    if limit is None:
        limit = 0 if as_json else _ROWS_FOR_PEOPLE
    shown = runs[:limit] if limit else runs
    if as_json:
        from otel_replay.cli.json_out import print_json

        print_json({"store": str(store.root), "runs": [_as_json(run) for run in shown], "total": len(runs)})
        return
    _print_table(shown)
    _print_hints(runs, len(shown), store, status, chosen=bool(patterns or since))


def _as_json(run: RunSummary) -> dict[str, Any]:
    from otel_replay.clock import iso_milliseconds

    ended_ns = run.ended_ns
    return {
        "run_id": run.run_id,
        "name": run.name,
        "status": run.status,
        "started": iso_milliseconds(run.started_ns),
        "started_ns": run.started_ns,
        "ended_ns": ended_ns,
        "duration_ms": None if ended_ns is None else (ended_ns - run.started_ns) / 1e6,
        "counts": dict(run.counts),
        "lost": run.lost,
        "recovered": run.recovered,
        "parent_run_id": run.parent_run_id,
        "message": run.message,
    }


def _print_table(runs: list[RunSummary]) -> None:
    from otel_replay.cli.table import Column, lay_out
    from otel_replay.cli.terminal import stdout

    if not runs:
        return
    columns = (
        Column(title="run"),
        Column(title="name", least=8, drop=1),
        Column(title="status"),
        Column(title="started", drop=2),
        Column(title="duration", right=True, drop=3),
        Column(title="decisions", right=True, drop=4),
        Column(title="spans", right=True, drop=5),
    )
    screen = stdout()
    for line in lay_out(columns, _rows(runs), screen):
        screen.write_fitted(line)


def _rows(runs: list[RunSummary]) -> list[list[Any]]:
    from otel_replay.cli.people import duration, local_time
    from otel_replay.cli.terminal import Text
    from otel_replay.clock import SYSTEM_CLOCK

    now_ns = SYSTEM_CLOCK()
    rows = []
    for run in runs:
        ended_ns = now_ns if run.status == "running" else run.ended_ns
        rows.append(
            [
                Text((run.run_id, "bold")),
                Text(run.name),
                Text((run.status, run.status if run.status != "damaged" else "failed")),
                Text(local_time(run.started_ns, now_ns) if run.started_ns else ""),
                Text("" if ended_ns is None else duration(max(0, ended_ns - run.started_ns))),
                Text(_count(run, "decisions")),
                Text(_count(run, "spans")),
            ]
        )
    return rows


def _count(run: RunSummary, name: str) -> str:
    # Nothing has counted yet what a running or interrupted run holds.
    return f"{run.counts.get(name, 0):,}" if run.counts else ""


def _print_hints(
    runs: list[RunSummary], shown: int, store: Store, status: str | None, *, chosen: bool
) -> None:
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stderr

    screen = stderr()
    if not runs:
        which = ("such " if chosen else "") + (f"{status} runs" if status else "runs")
        screen.print(
            (f"No {which} in {store.root}.", "dim"),
            "" if status or chosen else " Record two small ones with `otel-replay demo`.",
        )
        return
    if shown < len(runs):
        screen.print((f"… {len(runs) - shown:,} more; --limit 0 shows all", "dim"))
    interrupted = [run.run_id for run in runs if run.status == "interrupted" and not run.recovered]
    for run_id in interrupted[:_MOST_LOOKED_INTO]:
        what = _left_open(store, run_id)
        if what:
            screen.print((what, "open"))
    if interrupted:
        one = interrupted[0] if len(interrupted) == 1 else "--all"
        screen.print(
            ("hint: ", "key"),
            f"{counted(len(interrupted), 'run was', 'runs were')} interrupted: `otel-replay recover {one}`",
        )
    damaged = next((run for run in runs if run.status == "damaged"), None)
    if damaged:
        screen.print(("hint: ", "key"), f"{damaged.run_id}: {damaged.message}")


def _left_open(store: Store, run_id: str) -> str:
    """A line that says which spans an interrupted run left open; empty where that takes too long."""
    from otel_replay.analysis.open_spans import open_span_names
    from otel_replay.cli.people import counted
    from otel_replay.errors import OtelReplayError
    from otel_replay.storage.run_files import RunFiles

    try:
        names = open_span_names(RunFiles(store.directory(run_id)), most_bytes=_MOST_JOURNAL_BYTES)
    except (OSError, OtelReplayError):
        return ""  # what is wrong with it is told by the commands that read it
    if names is None:
        return f"{run_id}: `otel-replay show {run_id}` says which spans were open"
    if not names:
        return ""
    more = ", and more" if len(names) > _MOST_NAMES else ""
    return f"{run_id} died with {counted(len(names), 'span')} open: {', '.join(names[:_MOST_NAMES])}{more}"
