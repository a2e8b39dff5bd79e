"""`replay`: have a program's calls answered from a recording; or say what there is to answer from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import complete_run, find_files, json_option, store_option

if TYPE_CHECKING:
    from otel_replay.cli.terminal import Screen
    from otel_replay.replay.invited import Plan
    from otel_replay.replay.player import Player
    from otel_replay.replay.recorded import RecordedCall

__all__ = ["command"]

_READERS = {".jsonl": "otel_replay.compat.harness_replay:read_calls"}
"""What reads calls from files that are no runs, by how the file's name ends."""


@click.command("replay")
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.argument("program", metavar="[-- PROGRAM...]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--match",
    type=click.Choice(["strict", "nearest", "ordered"]),
    default="strict",
    help="Answer only what was asked just so; else by the most similar call; else by the next one.",
)
@click.option(
    "--ignore", multiple=True, metavar="PLACE",
    help="A place in requests that does not count, such as input_messages[*].id; may be repeated.",
)  # fmt: skip
@click.option("--until", type=click.IntRange(min=0), metavar="STEP", help="Make the calls after this one.")
@click.option("--live", multiple=True, metavar="TOOL", help="Run this tool, or `all`; may be repeated.")
@click.option(
    "--damaged", type=click.Choice(["refuse", "skip"]), default="refuse",
    help="What to do about damaged lines of the recording.",
)  # fmt: skip
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    run: str,
    program: tuple[str, ...],
    match: Any,
    ignore: tuple[str, ...],
    until: int | None,
    live: tuple[str, ...],
    damaged: Any,
    as_json: bool,
) -> int:
    """Run PROGRAM with its model and tool calls answered from RUN, and say where it goes another way.

    RUN may also be a file (docs/runs.md), or a JSONL file of an agent loop. The program needs no change where
    it records its calls with otel-replay. Exits with 1 if it asks for anything else than was recorded, or for
    less; else with the program's own code. Without PROGRAM: lists the recorded calls and says whether they
    can be replayed.
    """
    from otel_replay.replay.invited import Plan, player_of

    place, reader = _place(context, run)
    tools: str | list[str] = "live" if "all" in live else list(live) or "recorded"
    plan = Plan(
        run=place,
        match=match,
        ignore=list(ignore),
        until=until,
        tools=tools,
        damaged=damaged,
        reader=reader,
    )
    player = player_of(plan)  # what cannot be replayed is told before anything is started
    if not program:
        return _print_calls(player, as_json)
    return _run(plan, list(program), as_json)


def _place(context: click.Context, run: str) -> tuple[str, str]:
    from otel_replay.importing.reading import holds_runs

    path = Path(run)
    reader = _READERS.get(path.suffix, "")
    if reader and "\0" not in run and path.is_file() and not holds_runs(path):
        return str(path.resolve()), reader
    return str(find_files(context, run).directory.resolve()), ""


# -- what is there


def _print_calls(player: Player, as_json: bool) -> int:
    calls = player.recording.calls
    ready = all(call.outcome != "open" for call in calls)
    if as_json:
        from otel_replay.cli.json_out import print_json

        print_json(
            {
                "run_id": player.recording.run_id,
                "ok": ready,
                "calls": [_call_object(call) for call in calls],
                "notes": player.recording.notes,
            }
        )
        return 0 if ready else 1
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stderr, stdout

    screen = stdout()
    for call in calls:
        _print_call(call, screen)
    screen.flush()
    told = stderr()
    open_steps = [str(call.step) for call in calls if call.outcome == "open"]
    if open_steps:
        told.print(("! ", "open"), f"no answer was recorded for step {', '.join(open_steps)}")
    for note in player.recording.notes:
        told.print(("! ", "open"), note)
    told.print((f"{counted(len(calls), 'call')} in {player.recording.run_id}", "dim"))
    return 0 if ready else 1


def _call_object(call: RecordedCall) -> dict[str, Any]:
    return {
        "step": call.step,
        "kind": call.kind,
        "name": call.name,
        "site": list(call.site),
        "outcome": call.outcome,
        "message": call.message,
        "inside": call.inside,
    }


def _print_call(call: RecordedCall, screen: Screen) -> None:
    style = {"answered": "", "failed": "failed", "open": "open"}[call.outcome]
    screen.print(
        (f"{call.step:>5}  ", "dim"),
        f"{call.kind} ",
        (call.name, "bold"),
        (f"  {call.outcome} {call.message}".rstrip() if style else "", style),
        (f"  in {' / '.join(call.site)}" if call.site else "", "dim"),
    )


# -- running a program


def _run(plan: Plan, program: list[str], as_json: bool) -> int:
    import tempfile
    from dataclasses import replace

    from otel_replay.replay.invited import merged

    with tempfile.TemporaryDirectory(prefix="otel-replay-") as folder:
        code = _call(replace(plan, report=folder), program, as_json)
        report = merged(list(_reports(Path(folder))))
    if report is None:
        return _tell_nothing(code, as_json)
    if as_json:
        from otel_replay.cli.json_out import print_json

        print_json({**report, "exit_code": code})
    else:
        _tell(report)
    return code if report["ok"] else 1


def _call(plan: Plan, program: list[str], as_json: bool) -> int:
    import os
    import subprocess
    import sys

    from otel_replay.errors import UsageError
    from otel_replay.settings import REPLAY_VARIABLE

    environment = {**os.environ, REPLAY_VARIABLE: plan.text()}
    try:
        # With --json standard output is the report's; what the program says goes beside it.
        process = subprocess.Popen(program, env=environment, stdout=sys.stderr.fileno() if as_json else None)
    except OSError as error:
        raise UsageError(
            f"`{program[0]}` cannot be started: {error.strerror or error}",
            hint="the program comes after `--`: otel-replay replay RUN -- python -m yourloop",
        ) from None
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue  # the program got it too, and says what becomes of it
        return code if code >= 0 else 128 - code


def _reports(folder: Path) -> Iterator[dict[str, Any]]:
    from otel_replay.orjson_loading import orjson

    for path in sorted(folder.glob("*.json")):
        yield orjson.loads(path.read_bytes())


def _tell(report: dict[str, Any]) -> None:
    from otel_replay.cli.terminal import stderr

    screen = stderr()
    screen.print(
        ("✓ " if report["ok"] else "✗ ", "finished" if report["ok"] else "failed"), report["text"][0]
    )
    for line in report["text"][1:]:
        screen.print("  ", line)
    for one in report["divergences"][:1]:
        screen.print(("hint: ", "key"), one["hint"])


def _tell_nothing(code: int, as_json: bool) -> int:
    from otel_replay.cli.terminal import stderr

    if as_json:
        from otel_replay.cli.json_out import print_json

        print_json({"ok": False, "error": "the program asked for nothing", "exit_code": code})
    screen = stderr()
    screen.print(
        ("✗ ", "failed"), "the program left no report: it made no call that otel-replay could answer"
    )
    screen.print(
        ("hint: ", "key"),
        "its calls must be recorded with @otel_replay.generation and @otel_replay.tool, or as blocks",
    )
    return 1
