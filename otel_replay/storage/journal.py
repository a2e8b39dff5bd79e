"""An append-only file in which only the last line can be torn, written as fast as memory can be copied.

The file grows by preallocated pieces that are mapped into memory; a record is copied into the map and
belongs to the kernel from then on, so `kill -9` does not take it. Preallocation makes a full disk an error
here instead of a SIGBUS later. Where mapping is not wanted (network file systems), mode `write` makes one
write(2) for each record. While it is open the writer holds `flock` on it: that is how readers see it lives.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from otel_replay.interruptions import let_through
from otel_replay.storage.own_file import OwnFile
from otel_replay.storage.own_file import allocate as _allocate

__all__ = ["Journal", "JournalFull", "open_journal"]

_FIRST_PIECE_BYTES = 64 * 1024
_LARGEST_PIECE_BYTES = 2 * 1024 * 1024
_PATIENCE_SECONDS = 0.1  # a full disk takes long to say that a piece does not fit
_RESERVE_BYTES = 2048
"""Kept free at the end of the last piece, so that a full disk can still be told about in the journal."""


class JournalFull(Exception):
    """The journal cannot grow; `args[0]` is the operating system's reason."""


class Journal:
    """One process's journal of one run. Use :func:`open_journal`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.closed = False
        self.on_refused: Callable[[bytes, Exception], None] = _nobody_asks
        """Called with a record that had to wait and could not be appended after all."""
        self.fast: Callable[[bytes], object] = self.append
        """As :meth:`append`, or raises ValueError and leaves it to that. Look it up each time: it changes."""
        self._synced_bytes = 0
        self._before_next: Callable[[], None] | None = None
        # A signal handler or a destructor may come into the middle of anything, in the same thread, and
        # append something itself: what it brings waits until what it interrupted is done.
        self._busy = False
        self._waiting: list[bytes] = []
        self._close_with: bytes | None = None
        self._file = OwnFile(path)

    @property
    def size_bytes(self) -> int:
        """Bytes of records, without the preallocated rest."""
        raise NotImplementedError

    def append(self, line: bytes) -> None:
        """Append one record, newline included. When it returns, the record survives the process.

        Raises
        ------
        JournalFull
            If the file cannot grow. Nothing of `line` is in the journal then.
        ValueError
            If the journal is closed.
        """
        with self.lock:
            if self._before_next is not None:
                call, self._before_next = self._before_next, None
                self.fast = self._fastest()
                call()
            if self._busy:
                self._waiting.append(line)
                return
            self._busy = True
            try:
                self._append(line)
            finally:
                self._busy = False
            if self._waiting or self._close_with is not None:
                self._catch_up()

    def before_next(self, call: Callable[[], None]) -> None:
        """Have `call` called once, before the next record is appended."""
        with self.lock:
            self._before_next = call
            self.fast = self.append

    def _fastest(self) -> Callable[[bytes], object]:
        """What :attr:`fast` is when nothing stands in its way."""
        return self.append

    def _append(self, line: bytes) -> None:
        """As :meth:`append`, for a caller who holds `lock` and is not interrupting another one."""
        raise NotImplementedError

    def _catch_up(self) -> None:
        """Do what had to wait."""
        while self._waiting:
            line = self._waiting.pop(0)
            try:
                self.append(line)
            except Exception as error:
                self.on_refused(line, error)
        if self._close_with is not None:
            self.close(self._close_with)

    def sync(self) -> None:
        """Force to the disk what was appended, if anything was (against power failure)."""
        with self.lock:
            if self.closed or self._busy:
                return
            self._busy = True
            try:
                size = self.size_bytes
                if size == self._synced_bytes:
                    return
                self._synced_bytes = size
                self._flush_map()
                # A copy of the descriptor, so that the slow part happens without the lock.
                fd = os.dup(self._file.fd())
            finally:
                self._busy = False
                self._catch_up()
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def close(self, last_lines: bytes = b"", *, durable: bool = True) -> bool:
        """Append `last_lines` (room is kept for them), cut the file to its exact size, let go of it.

        Returns False if there was no room for `last_lines` after all. Closing twice does nothing.
        """
        with self.lock:
            if self._busy:
                self._close_with = last_lines
                return True
            self._close_with = None
            if self.closed:
                return True
            self._busy = True
            try:
                fits = self._append_last(last_lines) if last_lines else True
                self.closed = True
                self._unmap()
                size = self.size_bytes
                try:
                    fd = self._file.fd()
                    os.ftruncate(fd, size)
                    if durable:
                        os.fsync(fd)
                finally:
                    self._file.close()
            finally:
                self._busy = False
                self._catch_up()
        return fits

    def moved(self, path: Path) -> None:
        """Its directory has got its name: this is the file's path from now on."""
        self.path = path
        self._file.moved(path)

    def forget(self) -> None:
        """In a forked child: let go of the parent's journal without touching it."""
        self.lock = threading.RLock()
        self._busy, self._waiting, self._close_with = False, [], None
        if not self.closed:
            self.closed = True
            self._unmap()
            # The flock belongs to the open file that both processes share; closing this copy keeps it.
            self._file.close()

    def append_reserved(self, line: bytes) -> bool:
        """As :meth:`append`, but may use the room that is kept for last lines; False if there is none."""
        with self.lock:
            if self.closed or self._busy:
                return False
            self._busy = True
            try:
                return self._append_last(line)
            finally:
                self._busy = False
                self._catch_up()

    def _append_last(self, lines: bytes) -> bool:
        try:
            self._append(lines)
        except JournalFull:
            return False
        return True

    def _flush_map(self) -> None:
        """Hand the map's changes to the file, where fsync does not do that."""

    def _unmap(self) -> None:
        """Let go of the map, if there is one."""


