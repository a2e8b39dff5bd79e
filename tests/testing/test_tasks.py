"""`otel-replay run -- pytest`: each test is a task of the run, with its outcome."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from store_kit import Recorded

from otel_replay.storage.store import Store

TESTS = """
import asyncio
import pytest
import otel_replay

def test_that_decides():
    otel_replay.decision("CLAMP", "over the limit", values={"after": 7.0})

def test_that_fails():
    assert 1 + 1 == 3

@pytest.mark.skip(reason="not on this machine")
def test_that_is_left_out(): ...

@pytest.mark.xfail(reason="known to be wrong")
def test_that_is_known_to_fail():
    raise ValueError("as ever")

@pytest.fixture
def broken():
    yield 1
    raise RuntimeError("cannot clean up")

def test_whose_tear_down_fails(broken): ...

@pytest.mark.parametrize("name", ["a b", "c"])
def test_of(name): ...
"""


@pytest.fixture(autouse=True)
def in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What such a session records is the same where it is started by a worker of pytest-xdist."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw9")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with tests in it."""
    (tmp_path / "test_tuner.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def recorded(
    folder: Path, *options: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, dict[str, Any]]]:
    """What a recorded session printed, and its tests' tasks by the tests' names."""
    store = folder / "store"
    recorder = (sys.executable, "-m", "otel_replay", "--store", str(store), "run", "--")
    done = session(options, folder, *recorder)
    (run,) = Store(store).runs()
    return done, tasks_of(store, run.run_id)


ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Plugins of others that happen to be installed take seconds to load."""


def session(options: tuple[str, ...], folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """A session of pytest, after `before`."""
    command = [*before, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-p", "otel_replay.pytest_plugin", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **ALONE},
    )


def tasks_of(store: Path, run_id: str) -> dict[str, dict[str, Any]]:
    """The attributes of the tasks of a run, by name."""
    spans = Recorded(store / "runs" / run_id).spans
    return {
        span.attributes["test.case.name"]: {**span.attributes, "failed": span.status == "error"}
        for span in spans
        if "test.case.name" in span.attributes
    }


OUTCOMES = {
    "test_tuner.py::test_that_decides": "passed",
    "test_tuner.py::test_that_fails": "failed",
    "test_tuner.py::test_that_is_left_out": "skipped",
    "test_tuner.py::test_that_is_known_to_fail": "xfailed",
    "test_tuner.py::test_whose_tear_down_fails": "error",
    "test_tuner.py::test_of[a b]": "passed",
    "test_tuner.py::test_of[c]": "passed",
}


def outcomes(tasks: dict[str, dict[str, Any]]) -> dict[str, str]:
    """How each test came out."""
    return {name: task["otel_replay.test.outcome"] for name, task in tasks.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A session that was recorded."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "test_tuner.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return (folder, *recorded(folder))


def test_each_test_is_a_task_with_its_outcome(whole: Any) -> None:
    _, _, tasks = whole
    assert outcomes(tasks) == OUTCOMES
    failed = {name for name, task in tasks.items() if task["failed"]}
    assert failed == {name for name, outcome in OUTCOMES.items() if outcome in {"failed", "error"}}


def test_a_task_says_why_its_test_failed_or_was_left_out(whole: Any) -> None:
    _, _, tasks = whole
    assert "assert (1 + 1) == 3" in tasks["test_tuner.py::test_that_fails"]["otel_replay.test.reason"]
    left_out = tasks["test_tuner.py::test_that_is_left_out"]
    assert left_out["otel_replay.test.reason"] == "not on this machine"
    known = tasks["test_tuner.py::test_that_is_known_to_fail"]
    assert known["otel_replay.test.reason"] == "known to be wrong"


def test_what_a_test_does_is_recorded_below_its_task(whole: Any) -> None:
    folder, _, _ = whole
    (run,) = Store(folder / "store").runs()
    (task,) = [
        span
        for span in Recorded(folder / "store" / "runs" / run.run_id).spans
        if span.attributes.get("test.case.name") == "test_tuner.py::test_that_decides"
    ]
    assert [getattr(moment, "action", "") for moment in task.events] == ["CLAMP"]


def test_the_session_prints_and_exits_as_without_us(whole: Any) -> None:
    folder, done, _ = whole
    plain = session((), folder)
    assert done.returncode == plain.returncode == 1
    assert without_times(done.stdout) == without_times(plain.stdout)


def without_times(text: str) -> str:
    """The text without how long it took."""
    return re.sub(r" in [0-9.]+s", "", text)


def test_workers_of_xdist_record_each_test_once_into_the_same_run(folder: Path) -> None:
    _, tasks = recorded(folder, "-p", "xdist", "-n", "2")
    assert outcomes(tasks) == OUTCOMES
    assert {task["otel_replay.test.worker"] for task in tasks.values()} == {"gw0", "gw1"}


def test_without_a_recorded_session_nothing_of_ours_is_loaded(folder: Path) -> None:
    (folder / "test_tuner.py").write_text(
        "import sys\n"
        "def test_that_looks():\n"
        "    ours = [name for name in sys.modules if name.startswith(('otel_replay', 'opentelemetry'))]\n"
        "    assert ours == ['otel_replay', 'otel_replay.pytest_plugin'], ours\n"
    )
    done = session((), folder)
    assert done.returncode == 0, done.stdout


HARD = """
import os, signal, unittest

class TestOld(unittest.TestCase):
    def test_as_ever(self):
        self.assertEqual(1, 1)

    def test_parts(self):
        for number in (1, 2):
            with self.subTest(number=number):
                self.assertEqual(number, 1)

def test_that_wavers(attempts=[]):
    attempts.append(1)
    assert len(attempts) == 2
"""


def test_what_is_not_collected_is_run_again_or_is_a_unittest_is_told_as_well(folder: Path) -> None:
    (folder / "test_tuner.py").write_text(HARD)
    (folder / "test_broken.py").write_text("import nothing_of_this_name\n")
    again = ("-p", "pytest_rerunfailures", "--reruns", "1", "--continue-on-collection-errors")
    done, tasks = recorded(folder, *again)
    assert done.returncode == 1, done.stdout + done.stderr
    assert outcomes(tasks) == {
        "test_tuner.py::TestOld::test_as_ever": "passed",
        "test_tuner.py::TestOld::test_parts": "failed",
        "test_tuner.py::test_that_wavers": "passed",
    }
    assert tasks["test_tuner.py::test_that_wavers"]["otel_replay.test.reruns"] == 1
    (run,) = Store(folder / "store").runs()
    spans = Recorded(folder / "store" / "runs" / run.run_id).spans
    (broken,) = [span for span in spans if span.name == "task collect test_broken.py"]
    assert broken.status == "error"
    assert "nothing_of_this_name" in broken.attributes["otel_replay.test.reason"]


def test_ctrl_c_ends_the_test_that_runs_as_interrupted(folder: Path) -> None:
    (folder / "test_tuner.py").write_text(
        "import os, signal\n"
        "def test_that_ends(): ...\n"
        "def test_that_goes_on():\n    os.kill(os.getpid(), signal.SIGINT)\n    signal.pause()\n"
        "def test_that_never_begins(): ...\n"
    )
    done, tasks = recorded(folder)
    assert done.returncode == 2, done.stdout + done.stderr
    assert outcomes(tasks) == {
        "test_tuner.py::test_that_ends": "passed",
        "test_tuner.py::test_that_goes_on": "interrupted",
    }
