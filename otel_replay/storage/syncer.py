"""Forces journals to the disk from time to time, so that a power failure costs seconds and not minutes.

One thread for the process, started with the first journal. It is stopped before a fork, and started again
with the next record: a program must not be told that it forks with threads only because it is recorded, and
Python 3.12 and 3.13 count them when a fork is over. `threading` does not list it: a program may wait for all
of those, and this one does not end.
"""

from __future__ import annotations

import _thread
import os
import threading
import time
import weakref

from otel_replay.storage.journal import Journal
from otel_replay.storage.last_sync import sync_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Syncer"]

_PATIENCE_SECONDS = 5.0
_LITTLE_SECONDS = 0.1


class Syncer:
    """Calls `sync` of the journals that it watches every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # A plain set: other threads add to it while the thread copies it, which for a WeakSet is an error.
        self._journals: set[Journal] = set()
        self._stop = threading.Event()
        self._thread: _Unlisted | None = None
        if seconds > 0 and hasattr(os, "register_at_fork"):
            me = weakref.ref(self)
            os.register_at_fork(
                before=lambda: _call(me, Syncer.stop),
                after_in_parent=lambda: _call(me, Syncer._start_later),
                after_in_child=lambda: _call(me, Syncer._clear),
            )

    def watch(self, journal: Journal) -> None:
        """Sync `journal` from now on, until it is closed or forgotten."""
        if self._seconds > 0:
            self._journals.add(journal)
            self._start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        thread = self._thread
        if thread is not None and thread.ident != threading.get_ident():
            self._stop.set()
            # Not for ever: a signal handler may fork while what it interrupted holds a journal's lock.
            thread.join(_PATIENCE_SECONDS)
            self._thread = None

    def _start(self) -> None:
        if self._thread is not None or not self._journals:
            return
        self._stop = threading.Event()
        try:
            self._thread = thread = _Unlisted(self._run, self._stop)
        except RuntimeError:
            self._thread = None  # no more threads, or the interpreter is ending: the end of the run syncs
            return
        # An interpreter that ends frees what a thread looks at that is just born: it ended by SIGSEGV.
        thread.let_begin(_PATIENCE_SECONDS)

    def _start_later(self) -> None:
        for journal in list(self._journals):
            journal.before_next(self._start)

    def _clear(self) -> None:
        self._journals = set()
        self._thread = None

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._seconds):
            for journal in list(self._journals):
                if journal.closed:
                    self._journals.discard(journal)
                    continue
                try:
                    journal.sync()
                except (OSError, ValueError):
                    continue  # told at the end of the run, when syncing fails again
            sync_now()


class _Unlisted:
    """A thread that `threading` does not know of: no `enumerate()` lists it, no trace function follows it.

    It begins in a context of its own: what it does belongs to no run in particular.
    RuntimeError where there can be no more threads.
    """

    def __init__(self, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
        self.ident = 0
        self._native_id = 0
        self._work = work
        self._stop = stop
        self._begun, self._ended = threading.Lock(), threading.Lock()
        self._begun.acquire()
        self._ended.acquire()
        # From Python 3.13 on a thread can be waited for until the operating system has none of it left.
        start: Callable[..., Any] | None = getattr(_thread, "start_joinable_thread", None)
        self._handle: Any = start(self._run, daemon=True) if start is not None else None
        if start is None:
            _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        self._begun.release()
        self.ident = threading.get_ident()
        self._native_id = threading.get_native_id()
        try:
            self._work(self._stop)
        finally:
            self._ended.release()

    def let_begin(self, seconds: float) -> None:
        """Wait until it runs, but no longer than so."""
        if self._begun.acquire(timeout=seconds):
            self._begun.release()

    def join(self, seconds: float) -> None:
        """Wait for its end, but no longer than so."""
        if self._handle is not None:
            self._handle.join(seconds)
        elif self._ended.acquire(timeout=seconds):
            self._ended.release()
            self._wait_for_the_system()

    def _wait_for_the_system(self) -> None:
        """Wait for what is left of an ended thread: Python 3.12 asks Linux how many there are."""
        task = f"/proc/self/task/{self._native_id}"
        until = time.monotonic() + _LITTLE_SECONDS
        while os.path.exists(task) and time.monotonic() < until:
            time.sleep(0)


def _call(reference: weakref.ref[Syncer], method: Callable[[Syncer], None]) -> None:
    syncer = reference()
    if syncer is not None:
        method(syncer)
