"""Small blobs one behind the other in a file that one process appends to: no file to make for each of them.

A bundle begins with a line that says its format. Then comes, for each blob, a line `blob SHA256 SIZE` and its
bytes, and a newline. A blob is found by going from line to line. That its bytes are the right ones is proved
by its sha256, so a bundle need not be trusted: where a line is not as it should be, reading goes on at the
next one that looks like a blob's.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from otel_replay.clock import Clock
from otel_replay.late import late
from otel_replay.light import light
from otel_replay.storage.atomic import make_private_directory
from otel_replay.storage.journal_names import journal_name
from otel_replay.storage.own_file import OwnFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FIRST_LINE", "LARGEST_BYTES", "SUFFIX", "Gap", "Bundle", "BundleWriter", "Bundled"]

SUFFIX = ".bundle"
LARGEST_BYTES = 65_536
"""What is larger has a file of its own."""

FIRST_LINE = b'{"format":"otel-replay.bundle","version":1}\n'

_LINE = late(rb"blob ([0-9a-f]{64}) (0|[1-9][0-9]{0,8})\n")
_LONGEST_LINE_BYTES = 5 + 64 + 1 + 9 + 1
_TRIES = 1000


class BundleWriter:
    """This process's bundle of a run; the file is made with the first blob.

    Parameters
    ----------
    directory:
        `blobs/` of the run.
    clock:
        Nanoseconds since the epoch: bundles are called as journals are.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._file: OwnFile | None = None
        self._size = 0
        self._lock = threading.RLock()
        # A signal handler may come into the middle of a put, in the same thread.
        self._busy = False

    def put(self, sha256: str, data: bytes) -> bool:
        """Append a blob; when it returns True, the blob survives the process. False: not now.

        Raises
        ------
        OSError, StoreError
            If it cannot be written; nothing of it is in the bundle then.
        """
        with self._lock:
            if self._busy:
                return False
            self._busy = True
            try:
                self._append(b"blob %b %d\n%b\n" % (sha256.encode(), len(data), data))
            finally:
                self._busy = False
        return True

    def close(self) -> Path | None:
        """Let go of the file, which is returned if there is one. What is put later goes into another one."""
        with self._lock:
            file, self._file = self._file, None
            if file is None:
                return None
            file.close()
            return file.path

    def forget(self) -> None:
        """In a forked child: leave the parent's bundle alone."""
        self._lock = threading.RLock()
        self._busy = False
        self.close()

    def _append(self, entry: bytes) -> None:
        if self._file is None:
            self._file = self._opened()
            self._size = 0
            entry = FIRST_LINE + entry
        fd = self._file.fd()
        try:
            written = os.pwrite(fd, entry, self._size)
            while written < len(entry):
                written += os.pwrite(fd, entry[written:], self._size + written)
        except OSError:
            os.ftruncate(fd, self._size)
            raise
        self._size += len(entry)

    def _opened(self) -> OwnFile:
        now = self._clock()
        for attempt in range(_TRIES):
            path = self._directory / journal_name(now, attempt, SUFFIX)
            try:
                return OwnFile(path)
            except FileNotFoundError:
                make_private_directory(self._directory)
                return OwnFile(path)
            except FileExistsError:
                continue
        raise FileExistsError(f"no free name for a bundle in {self._directory}")


@light(frozen=True)
class Bundled:
    """Where a blob is: its bundle's file name, and the place of its bytes in it."""

    sha256: str
    bundle: str
    offset: int
    size_bytes: int


@light(frozen=True)
class Gap:
    """Bytes of a bundle that are no blob. `torn`: they are its end, cut off when the process died."""

    offset: int
    size_bytes: int
    torn: bool


class Bundle:
    """A bundle that is read; a context manager. Only lines are read, and the bytes that are asked for.

    Parameters
    ----------
    fd:
        The open file, which is closed in the end.
    name:
        The file's name.

    Raises
    ------
    OSError
        If it cannot be read.
    """

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self.name = name
        status = os.fstat(fd)
        self.size_bytes, self.changed_ns = status.st_size, status.st_mtime_ns

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def __iter__(self) -> Iterator[Bundled | Gap]:
        """Its blobs, as their lines say it, and what lies between them."""
        size, position = self.size_bytes, 0
        head = os.pread(self.fd, len(FIRST_LINE) + _LONGEST_LINE_BYTES, 0)
        if head.startswith(FIRST_LINE):
            position, head = len(FIRST_LINE), head[len(FIRST_LINE) :]
        while position < size:
            found = _LINE.match(head)
            if found is not None:
                begin, length = position + found.end(), int(found[2])
                # The newline behind the blob, and the next line.
                after = os.pread(self.fd, 1 + _LONGEST_LINE_BYTES, begin + length)
                if after[:1] == b"\n":
                    yield Bundled(found[1].decode(), self.name, begin, length)
                    position, head = begin + length + 1, after[1:]
                    continue
            again = self._next_line(position + 1)
            yield Gap(position, again - position, torn=again == size)
            position = again
            head = os.pread(self.fd, _LONGEST_LINE_BYTES, position)

    def read(self, place: Bundled) -> bytes:
        """The bytes there."""
        return os.pread(self.fd, place.size_bytes, place.offset)

    def digest(self, place: Bundled) -> str:
        """The sha256 of the bytes there, in constant memory."""
        import hashlib

        digest = hashlib.sha256()
        position, end = place.offset, place.offset + place.size_bytes
        while position < end:
            block = os.pread(self.fd, min(_BLOCK_BYTES, end - position), position)
            if not block:
                break
            digest.update(block)
            position += len(block)
        return digest.hexdigest()

    def _next_line(self, position: int) -> int:
        """Where the next line begins that looks like a blob's; the end, if there is none."""
        while position < self.size_bytes:
            block = os.pread(self.fd, _BLOCK_BYTES, position)
            found = _LINE.search(block)
            if found is not None:
                return position + found.start()
            if len(block) < _BLOCK_BYTES:
                break
            position += _BLOCK_BYTES - _LONGEST_LINE_BYTES
        return self.size_bytes


_BLOCK_BYTES = 1 << 20
