"""`delete`: away with runs, for good."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import complete_run, meant, open_store, store_option, stored_run

if TYPE_CHECKING:
    from pathlib import Path

    from otel_replay.storage.run_files import RunFiles
    from otel_replay.storage.store import Store

__all__ = ["command"]


@click.command("delete")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@store_option
@click.pass_context
def command(context: click.Context, runs: tuple[str, ...], yes: bool) -> int:
    """Delete runs and all their files. Asks before it does; a running run is refused."""
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stderr
    from otel_replay.errors import StoreError, UsageError

    store = open_store(context)
    # By directory, so that a run with a damaged run.json can be deleted too. All are found before any goes.
    ids = list(dict.fromkeys(_id_of(name, store) for name in meant(context, runs)))
    screen = stderr()
    for run_id in ids:
        if _is_running(store.resolve(run_id)):
            raise StoreError(f"run {run_id} is still running", hint="end its process first")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"{counted(len(ids), 'run')} would be deleted, and nobody can be asked", hint="say --yes"
            )
        for run_id in ids:
            screen.print("  ", run_id)
        screen.flush()
        if not click.confirm(f"Delete {counted(len(ids), 'run')} for good?", err=True):
            return 1
    for run_id in ids:
        store.delete(run_id)
        screen.print(f"Deleted {run_id}")
    return 0


def _id_of(name: str, store: Store) -> str:
    from otel_replay.errors import UsageError

    directory = stored_run(store, name, "delete").directory
    if not _is_in(store, directory):
        raise UsageError(
            f"{name} is a run's directory that is not in {store.root}, and `delete` takes runs of the store",
            hint=f"`--store DIR` says which store; `rm -r {name}` removes the directory",
        )
    return directory.name


def _is_in(store: Store, directory: Path) -> bool:
    own = store.directory(directory.name)
    try:
        return own.samefile(directory)
    except OSError:
        return own == directory


def _is_running(files: RunFiles) -> bool:
    from otel_replay.errors import OtelReplayError

    try:
        return files.status() == "running"
    except OtelReplayError:
        return False  # what it is cannot be read; the store asks the journals once more before it deletes
