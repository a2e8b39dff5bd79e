"""Files that the program opens, as `file read` and `file write` events: its data, and not what Python loads.

What it opens again and again in one span is told the first, the 10th, the 100th time, and so on. How large a
written file became is told when the process ends, as far as its run is going on: `file written`.
"""

from __future__ import annotations

import os
import sys

from otel_replay.hooks.audit import listen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from otel_replay.libraries.file_choice import Choice

__all__ = ["install"]

_DOING = "recording a file access"
_TRIES = "_get_default_tempdir"
"""Where Python writes a file to see whether it can: only to find the folder for temporary ones."""
_choice: Choice | None = None
_events: ModuleType | None = None
"""`file_events`, loaded with the first file that is recorded."""


def install(module: ModuleType | None) -> None:  # noqa: ARG001 - the signature of all of them
    """Listen to files being opened."""
    global _choice
    _choice = None
    listen("open", _opened, _DOING)
    listen("os.chdir", _moved, _DOING)


def _opened(path: Any, mode: str | None, flags: int) -> None:
    if path.__class__ is int:
        return  # a descriptor: the file is open already
    global _choice, _events
    if _choice is None:
        from otel_replay.libraries.file_choice import Choice

        _choice = Choice()
    name = path if path.__class__ is str else os.fsdecode(path)
    if mode is None:
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR))
        if flags & getattr(os, "O_DIRECTORY", 0):
            return
    else:
        writes = mode[0] != "r" or "+" in mode
    if not _choice.wants(name, writes=writes):
        return
    if name[:1] == "<" and name[-1:] == ">" and mode == "rb" and not os.path.exists(name):
        return  # Python 3.10 looks for `<unknown>` after a syntax error in text without a file
    if mode is None and flags & os.O_EXCL and sys._getframe(2).f_code.co_name == _TRIES:
        return
    if _events is None:
        from otel_replay.libraries import file_events

        _events = file_events
    _events.tell(name, writes=writes)


def _moved(folder: Any) -> None:  # noqa: ARG001 - Python's signature
    if _choice is not None:
        _choice.moved()
    if _events is not None:
        _events.moved()
