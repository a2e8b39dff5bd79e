"""`compare-generations`: two sessions of generated images, image by image, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_replay.cli.options import json_option, sessions_option

if TYPE_CHECKING:
    from otel_replay.generations.comparison import Pair, Side

__all__ = ["command"]


@click.command("compare-generations")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@sessions_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a picture of each difference there: black where the images are the same.",
)
@json_option
def command(a: str, b: str, sessions: Path | None, output: Path | None, as_json: bool) -> int:
    """Compare two recorded sessions of images, such as an A/B test of prompts.

    A and B are ids of sessions, or folders of sessions. Exits with 0 where no pixel differs, else with 1.
    Needs the extra `web`.
    """
    from otel_replay.compat.generation_sessions_files import DEFAULT_FOLDER, comparison
    from otel_replay.generations.comparison import compare_albums

    first, second = (_side(name, sessions or DEFAULT_FOLDER) for name in (a, b))
    pairs = list(compare_albums(first, second))
    written = [] if output is None else _write_pictures(first, second, pairs, output)
    if as_json:
        from otel_replay.cli.json_out import print_json

        print_json(comparison(first, second, pairs) | ({} if output is None else {"written": written}))
    else:
        _tell(first, second, pairs, written)
    return 0 if all(pair.same for pair in pairs) else 1


def _side(name: str, sessions: Path) -> Side:
    """A session by its id, or by the path of its folder."""
    from otel_replay.compat.generation_sessions_files import side, stored_sessions

    path = Path(name)
    if path.name != name and path.name:
        return side(stored_sessions(path.parent), path.name)
    return side(stored_sessions(sessions), name)


def _write_pictures(a: Side, b: Side, pairs: Sequence[Pair], folder: Path) -> list[str]:
    from otel_replay.generations.comparison import pair_difference
    from otel_replay.storage.refusals import told_as_store_error

    written: list[str] = []
    with told_as_store_error("write to", folder):
        folder.mkdir(parents=True, exist_ok=True)
        for pair in pairs:
            if pair.difference is None or not pair.difference.pixels:
                continue
            data = pair_difference(a, b, pair.number)
            if data is not None:
                path = folder / f"{pair.number:04d}_difference.png"
                path.write_bytes(data)
                written.append(str(path))
    return written


def _tell(a: Side, b: Side, pairs: Sequence[Pair], written: Sequence[str]) -> None:
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stdout

    screen = stdout()
    screen.print((a.album.name, "bold"), "  and  ", (b.album.name, "bold"))
    for pair in pairs:
        one = pair.a or pair.b
        label = one.label if one is not None else ""
        mark, style = ("✓", "finished") if pair.same else ("✗", "failed")
        screen.print((mark, style), f"{pair.number:>4}  {label or '-':<4} ", _found(pair))
        if pair.a is not None and pair.b is not None and not pair.same_prompt:
            screen.print("         a: ", (pair.a.prompt, "dim"))
            screen.print("         b: ", (pair.b.prompt, "dim"))
    for path in written:
        screen.print("wrote ", (path, "key"))
    different = sum(not pair.same for pair in pairs)
    told = f"{different} differ" if different else "no pixel differs"
    screen.print(f"{counted(len(pairs), 'image')}: {told}")
    screen.flush()


def _found(pair: Pair) -> str:
    """What came of one pair, in words."""
    found = pair.difference
    if pair.a is None or pair.b is None:
        return f"only in {'a' if pair.b is None else 'b'}"
    if found is None:
        return pair.trouble
    if found.pixels is None:
        return "of different sizes: {} x {} and {} x {}".format(*found.size_a, *found.size_b)
    if pair.same:
        return "the same"
    return (
        f"{found.pixels:,} pixels differ ({found.share:.1%}), by up to {found.largest}, "
        f"{found.mean:.2f} on average"
    )
