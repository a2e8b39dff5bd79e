"""Programs that a program starts are in its run, with their arguments and without secrets."""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_kit import Recorded, Store

import otel_replay
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


def ends(run: Recorded) -> list[tuple[int, str | None]]:
    """How what was started has ended: exit codes and signals."""
    told = [event.attributes for event in run.events if event.name == "process end"]
    return [(one["process.exit.code"], one.get("otel_replay.process.signal")) for one in told]


EXITS = [sys.executable, "-c", "raise SystemExit(3)"]
KILLED = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]


async def _waited() -> int:
    process = await asyncio.create_subprocess_exec(*EXITS)
    return await process.wait()


def _polled() -> int:
    process = subprocess.Popen(EXITS)
    while process.poll() is None:
        select.select([], [], [], 0.005)
    return process.returncode


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (lambda: subprocess.run(PYTHON, check=True).returncode, (0, None)),
        (lambda: subprocess.call(EXITS), (3, None)),
        (_polled, (3, None)),
        (lambda: subprocess.run(KILLED, check=False).returncode, (137, "SIGKILL")),
        (lambda: asyncio.run(_waited()), (3, None)),
        (lambda: subprocess.call(EXITS, close_fds=False), (3, None)),
    ],
    ids=["run", "call", "poll", "killed", "asyncio", "posix_spawn"],
)
def test_the_end_of_a_program_is_told_once_with_its_exit_code_and_how_long_it_took(
    recorded: Recording, start: Callable[[], int], told: tuple[int, str | None]
) -> None:
    given: list[int] = []
    run = recorded(lambda: given.append(start()))
    assert ends(run) == [told]
    assert given == [-9 if told[1] else told[0]]
    (end,) = (event.attributes for event in run.events if event.name == "process end")
    assert end["otel_replay.process.duration_ms"] > 0
    assert list(end["process.command_args"]) == list(starts(run)[0]["process.command_args"])
    assert len(starts(run)) == 1


def test_an_end_that_nobody_asked_for_is_not_told_and_one_after_its_span_is(recorded: Recording) -> None:
    """It stands where the program was started as long as that goes on, and in the run after that."""
    left: list[subprocess.Popen[bytes]] = []

    def program() -> None:
        with otel_replay.task("starts"):
            left.extend(subprocess.Popen(EXITS) for _ in range(2))
        left[0].wait()

    run = recorded(program)
    left[1].wait()
    assert ends(run) == [(3, None)]
    names = {span.span_id: span.name for span in run.spans}
    assert [(event.name, names[event.span_id]) for event in run.events] == [
        ("process start", "task starts"),
        ("process start", "task starts"),
        ("process end", "run libraries"),
    ]


def test_what_python_asks_the_system_about_itself_is_no_work_of_the_program(recorded: Recording) -> None:
    """`platform` asks `uname`, and whoever wants to know how many cores there are `lscpu`."""
    import platform

    def program() -> None:
        platform._Processor.from_subprocess()  # type: ignore[attr-defined]  # what processor() asks once
        subprocess.run(PYTHON, check=True)

    assert [one["process.command_args"][0] for one in starts(recorded(program))] == [sys.executable]


def test_popen_stays_the_class_that_it_is(recorded: Recording) -> None:
    """Those who derive from it, or ask what it is, find no other one."""
    before = subprocess.Popen

    class Own(subprocess.Popen[bytes]):
        pass

    recorded(lambda: Own(PYTHON).wait())
    assert subprocess.Popen is before
    assert pickle.loads(pickle.dumps(subprocess.Popen)) is before
    assert "self" in inspect.signature(vars(before)["_handle_exitstatus"]).parameters


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
