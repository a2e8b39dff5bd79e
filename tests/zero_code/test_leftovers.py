"""The folder of notes is taken away by whoever is left, and no other's."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from otel_replay.storage.liveness import process_identity
from otel_replay.zero_code.leftovers import OWNER, claim, clear

from .conftest import PYTHON, Recorded
from .test_two_processes import DECIDES, is_gone, own_place, wait_until

DEAD = {**process_identity(), "pid": os.getpid(), "start_ticks": 1}


def folder(around: Path, name: str, owner: object) -> Path:
    """A folder of notes of this process."""
    made = around / name
    made.mkdir()
    (made / "12.python").write_text("/usr/bin/python\n")
    (made / OWNER).write_text(owner if isinstance(owner, str) else json.dumps(owner))
    return made


def test_the_recorder_of_a_launcher_that_was_killed_takes_the_notes_away(recorded: Recorded) -> None:
    """The program goes on, and its processes find no folder, and say nothing."""
    tmp = own_place(recorded)
    recorded.script(
        DECIDES + "until_there()\nprint(recorder, os.getpid(), flush=True)\nsys.stdin.readline()\n"
        "import subprocess\nwords = [sys.executable, '-c', 'print(7)']\n"
        "print(subprocess.run(words, capture_output=True, text=True), flush=True)\n"
    )
    with recorded.start(PYTHON, "program.py", env=tmp, stdin=-1) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        recorder, program = map(int, process.stdout.readline().split())
        assert len(os.listdir(tmp["TMPDIR"])) == 1
        process.kill()
        wait_until(lambda: is_gone(recorder))
        assert os.listdir(tmp["TMPDIR"]) == []
        process.stdin.write("\n")
        process.stdin.flush()
        assert "stdout='7\\n', stderr=''" in process.stdout.readline()
        wait_until(lambda: is_gone(program))
    assert os.listdir(tmp["TMPDIR"]) == []


def test_a_later_run_takes_away_what_one_left_whose_processes_were_all_killed(recorded: Recorded) -> None:
    tmp = own_place(recorded)
    kills = "for one in (recorder, launcher, os.getpid()):\n    os.kill(one, signal.SIGKILL)\n"
    recorded.script(DECIDES + "until_there()\n" + kills)
    assert recorded.run(PYTHON, "program.py", env=tmp).returncode == -signal.SIGKILL
    (left,) = os.listdir(tmp["TMPDIR"])
    alive = folder(Path(tmp["TMPDIR"]), "otel-replay-1-alive", process_identity())
    assert recorded.run(PYTHON, "-c", "1", env=tmp).returncode == 0
    wait_until(lambda: os.listdir(tmp["TMPDIR"]) == [alive.name])  # nobody waits for it but we
    assert left != alive.name


@pytest.mark.parametrize(
    "owner",
    [
        process_identity(),
        {**DEAD, "host": "another", "boot": "another"},
        {**DEAD, "pid_namespace": "pid:[1]"},
        {"pid": "1"},
        *("", "[", "[1]", "{}"),
    ],
)
def test_what_may_be_anothers_stays(tmp_path: Path, owner: object) -> None:
    """It runs, or did so on another machine or in another container, or nobody knows who it was."""
    folder(tmp_path, "otel-replay-1-aa", owner)
    clear(str(tmp_path / "otel-replay-2-bb"))
    assert os.listdir(tmp_path) == ["otel-replay-1-aa"]


def test_what_is_no_folder_of_notes_stays(tmp_path: Path) -> None:
    theirs = folder(tmp_path, "theirs", DEAD)
    (tmp_path / "otel-replay-link").symlink_to(theirs)
    (tmp_path / "otel-replay-file").write_text("")
    (tmp_path / "otel-replay-sql-x").mkdir()
    os.mkfifo(tmp_path / "otel-replay-sql-x" / OWNER)
    folder(tmp_path, "otel-replay-3-cc", DEAD)
    before = {"theirs", "otel-replay-link", "otel-replay-file", "otel-replay-sql-x"}
    clear(str(tmp_path / "otel-replay-2-bb"))
    assert set(os.listdir(tmp_path)) == before
    assert (theirs / OWNER).exists()


def test_a_folder_that_cannot_be_written_is_nobodys(tmp_path: Path) -> None:
    claim(str(tmp_path / "gone"))
    clear(str(tmp_path / "gone" / "too"))
    assert os.listdir(tmp_path) == []
