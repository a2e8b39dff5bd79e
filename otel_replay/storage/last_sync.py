"""What is left to be forced to the disk of runs that are over: the program does not wait for the disk.

The files survive `kill -9` as they are; this is against power failure. The thread of the syncer does it at its
next turn, or the process before it ends.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path

__all__ = ["sync_now", "sync_soon"]

_log = logging.getLogger("otel_replay")
_left: deque[Path] = deque()


def sync_soon(paths: Iterable[Path]) -> None:
    """Have these files and directories forced to the disk. Never raises; what is gone by then is left out."""
    _left.extend(paths)


def sync_now() -> None:
    """Force to the disk what is left. Several threads may do so at the same time. Never raises."""
    done = set()
    while True:
        try:
            path = _left.popleft()
        except IndexError:
            return
        if path in done:
            continue
        done.add(path)
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
                _log.warning("%s may not be on the disk: %s", path, error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_left.clear)
