"""What journals are called: by their beginning and their process, so that names sort and differ."""

from __future__ import annotations

import os
from pathlib import Path

from otel_replay.clock import iso_milliseconds
from otel_replay.storage.atomic import make_private_directory
from otel_replay.storage.journal import Journal, open_journal

__all__ = ["journal_name", "open_free_journal"]

_TRIES = 1000


def journal_name(time_ns: int, attempt: int = 0, suffix: str = ".jsonl") -> str:
    """The file name of this process's journal that begins at `time_ns`: `20251215T172801803Z-4711.jsonl`."""
    moment = iso_milliseconds(time_ns).translate({ord(":"): None, ord("-"): None, ord("."): None})
    return f"{moment}-{os.getpid()}{f'-{attempt}' if attempt else ''}{suffix}"


def open_free_journal(folder: Path, time_ns: int, *, mode: str, wanted: str = "") -> Journal:
    """A new journal in `folder`, which is made if need be: `wanted` where that name is free.

    Raises
    ------
    OSError, StoreError
        If it cannot be made.
    """
    make_private_directory(folder)
    for attempt in range(_TRIES):
        name = wanted if wanted and not attempt else journal_name(time_ns, attempt)
        try:
            return open_journal(folder / name, mode=mode)
        except FileExistsError:
            continue
    raise OSError(f"no free name for a journal in {folder}")
