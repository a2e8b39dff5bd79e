"""Python processes that are started so that they cannot find the run: they are noted, and told at the end.

An interpreter finds the run by its environment. One that was given another, or that is told to ignore it
(`-I`, `-E`, `-S`), runs as it is, and nobody in it could say so.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["DEAF_SUFFIX", "deaf_option", "note_if_deaf"]

DEAF_SUFFIX = ".deaf"
"""Of the notes: a line for each such process, with what was started and why it cannot find the run."""

_HOOKS, _PATH = "OTEL_REPLAY_HOOKS", "PYTHONPATH"
_OPTIONS = {"I": "is isolated", "E": "ignores the environment", "S": "runs without site"}
_LAST, _WITH_VALUE = ("c", "m"), ("W", "X")

_PLACE = os.path.join(os.sep, "otel_replay", "zero_code", "path")
"""How the folder ends by which interpreters find the run: `otel-replay run` may be of another environment."""


def deaf_option(command: Sequence[str]) -> str:
    """Why an interpreter started by these words does not look for the run; empty where it does."""
    words = iter(command[1:])
    for word in words:
        if not word.startswith("-") or word.startswith("--"):
            break
        for place, letter in enumerate(word[1:], 2):
            if letter in _OPTIONS:
                return f"with {word} the interpreter {_OPTIONS[letter]}"
            if letter in _LAST:
                return ""
            if letter in _WITH_VALUE:
                if place == len(word):
                    next(words, "")
                break
    return ""


def note_if_deaf(notes: str, program: Any, arguments: Any, environment: Mapping[Any, Any] | None) -> None:
    """Note a process that is being started, if it is a Python that cannot find the run.

    Parameters
    ----------
    notes:
        The folder of notes.
    program:
        What is started; None: the first of the arguments.
    arguments:
        Its words, as text or bytes.
    environment:
        What it finds there; None: what this process has.
    """
    if isinstance(arguments, str | bytes) or not arguments:
        return
    try:
        words = [os.fsdecode(word) for word in arguments]
        started = os.fsdecode(program) if program is not None else words[0]
        if not _is_python(started) or "otel_replay" in words:
            return  # what is run by us joins the run, and so does what that starts
        why = deaf_option(words) or _missing(os.environ if environment is None else environment)
    except (TypeError, AttributeError):
        return  # no words, or no environment, at all: Python says so, and starts nothing
    if why:
        line = f"{started}\t{why}\n".encode("utf-8", "backslashreplace")
        path = os.path.join(notes, f"{os.getpid()}{DEAF_SUFFIX}")
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return  # whoever would have told it has ended
        try:
            os.write(fd, line)
        finally:
            os.close(fd)


def _is_python(started: str) -> bool:
    name = os.path.basename(started)
    if name.rstrip("0123456789.tdw") not in ("python", "pypy"):
        return started == sys.executable
    return os.sep not in started or os.access(started, os.X_OK)


def _missing(environment: Mapping[Any, Any]) -> str:
    # `os.environ` of a program may have been given anything; its own processes get it as text.
    found = {os.fsdecode(name): value for name, value in environment.items()}
    if not found.get(_HOOKS):
        return "it was started without the environment by which it finds the run"
    places = os.fsdecode(found.get(_PATH) or "").split(os.pathsep)
    if not any(place.rstrip(os.sep).endswith(_PLACE) for place in places):
        return "it was started with another PYTHONPATH"
    return ""
