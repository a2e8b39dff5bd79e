"""A block in which Ctrl-C waits: for calls of extension modules that abort at it, or lose it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["uninterrupted"]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Have a Ctrl-C come when the block is over. Threads that are begun in it never take one."""
    if not hasattr(signal, "pthread_sigmask"):
        with _remembered():
            yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        # A thread that was there before takes the signal all the same, and has the main one run its handler.
        with _remembered():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _remembered() -> Iterator[None]:
    """Raise again behind the block what comes in it; for the main thread, which alone runs handlers."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not _acts(handler):
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda *signalled: came.append(signalled[0]))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


def _acts(handler: Callable[..., object] | int | None) -> bool:
    """Whether a handler would do something, and can be put back."""
    return callable(handler) or handler == signal.SIG_DFL
