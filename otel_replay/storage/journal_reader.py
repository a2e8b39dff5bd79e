"""Reads a journal in blocks: bounded memory whatever its size, and no line is ever guessed.

A line that is not a record becomes a `BadLine` with its number, and reading goes on behind it. What stands
after the last newline is torn; the NUL bytes of the preallocated rest are the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from otel_replay.errors import FormatError
from otel_replay.formats import journal_v1
from otel_replay.light import light
from otel_replay.orjson_loading import orjson
from otel_replay.records import BadLine, JournalHeader, Record
from otel_replay.storage.inside import open_file
from otel_replay.storage.liveness import is_alive
from otel_replay.storage.refusals import shown, told_as_store_error

__all__ = ["JournalTail", "Located", "Take", "read_journal"]

_BLOCK_BYTES = 256 * 1024

Decode = Callable[[bytes], Record]
_LONGEST_LINE_BYTES = journal_v1.LONGEST_LINE_BYTES
_TOO_LONG = [b""]

READERS: dict[int, Decode] = {1: journal_v1.decode}
"""Reads a line, by the version that the journal's header says."""


@light(slots=True)
class Located:
    """A record and where it stands: the journal's file name, and the line's number from 1."""

    record: Record | BadLine
    journal: str
    line: int


Take = Callable[[str, list[bytes], int], int]
"""Takes lines of a journal, from a number on, before they are decoded; gives the first that it left."""


def read_journal(
    path: Path, *, block_bytes: int = _BLOCK_BYTES, take: Take | None = None
) -> Iterator[Located]:
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
    if is_alive(path):
        # What is added while it is read is left out: a writer may be faster than any reader, and never end.
        tail.stop_at_its_end()
    while True:
        yield from tail.new_records(take)
        if tail.rest() is None or is_alive(path):
            return
        # Nobody writes it any more, so this look at the end is the last one; it may have grown before.
        tail.end_bytes = None
        rest = tail.rest()
        if rest is None:
            return
        if not rest.complete:
            bad = rest.bad_line
            yield Located(bad, tail.name, bad.number)
            return


@light(frozen=True, slots=True)
class Rest:
    """What stands after the lines that were read. `complete`: with a newline in it, added just now."""

    bad_line: BadLine
    complete: bool


def _length(lines: list[bytes]) -> int:
    return sum(map(len, lines)) + len(lines)


