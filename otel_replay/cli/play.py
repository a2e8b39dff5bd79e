"""`play`: step through a run's decisions, with the state of the grid after each of them."""

from __future__ import annotations

import sys

import click

from otel_replay.cli.grid_options import grid_of, grid_options
from otel_replay.cli.options import find_run, run_argument, store_option

__all__ = ["command"]


@click.command("play")
@run_argument
@click.option("-a", "--action", default="", metavar="A", help="Step only over actions with A in them.")
@click.option("-c", "--cell", multiple=True, metavar="K=V", help="Step only over this cell's decisions.")
@click.option(
    "-w", "--where", multiple=True, metavar="COND", help="Step only where this holds, as in `view`."
)
@click.option(
    "-b", "--break", "breaks", multiple=True, metavar="COND", help="Stop where this holds; may be repeated."
)
@grid_options
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    run: str,
    action: str,
    cell: tuple[str, ...],
    where: tuple[str, ...],
    breaks: tuple[str, ...],
    axes: str,
    value: str,
    before: str,
) -> None:
    """Play RUN decision by decision, with the table that it works on.

    RUN may also be a file (docs/runs.md). A decision changes a cell of the table when its cell
    has both axes and its values have the value's name. Needs the extra `play`.

    Keys: the arrows step, space plays, home and end jump, + and - change the speed, / asks for a filter, b
    for a breakpoint, n runs to the next one, q ends.
    """
    from otel_replay.analysis.playback import Playback
    from otel_replay.cli.extras import extra
    from otel_replay.cli.progress import Progress
    from otel_replay.cli.selecting import conditions, selection
    from otel_replay.errors import UsageError
    from otel_replay.records import Decision

    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise UsageError("`play` needs a terminal", hint=f"`otel-replay view {run}` prints the decisions")
    with extra("play", "`otel-replay play`"):
        from otel_replay.cli.play_screen import PlayScreen
    source = find_run(context, run)
    chosen = selection(source.started_ns, action=action, cell=cell, where=where)
    breakpoints = conditions(breaks)
    with Progress("records read") as progress:
        decisions = [
            item.record for item in progress.over(source.records()) if isinstance(item.record, Decision)
        ]
    playback = Playback(decisions, grid_of(decisions, axes, value, before))
    playback.filter, playback.breakpoints = chosen, breakpoints
    PlayScreen(playback, run_id=source.run_id, started_ns=source.started_ns).run()
