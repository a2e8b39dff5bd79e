"""Programs that the program starts, as `process start` events: what, with which arguments, and where.

A Python program that it starts joins the run by itself, and has a span of its own there. Environments are not
recorded, and secrets among arguments are taken out. What Python and libraries ask the system about itself
(`uname`, `ldconfig`) is left out.
"""

from __future__ import annotations

import os
import sys

from otel_replay.hooks.audit import listen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType
    from typing import Any

__all__ = ["install"]

_DOING = "recording the start of a process"

_ASKING = frozenset(
    {
        *("platform", "ctypes.util", "uuid", "sysconfig", "_osx_support", "_aix_support"),
        *("loky.backend.context", "joblib.externals.loky.backend.context"),
    }
)
"""Modules that start programs only to learn what machine they are on."""

_notes = ""
"""The folder in which a process notes others that cannot find the run; empty: nobody asks."""


def install(module: ModuleType | None) -> None:  # noqa: ARG001 - the signature of all of them
    """Listen to processes being started."""
    global _notes
    _notes = os.environ.get("OTEL_REPLAY_HOOKS", "").partition("\n")[0]  # the program may change it
    listen("subprocess.Popen", _popen, _DOING)
    listen("os.posix_spawn", _posix_spawn, _DOING)
    listen("os.spawn", _spawn, _DOING)
    listen("os.exec", _exec, _DOING)
    listen("os.system", _system, _DOING)


def _popen(executable: Any, arguments: Any, folder: Any, environment: Any) -> None:
    process, asks = _who_starts(sys._getframe(2))
    if asks in _ASKING:
        return
    _note_if_deaf(executable, arguments, environment)
    is_line = isinstance(arguments, str | bytes)  # on Windows
    told = _tell(None, arguments, folder) if is_line else _tell(arguments, None, folder)
    if told is not None and process is not None:
        from otel_replay.libraries.process_ends import expect_end

        expect_end(process, *told)


def _who_starts(frame: FrameType | None) -> tuple[Any, str]:
    """The `Popen` that is being made, by the frames of `subprocess`; and the module that asks for it."""
    process = None
    while frame is not None:
        if frame.f_globals.get("__name__") != "subprocess":
            return process, str(frame.f_globals.get("__name__"))
        if process is None and frame.f_code.co_name == "_execute_child":
            process = frame.f_locals.get("self")
        frame = frame.f_back
    return process, ""


def _posix_spawn(path: Any, arguments: Any, environment: Any) -> None:
    if sys._getframe(2).f_globals.get("__name__") != "subprocess":  # its own event comes before
        _note_if_deaf(path, arguments, environment)
        _tell(arguments or [path], None, None)


def _spawn(mode: Any, path: Any, arguments: Any, environment: Any) -> None:  # noqa: ARG001 - Python's signature
    _tell(arguments or [path], None, None)


def _exec(path: Any, arguments: Any, environment: Any) -> None:
    _note_if_deaf(path, arguments, environment)
    # By os.spawn* as well, in a child that is about to be another program.
    _tell(arguments or [path], None, None)


def _system(command: Any) -> None:
    _tell(None, command, None)


def _note_if_deaf(program: Any, arguments: Any, environment: Any) -> None:
    if _notes:
        from otel_replay.libraries.deaf_children import note_if_deaf

        note_if_deaf(_notes, program, arguments, environment)


def _tell(arguments: Any, line: Any, folder: Any) -> tuple[Any, dict[str, Any]] | None:
    """Record the start; gives the span that it stands in, and what is said of the program."""
    from otel_replay.attributes import (
        PROCESS_COMMAND_ARGS,
        PROCESS_COMMAND_LINE,
        PROCESS_EVENT,
        PROCESS_WORKING_DIRECTORY,
    )
    from otel_replay.hooks.here import span_here

    span = span_here()
    if span is None:
        return None
    attributes: dict[str, Any] = {}
    try:
        if arguments is not None:
            attributes[PROCESS_COMMAND_ARGS] = [os.fsdecode(argument) for argument in arguments]
        if line is not None:
            attributes[PROCESS_COMMAND_LINE] = os.fsdecode(line)
        told = dict(attributes)
        if folder is not None:
            attributes[PROCESS_WORKING_DIRECTORY] = os.fsdecode(folder)
    except TypeError:
        return None  # no words at all: Python says so, and starts nothing
    span.event(PROCESS_EVENT, attributes)
    return span, told
