"""Journals that came after their run had been summed up: from a child that lived longer, or as Python ended.

Nobody may be left to sum them up when their process dies. They are no damage, and `recover` takes them in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from otel_replay.errors import FormatError, OtelReplayError
from otel_replay.records import JournalHeader
from otel_replay.storage.inside import is_blank
from otel_replay.storage.journal_reader import JournalTail
from otel_replay.storage.liveness import is_alive
from otel_replay.storage.manifest import MANIFEST_NAME, Output, read_manifest
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import HEADER_NAME, is_json

__all__ = ["is_of_run", "late_journals", "needs_recovery"]


def late_journals(files: RunFiles, outputs: Iterable[Output] | None) -> list[Path]:
    """The journals that nobody writes any more and the manifest's `outputs` do not name.

    Where there is no manifest, None, those that began after the run's end; they may be summed up by now.

    Raises
    ------
    StoreError, FormatError
        If the run cannot be read.
    """
    journals = [path for path in files.journals() if not is_alive(path)]
    if outputs is not None:
        listed = {output.path for output in outputs}
        return [path for path in journals if f"journal/{path.name}" not in listed]
    ended_ns = files.header.ended_ns
    if ended_ns is None:
        return []
    heads = ((path, _head(path)) for path in journals)
    return [path for path, head in heads if head is not None and head.time_ns > ended_ns]


def is_of_run(path: Path, run_id: str) -> bool:
    """Whether a journal says that it is one of this run; one that has no first line yet may be."""
    head = _head(path)
    return head is None or head.run_id == run_id


def _head(path: Path) -> JournalHeader | None:
    for located in JournalTail(path).new_records():
        return located.record if isinstance(located.record, JournalHeader) else None
    return None


def needs_recovery(files: RunFiles) -> bool:
    """Whether :func:`otel_replay.storage.recover.recover` has something to do, by what the manifest names.

    Raises
    ------
    StoreError, FormatError
        If the run cannot be read.
    """
    header = files.directory / HEADER_NAME
    try:
        status = files.status()
    except FormatError:
        return not is_json(header)  # a power failure has taken its content, and the journals say the same
    if status == "interrupted" or (status != "running" and not os.path.lexists(header)):
        return True
    if any(is_blank(files.directory / name) for name in (MANIFEST_NAME, "session_replay.json")):
        return status != "running"
    if files.header.ended_ns is None or not os.path.lexists(files.directory / MANIFEST_NAME):
        return False
    try:
        outputs = read_manifest(files.directory)
    except OtelReplayError:
        return False  # it is damaged: verify says so, and nothing is written over it
    return bool(late_journals(files, outputs)) and not files.is_written()
