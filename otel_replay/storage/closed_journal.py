"""One pass over journals that were closed as they should be: what they hold, decisions as text, their hash.

That is the end of most runs. Whatever is not as usual (damage, a journal without its end, another version,
decisions of several processes, which must be put in their order) is left to those who read record by record.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from otel_replay.errors import FormatError
from otel_replay.formats import journal_v1
from otel_replay.formats.decision_rows import items_text
from otel_replay.formats.json_text import Resolve
from otel_replay.formats.session_replay import Items, items_of
from otel_replay.records import Decision, JournalHeader
from otel_replay.storage.contents import Contents
from otel_replay.storage.inside import open_file
from otel_replay.storage.refusals import told_as_store_error
from otel_replay.storage.small_hash import sha256_for

__all__ = ["ClosedJournal", "Unusual", "items_of_closed"]

_BLOCK_BYTES = 256 * 1024
_LONGEST_LINE_BYTES = journal_v1.LONGEST_LINE_BYTES
_ROW = b'["decision",'


class Unusual(Exception):
    """The journal must be read record by record."""


def items_of_closed(journals: Sequence[ClosedJournal]) -> Iterator[Items]:
    """The decisions of all `journals`, as :meth:`ClosedJournal.items` gives them.

    Raises
    ------
    Unusual
        If one of them is not such a journal, or if it matters in which order the records of several are read.
    StoreError
        If one cannot be read.
    """
    held: list[tuple[int, ...]] = []
    for journal in journals:
        before = journal.contents.ordered()
        with told_as_store_error("read", journal.path):
            yield from journal.items()
        held.append(tuple(now > then for now, then in zip(journal.contents.ordered(), before, strict=True)))
        if any(sum(column) > 1 for column in zip(*held, strict=True)):
            raise Unusual


class ClosedJournal:
    """A journal that is read once, by :meth:`items`.

    Parameters
    ----------
    path:
        The file.
    contents:
        Counts what the journal holds.
    resolve:
        As for `session_replay.write`.
    """

    def __init__(self, path: Path, contents: Contents, resolve: Resolve | None) -> None:
        self.path = path
        self.size_bytes = 0
        self.changed_ns = 0
        self.contents = contents
        self._resolve = resolve
        self._digest = sha256_for(0)

    @property
    def sha256(self) -> str:
        """Of what was read."""
        return str(self._digest.hexdigest())

    def items(self) -> Iterator[Items]:
        """The journal's decisions, as pieces of a session_replay document.

        Raises
        ------
        Unusual
            If it is not such a journal. What was given before is then worth nothing.
        OSError
            If it cannot be read.
        """
        first, closed = True, False
        for lines in self._lines():
            if first:
                self._check(lines[0])
                first = False
            rows = [line for line in lines if line.startswith(_ROW)]
            careful = False
            for line in lines if len(rows) < len(lines) else ():
                if not line.startswith(_ROW):
                    careful = self._count(line) or careful
            closed = lines[-1].startswith(b'{"kind":"close",')
            text = items_text(rows) if rows and not careful else None
            if text is not None:
                self.contents.decisions += len(rows)
                yield text, len(rows)
            elif rows or careful:
                yield from items_of(self._decisions(lines), self._resolve)
        if not closed:
            raise Unusual

    def _count(self, line: bytes) -> bool:
        """Count a record; whether it is a decision after all."""
        try:
            record = journal_v1.decode(line)
        except FormatError:
            raise Unusual from None
        if isinstance(record, Decision):
            return True
        self.contents.count(record)
        return False

    def _decisions(self, lines: list[bytes]) -> Iterator[Decision]:
        for line in lines:
            try:
                record = journal_v1.decode(line)
            except FormatError:
                raise Unusual from None
            if isinstance(record, Decision):
                self.contents.decisions += 1
                yield record

    @staticmethod
    def _check(line: bytes) -> None:
        try:
            record = journal_v1.decode(line)
        except FormatError:
            raise Unusual from None
        if not isinstance(record, JournalHeader) or record.version != journal_v1.VERSION:
            raise Unusual

    def _lines(self) -> Iterator[list[bytes]]:
        """Complete lines, many at a time."""
        rest = b""
        fd = open_file(self.path)
        try:
            status = os.fstat(fd)
            self.changed_ns = status.st_mtime_ns
            self._digest = sha256_for(status.st_size)
            if os.pread(fd, 1, max(0, status.st_size - 1)) != b"\n":
                raise Unusual  # it is being written: what was kept for more stands behind the last line
            # Room for more than there is would be taken from the system, and given back.
            while block := os.read(fd, min(_BLOCK_BYTES, status.st_size + 1)):
                self._digest.update(block)
                self.size_bytes += len(block)
                if b"\0" in block or len(rest) > _LONGEST_LINE_BYTES:
                    raise Unusual
                whole, newline, after = block.rpartition(b"\n")
                if newline:
                    yield (rest + whole).split(b"\n")
                    rest = after
                else:
                    rest += block
        finally:
            os.close(fd)
        if rest or not self.size_bytes:
            raise Unusual
