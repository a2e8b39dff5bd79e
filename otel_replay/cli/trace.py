"""`trace`: the events of an agent loop, a line each with its time, and their statistics."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import complete_run, find_files, json_option, store_option

if TYPE_CHECKING:
    from otel_replay.compat.harness_events import Session

__all__ = ["command"]

_SUMMARY = "── summary ────────────────────────────────────────────────"


@click.command("trace")
@click.argument("run", metavar="RUN|FILE", shell_complete=complete_run)
@click.option("--summary", is_flag=True, help="Only the statistics.")
@json_option
@store_option
@click.pass_context
def command(context: click.Context, run: str, summary: bool, as_json: bool) -> int:
    """Print the events of an agent loop with their times, and sum them up.

    FILE is a session log of harness-rs or of our recorder for it; a RUN is shown by its generations and tool
    calls. Exits with 1 if lines are damaged; they are named.
    """
    session = _read(context, run)
    if as_json:
        return _print_json(session)
    from otel_replay.cli.terminal import stderr, stdout
    from otel_replay.compat.harness_text import SessionStats, format_event_short

    screen = stdout()
    if not summary:
        first_ms = session[0].ts_ms if session else 0
        for event in session:
            screen.print((f"{event.ts_ms - first_ms:>8} ms  ", "dim"), format_event_short(event))
        screen.print()
    stats = SessionStats.from_events(session)
    screen.print(_SUMMARY)
    for name, told in (
        ("events", stats.events),
        ("model calls", stats.model_calls),
        ("tool calls", stats.tool_calls),
        ("compactions", stats.stages_run),
        ("iterations", stats.iters),
        ("tokens", f"{stats.input_tokens} in / {stats.output_tokens} out"),
        ("duration", f"{stats.duration_ms} ms"),
    ):
        screen.print(f"  {name + ':':<14} {told}")
    screen.flush()
    for line in session.skipped:
        stderr().print(("✗ ", "failed"), f"line {line.number} is damaged and was skipped: {line.reason}")
    return 1 if session.skipped else 0


def _read(context: click.Context, run: str) -> Session:
    from otel_replay.importing.reading import holds_runs

    path = Path(run)
    if path.suffix == ".jsonl" and "\0" not in run and path.is_file() and not holds_runs(path):
        from otel_replay.compat.harness_events import read_session

        return read_session(path)
    from otel_replay.compat.harness_runs import session_of_run

    files = find_files(context, run)
    return session_of_run(files.records(), files.run_id)


def _print_json(session: Session) -> int:
    from otel_replay.cli.json_out import print_json
    from otel_replay.compat.harness_events import plain
    from otel_replay.compat.harness_text import SessionStats

    print_json(
        {
            "events": [plain(event) for event in session],
            "stats": asdict(SessionStats.from_events(session)),
            "skipped": [asdict(line) for line in session.skipped],
        }
    )
    return 1 if session.skipped else 0
