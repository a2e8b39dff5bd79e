"""A process says which functions it hooked, for whoever started it: a line in a known folder.

It appends to a file of its own, so that none waits for another; a line that cannot be written is not. A
program that decides waits for this: `json` is not loaded for it.
"""

from __future__ import annotations

import os

try:
    from _json import encode_basestring_ascii as quoted  # what `json` is made of
except ImportError:
    from json.encoder import encode_basestring_ascii as quoted

__all__ = ["NAME", "note"]

NAME = "functions-"
"""What the files are called, before the number of the process."""


def note(folder: str, what: str, function: str, text: str, rule: str = "") -> None:
    """Say something in `folder`, as :class:`otel_replay.rules.noted.Note` has it; empty: nowhere."""
    if not folder:
        return
    line = ", ".join(map(quoted, (what, function, text, rule)))
    try:
        path = os.path.join(folder, f"{NAME}{os.getpid()}")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, f"[{line}]\n".encode())
        finally:
            os.close(fd)
    except OSError:
        return  # the run ends without this line
