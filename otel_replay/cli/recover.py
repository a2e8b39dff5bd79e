"""`recover`: close runs whose process died, and say what was found in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import (
    meant,
    named_runs,
    names_a_pack,
    open_store,
    runs_arguments,
    store_option,
)

if TYPE_CHECKING:
    from otel_replay.cli.terminal import Screen
    from otel_replay.storage.recover import ClosedJournal, Recovery

__all__ = ["command"]

_NAMES_SHOWN = 5


@click.command("recover")
@runs_arguments
@store_option
@click.pass_context
def command(context: click.Context, runs: tuple[str, ...], all_runs: bool) -> int:
    """Close runs whose process died, and take in what came after a run's end.

    Cuts off what was preallocated, sets a torn line aside, and writes session_replay.json and the manifest.
    Nothing that was recorded is lost; a second time does nothing. With --all, those that need it are closed.
    """
    from otel_replay.cli.terminal import stderr, stdout
    from otel_replay.errors import OtelReplayError, UsageError
    from otel_replay.storage.late_journals import needs_recovery
    from otel_replay.storage.recover import recover

    for name in meant(context, runs):
        if names_a_pack(name):
            raise UsageError(f"{name} is packed", hint="unpack it first: `otel-replay unpack FILE`")
    screen = stdout()
    failed = done = 0
    for files in named_runs(context, runs, all_runs):
        try:
            if all_runs and not needs_recovery(files):
                continue
            recovery = recover(files)
        except OtelReplayError as error:
            if not all_runs:
                raise
            # One run that cannot be closed must not keep the others open.
            failed += 1
            stderr().print(("error: ", "failed"), f"{files.directory.name}: {error.message}")
            continue
        done += recovery.changed
        if all_runs and not recovery.changed:
            continue
        _tell(files.directory.name, recovery, screen)
    screen.flush()
    if all_runs:
        open_store(context).sweep()
    if all_runs and not done and not failed:
        stderr().print(("No run needs to be closed.", "dim"))
    return 2 if failed else 0


def _tell(run_id: str, recovery: Recovery, screen: Screen) -> None:
    from otel_replay.cli.people import counted

    if not recovery.changed:
        screen.print((run_id, "bold"), "  was closed already")
        return
    decisions = recovery.header.counts.get("decisions", 0)
    screen.print(("✓ ", "finished"), (run_id, "bold"), f"  closed, with {counted(decisions, 'decision')}")
    spans = recovery.open_spans
    if spans:
        names = ", ".join(span.name for span in spans[:_NAMES_SHOWN])
        more = f" and {len(spans) - _NAMES_SHOWN:,} more" if len(spans) > _NAMES_SHOWN else ""
        screen.print("    ", (f"{counted(len(spans), 'span')} had not ended: {names}{more}", "open"))
    for journal in recovery.journals:
        for line in _what_was_found(journal):
            screen.print("    ", (f"{journal.name}: {line}", "open"))


def _what_was_found(journal: ClosedJournal) -> list[str]:
    from otel_replay.cli.people import counted

    told = []
    if journal.torn_bytes:
        told.append(f"{counted(journal.torn_bytes, 'byte')} of a torn line set aside in {journal.torn_file}")
    if journal.bad_line_count:
        numbers = ", ".join(str(line.number) for line in journal.bad_lines[:_NAMES_SHOWN])
        told.append(f"{counted(journal.bad_line_count, 'damaged line')} left where they are: {numbers}")
    return told
