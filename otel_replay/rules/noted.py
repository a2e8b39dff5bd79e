"""What processes have said of the functions that they hooked: lines in a folder, read by who started them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from otel_replay.rules.telling import NAME

__all__ = ["Note", "notes_in"]


class Note(NamedTuple):
    """One line: `hooked` or `problem`, of which function; where it is, or what is wrong; by which rule."""

    what: str
    function: str
    text: str
    rule: str


def notes_in(folder: Path) -> Iterator[Note]:
    """What was said in `folder`, each thing once."""
    said = dict.fromkeys(
        line
        for path in sorted(folder.glob(f"{NAME}*"))
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
    )
    for line in said:
        try:
            yield Note(*json.loads(line))
        except (ValueError, TypeError):
            continue  # torn off where a process was killed
