"""Work that makes much and throws nothing away: the collector of cycles waits until it is done."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_garbage_yet"]


@contextmanager
def no_garbage_yet() -> Iterator[None]:
    """Nothing is looked through for garbage in this block: with a long run in memory, a third of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
