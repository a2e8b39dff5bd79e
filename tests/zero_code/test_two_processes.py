"""One process waits for the program and another records: what is left when either is killed, and when."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_replay.storage.recover import recover
from otel_replay.storage.run_owner import is_there
from tests.zero_code.conftest import PYTHON, Recorded

DECIDES = """
import os, signal, sys, time
def log_decision(action, reason, values=None, cell=None):
    pass
recorder, launcher = int(os.environ["OTEL_REPLAY_RUN_OWNER"]), os.getppid()
run = os.path.join(os.environ["OTEL_REPLAY_STORE"], "runs", os.environ["OTEL_REPLAY_RUN_ID"])
def until_there():
    until = time.monotonic() + 60
    while not os.path.isdir(run) and time.monotonic() < until:
        time.sleep(0.001)
log_decision("FIRST", "made before")
"""


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until something is so, for a minute."""
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, also where nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def own_place(recorded: Recorded) -> dict[str, str]:
    """Where folders of notes are made: others run beside us."""
    (recorded.folder / "tmp").mkdir()
    return {"TMPDIR": str(recorded.folder / "tmp")}


@pytest.mark.parametrize("when", ["before the run is there", "while it is recorded"])
def test_a_program_whose_recorder_is_killed_goes_on_and_its_decisions_are_kept(
    recorded: Recorded, when: str
) -> None:
    """Its caller sees how it ended, and is told what closes the run."""
    waits = "" if when.startswith("before") else "until_there()\n"
    kills = "" if when.startswith("before") else "os.kill(recorder, signal.SIGKILL)\n"
    recorded.script(DECIDES + waits + kills + "log_decision('SECOND', '')\nprint('goes on')\nsys.exit(4)\n")
    first = "kill -9 $OTEL_REPLAY_RUN_OWNER; " if when.startswith("before") else ""
    done = recorded.run("sh", "-c", f"{first}exec {PYTHON} program.py", env=own_place(recorded))
    assert (done.returncode, done.stdout) == (4, "goes on\n")
    assert "may not be whole: what recorded it has died" in done.stderr
    assert recorded.decisions() == ["FIRST", "SECOND"]
    # Before the run is there the program makes it itself, and ends it.
    assert recorded.files().status() == ("finished" if when.startswith("before") else "interrupted")
    assert recover(recorded.files()).header.counts["decisions"] == 2
    assert os.listdir(recorded.folder / "tmp") == []


def test_when_launcher_and_recorder_and_program_are_killed_the_run_is_interrupted(recorded: Recorded) -> None:
    kills = "for one in (recorder, launcher, os.getpid()):\n    os.kill(one, signal.SIGKILL)\n"
    recorded.script(DECIDES + "until_there()\n" + kills)
    assert recorded.run(PYTHON, "program.py").returncode == -signal.SIGKILL
    wait_until(lambda: recorded.files().status() == "interrupted")
    assert recover(recorded.files()).header.counts["decisions"] == 1


def test_a_recorder_whose_launcher_is_killed_is_gone_while_the_program_goes_on(recorded: Recorded) -> None:
    """It holds nothing that the program's reader waits for."""
    recorded.script(DECIDES + "print(recorder, flush=True)\ntime.sleep(120)\n")
    with recorded.start("sh", "-c", f"{PYTHON} program.py & echo $!; wait") as process:
        assert process.stdout is not None
        program, recorder = (int(process.stdout.readline()) for _ in range(2))
        process.kill()
        wait_until(lambda: is_gone(recorder))
        assert recorded.files().status() == "running"
        os.kill(program, signal.SIGKILL)
    wait_until(lambda: recorded.files().status() == "interrupted")


def test_a_launcher_that_is_killed_at_the_end_leaves_a_run_that_is_whole_or_can_be_closed(
    recorded: Recorded,
) -> None:
    """The recorder had been told of the end, or not."""
    recorded.script(
        DECIDES + "until_there()\nos.kill(recorder, signal.SIGSTOP)\n"
        "print(recorder, os.getpid(), flush=True)\n"
    )
    with recorded.start(PYTHON, "program.py") as process:
        assert process.stdout is not None
        recorder, program = map(int, process.stdout.readline().split())
        wait_until(lambda: not is_there(program))
        process.kill()
        os.kill(recorder, signal.SIGCONT)
    wait_until(lambda: is_gone(recorder))
    files = recorded.files()
    assert files.status() in ("finished", "interrupted")
    if files.status() == "interrupted":
        recover(files)
    assert recorded.files().header.counts["decisions"] == 1
    assert (files.directory / "session_replay.json").exists()


def test_a_disk_that_is_full_at_the_end_is_told_and_changes_no_exit_code(recorded: Recorded) -> None:
    """Here for the recorder alone."""
    recorded.script(
        DECIDES + "until_there()\nimport resource\n"
        "resource.prlimit(recorder, resource.RLIMIT_FSIZE, (200, 200))\nsys.exit(6)\n"
    )
    done = recorded.run(PYTHON, "program.py")
    assert done.returncode == 6
    assert "not summed up" in done.stderr
    assert "`otel-replay recover` does it" in done.stderr
    assert recorded.decisions() == ["FIRST"]
    assert recover(recorded.files()).header.counts["decisions"] == 1


def test_the_recorder_is_in_no_job_of_the_shell_and_reads_nothing_of_the_terminal(recorded: Recorded) -> None:
    """What a terminal stops or interrupts is the program, and the launcher with it."""
    recorded.script(
        DECIDES + "print(os.getsid(recorder) == recorder, os.readlink(f'/proc/{recorder}/fd/0'))\n"
        "print(os.getpgid(launcher) == os.getpgid(0))\n"
    )
    with Path(__file__).open() as stdin:
        done = recorded.run(PYTHON, "program.py", stdin=stdin)
    assert done.stdout == "True /dev/null\nTrue\n"


def test_a_command_that_is_not_there_leaves_no_process_behind(recorded: Recorded) -> None:
    """Nor a folder of notes."""
    done = recorded.run("no-such-command", env=own_place(recorded))
    assert (done.returncode, recorded.store.exists()) == (127, False)
    assert os.listdir(recorded.folder / "tmp") == []
