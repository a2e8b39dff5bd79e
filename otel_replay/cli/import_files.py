"""`import`: runs that other programs wrote down, into the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import json_option, open_store, store_option

if TYPE_CHECKING:
    from otel_replay.importing.keep import Imported

__all__ = ["command"]


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--format",
    "form",
    metavar="NAME",
    help="session_replay, journal, otlp or jaeger (default: what the file looks like).",
)
@click.option("--run-id", metavar="ID", help="Keep it under this id (default: the one in the file).")
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    /,
    files: tuple[str, ...],
    form: str | None,
    run_id: str | None,
    as_json: bool,
) -> int:
    """Take files into the store: OTLP as JSON or Protobuf, archives of the Collector, Jaeger's JSON,
    session_replay.json, a journal.

    Of a folder the archives in it are taken as one, such as those that the Collector rotated.
    A file that is there already is not taken again. Exits with 1 if a part of a file could not be read; what
    could is in the store, and the rest is named.
    """
    from otel_replay.errors import UsageError
    from otel_replay.importing.keep import import_file
    from otel_replay.importing.reading import IMPORTERS

    known = [importer.format for importer in IMPORTERS]
    if form is not None and form not in known:
        raise UsageError(f"there is no format `{form}` to import", hint=f"there are {', '.join(known)}")
    if run_id is not None and len(files) > 1:
        raise UsageError("--run-id goes with one file")
    store = open_store(context)
    runs = []
    for name in files:
        for imported in import_file(store, Path(name), form=form, run_id=run_id):
            runs.append((name, imported))
            if not as_json:
                _print(name, imported)
    if as_json:
        _print_json(runs)
    return 1 if any(imported.damage for _, imported in runs) else 0


def _print(name: str, run: Imported) -> None:
    """One run, as soon as it is in the store: what comes after it may fail."""
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stderr, stdout

    count = counted(run.counts.get("decisions", 0), "decision")
    spans = counted(run.counts.get("spans", 0), "span")
    told = f"{spans}, {count}, from {name}" if run.new else f"is there already, from {name}"
    screen = stdout()
    screen.print((run.run_id, "bold"), "  ", told)
    screen.flush()
    errors = stderr()
    for reason in run.damage:
        errors.print(("not imported: ", "failed"), f"{name}, {reason}")


def _print_json(runs: list[tuple[str, Imported]]) -> None:
    from otel_replay.cli.json_out import print_json

    print_json(
        {
            "runs": [
                {
                    "file": name,
                    "format": run.format,
                    "run_id": run.run_id,
                    "imported": run.new,
                    "counts": run.counts,
                    "damage": list(run.damage),
                }
                for name, run in runs
            ]
        }
    )
