"""Starts a command as a recorded run, waits for it, and ends the run with how it ended."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from otel_replay.errors import UsageError
from otel_replay.recording.children import child_environment
from otel_replay.recording.run import start_run
from otel_replay.settings import HOOKS_VARIABLE
from otel_replay.zero_code.plan import Plan

__all__ = ["launch"]

_PATH = str(Path(__file__).parent / "path")


def launch(
    command: Sequence[str],
    plan: Plan,
    *,
    name: str | None = None,
    run_id: str | None = None,
    store: str | None = None,
) -> int:
    """Run `command` as a recorded run.

    Returns
    -------
    int
        Its exit code; 128 and the signal's number where a signal ended it.

    Raises
    ------
    UsageError
        If it cannot be started.
    """
    with start_run(name or Path(command[0]).name, run_id=run_id, store=store):
        return _call(command, _environment(plan))


def _environment(plan: Plan) -> Mapping[str, str]:
    environment = child_environment()
    before = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([_PATH, *([before] if before else [])])
    environment[HOOKS_VARIABLE] = plan.text()
    return environment


def _call(command: Sequence[str], environment: Mapping[str, str]) -> int:
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise UsageError(f"`{command[0]}` cannot be started: {error.strerror or error}") from None
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue  # the program got it too, and says what becomes of it
        return code if code >= 0 else 128 - code
