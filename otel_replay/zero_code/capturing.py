"""Keeping the ends of what a program writes, while it is passed on byte by byte as it comes.

A program that writes to a terminal goes on writing to one: of its own, whose size and settings are ours.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from otel_replay.attributes import OUTPUT_TAIL_PREFIX

__all__ = ["MOST_BYTES", "Capture"]

MOST_BYTES = 65_536
"""So much is kept of the end of each stream."""

_CHUNK_BYTES = 65_536
_PATIENCE_SECONDS = 0.5
"""How long a child that lives on is waited for, which holds the stream open."""


class _Stream:
    """One stream: the end that the program writes to, the one that is read, and where it goes."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self.fd = fd
        self.tail = bytearray()
        self.total_bytes = 0
        self.is_terminal = os.isatty(fd)
        if self.is_terminal:
            self.reads, self.writes = os.openpty()
            _like(fd, self.writes)
        else:
            self.reads, self.writes = os.pipe()
        self.thread = threading.Thread(target=self._pass_on, name=f"otel-replay-{name}", daemon=True)

    def _pass_on(self) -> None:
        while True:
            try:
                data = os.read(self.reads, _CHUNK_BYTES)
            except OSError:
                return  # a terminal that nobody writes to any more says it so
            if not data:
                return
            self.total_bytes += len(data)
            self.tail += data
            del self.tail[:-MOST_BYTES]
            rest = memoryview(data)
            while rest:
                try:
                    rest = rest[os.write(self.fd, rest) :]
                except OSError:
                    # Whoever read it has gone: the program is to find that out, as it would without us.
                    os.close(self.reads)
                    return

    def text(self) -> str:
        """The end of the stream as text, and how much came before."""
        told = bytes(self.tail).decode("utf-8", "backslashreplace")
        before = self.total_bytes - len(self.tail)
        return f"… {before} bytes before\n{told}" if before else told


class Capture:
    """The ends of the program's standard output and standard error."""

    def __init__(self) -> None:
        # One that was closed before us is to be closed for the program as well.
        open_ones = [(name, fd) for name, fd in (("stdout", 1), ("stderr", 2)) if _is_open(fd)]
        self._streams = [_Stream(name, fd) for name, fd in open_ones]

    def file_actions(self) -> list[Any]:
        """What a child process does to write into these streams; for `os.posix_spawn`."""
        return [(os.POSIX_SPAWN_DUP2, stream.writes, stream.fd) for stream in self._streams]

    def begin(self) -> None:
        """Pass on what comes, from now on."""
        for stream in self._streams:
            os.close(stream.writes)
            stream.thread.start()

    def resized(self) -> None:
        """The terminal has another size now."""
        for stream in self._streams:
            if stream.is_terminal:
                _like(stream.fd, stream.reads, size_only=True)

    def finish(self) -> None:
        """The program has ended: take what is left."""
        for stream in self._streams:
            stream.thread.join(_PATIENCE_SECONDS)

    def attributes(self) -> dict[str, Any]:
        """What is kept, as attributes of the run."""
        return {OUTPUT_TAIL_PREFIX + one.name: one.text() for one in self._streams if one.total_bytes}


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _like(terminal: int, other: int, *, size_only: bool = False) -> None:
    """Give `other` the size and the settings of `terminal`, but that it passes everything on as it is."""
    import fcntl
    import termios

    try:
        size = fcntl.ioctl(terminal, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(other, termios.TIOCSWINSZ, size)
        if not size_only:
            settings = termios.tcgetattr(terminal)
            settings[1] &= ~termios.OPOST  # the terminal itself does that
            termios.tcsetattr(other, termios.TCSANOW, settings)
    except (OSError, termios.error):
        return  # a terminal that says nothing of itself: the usual size will do
