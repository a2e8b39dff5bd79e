"""Records of a run that were put away in a temporary file, as lines of a journal, and are read from there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from otel_replay.formats.journal_v1 import LONGEST_LINE_BYTES, decode, encode
from otel_replay.importing.foreign_run import too_long
from otel_replay.records import Record
from otel_replay.storage.refusals import told_as_store_error

__all__ = ["Piece", "write_piece"]

_STEP_BYTES = 1 << 15


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """Records of a run that were put away; pieces are in order as they were put away."""

    number: int
    begin: int
    end: int
    path: Path

    def __iter__(self) -> Iterator[Record]:
        at = self.begin
        while lines := self._lines(at):
            at += sum(map(len, lines))
            yield from map(decode, lines)

    def _lines(self, at: int) -> list[bytes]:
        """Some lines. The file is not kept open: all pieces of a run are read at once, however many."""
        lines = []
        with told_as_store_error("read", self.path), self.path.open("rb") as stream:
            stream.seek(at)
            most = min(self.end, at + _STEP_BYTES)
            while at < most and (line := stream.readline()):
                at += len(line)
                lines.append(line)
        return lines


def write_piece(stream: BinaryIO, path: Path, number: int, records: Iterable[Record]) -> Piece:
    """Put records away at the end of the file `path`, which is open as `stream`."""
    begin = stream.tell()
    stream.writelines(map(_line, records))
    return Piece(number, begin, stream.tell(), path)


def _line(record: Record) -> bytes:
    line = encode(record)
    if len(line) > LONGEST_LINE_BYTES:
        raise too_long(record, len(line))
    return line