class JournalTail:
    """Reads what a journal holds, and later what was added since.

    Parameters
    ----------
    path:
        The journal.
    block_bytes:
        How much is read at a time.
    settled:
        Nobody writes it: the caller has made sure of that.
    """

    def __init__(self, path: Path, *, block_bytes: int = _BLOCK_BYTES, settled: bool = False) -> None:
        self.path = path
        self._settled = settled
        self.name = path.name
        self.offset_bytes = 0
        """Where the lines end that were read."""
        self.line = 0
        """How many lines that is."""
        self.end_bytes: int | None = None
        """Where reading stops, whatever stands behind it."""
        self._block_bytes = block_bytes
        self._decode: Decode = journal_v1.decode

    def new_records(self, take: Take | None = None) -> Iterator[Located]:
        """The records of the complete lines that were added since the last call; all, the first time.

        But for those that `take` takes: it is offered each line behind the header in its turn.
        """
        name = self.name
        for lines, size_bytes in self._lines():
            before = number = self.line
            if not before:
                self._choose_reader(lines[0])
            decode = self._decode
            try:
                while number - before < len(lines):
                    if take is not None and number:
                        number = before + take(name, lines, number - before)
                        if number - before == len(lines):
                            break
                    line = lines[number - before]
                    try:
                        record: Record | BadLine = decode(line)
                    except FormatError as error:
                        if b"\0" in line and self._is_moving(lines, number - before):
                            return
                        record = self._bad(lines, number - before, size_bytes, error.message)
                    if not number and not isinstance(record, JournalHeader):
                        record = self._bad(lines, 0, size_bytes, "the first line is not a journal's header")
                    number += 1
                    yield Located(record, name, number)
            finally:
                self.line = number
                taken = number - before
                self.offset_bytes += size_bytes if taken == len(lines) else _length(lines[:taken])

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

    def _is_moving(self, lines: list[bytes], index: int) -> bool:
        """Whether a line is being copied in at this moment, or has been since it was read."""
        if self._settled:
            return False
        if is_alive(self.path):
            return True
        offset = self.offset_bytes + _length(lines[:index])
        return self._read(offset, len(lines[index])) != lines[index]

    def _choose_reader(self, line: bytes) -> None:
        try:
            body = orjson.loads(line)
        except orjson.JSONDecodeError:
            return
        if not isinstance(body, dict) or body.get("format") != journal_v1.FORMAT:
            return
        version = body.get("version")
        if isinstance(version, int) and version > max(READERS):
            raise FormatError(
                f"{shown(self.path)} is {journal_v1.FORMAT} version {version}; "
                f"this otel-replay reads up to version {max(READERS)}",
                hint="read it with a later otel-replay: `pip install -U otel-replay`",
            )
        self._decode = READERS.get(version, self._decode) if isinstance(version, int) else self._decode

    def _bad(self, lines: list[bytes], index: int, size_bytes: int, reason: str) -> BadLine:
        line = lines[index]
        length = len(line)
        nul_bytes = line.count(0)
        if nul_bytes:
            reason = f"{nul_bytes} NUL bytes stand in it: a part of the file never reached the disk"
        elif lines == _TOO_LONG and size_bytes > 1:
            reason = f"it is longer than {_LONGEST_LINE_BYTES >> 20} MiB"
            length = size_bytes - 1
        return BadLine(
            number=self.line + index + 1,
            offset_bytes=self.offset_bytes + _length(lines[:index]),
            size_bytes=length,
            reason=reason,
        )

    def _lines(self) -> Iterator[tuple[list[bytes], int]]:
        """Complete lines in order, many at a time, and how many bytes they take with their newlines."""
        position = start = self.offset_bytes
        pending: list[bytes] = []
        while block := self._read(position):
            position += len(block)
            cut = block.rfind(b"\n") + 1
            if not cut:
                # Of a line that is too long only its length is kept.
                if position - start <= _LONGEST_LINE_BYTES:
                    pending.append(block)
                continue
            end = position - len(block) + cut
            first = block.find(b"\n") + 1
            if position - len(block) + first - start > _LONGEST_LINE_BYTES:
                size_bytes = position - len(block) + first - start
                yield _TOO_LONG, size_bytes
                start += size_bytes
                pending = []
                block = block[first:]
                cut -= first
            if cut:
                lines = b"".join([*pending, block[:cut]]).split(b"\n")
                lines.pop()  # nothing stands after the last newline
                yield lines, end - start
            start = end
            pending = [block[cut:]]

    def stop_at_its_end(self) -> None:
        """Read nothing that is added from now on, to a journal that is being written."""
        with told_as_store_error("read", self.path):
            fd = open_file(self.path)
            try:
                # All that is written yet is no NUL, and all that is not is.
                low, high = 0, os.fstat(fd).st_size
                while low < high:
                    middle = (low + high) // 2
                    if os.pread(fd, 1, middle) in b"\0":
                        high = middle
                    else:
                        low = middle + 1
                self.end_bytes = low
            finally:
                os.close(fd)

    def _read(self, position: int, size_bytes: int | None = None) -> bytes:
        size = size_bytes or self._block_bytes
        if self.end_bytes is not None:
            size = max(0, min(size, self.end_bytes - position))
        # Opened for each block: a run may have more journals than a process may have open files.
        with told_as_store_error("read", self.path):
            fd = open_file(self.path)
            try:
                return os.pread(fd, size, position)
            finally:
                os.close(fd)
