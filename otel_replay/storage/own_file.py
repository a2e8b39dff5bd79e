"""The file that a journal writes, also when the program closes descriptors that are not its own.

A program that becomes a daemon closes all of them, ours too, and the next file that it opens gets the number.
That file must not be written, cut or closed by us: each use of the descriptor asks first whose it is.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import time
from contextlib import contextmanager
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OwnFile", "allocate", "is_closed_here"]

_LOCK_TRIES = 100
_WRITTEN_BYTES = 128 * 1024
_STANDARD = (0, 1, 2)
_kept: list[mmap.mmap] = []
_closed_here: set[tuple[int, int]] = set()


def is_closed_here(fd: int) -> bool:
    """Whether this process has closed the file, though a map that it could not close still holds the lock."""
    return bool(_closed_here) and _identity(fd) in _closed_here


class OwnFile:
    """A file made at `path` (where none may be yet) and locked for as long as it is open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = _opened(path, os.O_CREAT | os.O_EXCL)
        self._identity = _identity(self._fd)
        self._was_closed = False
        self._kept_map = False
        _lock_for_life(self._fd)

    def fd(self) -> int:
        """Its descriptor, opened again where the program has closed it; OSError if that fails."""
        if not self._is_ours():
            fd = _opened(self.path)
            if _identity(fd) != self._identity:
                os.close(fd)
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(self.path))
            # The map that is still there holds the lock as a rule.
            _lock_for_life(fd, tries=1)
            self._fd = fd
        return self._fd

    def map(self, size_bytes: int, offset: int) -> mmap.mmap:
        """A piece of it in memory, which has a descriptor of its own; OSError if that fails."""
        fd = self.fd()
        with _standard_taken():
            return mmap.mmap(fd, size_bytes, offset=offset)

    def moved(self, path: Path) -> None:
        """It has this path now."""
        self.path = path

    def close(self) -> None:
        """Close the descriptor, if it still is this file's."""
        if self._is_ours():
            os.close(self._fd)
        if self._kept_map:
            _closed_here.add(self._identity)

    def let_go_of(self, window: mmap.mmap) -> None:
        """Close a map of the file, unless its own descriptor became the program's: it would close that."""
        ours = self._is_ours()
        if ours and not self._was_closed:
            window.close()
        else:
            _kept.append(window)
            self._kept_map = True
            self._was_closed = not ours

    def _is_ours(self) -> bool:
        try:
            ours = _identity(self._fd) == self._identity
        except OSError:
            ours = False
        self._was_closed = self._was_closed or not ours
        return ours


def _opened(path: Path, more_flags: int = 0) -> int:
    with _standard_taken():
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | more_flags, 0o600)


@contextmanager
def _standard_taken() -> Iterator[None]:
    """While the block lasts no file is opened as a standard stream that the program has closed.

    What it writes to one all the same is an error for it, and not for the journal.
    """
    taken = []
    try:
        for fd in _STANDARD:
            if not _is_open(fd):
                taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        yield
    finally:
        for fd in taken:
            os.close(fd)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def _lock_for_life(fd: int, tries: int = _LOCK_TRIES) -> None:
    """Take the lock that says the writer lives, whatever readers do to the file meanwhile."""
    for _ in range(tries):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.001)  # a reader is looking at just this moment, and lets go at once
        except OSError:
            return  # no flock on this file system: readers then ask for the process


def allocate(fd: int, offset: int, size: int) -> None:
    """Give the file real blocks, so that writing into its map cannot fail for want of space."""
    # The first piece is written: that reserves blocks too, its pages are there already when the map is
    # written to, and cutting off what was not used costs a tenth. Most runs need no other piece.
    if (offset or size > _WRITTEN_BYTES) and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, offset, size)
            return
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}:
                raise
    zeros = bytes(min(size, 1 << 20))
    while size > 0:
        written = os.pwrite(fd, zeros[:size], offset)
        offset += written
        size -= written
