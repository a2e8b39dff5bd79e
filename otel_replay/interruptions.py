"""Whose an exception is that is caught around our own work: ours to swallow, or the program's to get.

A signal handler of the program runs in the middle of whatever goes on, also inside our calls, and what it
raises must reach the program. What a value of the program raises when it is asked for its text must not: it
was called by us. Two signs tell that nobody called it:

* the traceback passes through the code of a handler that is registered for a signal;
* a class of the program's was raised in a frame of ours or OpenTelemetry's, which know no such class: an
  asynchronous exception, as libraries for timeouts raise them. Where values are asked, nobody can tell.

What is no `Exception` (KeyboardInterrupt, SystemExit, CancelledError) is never caught in the first place.
"""

from __future__ import annotations

import functools
import os
import sys
from types import CodeType, TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal  # what `signal` is made of, without its enumerations

__all__ = ["let_through"]

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_ASKS_VALUES = tuple(_HERE + name for name in ("values", "errors.py", "clock.py"))
_OTHERS = frozenset({"builtins", "otel_replay", "opentelemetry", "orjson", *sys.stdlib_module_names})
"""Where the classes are from that our own work may raise."""


def let_through(error: Exception) -> None:
    """Raise `error` again if it is the program's; to be called where it is caught, before anything else."""
    step = error.__traceback__
    try:
        if step is None or (step.tb_next is None and type(error).__module__ in _USUAL):
            return  # raised where it was caught, by us: most of them
        theirs = _is_of_program(error, step)
    except Exception as second:
        # A class that cannot even say where it is from; or this was interrupted in its turn.
        if second.__traceback__ is not None and not _handlers().isdisjoint(_codes(second.__traceback__)):
            raise
        return
    if theirs:
        raise error


_USUAL = frozenset({"builtins", "orjson"})


def _is_of_program(error: Exception, first: TracebackType) -> bool:
    codes = _codes(first)
    if type(error).__module__.partition(".")[0] not in _OTHERS and _is_ours(codes[-1].co_filename):
        return True
    codes = [code for code in codes if not code.co_filename.startswith(_HERE)]
    return bool(codes) and not _handlers().isdisjoint(codes)


def _codes(step: TracebackType | None) -> list[CodeType]:
    codes = []
    while step is not None:
        codes.append(step.tb_frame.f_code)
        step = step.tb_next
    return codes


def _is_ours(path: str) -> bool:
    if path.startswith(_HERE):
        return not path.startswith(_ASKS_VALUES)
    return f"{os.sep}opentelemetry{os.sep}" in path


def _handlers() -> set[CodeType]:
    """The code of every signal handler that is registered now."""
    found = set()
    for number in _signal.valid_signals():
        handler: object = _signal.getsignal(number)
        while isinstance(handler, functools.partial):
            handler = handler.func
        function = getattr(handler, "__func__", handler)  # of a method
        code = getattr(function, "__code__", None)
        if code is None and callable(handler):
            call = getattr(type(handler), "__call__", None)  # noqa: B004 - not whether, but which code
            code = getattr(call, "__code__", None)
        if isinstance(code, CodeType):
            found.add(code)
    return found
