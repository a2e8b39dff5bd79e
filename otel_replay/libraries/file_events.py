"""File accesses as events of the current span, counted where they repeat, and bounded."""

from __future__ import annotations

import os

from otel_replay.attributes import (
    ERROR_TYPE,
    FILE_OPENS,
    FILE_OTHERS,
    FILE_PATH,
    FILE_READ_EVENT,
    FILE_SIZE,
    FILE_WRITE_EVENT,
    FILE_WRITTEN_EVENT,
)
from otel_replay.hooks.here import span_here
from otel_replay.interruptions import let_through
from otel_replay.libraries.file_choice import absolute
from otel_replay.storage import active_runs

__all__ = ["moved", "tell"]

_MOST = 10_000
"""So many different files in different spans are told apart, and so many written ones are looked at again."""

_TOLD_AGAIN = frozenset(10**power for power in range(1, 19))

_opens: dict[tuple[str, str, bool], int] = {}
"""How often each was opened: in which span, by which name, to write."""
_written: dict[str, str] = {}
_others = 0
"""How often the program opened a file to write that is not among those any more."""
_promised = False


def tell(name: str, *, writes: bool) -> None:
    """Record that the program opens a file, in the current span.

    Parameters
    ----------
    name:
        As the program called it.
    writes:
        Whether it may write to it.
    """
    span = None if active_runs.is_summing_up() else span_here()
    if span is None:
        return
    key = (span.span_id, name, writes)
    count = _opens.get(key, 0) + 1
    if count > 1:
        # The way of nearly all that is opened often.
        _opens[key] = count
        if count not in _TOLD_AGAIN:
            return
    path = absolute(name)
    if _is_in_a_store(path) or (writes and os.path.isdir(path)):
        return  # a file without a name is made in a directory
    if count == 1 and len(_opens) < _MOST:
        _opens[key] = 1
    attributes: dict[str, object] = {FILE_PATH: name}
    if not writes:
        _add_size(attributes, path)
    else:
        _note_written(path, name)
    if count > 1:
        attributes[FILE_OPENS] = count
    span.event(FILE_WRITE_EVENT if writes else FILE_READ_EVENT, attributes)


def moved() -> None:
    """The program has changed its folder: the same names are other files now."""
    _opens.clear()


def _is_in_a_store(path: str) -> bool:
    # Runs that are over, too: what is left of them is still forced to the disk.
    writers = {*active_runs.WRITERS, *active_runs.ENDED}
    return any(path.startswith(f"{writer.directory.parent.parent}{os.sep}") for writer in writers)


def _note_written(path: str, name: str) -> None:
    """Its size is told at the end, as far as there is room for so many."""
    global _others, _promised
    if len(_written) < _MOST:
        _written[path] = name
    elif path not in _written:
        _others += 1
    if not _promised:
        _promised = True
        active_runs.at_exit(_tell_sizes)


def _after_fork_in_child() -> None:
    global _others, _promised
    _others, _promised = 0, False
    _opens.clear()
    _written.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _tell_sizes() -> None:
    """The process ends: say how large the files became that it wrote, if they are still there."""
    span = active_runs.fallback_span()
    if span is None:
        return
    for path, name in _written.items():
        attributes: dict[str, object] = {FILE_PATH: name}
        _add_size(attributes, path)
        span.event(FILE_WRITTEN_EVENT, attributes)
    if _others:
        span.event(FILE_WRITTEN_EVENT, {FILE_OTHERS: _others})


def _add_size(attributes: dict[str, object], path: str) -> None:
    try:
        attributes[FILE_SIZE] = os.stat(path).st_size
    except FileNotFoundError:
        attributes[ERROR_TYPE] = "FileNotFoundError"
    except (OSError, ValueError) as raised:
        let_through(raised)
        # a name that is none, or not ours to see: opening it says so to the program
