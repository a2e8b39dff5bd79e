"""File accesses as events of the current span, counted where they repeat, and bounded."""

from __future__ import annotations

import os

from otel_replay.attributes import (
    FILE_OPENS,
    FILE_PATH,
    FILE_READ_EVENT,
    FILE_SIZE,
    FILE_WRITE_EVENT,
    FILE_WRITTEN_EVENT,
)
from otel_replay.hooks.here import span_here
from otel_replay.interruptions import let_through
from otel_replay.storage import active_runs

__all__ = ["tell"]

_MOST = 10_000
"""So many different files in different spans are told apart, and so many written ones are looked at again."""

_TOLD_AGAIN = frozenset(10**power for power in range(1, 19))

_opens: dict[tuple[str, str, bool], int] = {}
_written: dict[str, str] = {}
_home_pid = 0


def tell(name: str, *, writes: bool) -> None:
    """Record that the program opens a file, in the current span.

    Parameters
    ----------
    name:
        As the program called it.
    writes:
        Whether it may write to it.
    """
    span = span_here()
    path = os.path.abspath(name)
    if span is None or _is_in_a_store(path):
        return
    _start_over_in_a_fork()
    key = (span.span_id, path, writes)
    count = _opens.get(key, 0) + 1
    if count > 1 or len(_opens) < _MOST:
        _opens[key] = count
    if count > 1 and count not in _TOLD_AGAIN:
        return
    attributes: dict[str, object] = {FILE_PATH: name}
    if not writes:
        _add_size(attributes, path)
    elif os.path.isdir(path):
        return  # a file without a name is made in it
    elif len(_written) < _MOST:
        _written[path] = name
    if count > 1:
        attributes[FILE_OPENS] = count
    span.event(FILE_WRITE_EVENT if writes else FILE_READ_EVENT, attributes)


def _is_in_a_store(path: str) -> bool:
    # Runs that are over, too: what is left of them is still forced to the disk.
    writers = {*active_runs.WRITERS, *active_runs.ENDED}
    return any(path.startswith(f"{writer.directory.parent.parent}{os.sep}") for writer in writers)


def _start_over_in_a_fork() -> None:
    global _home_pid
    if _home_pid != os.getpid():
        _home_pid = os.getpid()
        _opens.clear()
        _written.clear()
        active_runs.at_exit(_tell_sizes)


def _tell_sizes() -> None:
    """The process ends: say how large the files became that it wrote, if they are still there."""
    span = active_runs.fallback_span()
    if span is None:
        return
    for path, name in _written.items():
        attributes: dict[str, object] = {FILE_PATH: name}
        _add_size(attributes, path)
        span.event(FILE_WRITTEN_EVENT, attributes)


def _add_size(attributes: dict[str, object], path: str) -> None:
    try:
        attributes[FILE_SIZE] = os.stat(path).st_size
    except (OSError, ValueError) as raised:
        let_through(raised)
        # it is not there, and opening it says so to the program
