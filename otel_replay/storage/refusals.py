"""The operating system's refusals, as errors that say what, where and what next."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager

from otel_replay.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["could_not", "printable", "shown", "told_as_store_error"]

_HINTS = {
    errno.EACCES: "check who owns it and its permissions",
    errno.EPERM: "check who owns it and its permissions",
    errno.EROFS: "the file system is read-only; name another store with --store or OTEL_REPLAY_STORE",
    errno.ENOSPC: "the disk is full: free some space and try again",
    errno.EDQUOT: "the disk quota is used up: free some space and try again",
    errno.EFBIG: "a limit on file sizes was reached (see `ulimit -f`)",
    errno.EMFILE: "too many open files (see `ulimit -n`)",
    errno.ELOOP: "it is a symbolic link, which is not followed here",
    errno.ENOTDIR: "a file stands where a directory should be; name another store with --store",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def shown(path: str | os.PathLike[str]) -> str:
    """`path` as it may stand in a message: escaped where it holds control characters."""
    text = os.fspath(path)
    return f"`{text}`" if text.isprintable() else repr(text)


def printable(value: object) -> str:
    """A name from a file that anybody may have written, as it may stand in a message."""
    text = str(value)
    return text[:200] if text.isprintable() else repr(text[:200])


def could_not(do: str, path: str | os.PathLike[str], error: OSError) -> StoreError:
    """The error that says that `do` (a verb) failed at `path`, and what helps against it."""
    reason = error.strerror or str(error)
    return StoreError(f"cannot {do} {shown(path)}: {reason}", hint=_HINTS.get(error.errno or 0))


@contextmanager
def told_as_store_error(do: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an OSError from inside into the StoreError of :func:`could_not`; the OSError stays its cause."""
    try:
        yield
    except OSError as error:
        raise could_not(do, path, error) from error
