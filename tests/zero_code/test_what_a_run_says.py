"""What a run says of the program: how it was started, from which commit, with which packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from otel_replay.storage.store import Store
from otel_replay.zero_code.git_state import attributes_of
from otel_replay.zero_code.plan import Plan, plan_of
from otel_replay.zero_code.surroundings import name_of
from tests.zero_code.conftest import PYTHON, Recorded

SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz123456"


def test_arguments_environment_python_and_packages_are_told_without_secrets(recorded: Recorded) -> None:
    """The environment by a list, which a setting makes longer."""
    recorded.script("import click\n")
    env = {
        "OTEL_REPLAY_ENVIRONMENT": "TUNER_*",
        "TUNER_LIMIT": "3",
        "TUNER_API_KEY": SECRET,
        "OTHER": "not on the list",
        "LC_ALL": "C.UTF-8",
    }
    done = recorded.run(PYTHON, "program.py", "--api-key", SECRET, "--rows", "5", env=env)
    assert done.returncode == 0, done.stderr
    told = recorded.attributes()
    assert told["process.command_args"] == [PYTHON, "program.py", "--api-key", "[redacted]", "--rows", "5"]
    kept = told["otel_replay.environment"]
    assert (kept["TUNER_LIMIT"], kept["LC_ALL"]) == ("3", "C.UTF-8")
    assert "OTHER" not in kept
    assert told["process.working_directory"] == str(recorded.folder)
    assert told["otel_replay.pythons"][0]["executable"] == PYTHON
    assert told["otel_replay.pythons"][0]["version"] == f"cpython {sys.version.split()[0]}"
    import importlib.metadata

    assert told["otel_replay.packages"]["click"] == importlib.metadata.version("click")
    assert (told["process.exit.code"], told["os.type"]) == (0, "linux")
    for path in recorded.store.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def test_the_commit_is_told_and_whether_files_had_been_changed(recorded: Recorded) -> None:
    """What the program writes beside them is no change."""
    git = shutil.which("git")
    assert git is not None
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    recorded.script("open('new.txt', 'w').close()\n")
    for command in (("init", "-q", "-b", "trunk"), ("add", "."), (*identity, "commit", "-qm", "one")):
        subprocess.run([git, *command], cwd=recorded.folder, check=True, timeout=60)
    head = subprocess.run(
        [git, "rev-parse", "HEAD"], cwd=recorded.folder, capture_output=True, text=True, check=True
    )
    assert recorded.run(PYTHON, "program.py").returncode == 0
    told = recorded.attributes()
    assert told["vcs.ref.head.revision"] == head.stdout.strip()
    assert (told["vcs.ref.head.name"], told["otel_replay.vcs.dirty"]) == ("trunk", False)


def test_git_is_asked_where_it_may_have_an_answer(recorded: Recorded) -> None:
    """To start it takes longer than to see that there is no repository around the program."""
    (recorded.folder / "tools").mkdir()
    git = recorded.folder / "tools" / "git"
    git.write_text(f"#!/bin/sh\necho asked >> {recorded.folder}/asked\n", encoding="utf-8")
    git.chmod(0o755)
    path = {"PATH": f"{git.parent}{os.pathsep}{os.environ['PATH']}"}
    assert recorded.run("true", env=path).returncode == 0
    assert not (recorded.folder / "asked").exists()
    assert recorded.run("true", env={**path, "GIT_DIR": "elsewhere"}).returncode == 0
    (recorded.folder / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    assert recorded.run("true", env=path).returncode == 0
    assert (recorded.folder / "asked").read_text(encoding="utf-8") == "asked\n" * 2


def test_the_words_of_git_are_read() -> None:
    """A changed file, a detached head, a repository without a commit."""
    changed = "# branch.oid abc\n# branch.head (detached)\n1 .M N... 100644 100644 100644 a a x.py\n"
    assert attributes_of(changed) == {"vcs.ref.head.revision": "abc", "otel_replay.vcs.dirty": True}
    new = "# branch.oid (initial)\n# branch.head main\n"
    assert attributes_of(new) == {"vcs.ref.head.name": "main", "otel_replay.vcs.dirty": False}
    assert attributes_of("") == {}


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("true",), "none was started"),
        ((PYTHON, "-I", "-c", "1"), "with -I the interpreter is isolated"),
        ((PYTHON, "-BE", "-c", "1"), "with -BE the interpreter ignores the environment"),
        ((PYTHON, "-S", "-c", "1"), "with -S the interpreter runs without site"),
    ],
)
def test_a_run_in_which_nothing_was_hooked_says_why(
    recorded: Recorded, command: tuple[str, ...], why: str
) -> None:
    """It still has its arguments, its times and its exit code."""
    done = recorded.run(*command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    told = recorded.attributes()
    assert why in told["otel_replay.not_hooked"]
    assert told["process.command_args"] == list(command)
    header = recorded.files().header
    assert header.ended_ns is not None
    assert header.ended_ns >= header.started_ns


def test_a_python_that_does_not_have_the_package_runs_as_it_is(recorded: Recorded) -> None:
    """That is said once, by us, and in the run."""
    bare = recorded.folder / "bare"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(bare)], check=True, timeout=120)
    recorded.script("import sys; print('runs', sys.path[0])")
    python = str(bare / "bin" / "python")
    done = recorded.run("sh", "-c", f"{python} program.py && {python} program.py")
    assert done.stdout == f"runs {recorded.folder}\n" * 2
    told = "is not recorded (2 processes): ModuleNotFoundError: No module named 'otel_replay'"
    assert done.stderr.count(told) == 1
    assert "is not recorded" in recorded.attributes()["otel_replay.not_hooked"]
    assert recorded.run(python, "program.py", options=("--quiet",)).stderr == ""


def test_the_ends_of_what_it_writes_are_kept_if_asked(recorded: Recorded) -> None:
    """The last 64 KiB of each stream; all of it is passed on as it comes."""
    recorded.script("import sys\nprint('x' * 100_000 + 'end')\nsys.stderr.write('told\\n')\nsys.exit(3)\n")
    done = recorded.run(PYTHON, "program.py", options=("--capture",))
    assert (done.returncode, done.stdout, done.stderr) == (3, "x" * 100_000 + "end\n", "told\n")
    told = recorded.attributes()
    assert told["otel_replay.output.stderr"] == "told\n"
    text = told["otel_replay.output.stdout"]
    assert len(str(text)) < 70_000


@pytest.mark.parametrize(("command", "code"), [("no-such-command", 127), ("./not_executable", 126)])
def test_a_command_that_cannot_be_started_is_told_and_nothing_is_recorded(
    recorded: Recorded, command: str, code: int
) -> None:
    """With the exit code that a shell has for it."""
    recorded.script("text", "not_executable")
    done = recorded.run(command)
    assert (done.returncode, done.stdout) == (code, "")
    assert f"error: `{command}` cannot be started" in done.stderr
    assert "hint: " in done.stderr
    assert not recorded.store.exists()


def test_a_script_without_its_first_line_is_given_to_the_shell(recorded: Recorded) -> None:
    """As a shell and `env` do it."""
    recorded.script("echo $1\n", "run_me")
    (recorded.folder / "run_me").chmod(0o755)
    assert recorded.run("./run_me", "hello").stdout == "hello\n"


def test_a_run_id_that_is_taken_or_none_starts_nothing(recorded: Recorded) -> None:
    """Two programs must not write one run."""
    assert recorded.run("true", options=("--run-id", "mine", "--name", "first")).returncode == 0
    assert recorded.files().header.name == "first"
    for wrong in ("mine", "../up", "latest", ""):
        done = recorded.run("sh", "-c", "echo started", options=(f"--run-id={wrong}",))
        assert (done.returncode, done.stdout) == (2, "")
        assert "error: " in done.stderr
    assert len(Store(recorded.store).runs()) == 1


def test_a_store_that_cannot_be_written_stops_no_program(recorded: Recorded) -> None:
    """That the run is not recorded is said."""
    (recorded.folder / "file").write_text("no folder")
    done = recorded.run("sh", "-c", "echo runs; exit 4", options=("--store", "file/store"))
    assert (done.returncode, done.stdout) == (4, "runs\n")
    assert "the run is not recorded" in done.stderr


def test_dry_run_starts_nothing_and_lists_what_would_be_hooked(recorded: Recorded) -> None:
    """Libraries by their table."""
    recorded.script("open('started', 'w').close()")
    done = recorded.run(PYTHON, "program.py", options=("--dry-run", "--json"))
    assert done.returncode == 0, done.stderr
    assert "optuna" in [library["name"] for library in json.loads(done.stdout)["libraries"]]
    assert not (recorded.folder / "started").exists()
    assert not recorded.store.exists()


def test_a_plan_is_read_as_it_was_written() -> None:
    """Whatever stands in it."""
    plan = Plan(notes="/tmp/a\\nb\n", rules=("a\nb", "\\", "\\n", ""), disabled=("x y",))
    read = plan_of(plan.text())
    assert (read.notes, read.rules, read.disabled) == (plan.notes, plan.rules, plan.disabled)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("python tune.py --x", "tune.py"),
        ("/usr/bin/python3 -m pkg.mod a", "pkg.mod"),
        ("python -W error -X utf8 -u a/b.py", "b.py"),
        ("python3.11 -c pass", "python3.11"),
        ("pytest -q", "pytest"),
        ("./a/make all", "make"),
    ],
)
def test_a_run_is_called_after_what_it_runs(words: str, name: str) -> None:
    """Not after the interpreter."""
    assert name_of(words.split()) == name


def test_nothing_is_left_in_the_folder_for_temporary_files(recorded: Recorded) -> None:
    """What the processes said of themselves is in the run."""
    place = recorded.folder / "tmp"
    place.mkdir()
    assert recorded.run(PYTHON, "-c", "1", env={"TMPDIR": str(place)}).returncode == 0
    assert list(Path(place).iterdir()) == []
