"""Closes a run whose process died, and takes nothing away: what was torn off is set aside, not deleted.

A run that has ended may have got a journal since, from a child or as the interpreter went: it is closed and
summed up as well.

What is left may be done again at any time: a recovery that is itself interrupted is finished by the next one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from otel_replay.clock import SYSTEM_CLOCK, Clock
from otel_replay.errors import FormatError, StoreError
from otel_replay.formats import journal_v1
from otel_replay.light import replace
from otel_replay.records import BadLine, Close, JournalHeader, SpanStart
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.bundles import Gap
from otel_replay.storage.contents import Contents
from otel_replay.storage.finalise import SESSION_REPLAY_NAME, derive, locked
from otel_replay.storage.inside import is_blank, open_file
from otel_replay.storage.journal_reader import JournalTail
from otel_replay.storage.late_journals import late_journals
from otel_replay.storage.liveness import is_alive, lock_state
from otel_replay.storage.manifest import MANIFEST_NAME, Output, read_manifest
from otel_replay.storage.refusals import printable, told_as_store_error
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import HEADER_NAME, RunHeader, header_in_journals, is_json, read_header

__all__ = ["MOST_BAD_LINES", "ClosedJournal", "Recovery", "open_spans", "recover"]

MOST_BAD_LINES = 100
"""So many damaged lines of a journal are named one by one."""

TORN_SUFFIX = ".torn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedJournal:
    """What was done to one journal, and what was found in it.

    `cut_bytes` is the preallocated rest that was cut off (NUL bytes only), `torn_bytes` the part of a line
    that was set aside in the file `torn_file`. `bad_lines` are damaged lines before the end: they stay there.
    """

    name: str
    cut_bytes: int = 0
    torn_bytes: int = 0
    torn_file: str = ""
    closed: bool = False
    bad_line_count: int = 0
    bad_lines: tuple[BadLine, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return bool(self.cut_bytes or self.torn_bytes or self.closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What :func:`recover` did. `changed` is False where nothing was left to do."""

    header: RunHeader
    journals: tuple[ClosedJournal, ...]
    open_spans: tuple[SpanStart, ...]
    changed: bool


def recover(files: RunFiles, *, clock: Clock = SYSTEM_CLOCK) -> Recovery:
    """Close the journals that nobody writes any more, and write what is derived from them.

    Raises
    ------
    StoreError
        If a process still writes the run, or if something cannot be read or written.
    FormatError
        If the run is of a newer version.
    """
    directory = files.directory
    with locked(directory):
        header, lost, torn = _header_of(directory)
        files = RunFiles(directory, header)
        _refuse_while_written(files)
        journals = tuple(_close(path) for path in files.journals())
        closed = {journal.name for journal in journals if journal.changed}
        listed = _listed(directory)
        late = late_journals(files, listed or ())
        cut = [_cut_bundle(files, name) for name in files.blobs.bundles()]
        changed = bool(closed or late or header.ended_ns is None or listed is None or lost or any(cut))
        if lost and torn:
            _set_aside(directory / HEADER_NAME, torn)
        if changed:
            # One that was closed before is what the manifest says of it, or damaged: not to be hidden.
            kept = [output for output in listed or () if output.path.startswith("journal/")]
            kept = [output for output in kept if output.name not in closed]
            header = replace(header, recovered=header.recovered or header.status is None)
            header, contents = derive(directory, header, clock=clock, kept=kept)
        else:
            contents = Contents().count_all(files.records())
    return Recovery(
        header=header,
        journals=journals,
        open_spans=tuple(contents.open_spans.values()),
        changed=changed,
    )


def open_spans(files: RunFiles) -> list[SpanStart]:
    """The spans of the run that have not ended, in the order in which they started."""
    return list(Contents().count_all(files.records()).open_spans.values())


def _listed(directory: Path) -> list[Output] | None:
    """What the manifest names; None where there is none."""
    path = directory / MANIFEST_NAME
    if not os.path.lexists(path):
        return None
    if is_blank(path) or is_blank(directory / SESSION_REPLAY_NAME):
        return None  # a power failure has taken the content of one of them
    return read_manifest(directory)


