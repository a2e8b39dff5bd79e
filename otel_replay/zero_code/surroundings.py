"""What a run says of the command: its arguments, its environment, the machine, where its program is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from otel_replay.attributes import (
    ENVIRONMENT,
    HOST_ARCH,
    HOST_NAME,
    OS_TYPE,
    PROCESS_COMMAND_ARGS,
    PROCESS_EXECUTABLE_NAME,
    PROCESS_EXECUTABLE_PATH,
    PROCESS_PID,
    PROCESS_WORKING_DIRECTORY,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ALLOWED", "attributes_at_start", "kept_environment", "name_of"]

ALLOWED = (
    *("CI", "CONDA_DEFAULT_ENV", "HOSTNAME", "LANG", "LC_*", "LD_LIBRARY_PATH", "PATH", "SHELL", "TERM"),
    *("TZ", "USER", "VIRTUAL_ENV", "PYTHON*", "*_NUM_THREADS", "CUDA_*", "NVIDIA_VISIBLE_DEVICES", "SLURM_*"),
    *("BUILD_*", "GITHUB_JOB", "GITHUB_REF", "GITHUB_REPOSITORY", "GITHUB_RUN_*", "GITHUB_SHA"),
    *("GITHUB_WORKFLOW", "OTEL_*", "PYTEST_*", "RAY_*"),
)
"""The variables that are kept of the environment, each without its secrets; `*` stands for anything."""

_OURS = ("OTEL_REPLAY_HOOKS", "OTEL_REPLAY_RUN_ID", "OTEL_REPLAY_RUN_OWNER")


def kept_environment(environ: Mapping[str, str], more: Iterable[str] = ()) -> dict[str, str]:
    """The part of the environment that is on the list; `more`: names or patterns besides."""
    patterns = (*ALLOWED, *more)
    return {
        name: value
        for name, value in sorted(environ.items())
        if name not in _OURS and any(_matches(name, pattern) for pattern in patterns)
    }


def _matches(name: str, pattern: str) -> bool:
    """As `fnmatchcase`, which compiles each pattern anew in each process, the plainest as well."""
    head, star, tail = pattern.partition("*")
    if "*" in tail or "?" in pattern or "[" in pattern:
        from fnmatch import fnmatchcase

        return fnmatchcase(name, pattern)
    if not star:
        return name == pattern
    return name.startswith(head) and name.endswith(tail) and len(name) >= len(head) + len(tail)


def attributes_at_start(
    command: Sequence[str], pid: int, more_environment: Iterable[str] = ()
) -> dict[str, Any]:
    """What is known of a command when it has been started.

    Parameters
    ----------
    command:
        The command and its arguments.
    pid:
        Its process.
    more_environment:
        Variables to keep besides those of :data:`ALLOWED`.
    """
    machine = os.uname()
    told: dict[str, Any] = {
        PROCESS_COMMAND_ARGS: list(command),
        PROCESS_EXECUTABLE_NAME: os.path.basename(command[0]),
        PROCESS_PID: pid,
        HOST_NAME: machine.nodename,
        HOST_ARCH: _ARCHITECTURES.get(machine.machine, machine.machine),
        OS_TYPE: machine.sysname.lower(),
    }
    path = _executable(command[0])
    if path:
        told[PROCESS_EXECUTABLE_PATH] = path
    try:
        told[PROCESS_WORKING_DIRECTORY] = os.getcwd()
    except OSError:
        pass  # deleted under our feet, which the command will find as well
    told[ENVIRONMENT] = kept_environment(os.environ, more_environment)
    return told


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _executable(program: str) -> str:
    if os.sep in program:
        return os.path.abspath(program)
    import shutil

    return shutil.which(program) or ""


def name_of(command: Sequence[str]) -> str:
    """What a run is called after its command: the script, the module after `-m`, or the program."""
    program = os.path.basename(command[0])
    if not program.startswith(("python", "pypy")):
        return program
    words = iter(command[1:])
    for word in words:
        if word == "-m":
            return next(words, program)
        if word in ("-W", "-X", "--check-hash-based-pycs"):
            next(words, None)
        elif word == "-c" or word == "-":
            return program
        elif not word.startswith("-"):
            return os.path.basename(word)
    return program
