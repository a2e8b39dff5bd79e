"""A file of entries that several processes add to: each entry has its checksum, and none overwrites another.

    header  magic (8 bytes), version (u32), count (u32), crc32 of these 16 bytes (u32), four zero bytes
    entry   "ENTR" (4 bytes), length (u64), sha256 of the payload (32 bytes), the payload

Numbers are little-endian. `count` says how many entries there should be. Writers hold `flock` on the file and
add behind the last whole entry; what a crash left behind it is set aside first, in a file of its own. Only
taking entries out writes the file anew, beside its place and then into it. A reader takes every entry whose
checksum is right, wherever it finds one, and names everything else.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from otel_replay.compat.memvid.types import SEGMENT_VERSION
from otel_replay.errors import FormatError
from otel_replay.storage.atomic import sync_directory, write_atomically
from otel_replay.storage.refusals import shown, told_as_store_error

__all__ = ["MAGIC", "Segment", "SegmentFile"]

MAGIC = b"ORPLSEG\n"
_HEAD = struct.Struct("<8sIII4x")
_ENTRY = struct.Struct("<4sQ32s")
_MARK = b"ENTR"


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment file holds: payloads, the size of all that is whole, and what is wrong, in words."""

    payloads: tuple[bytes, ...] = ()
    whole_bytes: int = 0
    count: int = 0
    problems: tuple[str, ...] = ()


