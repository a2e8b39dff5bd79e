"""The runs that this process is recording right now, and what a fork and the process's end mean to them."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial

from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_writer import RunWriter

__all__ = ["ENDED", "WRITERS", "add", "at_exit", "end_process", "fallback_span", "not_at_exit", "remove"]

WRITERS: list[RunWriter] = []
"""The writers of all runs that are being recorded, oldest first. Empty: nothing records."""

ENDED: deque[RunWriter] = deque(maxlen=64)
"""The writers of the last runs that are over, newest first: what OpenTelemetry held back comes late."""

opener: Callable[[], object] | None = None
"""Opens the process's own run when something is to be recorded and nothing records yet."""

over = False
"""Whether a run was recorded that is over by now; what was begun in it may still record something."""

_lock = threading.RLock()
_known: weakref.WeakSet[RunWriter] = weakref.WeakSet()
_late: list[RunWriter] = []
"""Writers with an open journal whose run is over."""
_endings: list[Callable[[], None]] = []
_hooked_pids: set[int] = set()


def add(writer: RunWriter) -> None:
    """A run is being recorded from now on."""
    # A forked child, and what comes late, open another journal that must be closed as well.
    writer.on_opened = partial(_opened, writer)
    with _lock:
        WRITERS.append(writer)
        _known.add(writer)
    _hook_exit()


def _opened(writer: RunWriter) -> None:
    _hook_exit()
    if writer not in WRITERS:
        _late.append(writer)


def remove(writer: RunWriter) -> None:
    """A run is over. Its writer still takes what comes late."""
    global over
    over = True
    with _lock:
        if writer in WRITERS:
            WRITERS.remove(writer)
            ENDED.appendleft(writer)


def fallback_span() -> OpenSpan | None:
    """Where something goes that happens outside any span: the oldest run's own span.

    A thread that was started behind our back has no context to say which run it works for. With one run
    there is no question; with several, the first one is the process's own and the others are inside it.
    """
    for writer in WRITERS:
        if writer.root is not None:
            return writer.root
    return None


def at_exit(ending: Callable[[], None]) -> None:
    """Call `ending` when the process ends, before the journals are closed; the last one added goes first."""
    _endings.append(ending)
    _hook_exit()


def not_at_exit(ending: Callable[[], None]) -> None:
    """Take back what :meth:`at_exit` was given: it has happened already."""
    if ending in _endings:
        _endings.remove(ending)


def _hook_exit() -> None:
    pid = os.getpid()
    if pid in _hooked_pids:
        return
    _hooked_pids.add(pid)
    multiprocessing_util = sys.modules.get("multiprocessing.util")
    if multiprocessing_util is not None and sys.modules["multiprocessing"].parent_process() is not None:
        # Children of multiprocessing leave by os._exit, which asks nobody but these.
        multiprocessing_util.Finalize(None, end_process, exitpriority=100)
    else:
        atexit.register(end_process)


def end_process() -> None:
    """The process ends: so do its runs, and their journals are closed. Doing it again does what is left."""
    endings, _endings[:] = _endings[:], []
    for ending in reversed(endings):
        try:
            ending()
        except Exception as error:
            for writer in WRITERS:
                writer.note_loss(f"at exit: {error}")
    for writer in list(_known):
        if writer.journal is None or writer.journal.closed:
            continue
        writer.close("exit")
        if writer.on_exit is not None:
            writer.on_exit()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    _endings.clear()
    for writer in list(_known):
        writer.forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
