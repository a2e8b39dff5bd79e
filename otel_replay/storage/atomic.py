"""A file is there whole or not at all: written beside its place, then renamed into it."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path

from otel_replay.storage.refusals import told_as_store_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = [
    "is_leftover", "make_private_directory", "open_atomically", "open_output", "sync_directory",
    "write_atomically",
]  # fmt: skip

_SUFFIX = ".part"
_NEW_OUTPUT = 0o666  # less what the umask takes
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Make `data` the content of `path` (mode 0600), in place of what was there.

    Parameters
    ----------
    path:
        The file; its directory must exist.
    data:
        The whole content.
    durable:
        Whether to wait until it would survive a power failure. `kill -9` it survives in any case.

    Raises
    ------
    StoreError
        If it cannot be written; `path` is as it was before then.
    """
    if durable:
        with open_atomically(path) as stream:
            stream.write(data)
        return
    # Written out: this is most of what the end of a run does.
    with told_as_store_error("write", path):
        part = _part(path)
        fd = os.open(part, _NEW_FILE, 0o600)
        try:
            try:
                rest = data
                while rest := rest[os.write(fd, rest) :]:
                    pass
            finally:
                os.close(fd)
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise


@contextmanager
def open_atomically(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """As :func:`write_atomically`, for content that comes piece by piece; the file appears as the block ends.

    If the block raises, nothing appears and what was there before stays.
    """
    with _opened(path, durable=durable, mode=0o600) as stream:
        yield stream


@contextmanager
def _opened(path: Path, *, durable: bool, mode: int, kept_mode: int | None = None) -> Iterator[BinaryIO]:
    """`mode` is one that the umask takes its part of, `kept_mode` one that it does not."""
    with told_as_store_error("write", path):
        part = _part(path)
        fd = os.open(part, _NEW_FILE, mode)
        try:
            if kept_mode is not None:
                with suppress(OSError):  # a file system without modes
                    os.fchmod(fd, kept_mode)
            with open(fd, "wb") as stream:
                yield stream
                if durable:
                    stream.flush()
                    os.fsync(fd)
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise
        if durable:
            sync_directory(path.parent)


@contextmanager
def open_output(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """As :func:`open_atomically`, for a file that somebody names on a command line.

    What is no file (`/dev/null`, `/dev/stdout`, a pipe) is written into and never replaced; a link stays one.
    A new file has the mode that the umask leaves it, as that of any program, or 0600 where it is `private`;
    one that was there keeps its own.
    """
    if _takes_what_comes(path):
        with told_as_store_error("write", path), open(path, "wb") as stream:
            yield stream
        return
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    before = _mode_of(target)
    mode = before if before is not None else 0o600 if private else _NEW_OUTPUT
    with _opened(target, durable=True, mode=mode, kept_mode=before) as stream:
        yield stream


def _mode_of(path: Path) -> int | None:
    """Who may read and write a file; None where there is none."""
    try:
        return os.stat(path).st_mode & 0o777
    except (OSError, ValueError):
        return None


def _takes_what_comes(path: Path) -> bool:
    # /dev/stdout is a link to whatever is there, a file too: one that others may be writing to.
    if os.path.abspath(path).startswith(("/dev/", "/proc/")):
        return True
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _part(path: Path) -> str:
    folder, name = os.path.split(path)
    return f"{folder}/.{name[:200]}.{os.getpid()}.{os.urandom(4).hex()}{_SUFFIX}"


def is_leftover(name: str) -> bool:
    """Whether a file of this name is what an interrupted :func:`open_atomically` left behind."""
    return name.startswith(".") and name.endswith(_SUFFIX)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` survive a power failure, where the system can do that."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(fd)
    except OSError:
        pass  # some file systems refuse this for directories; their renames are ordered anyway
    finally:
        os.close(fd)


def make_private_directory(path: Path) -> None:
    """Make `path` and the parents that are missing, each with mode 0700; what is there stays as it is.

    Raises
    ------
    StoreError
        If it cannot be made, or if a file stands there.
    """
    with told_as_store_error("make the directory", path):
        _make(path)


def _make(path: Path) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not path.is_dir():
            raise NotADirectoryError(20, "a file stands there", str(path)) from None
    except FileNotFoundError:
        if path.parent == path:
            raise
        _make(path.parent)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass  # another process was faster
