"""Calls that are made at Python's audit events: one hook for all of them, which stays for the process's life.

Python has no way to take an audit hook out again, so this one is added with the first listener and does next
to nothing where nobody listens. What happens inside a listener (it writes files, too) is told to nobody.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from otel_replay.hooks.guard import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Listener = Callable[..., object]

__all__ = ["listen", "stop_listening"]

_listeners: dict[str, tuple[str, Listener]] = {}
_inside: set[int] = set()
"""Threads that are in a listener."""
_added = False


def listen(event: str, listener: Listener, doing: str) -> None:
    """Call `listener` with the arguments of each audit event of this name.

    Parameters
    ----------
    event:
        The name in Python's table of audit events: `open`.
    listener:
        What it raises is told and goes no further.
    doing:
        What goes wrong then, for a person: `recording a file access`.
    """
    global _added
    _listeners[event] = (doing, listener)
    if not _added:
        _added = True
        sys.addaudithook(_hook)


def stop_listening() -> None:
    """Forget all listeners."""
    _listeners.clear()


def _hook(
    event: str, arguments: tuple[Any, ...], listeners: dict[str, tuple[str, Listener]] = _listeners
) -> None:
    # What is left when Python ends may still open files: by then the names of this module are gone.
    if event not in listeners or get_ident is None:
        return
    thread = get_ident()
    if thread in _inside:
        return
    _inside.add(thread)
    try:
        _listeners[event][1](*arguments)
    except Exception as error:
        _told(event, error)
    finally:
        _inside.discard(thread)


def _told(event: str, error: Exception) -> None:
    known = _listeners.get(event)
    try:
        failed(known[0] if known is not None else event, error)
    except RecursionError:  # no room to tell it: the program is about to get its own
        return
