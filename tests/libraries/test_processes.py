"""Programs that a program starts are in its run, with their arguments and without secrets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_kit import Recorded, Store

from libraries.conftest import Recording

PYTHON = [sys.executable, "-c", ""]


def starts(run: Recorded) -> list[dict[str, Any]]:
    """What was started, with all that is said of it."""
    return [dict(event.attributes) for event in run.events if event.name == "process start"]


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (lambda: subprocess.run(PYTHON, check=True), {"process.command_args": tuple(PYTHON)}),
        (
            lambda: subprocess.run("exit 0", shell=True, cwd="/", check=True),
            {"process.command_args": ("/bin/sh", "-c", "exit 0"), "process.working_directory": "/"},
        ),
        (lambda: os.system("exit 0"), {"process.command_line": "exit 0"}),
        (
            lambda: os.waitpid(os.posix_spawn(sys.executable, PYTHON, dict(os.environ)), 0),
            {"process.command_args": tuple(PYTHON)},
        ),
    ],
    ids=["subprocess", "shell", "os.system", "posix_spawn"],
)
def test_the_start_of_a_program_is_told_once(
    recorded: Recording, start: Callable[[], object], told: dict[str, Any]
) -> None:
    (found,) = starts(recorded(start))
    assert {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()} == told


def test_secrets_among_arguments_are_taken_out(recorded: Recording) -> None:
    run = recorded(lambda: subprocess.run([*PYTHON, "--password", "s3cr3t-w0rd"], check=True))
    assert starts(run)[0]["process.command_args"][-2:] in (
        ["--password", "[redacted]"],
        ("--password", "[redacted]"),
    )
    assert b"s3cr3t" not in run.bytes()


def test_a_program_that_becomes_another_one_says_so(
    tmp_path: Path, store: Store, python_run: Callable[[str], None]
) -> None:
    python_run("import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'print(1)'])\n")
    assert starts(store.run())[0]["process.command_args"][1:] in (["-c", "print(1)"], ("-c", "print(1)"))
