"""What each process says of the functions that it hooked, for whoever started it: lines in a folder.

A process appends to a file of its own, so that none waits for another; a line that cannot be written is not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Note", "note", "notes_in"]

_NAME = "functions-"


class Note(NamedTuple):
    """One line: `hooked` or `problem`, of which function; where it is, or what is wrong; by which rule."""

    what: str
    function: str
    text: str
    rule: str


def note(folder: str, what: str, function: str, text: str, rule: str = "") -> None:
    """Say something in `folder`; nothing where that is empty."""
    if not folder:
        return
    try:
        with open(os.path.join(folder, f"{_NAME}{os.getpid()}"), "a", encoding="utf-8") as stream:
            stream.write(json.dumps([what, function, text, rule]) + "\n")
    except OSError:
        return  # the run ends without this line


def notes_in(folder: Path) -> Iterator[Note]:
    """What was said in `folder`, each thing once."""
    said = dict.fromkeys(
        line
        for path in sorted(folder.glob(f"{_NAME}*"))
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
    )
    for line in said:
        try:
            yield Note(*json.loads(line))
        except (ValueError, TypeError):
            continue  # torn off where a process was killed