class SegmentFile:
    """A segment file. Making the object does not touch the disk; the file is made with its first entry.

    Parameters
    ----------
    path:
        The file; its directory must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Segment:
        """Every whole entry. A file that is not there has none.

        Raises
        ------
        StoreError
            If the file cannot be read.
        FormatError
            If it is another kind of file, or of a newer version.
        """
        if not self.path.exists():
            return Segment()
        with self._locked(fcntl.LOCK_SH, create=False) as fd:
            return self._parsed(_content(fd))

    def update(
        self, added: Sequence[bytes], *, keep: Callable[[bytes], bool] | None = None, durable: bool = True
    ) -> Segment:
        """Add entries, and with `keep` take those out for which it is false; returns what there is then.

        Parameters
        ----------
        added:
            Payloads of new entries.
        keep:
            Asked about each entry that is there; None keeps all.
        durable:
            Whether to wait until it would survive a power failure.

        Raises
        ------
        StoreError, FormatError
            If the file cannot be read or written, or is of another kind. It is as it was before then.
        """
        with self._locked(fcntl.LOCK_EX, create=True) as fd:
            data = _content(fd)
            found = self._parsed(data)
            with told_as_store_error("write", self.path):
                if keep is not None and not all(map(keep, found.payloads)):
                    return self._rewritten(data, found, [*filter(keep, found.payloads), *added], durable)
                return self._extended(fd, data, found, added, durable)

    def _extended(
        self, fd: int, data: bytes, found: Segment, added: Sequence[bytes], durable: bool
    ) -> Segment:
        end = found.whole_bytes
        if len(data) > end:
            self._set_aside(data[end:], ".torn")
            os.ftruncate(fd, end)
        if not added:
            return found
        new = b"".join(map(_entry, added))
        count = max(found.count, len(found.payloads)) + len(added)
        if not end:
            new = _header(0) + new
        _write(fd, new, end)
        if durable:
            os.fsync(fd)  # the count must not say that there is what the disk does not hold
        _write(fd, _header(count), 0)
        if durable:
            os.fsync(fd)
        return Segment((*found.payloads, *added), end + len(new), count, found.problems)

    def _rewritten(self, data: bytes, found: Segment, payloads: Sequence[bytes], durable: bool) -> Segment:
        if found.problems:
            self._set_aside(data, ".damaged")
        new = _header(len(payloads)) + b"".join(map(_entry, payloads))
        write_atomically(self.path, new, durable=durable)
        return Segment(tuple(payloads), len(new), len(payloads))

    def _set_aside(self, data: bytes, suffix: str) -> None:
        """Keep bytes that are no entries, in a file beside; one that has them already is enough."""
        number = 0
        while True:
            aside = self.path.with_name(self.path.name + suffix + (f".{number}" if number else ""))
            if not os.path.lexists(aside):
                write_atomically(aside, data)
                return
            if aside.is_file() and not aside.is_symlink() and aside.read_bytes() == data:
                return
            number += 1

    @contextmanager
    def _locked(self, how: int, *, create: bool) -> Iterator[int]:
        while True:
            with told_as_store_error("open", self.path):
                flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
                fd = os.open(self.path, flags | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)
            try:
                try:
                    fcntl.flock(fd, how)
                except OSError:
                    pass  # no locks on this file system: one process at a time is all that is safe there
                # Somebody may have put a new file in its place while this one waited.
                if _is_at(fd, self.path):
                    if create and durable_name(fd):
                        sync_directory(self.path.parent)
                    yield fd
                    return
            finally:
                os.close(fd)

    def _parsed(self, data: bytes) -> Segment:
        if len(data) < _HEAD.size:
            if data and not MAGIC.startswith(data[:8]) and not data.startswith(MAGIC):
                raise self._another_kind()
            return Segment(problems=(f"{len(data)} bytes at its end are torn off",) if data else ())
        magic, version, count, crc = _HEAD.unpack_from(data)
        if magic != MAGIC:
            raise self._another_kind()
        problems = []
        if crc != zlib.crc32(data[:16]):
            problems.append("its header is damaged")
            count = 0
        elif version > SEGMENT_VERSION:
            raise FormatError(
                f"{shown(self.path)} is a segment of version {version}; this otel-replay reads up to "
                f"version {SEGMENT_VERSION}",
                hint="read it with a later otel-replay: `pip install -U otel-replay`",
            )
        payloads, end, more = _entries(data)
        problems += more
        if len(payloads) < count:
            problems.append(f"{count - len(payloads)} of {count} entries are missing or damaged")
        return Segment(tuple(payloads), end, count, tuple(problems))

    def _another_kind(self) -> FormatError:
        return FormatError(
            f"{shown(self.path)} is not a segment of memory sessions",
            hint="move it away, or name another file",
        )


def durable_name(fd: int) -> bool:
    """Whether a file was made just now, so that its name is not on the disk yet."""
    return os.fstat(fd).st_size == 0


def _entries(data: bytes) -> tuple[list[bytes], int, list[str]]:
    """The whole entries, the end of the last thing that is to stay, and what is wrong with the rest."""
    payloads: list[bytes] = []
    problems: list[str] = []
    place = end = _HEAD.size
    while place < len(data):
        payload = _entry_at(data, place)
        if payload is not None:
            if place > end:
                problems.append(f"{place - end} bytes at {end} are damaged")
            payloads.append(payload)
            place = end = place + _ENTRY.size + len(payload)
        else:
            # Another entry may begin behind the damage; a length that is damaged itself cannot be trusted.
            place = data.find(_MARK, place + 1)
            if place < 0:
                break
    if end < len(data):
        problems.append(f"{len(data) - end} bytes at its end are torn off")
    return payloads, end, problems


def _entry_at(data: bytes, place: int) -> bytes | None:
    if len(data) - place < _ENTRY.size:
        return None
    mark, length, digest = _ENTRY.unpack_from(data, place)
    start = place + _ENTRY.size
    if mark != _MARK or length > len(data) - start:
        return None
    payload = data[start : start + length]
    return payload if hashlib.sha256(payload).digest() == digest else None


def _header(count: int) -> bytes:
    head = struct.pack("<8sII", MAGIC, SEGMENT_VERSION, count)
    return head + struct.pack("<I4x", zlib.crc32(head))


def _entry(payload: bytes) -> bytes:
    return _ENTRY.pack(_MARK, len(payload), hashlib.sha256(payload).digest()) + payload


def _content(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    parts = []
    place = 0
    while place < size:
        part = os.pread(fd, min(size - place, 1 << 24), place)
        if not part:
            break
        parts.append(part)
        place += len(part)
    return b"".join(parts)


def _write(fd: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, place)
        view, place = view[written:], place + written


def _is_at(fd: int, path: Path) -> bool:
    try:
        there, mine = os.stat(path, follow_symlinks=False), os.fstat(fd)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
