"""Programs that the program starts, as `process start` events: what, with which arguments, and where.

A Python program that it starts joins the run by itself, and has a span of its own there. Environments are not
recorded, and secrets among arguments are taken out.
"""

from __future__ import annotations

import os

from otel_replay.hooks.audit import listen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

__all__ = ["install"]

_DOING = "recording the start of a process"


def install(module: ModuleType | None) -> None:  # noqa: ARG001 - the signature of all of them
    """Listen to processes being started."""
    listen("subprocess.Popen", _popen, _DOING)
    listen("os.posix_spawn", _posix_spawn, _DOING)
    listen("os.spawn", _spawn, _DOING)
    listen("os.exec", _exec, _DOING)
    listen("os.system", _system, _DOING)


def _popen(executable: Any, arguments: Any, folder: Any, environment: Any) -> None:  # noqa: ARG001 - Python's signature
    if isinstance(arguments, str | bytes):
        _tell(None, arguments, folder)  # Windows
    else:
        _tell(arguments, None, folder)


def _posix_spawn(path: Any, arguments: Any, environment: Any) -> None:  # noqa: ARG001 - Python's signature
    _tell(arguments or [path], None, None)


def _spawn(mode: Any, path: Any, arguments: Any, environment: Any) -> None:  # noqa: ARG001 - Python's signature
    _tell(arguments or [path], None, None)


def _exec(path: Any, arguments: Any, environment: Any) -> None:  # noqa: ARG001 - Python's signature
    # By os.spawn* as well, in a child that is about to be another program.
    _tell(arguments or [path], None, None)


def _system(command: Any) -> None:
    _tell(None, command, None)


def _tell(arguments: Any, line: Any, folder: Any) -> None:
    from otel_replay.attributes import (
        PROCESS_COMMAND_ARGS,
        PROCESS_COMMAND_LINE,
        PROCESS_EVENT,
        PROCESS_WORKING_DIRECTORY,
    )
    from otel_replay.hooks.here import span_here

    span = span_here()
    if span is None:
        return
    attributes: dict[str, Any] = {}
    if arguments is not None:
        attributes[PROCESS_COMMAND_ARGS] = [os.fsdecode(argument) for argument in arguments]
    if line is not None:
        attributes[PROCESS_COMMAND_LINE] = os.fsdecode(line)
    if folder is not None:
        attributes[PROCESS_WORKING_DIRECTORY] = os.fsdecode(folder)
    span.event(PROCESS_EVENT, attributes)
