"""Forces the files of a run that is over to the disk, in a thread: the program does not wait for the disk.

They survive `kill -9` as they are; this is against power failure. The process waits for it before it ends.
The thread is gone as soon as nothing is left to do, and a fork waits for it (see the syncer).
"""

from __future__ import annotations

import contextvars
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

__all__ = ["sync_soon", "wait"]

_log = logging.getLogger("otel_replay")
_PATIENCE_SECONDS = 5.0

_lock = threading.RLock()
_left: deque[str] = deque()
_thread: threading.Thread | None = None


def sync_soon(paths: Iterable[Path]) -> None:
    """Have these files and directories forced to the disk. Never raises; what is gone is left out."""
    global _thread
    _left.extend(str(path) for path in paths)
    with _lock:
        if _thread is not None or not _left:
            return
        _thread = threading.Thread(target=_work, name="otel-replay-last-sync", daemon=True)
        try:
            # In a context of its own: what it syncs belongs to no run in particular.
            contextvars.Context().run(_thread.start)
        except RuntimeError:
            _thread = None  # no more threads, or the interpreter is ending
        else:
            return
    _drain()


def wait() -> None:
    """Wait until everything is on the disk."""
    thread = _thread
    if thread is not None and thread is not threading.current_thread():
        thread.join(_PATIENCE_SECONDS)
    _drain()


def _work() -> None:
    global _thread
    while True:
        _drain()
        with _lock:
            if not _left:
                _thread = None
                return


def _drain() -> None:
    while True:
        try:
            path = _left.popleft()
        except IndexError:
            return
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


def _before_fork() -> None:
    thread = _thread
    if thread is not None and thread is not threading.current_thread():
        # Not for ever: what is left then is done by the parent's thread, whatever the child is told.
        thread.join(_PATIENCE_SECONDS)


def _after_fork_in_child() -> None:
    global _lock, _thread
    _lock = threading.RLock()
    _thread = None
    _left.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
