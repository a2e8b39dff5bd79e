"""A run and a difference as plain text, for the report of a test that failed."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from otel_replay.cli.terminal import Screen, Text

if TYPE_CHECKING:
    from pathlib import Path

    from otel_replay.diffing.difference import Difference

__all__ = ["difference_text", "run_text"]

_COLUMNS = 100
_FINDINGS = 20
_SPANS = 60


class _Utf8Text(io.StringIO):
    """Text in memory that takes every character, and says so."""

    encoding = "utf-8"


def _screen() -> tuple[Screen, io.StringIO]:
    stream = _Utf8Text()
    return Screen(stream, _COLUMNS), stream


def _text(lines: Iterable[Text], screen: Screen, stream: io.StringIO) -> str:
    screen.write_all(lines)
    return stream.getvalue().rstrip("\n")


def difference_text(found: Difference) -> str:
    """As `otel-replay diff` prints it."""
    from otel_replay.cli.diff_lines import difference_lines

    screen, stream = _screen()
    return _text(difference_lines(found, screen, _FINDINGS), screen, stream)


def run_text(directory: Path) -> str:
    """As `otel-replay show` prints it, of at most 60 spans.

    Raises
    ------
    StoreError, FormatError
        If the run cannot be read.
    """
    from otel_replay.analysis.pick import pick
    from otel_replay.analysis.tree import Limits
    from otel_replay.analysis.tree_builder import build_tree
    from otel_replay.cli.run_head import head_lines
    from otel_replay.cli.tree_lines import tree_lines
    from otel_replay.opening import StoredRun
    from otel_replay.storage.run_files import RunFiles

    files = RunFiles(directory)
    source = StoredRun(files, files.run_id)
    tree = build_tree(source.records(), Limits(moments=3, all_moments=200))
    pick(tree, _SPANS, None)
    screen, stream = _screen()
    screen.write_all(head_lines(source, tree, screen))
    screen.print()
    return _text(tree_lines(tree, screen), screen, stream)
