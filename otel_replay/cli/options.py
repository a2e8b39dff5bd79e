"""What several commands share: the store they look at, the runs they name, how arguments are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from otel_replay.opening import OpenRun
    from otel_replay.storage.run_files import RunFiles
    from otel_replay.storage.store import Store

__all__ = [
    "choosing_options",
    "complete_run",
    "find_files",
    "find_run",
    "json_option",
    "meant",
    "named_runs",
    "names_a_pack",
    "open_store",
    "prices_option",
    "run_argument",
    "runs_arguments",
    "select_option",
    "since_option",
    "sessions_option",
    "store_option",
    "stored_run",
]

Function = TypeVar("Function", bound=Callable[..., Any])
_MOST_COMPLETIONS = 50


def open_store(context: click.Context) -> Store:
    """The store that the command was pointed to: `--store`, else OTEL_REPLAY_STORE, else `.otel-replay`."""
    from otel_replay.settings import read_settings
    from otel_replay.storage.store import Store

    return Store(read_settings(store=context.find_root().obj or None).store)


def find_run(context: click.Context, name: str) -> OpenRun:
    """The one run that `name` means, by `otel_replay.opening`, open until the command ends.

    Raises
    ------
    UsageError, StoreError, FormatError
        If there is none, or it cannot be read.
    """
    from otel_replay.opening import open_run

    return context.with_resource(open_run(name, open_store(context)))


def find_files(context: click.Context, name: str) -> RunFiles:
    """As :func:`find_run`, as a directory; that of a pack or a file is gone when the command ends."""
    return context.with_resource(find_run(context, name).directory())


def names_a_pack(name: str) -> bool:
    """Whether `name` is the path of a packed run."""
    from pathlib import Path

    path = Path(name)
    if "\0" in name or not path.is_file():
        return False
    from otel_replay.storage.pack_stream import is_pack

    return is_pack(path)


def _take_store(context: click.Context, _: click.Parameter, folder: str | None) -> None:
    if folder is not None:
        context.find_root().obj = folder


def store_option(function: Function) -> Function:
    """`--store` after the command's name as well as before it."""
    return click.option(
        "--store",
        metavar="DIR",
        callback=_take_store,
        expose_value=False,
        is_eager=True,
        help="Folder of the store.",
    )(function)


def json_option(function: Function) -> Function:
    """`--json`: one document for programs in place of the table for people."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def choosing_options(function: Function) -> Function:
    """`--all` and `--since`, for commands that take several runs; see `otel_replay.cli.chosen_runs`."""
    return click.option("--all", "all_runs", is_flag=True, help="All runs of the store.")(
        since_option(function)
    )


def since_option(function: Function) -> Function:
    """`--since`: so long ago, a day or a time."""
    return click.option(
        "--since", metavar="WHEN", help="Only runs begun since: 12h, 7d, 2026-11-20, a time."
    )(function)


def select_option(function: Function) -> Function:
    """`--select`; see `otel_replay.cli.selected`."""
    return click.option(
        "--select", metavar="SELECTOR", help="Only what SELECTOR means: 'tool:failed' (docs/selectors.md)."
    )(function)


def prices_option(function: Function) -> Function:
    """`--prices`: what models cost; see `otel_replay.cli.prices`."""
    return click.option(
        "--prices",
        "prices_file",
        metavar="FILE",
        help="A TOML file of what a million tokens of each model cost (docs/query.md).",
    )(function)


def sessions_option(function: Function) -> Function:
    """`--sessions`: where the sessions of generated images are."""
    from pathlib import Path

    return click.option(
        "--sessions",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of the sessions (default: generation/sessions).",
    )(function)


def complete_run(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of runs, for the shell's completion: the newest first, and not too many."""
    from click.shell_completion import CompletionItem

    from otel_replay.errors import OtelReplayError

    try:
        runs = open_store(context).runs()
    except OtelReplayError:
        return []
    items = [CompletionItem("latest", help="the newest run")] if "latest".startswith(incomplete) else []
    fitting = (run for run in runs if run.run_id.startswith(incomplete))
    for run, _number in zip(fitting, range(_MOST_COMPLETIONS), strict=False):
        items.append(CompletionItem(run.run_id, help=f"{run.name}, {run.status}"))
    return items


def run_argument(function: Function) -> Function:
    """The argument RUN."""
    return click.argument("run", metavar="RUN", shell_complete=complete_run)(function)


def runs_arguments(function: Function) -> Function:
    """The arguments `RUN…`, or `--all`; see :func:`named_runs`."""
    function = click.option("--all", "all_runs", is_flag=True, help="All runs of the store.")(function)
    return click.argument("runs", metavar="RUN...", nargs=-1, shell_complete=complete_run)(function)


def named_runs(
    context: click.Context, names: tuple[str, ...], all_runs: bool, *, of_files: bool = False
) -> list[RunFiles]:
    """The runs that were named, each once, or all of them, the oldest first.

    With `of_files` all runs of files that others wrote are among them, else such files are refused.
    """
    from otel_replay.errors import UsageError

    if bool(names) == all_runs:
        raise UsageError(
            "name one or more runs, or say --all", hint="`otel-replay list` shows the runs that there are"
        )
    store = open_store(context)
    if all_runs:
        from otel_replay.storage.run_files import RunFiles

        # A directory whose run.json is damaged has no usable name but its own: no resolving by id.
        return [RunFiles(store.directory(run.run_id)) for run in reversed(store.runs())]
    found = [files for name in meant(context, names) for files in _all_of(context, name, store, of_files)]
    return list({files.directory: files for files in found}.values())


def meant(context: click.Context, names: tuple[str, ...]) -> list[str]:
    """`names` with the runs, or else the paths, that the patterns among them mean."""
    from otel_replay.cli.chosen_runs import choose_runs

    return choose_runs(names, open_store(context), all_runs=False, since=None) if names else []


def stored_run(store: Store, name: str, command: str) -> RunFiles:
    """The run of the store that `name` means, for a command that takes no files.

    Raises
    ------
    UsageError
        If there is none. What is a file is told as such, with what can be done with it.
    """
    from os.path import isfile, lexists

    from otel_replay.errors import UsageError

    try:
        return store.resolve(name)
    except UsageError:
        path = name if lexists(name) else name.rpartition("#")[0]
        if name != "-" and not lexists(path):
            raise
    if names_a_pack(path):
        what, hint = f"{path} is a packed run", f"`otel-replay unpack {path}` brings it back into the store"
    else:
        what = "`-` is what comes by standard input" if name == "-" else f"{path} is a file or folder"
        hint = f"`otel-replay import {path or 'FILE'}` takes its runs into the store"
    if command == "delete" and isfile(path):
        hint = f"`rm {path}` removes the file"
    raise UsageError(f"{what}, and `{command}` takes runs of the store", hint=hint)


def _all_of(context: click.Context, name: str, store: Store, of_files: bool) -> list[RunFiles]:
    from otel_replay.errors import UsageError
    from otel_replay.opening import StoredRun, opened

    runs = context.with_resource(opened(name, store))
    if not of_files and not all(isinstance(run, StoredRun) for run in runs):
        raise UsageError(
            f"{name} is a file that another program wrote, and has no journals and checksums of ours",
            hint="`otel-replay import` takes its runs into the store",
        )
    return [context.with_resource(run.directory()) for run in runs]
