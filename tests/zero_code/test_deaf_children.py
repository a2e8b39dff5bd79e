"""Python processes that are started so that they cannot find the run: they run as they are, and are told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from otel_replay.libraries.deaf_children import deaf_option
from otel_replay.zero_code.outcome import not_recorded

from .conftest import PYTHON, Recorded

STARTS = """
import os, subprocess, sys
def log_decision(action, reason, values=None, cell=None): pass
log_decision("PARENT", "")
CHILD = [sys.executable, "-c", "print(1)"]
"""
NO_ENVIRONMENT = "it was started without the environment by which it finds the run"


@pytest.mark.parametrize(
    ("starts", "why"),
    [
        ("subprocess.run(CHILD, env={})", NO_ENVIRONMENT),
        ("os.environ.clear(); subprocess.run(CHILD)", NO_ENVIRONMENT),
        ("os.waitpid(os.posix_spawn(CHILD[0], CHILD, {}), 0)", NO_ENVIRONMENT),
        ("sys.stdout.flush(); os.execve(CHILD[0], CHILD, {b'A': b'b'})", NO_ENVIRONMENT),
        (
            "subprocess.run(CHILD, env={**os.environ, 'PYTHONPATH': '/nowhere'})",
            "it was started with another PYTHONPATH",
        ),
        ("subprocess.run([CHILD[0], '-I', *CHILD[1:]])", "with -I the interpreter is isolated"),
        ("subprocess.run([CHILD[0], '-sE', *CHILD[1:]])", "with -sE the interpreter ignores the environment"),
    ],
)
def test_a_python_that_cannot_find_the_run_is_told(recorded: Recorded, starts: str, why: str) -> None:
    done = recorded.run(PYTHON, recorded.script(STARTS + starts))
    told = f"{PYTHON} is not recorded: {why}"
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", f"otel-replay: {told}\n")
    assert recorded.attributes()["otel_replay.not_hooked"] == told
    assert recorded.decisions() == ["PARENT"]


def test_many_of_them_are_one_sentence_with_their_number(recorded: Recorded) -> None:
    done = recorded.run(PYTHON, recorded.script(STARTS + "for _ in range(3): subprocess.run(CHILD, env={})"))
    assert done.stderr == f"otel-replay: {PYTHON} is not recorded (3 processes): {NO_ENVIRONMENT}\n"


def test_of_very_many_only_their_number_is_told(tmp_path: Path) -> None:
    """As where something makes a folder with a Python of its own for each thing that it installs."""
    lines = "".join(
        f"/tmp/{number}/bin/python\twith -I the interpreter is isolated\n" for number in range(30)
    )
    (tmp_path / "7.deaf").write_text(lines)
    told = not_recorded(str(tmp_path))
    assert told[0] == "/tmp/0/bin/python is not recorded: with -I the interpreter is isolated"
    assert (len(told), told[-1]) == (9, "22 more are not recorded")


@pytest.mark.parametrize("what", ["[CHILD[0], 5]", "[CHILD[0], None]", "CHILD, env={5: '1'}", "CHILD, env=7"])
def test_what_cannot_be_started_is_refused_by_python_alone(recorded: Recorded, what: str) -> None:
    starts = f"try:\n    subprocess.run({what})\nexcept (TypeError, AttributeError):\n    print('refused')\n"
    done = recorded.run(PYTHON, recorded.script(STARTS + starts))
    assert (done.returncode, done.stdout, done.stderr) == (0, "refused\n", "")


@pytest.mark.parametrize(
    "starts",
    [
        "subprocess.run(CHILD)",
        "subprocess.run(CHILD, env={**os.environ, 'MORE': '1'})",
        "subprocess.run([CHILD[0], '-Wignore', '-u', '-c', 'print(1)', '-I'])",
        "subprocess.run(['env', '-i', 'echo', '1'])",
        "subprocess.run('echo 1', shell=True, env={})",
    ],
)
def test_nothing_is_told_of_one_that_finds_it_or_of_what_is_no_python(
    recorded: Recorded, starts: str
) -> None:
    done = recorded.run(PYTHON, recorded.script(STARTS + starts))
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert "otel_replay.not_hooked" not in recorded.attributes()


@pytest.mark.parametrize("words", ["-c pass -I", "-m x -E", "-WI", "-XE x.py", "x.py -S", "-bb -", "--I"])
def test_what_is_no_option_of_the_interpreter_is_not_taken_for_one(words: str) -> None:
    assert deaf_option([sys.executable, *words.split()]) == ""


@pytest.mark.parametrize("words", ["-X importtime -S x.py", "-W error -bS", "-uIc pass"])
def test_an_option_behind_others_is_found(words: str) -> None:
    assert "the interpreter" in deaf_option([sys.executable, *words.split()])


def test_a_folder_of_notes_that_is_gone_is_missed_by_nobody(recorded: Recorded) -> None:
    """Whoever would have read them has ended."""
    text = "import shutil\nshutil.rmtree(os.environ['OTEL_REPLAY_HOOKS'].partition(chr(10))[0])\n"
    starts = "subprocess.run(CHILD)\nsubprocess.run(CHILD, env={})\n"
    done = recorded.run(
        PYTHON, recorded.script(STARTS + text + starts), env={"TMPDIR": os.fspath(recorded.folder)}
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n1\n", "")