class _WrittenJournal(Journal):
    """One write(2) for each record."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._position = 0

    @property
    def size_bytes(self) -> int:
        return self._position

    def _append(self, line: bytes) -> None:
        if self.closed:
            raise ValueError(f"journal {self.path} is closed")
        rest = memoryview(line)
        position = self._position
        try:
            while rest:
                written = os.pwrite(self._file.fd(), rest, position)
                rest = rest[written:]
                position += written
        except BaseException as error:
            # What of the line did reach the file must go again, or the next one would be damaged.
            os.ftruncate(self._file.fd(), self._position)
            if not isinstance(error, OSError):
                raise
            let_through(error)
            raise JournalFull(error.strerror or str(error)) from None
        self._position = position


class _MappedJournal(Journal):
    """Records are copied into a preallocated, memory-mapped piece of the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._window: mmap.mmap | None = None
        self._base = 0  # where in the file the window begins, or the next record without one
        self._first = 0  # where in the window the first record went
        self._allocated = 0
        self._full_until = 0.0
        # The map's own write() keeps the position and refuses what does not fit: nothing is left to do here.
        self._write: Callable[[bytes], int] = _no_room

    @property
    def size_bytes(self) -> int:
        return self._base + (self._window.tell() if self._window is not None else 0)

    def _fastest(self) -> Callable[[bytes], object]:
        return self._window.write if self._window is not None and _HAS_GIL else self.append

    def _append(self, line: bytes) -> None:
        while True:
            try:
                self._write(line)
                return
            except ValueError as raised:
                let_through(raised)
                # Other threads write without the lock, and may fill the new window before this one does.
                self._make_room(len(line))

    def _make_room(self, needed_bytes: int) -> None:
        if self.closed:
            raise ValueError(f"journal {self.path} is closed")
        position = self._end_of_window()
        piece = max(_FIRST_PIECE_BYTES, min(self._allocated, _LARGEST_PIECE_BYTES))
        smallest = position + needed_bytes + _RESERVE_BYTES
        try:
            if time.monotonic() > self._full_until:
                self._allocate(smallest + piece)
        except OSError as raised:
            let_through(raised)
            self._full_until = time.monotonic() + _PATIENCE_SECONDS
        # The disk may have room for this record, if not for a whole piece more.
        try:
            self._allocate(smallest)
        except OSError as error:
            let_through(error)
            if self._window is not None:
                self._window.seek(position - self._base)  # shorter records may still fit
            raise JournalFull(error.strerror or str(error)) from None
        base = position - position % mmap.ALLOCATIONGRANULARITY
        # The window ends before the reserve, so that no record gets there.
        window = self._file.map(self._allocated - _RESERVE_BYTES - base, base)
        _prepare(window)
        window.seek(position - base)
        before, write = self._window, window.write
        fast = write if _HAS_GIL else self.append
        # No call in between: a signal handler that raises comes before all of these or after them.
        self._base = base
        self._first = position - base
        self._window = window
        self._write = write
        self.fast = fast
        self._let_go_of(before)

    def _allocate(self, size: int) -> None:
        size += -size % mmap.ALLOCATIONGRANULARITY
        if size > self._allocated:
            _allocate(self._file.fd(), self._allocated, size - self._allocated)
            self._allocated = size

    def _append_last(self, lines: bytes) -> bool:
        position = self._end_of_window()
        self._leave_window(position)
        if not self.closed and position + len(lines) <= self._allocated:
            written = os.pwrite(self._file.fd(), lines, position)
            self._base += written
            return written == len(lines)
        return super()._append_last(lines)

    def _leave_window(self, base: int) -> None:
        before = self._window
        # As above, no call in between.
        self._base = base
        self._window = None
        self._write = _no_room
        self.fast = _no_room
        self._let_go_of(before)

    def _let_go_of(self, window: mmap.mmap | None) -> None:
        if window is not None:
            if not _FSYNC_WRITES_MAPS:
                window.flush()
            self._file.let_go_of(window)

    def _end_of_window(self) -> int:
        """Where the records end in the file; afterwards nothing more fits into the window.

        Another thread may be writing through `fast`, without the lock, and this may have been called before
        and interrupted. So not the window's position counts but its bytes: no record holds a NUL, and
        everything that is not written yet does.
        """
        window = self._window
        if window is None:
            return self._base
        window.seek(0, os.SEEK_END)
        end = window.find(b"\0", self._first)
        return self._base + (len(window) if end < 0 else end)

    def _flush_map(self) -> None:
        if self._window is not None and not _FSYNC_WRITES_MAPS:
            self._window.flush()

    def _unmap(self) -> None:
        self._leave_window(self._end_of_window())


