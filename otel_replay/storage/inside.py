"""Opening files inside a directory and nowhere else: names are checked, symbolic links are not followed.

A run's directory may have come from somebody else. What its manifest or its journals name must not lead
out of it.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath

from otel_replay.errors import FormatError

__all__ = ["check_relative", "is_blank", "open_file", "open_inside", "open_to_read"]

# O_NONBLOCK: opening a FIFO that somebody put here must not wait for a writer.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0)


def check_relative(text: str) -> PurePosixPath:
    """`text` as a path below some directory.

    Raises
    ------
    FormatError
        If it is absolute, leads upwards, or cannot be a file's name.
    """
    path = PurePosixPath(text)
    plain = "/".join(path.parts) == text and not path.is_absolute() and ".." not in path.parts
    if not plain or not path.parts or not text.isprintable() or "\\" in text:
        raise FormatError(f"{text!r} does not name a file inside the run")
    return path


def open_file(path: Path) -> int:
    """A descriptor for reading `path`, which must be a regular file and not a link to one.

    Raises
    ------
    OSError
        If it is not there, cannot be read, or is something else.
    """
    return _regular(os.open(path, _READ), str(path))


def is_blank(path: Path) -> bool:
    """Whether a file is there and holds nothing but NUL bytes at its beginning, as after a power failure."""
    try:
        fd = open_file(path)
    except OSError:
        return False
    try:
        return not os.pread(fd, 4096, 0).strip(b"\0")
    finally:
        os.close(fd)


def open_to_read(path: Path) -> int:
    """As :func:`open_file`, for a file of the program's: links to it are followed.

    Raises
    ------
    OSError
        If it is not there, cannot be read, or is something else.
    """
    return _regular(os.open(path, _READ & ~getattr(os, "O_NOFOLLOW", 0)), str(path))


def open_inside(directory: Path, relative: PurePosixPath) -> int:
    """As :func:`open_file`, for a checked path below `directory`; no part below it may be a link."""
    parent = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for part in relative.parts[:-1]:
            child = os.open(part, _READ | getattr(os, "O_DIRECTORY", 0), dir_fd=parent)
            os.close(parent)
            parent = child
        return _regular(os.open(relative.name, _READ, dir_fd=parent), str(directory / relative))
    finally:
        os.close(parent)


def _regular(fd: int, name: str) -> int:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is not a regular file", name)
    return fd
