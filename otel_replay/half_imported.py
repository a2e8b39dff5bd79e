"""What a signal handler gets that asks for one of our names while that name is being imported.

The names are imported when they are first used. A handler that interrupts just that in the same thread would
find a module without its end. It gets a stand-in instead: what it records waits until the import is done.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

__all__ = ["Nothing", "StandIn"]

_log = logging.getLogger("otel_replay")

_MOMENTS = frozenset({"artifact", "checkpoint", "decision", "file_read", "file_write", "heartbeat"})


class StandIn:
    """Stands for a public name.

    Parameters
    ----------
    name:
        The name.
    ready:
        Gives what it stands for, or None while that is not there.
    waiting:
        Takes what is to be done when it is there.
    """

    def __init__(self, name: str, ready: Callable[[], Any], waiting: list[Callable[[], object]]) -> None:
        self._name = name
        self._ready = ready
        self._waiting = waiting

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        there = self._ready()
        if there is not None:
            return there(*args, **kwargs)
        if self._name in _MOMENTS:
            self._waiting.append(lambda: self._ready()(*args, **kwargs))
            return None
        if self._name == "child_environment":
            return dict(os.environ if not args else args[0])
        _log.warning("%s was not recorded: a signal came while otel_replay was imported", self._name)
        return Nothing()


class Nothing:
    """A run or a span that records nothing, whatever is asked of it."""

    run_id = directory = ""
    recording = False

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    async def __aenter__(self) -> Nothing:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def __call__(self, function: Any = None, *_: Any, **__: Any) -> Any:
        return function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()
