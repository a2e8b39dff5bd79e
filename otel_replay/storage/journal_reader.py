"""Reads a journal in blocks: bounded memory whatever its size, and no line is ever guessed.

A line that is not a record becomes a `BadLine` with its number, and reading goes on behind it. What stands
after the last newline is torn; the NUL bytes of the preallocated rest are the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from otel_replay.errors import FormatError
from otel_replay.formats import journal_v1
from otel_replay.records import BadLine, JournalHeader, Record
from otel_replay.storage.inside import open_file
from otel_replay.storage.liveness import is_alive
from otel_replay.storage.refusals import shown, told_as_store_error

__all__ = ["JournalTail", "Located", "read_journal"]

_BLOCK_BYTES = 256 * 1024

Decode = Callable[[bytes], Record]
READERS: dict[int, Decode] = {1: journal_v1.decode}
"""Reads a line, by the version that the journal's header says."""


@dataclass(slots=True)
class Located:
    """A record and where it stands: the journal's file name, and the line's number from 1."""

    record: Record | BadLine
    journal: str
    line: int


def read_journal(path: Path, *, block_bytes: int = _BLOCK_BYTES) -> Iterator[Located]:
    """Everything in a journal, in the order of the file. A torn end comes last, as a `BadLine`.

    The last line of a journal that is being written right now may be only half there: that is not torn, and
    left out.

    Raises
    ------
    StoreError
        If it cannot be read.
    FormatError
        If it is of a newer version.
    """
    tail = JournalTail(path, block_bytes=block_bytes)
    while True:
        yield from tail.new_records()
        rest = tail.rest()
        if rest is None or is_alive(path):
            return
        if not rest.complete:
            bad = rest.bad_line
            yield Located(bad, tail.name, bad.number)
            return


@dataclass(frozen=True, slots=True)
class Rest:
    """What stands after the lines that were read. `complete`: with a newline in it, added just now."""

    bad_line: BadLine
    complete: bool


class JournalTail:
    """Reads what a journal holds, and later what was added since.

    Parameters
    ----------
    path:
        The journal.
    block_bytes:
        How much is read at a time.
    """

    def __init__(self, path: Path, *, block_bytes: int = _BLOCK_BYTES) -> None:
        self.path = path
        self.name = path.name
        self.offset_bytes = 0
        """Where the lines end that were read."""
        self.line = 0
        """How many lines that is."""
        self._block_bytes = block_bytes
        self._decode: Decode = journal_v1.decode

    def new_records(self) -> Iterator[Located]:
        """The records of the complete lines that were added since the last call; all, the first time."""
        name = self.name
        for lines in self._lines():
            before = self.line
            taken = 0
            try:
                if before == 0:
                    first = self._first(lines[0])
                    taken = 1
                    yield Located(first, name, 1)
                decode = self._decode
                for line in lines[taken:]:
                    try:
                        record: Record | BadLine = decode(line)
                    except FormatError as error:
                        if b"\0" in line and is_alive(self.path):
                            return  # it is being copied in at this moment
                        record = self._bad(lines, taken, error.message)
                    taken += 1
                    yield Located(record, name, before + taken)
            finally:
                self.line += taken
                self.offset_bytes += sum(map(len, lines[:taken])) + taken

    def rest(self) -> Rest | None:
        """What stands after the lines that were read, if it is anything but the preallocated NUL bytes."""
        position = end = self.offset_bytes
        complete = False
        while block := self._read(position):
            content = len(block.rstrip(b"\0"))
            if content:
                end = position + content
                complete = complete or b"\n" in block
            position += len(block)
        size = end - self.offset_bytes
        if not size:
            return None
        bad = BadLine(
            number=self.line + 1,
            offset_bytes=self.offset_bytes,
            size_bytes=size,
            reason=f"torn: {size} bytes, and their line has no end",
            torn=True,
        )
        return Rest(bad, complete)

    def _first(self, line: bytes) -> Record | BadLine:
        try:
            body = orjson.loads(line)
        except orjson.JSONDecodeError:
            body = None
        if isinstance(body, dict) and body.get("format") == journal_v1.FORMAT:
            self._decode = self._reader(body.get("version"))
            try:
                record = self._decode(line)
            except FormatError as error:
                return self._bad([line], 0, error.message)
            if isinstance(record, JournalHeader):
                return record
        return self._bad([line], 0, "the first line is not a journal's header")

    def _reader(self, version: object) -> Decode:
        if isinstance(version, int) and version > max(READERS):
            raise FormatError(
                f"{shown(self.path)} is {journal_v1.FORMAT} version {version}; "
                f"this otel-replay reads up to version {max(READERS)}",
                hint="read it with a later otel-replay: `pip install -U otel-replay`",
            )
        return READERS.get(version, journal_v1.decode) if isinstance(version, int) else journal_v1.decode

    def _bad(self, lines: list[bytes], index: int, reason: str) -> BadLine:
        line = lines[index]
        nul_bytes = line.count(0)
        if nul_bytes:
            reason = f"{nul_bytes} NUL bytes stand in it: a part of the file never reached the disk"
        return BadLine(
            number=self.line + index + 1,
            offset_bytes=self.offset_bytes + sum(map(len, lines[:index])) + index,
            size_bytes=len(line),
            reason=reason,
        )

    def _lines(self) -> Iterator[list[bytes]]:
        """Complete lines in order, many at a time."""
        position = self.offset_bytes
        pending: list[bytes] = []
        while block := self._read(position):
            position += len(block)
            cut = block.rfind(b"\n") + 1
            if not cut:
                pending.append(block)
                continue
            pending.append(block[:cut])
            lines = b"".join(pending).split(b"\n")
            lines.pop()  # nothing stands after the last newline
            pending = [block[cut:]]
            yield lines

    def _read(self, position: int) -> bytes:
        # Opened for each block: a run may have more journals than a process may have open files.
        with told_as_store_error("read", self.path):
            fd = open_file(self.path)
            try:
                return os.pread(fd, self._block_bytes, position)
            finally:
                os.close(fd)
