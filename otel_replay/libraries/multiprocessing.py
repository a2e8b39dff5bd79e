"""Processes and pools of `multiprocessing` and `concurrent.futures`: their work is below who asked for it."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from otel_replay.hooks.calls import Looking
from otel_replay.hooks.carrying import carried, traceparent_here
from otel_replay.hooks.imported import when_imported
from otel_replay.hooks.wrapping import replace, watch

__all__ = ["carry_into_children", "install"]

DOING = "telling a process which span it is started in"
_KEY = "otel_replay.traceparent"


def install(_module: ModuleType) -> None:
    """Hook into processes that are spawned, and into pools, when the program imports what makes them."""
    when_imported("multiprocessing.spawn", carry_into_children)
    when_imported("multiprocessing.pool", _carry_into_pool)
    when_imported("concurrent.futures.process", _carry_into_executor)


def carry_into_children(spawn: ModuleType) -> None:
    """Send the current span along with what Python tells a process that it spawns (not one that it forks)."""
    watch(spawn, "get_preparation_data", _Preparing, DOING)
    watch(spawn, "prepare", _prepared, DOING)


class _Preparing(Looking):
    """What a new process is told: one thing more, which nobody but `_prepared` looks at."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.traceparent = traceparent_here()

    def returned(self, value: Any) -> None:
        if self.traceparent:
            value[_KEY] = self.traceparent


def _prepared(told: Mapping[str, Any], *_: Any) -> None:
    if told.get(_KEY):
        os.environ["TRACEPARENT"] = told[_KEY]


def _carry_into_pool(pool: ModuleType) -> None:
    for name in ("apply_async", "_map_async", "imap", "imap_unordered"):
        replace(pool.Pool, name, _first_carried)


def _carry_into_executor(process: ModuleType) -> None:
    replace(process.ProcessPoolExecutor, "submit", _first_carried)


def _first_carried(plain: Any) -> Any:
    @functools.wraps(plain)
    def called(self: Any, function: Any = None, /, *args: Any, **kwargs: Any) -> Any:
        if function is None:
            return plain(self, *args, **kwargs)  # by its name: as it is
        return plain(self, carried(function), *args, **kwargs)

    return called
