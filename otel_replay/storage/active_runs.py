"""The runs that this process is recording right now, and what a fork and the process's end mean to them."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections import deque
from contextlib import contextmanager
from functools import partial

from otel_replay.storage import last_sync
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_writer import RunWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "ENDED",
    "WRITERS",
    "add",
    "at_exit",
    "end_process",
    "fallback_span",
    "is_ending",
    "is_summing_up",
    "not_at_exit",
    "remove",
    "summing_up",
]

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
_ending_thread = 0
"""The thread that ends the process, from then on."""
_summing: dict[RunWriter, tuple[int, threading.Event]] = {}
"""Writers whose run is being summed up, by which thread, and what the others wait for."""
_PATIENCE_SECONDS = 2.0
_still_writing: weakref.WeakKeyDictionary[RunWriter, weakref.WeakSet[threading.Thread]] = (
    weakref.WeakKeyDictionary()
)
"""Threads that were recording into a run while it was summed up, and may go on doing so."""
_hooked_pids: set[int] = set()


def add(writer: RunWriter) -> None:
    """A run is being recorded from now on."""
    # A forked child, and what comes late, open another journal that must be closed as well.
    writer.on_opened = partial(_opened, writer)
    writer.before_opening = partial(_wait_while_it_is_summed_up, writer)
    with _lock:
        WRITERS.append(writer)
        _known.add(writer)
    _hook_exit()


@contextmanager
def summing_up(writer: RunWriter) -> Iterator[None]:
    """While the block lasts, other threads that still record into this run, which is over, wait for its end.

    Threads that go on recording until they are stopped would take most of the time that summing up needs.
    They wait for two seconds at most: who sums up may itself be waiting for one of them.
    """
    if writer in _summing:
        yield
        return
    done = threading.Event()
    _summing[writer] = (threading.get_ident(), done)
    try:
        yield
    finally:
        _summing.pop(writer, None)
        done.set()


def is_summing_up() -> bool:
    """Whether it is this thread that sums a run up: the files that it opens are ours."""
    return bool(_summing) and any(thread == threading.get_ident() for thread, _ in list(_summing.values()))


def _wait_while_it_is_summed_up(writer: RunWriter) -> None:
    thread, done = _summing.get(writer, (threading.get_ident(), None))
    if done is not None and thread != threading.get_ident():
        with _lock:
            _still_writing.setdefault(writer, weakref.WeakSet()).add(threading.current_thread())
        done.wait(_PATIENCE_SECONDS)


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


def is_ending() -> bool:
    """Whether the process is ending."""
    return _ending_thread != 0


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
    """The process ends: so do its runs, and their journals are closed. Doing it again does what is left.

    A late journal that a thread goes on writing is left to the very end, when no thread can: closed now, it
    would only be followed by another one.
    """
    global _ending_thread
    _ending_thread = threading.get_ident()
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
        if any(thread.is_alive() for thread in list(_still_writing.get(writer, ()))):
            continue
        with summing_up(writer):
            writer.close("exit")
            if writer.on_exit is not None:
                writer.on_exit()
    last_sync.sync_now()


class _VeryEnd:
    """Goes with its module, when Python lets no other thread run any more: closes what was left open."""

    def __init__(self) -> None:
        # Bound here: the names of a module that goes may be gone.
        self._writers = _known
        self._home_pid = os.getpid()
        self._getpid = os.getpid

    def __del__(self) -> None:
        if self._getpid() == self._home_pid:
            for writer in list(self._writers):
                writer.close_if_free("exit")


_very_end = _VeryEnd()


def _after_fork_in_child() -> None:
    global _lock, _ending_thread
    _lock = threading.RLock()
    _ending_thread = 0
    _summing.clear()
    _still_writing.clear()
    _endings.clear()
    for writer in list(_known):
        writer.forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
