"""`pack`: a run as one compressed file, to be kept or to be given away."""

from __future__ import annotations

from pathlib import Path

import click

from otel_replay.cli.options import complete_run, open_store, store_option, stored_run

__all__ = ["command"]


@click.command("pack")
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The pack, whole or not at all (default: RUN.orpack in this folder).",
)
@click.option(
    "--level",
    type=click.IntRange(1, 22),
    help="How hard to compress (default: 19 up to 1 MiB, 9 beyond).",
)
@store_option
@click.pass_context
def command(context: click.Context, run: str, output: str | None, level: int | None) -> None:
    """Pack RUN into one compressed file.

    Nothing is lost: `otel-replay unpack` gives back the same files, and every command that reads a run takes
    the pack's path in its place. The run stays where it is. A running run is refused.
    Needs the extra `pack` below Python 3.14.
    """
    from otel_replay.cli.people import counted, size
    from otel_replay.cli.terminal import stderr
    from otel_replay.storage.pack import SUFFIX, pack

    files = stored_run(open_store(context), run, "pack")
    target = Path(output) if output is not None else Path(f"{files.directory.resolve().name}{SUFFIX}")
    packed = pack(files, target, level=level)
    stderr().print(
        f"Wrote {target}, {size(packed.packed_bytes)} for {counted(packed.files, 'file')} "
        f"of {size(packed.size_bytes)}"
    )
