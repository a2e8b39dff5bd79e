"""`compare-generations`: two sessions of generated images, image by image, pixel by pixel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_replay.cli.options import json_option

if TYPE_CHECKING:
    from otel_replay.generations.comparison import Side

__all__ = ["command"]


@click.command("compare-generations")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--sessions",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the sessions (default: generation/sessions).",
)
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
    """
    from otel_replay.compat.generation_sessions_files import DEFAULT_FOLDER, comparison

    first, second = (_side(name, sessions or DEFAULT_FOLDER) for name in (a, b))
    document = comparison(first, second)
    if output is not None:
        document["written"] = _write_pictures(first, second, document, output)
    if as_json:
        from otel_replay.cli.json_out import print_json

        print_json(document)
    else:
        _tell(document)
    return 0 if document["same"] else 1


def _side(name: str, sessions: Path) -> Side:
    """A session by its id, or by the path of its folder."""
    from otel_replay.compat.generation_sessions_files import side, stored_sessions

    path = Path(name)
    if path.name != name and path.name:
        return side(stored_sessions(path.parent), path.name)
    return side(stored_sessions(sessions), name)


def _write_pictures(a: Side, b: Side, document: Mapping[str, Any], folder: Path) -> list[str]:
    from otel_replay.generations.comparison import pair_difference
    from otel_replay.storage.refusals import told_as_store_error

    written: list[str] = []
    with told_as_store_error("write to", folder):
        folder.mkdir(parents=True, exist_ok=True)
        for pair in document["pairs"]:
            if not pair.get("pixels"):
                continue
            data = pair_difference(a, b, pair["index"])
            if data is not None:
                path = folder / f"{pair['index']:04d}_difference.png"
                path.write_bytes(data)
                written.append(str(path))
    return written


def _tell(document: Mapping[str, Any]) -> None:
    from otel_replay.cli.people import counted
    from otel_replay.cli.terminal import stdout

    screen = stdout()
    screen.print((document["a"], "bold"), "  and  ", (document["b"], "bold"))
    for pair in document["pairs"]:
        one = pair["a"] or pair["b"]
        style = "finished" if pair["same"] else "failed"
        head = f"{pair['index']:>4}  {one['target_sector'] or '-':<4} "
        screen.print(("✓" if pair["same"] else "✗", style), head, _found(pair))
        if pair["a"] and pair["b"] and not pair["same_prompt"]:
            for name in "ab":
                screen.print(f"         {name}: ", (pair[name]["prompt"], "dim"))
    for path in document.get("written", ()):
        screen.print("wrote ", (path, "key"))
    told = "no pixel differs" if document["same"] else f"{document['different']} differ"
    screen.print(f"{counted(document['images'], 'image')}: {told}")
    screen.flush()


def _found(pair: Mapping[str, Any]) -> str:
    """What came of one pair, in words."""
    if pair["a"] is None or pair["b"] is None:
        return f"only in {'a' if pair['b'] is None else 'b'}"
    if "trouble" in pair:
        return str(pair["trouble"])
    if pair["pixels"] is None:
        sizes = " and ".join("{} x {}".format(*pair[key]) for key in ("size_a", "size_b"))
        return f"of different sizes: {sizes}"
    if pair["same"]:
        return "the same"
    return (
        f"{pair['pixels']:,} pixels differ ({pair['share']:.1%}), by up to {pair['largest']}, "
        f"{pair['mean']:.2f} on average"
    )
