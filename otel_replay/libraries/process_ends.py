"""How programs that `subprocess` started have ended, as `process end` events: exit code, length.

The program learns of an end when it waits or asks; that is when it is told here. `Popen` stays the class that
it is, with one method that also tells; `asyncio` learns of it in a place of its own.
"""

from __future__ import annotations

import functools
import os
import sys
import time
import weakref
from typing import TYPE_CHECKING, Any

from otel_replay.attributes import (
    PROCESS_DURATION_MS,
    PROCESS_END_EVENT,
    PROCESS_EXIT_CODE,
    PROCESS_PID,
    PROCESS_SIGNAL,
)
from otel_replay.hooks.guard import failed
from otel_replay.hooks.here import span_here
from otel_replay.hooks.wrapping import replace

if TYPE_CHECKING:
    from otel_replay.storage.open_span import OpenSpan

__all__ = ["expect_end"]

_DOING = "recording the end of a process"
_MOST = 10_000
"""So many are waited for at once; the ends of those that are started meanwhile are not told."""

_started: dict[int, tuple[weakref.ref[Any], OpenSpan, dict[str, Any], int]] = {}
"""By the `id()` of each `Popen`: where it was started, what is said of it, and when (a monotonic clock)."""


def expect_end(process: Any, span: OpenSpan, told: dict[str, Any]) -> None:
    """Have the end of a program told when the one that started it learns of it.

    Parameters
    ----------
    process:
        Its `Popen`, which is just starting it.
    span:
        Where its start was told.
    told:
        What was said of it there.
    """
    _watch()
    if len(_started) >= _MOST:
        return
    key = id(process)
    forget = weakref.ref(process, lambda _: _started.pop(key, None))
    _started[key] = (forget, span, told, time.monotonic_ns())


def _watch() -> None:
    popen = sys.modules["subprocess"].Popen
    if hasattr(popen, "_handle_exitstatus"):  # not on Windows
        replace(popen, "_handle_exitstatus", _telling)
    transports = sys.modules.get("asyncio.base_subprocess")
    if transports is not None:
        replace(transports.BaseSubprocessTransport, "_process_exited", _telling_for_asyncio)


def _telling(plain: Any) -> Any:
    @functools.wraps(plain)
    def handled(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = plain(self, *args, **kwargs)
        _ended(self, lambda: self.returncode)
        return value

    return handled


def _telling_for_asyncio(plain: Any) -> Any:
    @functools.wraps(plain)
    def handled(self: Any, returncode: Any, *args: Any, **kwargs: Any) -> Any:
        _ended(getattr(self, "_proc", None), lambda: returncode)
        return plain(self, returncode, *args, **kwargs)

    return handled


def _ended(process: Any, code_of: Any) -> None:
    try:
        code = code_of()
        known = _started.pop(id(process), None) if code is not None else None
        if known is not None:
            _tell(process, int(code), *known[1:])
    except Exception as error:
        failed(_DOING, error)


def _tell(process: Any, code: int, span: OpenSpan, told: dict[str, Any], began_ns: int) -> None:
    attributes = dict(told)
    attributes[PROCESS_PID] = process.pid
    attributes[PROCESS_EXIT_CODE] = code if code >= 0 else 128 - code
    if code < 0:
        attributes[PROCESS_SIGNAL] = _signal_name(-code)
    attributes[PROCESS_DURATION_MS] = round((time.monotonic_ns() - began_ns) / 1e6, 3)
    where = span if span.span_id in span.writer.open_spans else span_here()
    if where is not None:
        where.event(PROCESS_END_EVENT, attributes)


def _signal_name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _after_fork_in_child() -> None:
    _started.clear()  # they are its parent's, and it cannot wait for them


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
