"""What is left to be forced to the disk of runs that are over: the program does not wait for the disk.

The files survive `kill -9` as they are; this is against power failure. The thread of the syncer does it at
its next turn, or the process before it ends.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from pathlib import Path

from otel_replay import log
from otel_replay.storage.run_owner import is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["sync_now", "sync_soon"]

_left: deque[Path] = deque()
_lock = threading.RLock()


def sync_soon(paths: Iterable[Path]) -> None:
    """Have these files and directories forced to the disk. Never raises; what is gone by then is left out."""
    _left.extend(paths)


owner = 0
"""The process that forces the whole run to the disk at its end; 0: each process its own part."""


def sync_now() -> None:
    """Force to the disk what is left, and wait for another thread that does. Never raises."""
    if owner and is_there(owner):
        _left.clear()
        return
    with _lock:
        _sync()


def _sync() -> None:
    _sync_all(_taken())


def _sync_all(paths: Iterable[Path]) -> None:
    failed: OSError | None = None
    for path in paths:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        except FileNotFoundError:
            pass  # there is none, or its run was deleted meanwhile
        except OSError as error:
            # Some file systems refuse this for directories; their renames are ordered anyway.
            if not os.path.isdir(path):
                failed = error
    if failed is not None:
        log.warning("what was recorded may not be on the disk: %s", failed)


def _taken() -> list[Path]:
    taken: dict[Path, None] = {}
    try:
        while True:
            taken[_left.popleft()] = None
    except IndexError:
        return list(taken)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    _left.clear()  # the parent does it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
