"""`unpack`: packed runs become runs again, in the store or in a folder."""

from __future__ import annotations

from pathlib import Path

import click

from otel_replay.cli.options import open_store, store_option

__all__ = ["command"]


@click.command("unpack")
@click.argument("packs", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--to", "folder", metavar="DIR", help="Unpack into DIR/RUN_ID instead of the store.")
@click.option(
    "--max-size",
    metavar="GIB",
    type=click.FloatRange(min=0, min_open=True),
    default=16,
    show_default=True,
    help="Refuse a pack that would unfold to more.",
)
@click.option(
    "--max-files",
    metavar="N",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Refuse a pack that holds more.",
)
@store_option
@click.pass_context
def command(
    context: click.Context, packs: tuple[Path, ...], folder: str | None, max_size: float, max_files: int
) -> None:
    """Put packed runs into the store, each under its own id.

    A run appears whole and checked, or not at all: a pack that was cut, changed or added to is refused, and
    so is one with names that lead out of the run. Needs the extra `pack` below Python 3.14.
    """
    from otel_replay.cli.people import counted, size
    from otel_replay.cli.terminal import stderr
    from otel_replay.storage.pack_files import Limits
    from otel_replay.storage.unpack import unpack, unpack_into

    limits = Limits(size_bytes=int(max_size * (1 << 30)), files=max_files)
    for path in packs:
        if folder is not None:
            made = unpack_into(path, Path(folder), limits=limits)
        else:
            made = unpack(path, open_store(context), limits=limits)
        stderr().print(f"Unpacked {made.run_id}, {counted(made.files, 'file')} of {size(made.size_bytes)}")