# With the interpreter lock, one call of the map's write() is a whole: no other thread gets between its look
# at the position and the copy. Without it, `fast` stays the append that takes a lock.
_HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()


def _prepare(window: mmap.mmap) -> None:
    """Have the kernel make a window's pages writable now: one call for a third of the cost of its faults."""
    try:
        if _POPULATE_WRITE is not None:
            window.madvise(_POPULATE_WRITE)
    except OSError as raised:
        let_through(raised)
        # a kernel that does not know this yet: the pages come one by one


# Linux 5.14 and later; `mmap` has no name for it.
_POPULATE_WRITE = 23 if sys.platform == "linux" else None


def _no_room(line: bytes) -> int:
    raise ValueError(line)


def _nobody_asks(line: bytes, error: Exception) -> None:
    """The journal of a caller who does not want to know."""


def open_journal(path: Path, *, mode: str = "mmap") -> Journal:
    """A new journal at `path`, where no file may be yet.

    Parameters
    ----------
    path:
        The file to make, with mode 0600.
    mode:
        `mmap` (records are copied into a mapped file) or `write` (one write(2) for each).

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    return _WrittenJournal(path) if mode == "write" else _MappedJournal(path)


# On Linux fsync finds the dirty pages of a shared map by itself; elsewhere msync must come first.
_FSYNC_WRITES_MAPS = os.uname().sysname == "Linux"