def _header_of(directory: Path) -> tuple[RunHeader, bool, bytes]:
    """The run's header, whether `run.json` is missing, and what a power failure has left of it."""
    path = directory / HEADER_NAME
    try:
        return read_header(directory), not os.path.lexists(path), b""
    except FormatError:
        found = None if is_json(path) else header_in_journals(directory)
        if found is None:
            raise
        return found, True, path.read_bytes().rstrip(b"\0")


def _refuse_while_written(files: RunFiles) -> None:
    for path in files.journals():
        if is_alive(path, files.header.process):
            raise _still_written(files.run_id, _writer_of(path) or files.header.process)


def _still_written(run_id: str, process: Mapping[str, object]) -> StoreError:
    pid, host = printable(process.get("pid", "?")), printable(process.get("host", "?"))
    who = f" by process {pid} on {host}" if process else ""
    return StoreError(
        f"run {printable(run_id)} is still being written{who}",
        hint="recover is for runs whose process died; wait for its end, or end it",
    )


def _writer_of(path: Path) -> Mapping[str, object]:
    for located in JournalTail(path).new_records():
        return located.record.process if isinstance(located.record, JournalHeader) else {}
    return {}


def _close(path: Path) -> ClosedJournal:
    with told_as_store_error("recover", path):
        os.close(open_file(path))  # not through a link
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _still_written(path.parent.parent.name, _writer_of(path)) from None
            except OSError:
                pass  # no locks here: that nobody writes it was found out another way
            return _close_locked(path, fd)
        finally:
            os.close(fd)


def _close_locked(path: Path, fd: int) -> ClosedJournal:
    tail = JournalTail(path, settled=True)
    bad_lines: list[BadLine] = []
    bad_line_count = last_ns = 0
    last: object = None
    for located in tail.new_records():
        last = located.record
        last_ns = max(last_ns, getattr(last, "time_ns", 0))
        if isinstance(last, BadLine):
            bad_line_count += 1
            if bad_line_count <= MOST_BAD_LINES:
                bad_lines.append(last)
    end = tail.offset_bytes
    rest = tail.rest()
    torn_bytes = rest.bad_line.size_bytes if rest is not None else 0
    torn_file = _set_aside(path, os.pread(fd, torn_bytes, end)) if torn_bytes else ""
    cut_bytes = os.fstat(fd).st_size - end - torn_bytes
    # An empty journal has no header yet, and so no end either.
    closes = last is not None and not isinstance(last, Close)
    if cut_bytes or torn_bytes:
        os.ftruncate(fd, end)
    if closes:
        os.pwrite(fd, journal_v1.encode(Close(time_ns=last_ns, how="recovered")), end)
    if cut_bytes or torn_bytes or closes:
        os.fsync(fd)
    return ClosedJournal(
        name=path.name,
        cut_bytes=cut_bytes,
        torn_bytes=torn_bytes,
        torn_file=torn_file,
        closed=closes,
        bad_line_count=bad_line_count,
        bad_lines=tuple(bad_lines),
    )


def _cut_bundle(files: RunFiles, name: str) -> bool:
    """Take half a blob off the end of a bundle that nobody writes any more; whether there was one."""
    path = files.blobs.directory / name
    with told_as_store_error("recover", path), files.blobs.open_bundle(name) as bundle:
        torn = [entry for entry in bundle if isinstance(entry, Gap) and entry.torn]
        if not torn or lock_state(bundle.fd) == "alive":
            return False
        rest = os.pread(bundle.fd, torn[0].size_bytes, torn[0].offset)
        if rest.strip(b"\0"):
            _set_aside(path, rest)
        os.truncate(path, torn[0].offset)
    return True


def _set_aside(torn_file: Path, torn: bytes) -> str:
    """Keep the torn bytes in a file of their own, before they go from theirs; gives its name."""
    number = 0
    while True:
        path = torn_file.with_name(torn_file.name + TORN_SUFFIX + (f".{number}" if number else ""))
        if not os.path.lexists(path):
            write_atomically(path, torn)
            return path.name
        if path.is_file() and not path.is_symlink() and path.read_bytes() == torn:
            return path.name  # an interrupted recovery has come this far
        number += 1
