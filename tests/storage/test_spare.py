"""The directory of a run that was thrown away serves the next run of the process, and nobody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import otel_replay
from otel_replay.errors import StoreError
from otel_replay.storage import spare
from otel_replay.storage.store import Store


@pytest.fixture
def runs(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def thrown_away(runs: Store, name: str) -> int:
    """Record a run and throw it away; returns the number of its directory on the disk."""
    with otel_replay.start_run(name, run_id=name, store=runs.root) as run:
        otel_replay.decision("CLAMP", "over")
    inode = os.stat(run.directory).st_ino
    for derived in Path(run.directory).glob("*.json"):  # as of a run that is not summed up
        derived.unlink()
    runs.discard(name)
    return inode


def hidden(runs: Store) -> list[str]:
    return [name for name in os.listdir(runs.root / "runs") if name.startswith(".")]


def test_the_next_run_gets_the_directory_and_finds_nothing_in_it(runs: Store) -> None:
    before = thrown_away(runs, "first")
    assert runs.runs() == []
    with otel_replay.start_run("second", run_id="second", store=runs.root) as run:
        assert os.stat(run.directory).st_ino == before
        (journal,) = os.listdir(os.path.join(run.directory, "journal"))
    assert '"run":"second"' in Path(run.directory, "journal", journal).read_text().splitlines()[0]
    assert hidden(runs) == []


def test_one_is_kept_at_most(runs: Store) -> None:
    for name in ("first", "second"):
        with otel_replay.start_run(name, run_id=name, store=runs.root):
            pass
    for name in ("first", "second"):
        for derived in runs.directory(name).glob("*.json"):
            derived.unlink()
        runs.discard(name)
    assert len(hidden(runs)) == 1


def test_one_that_was_swept_away_is_made_anew(runs: Store) -> None:
    thrown_away(runs, "first")
    (left,) = hidden(runs)
    shutil.rmtree(runs.root / "runs" / left)
    with otel_replay.start_run("second", run_id="second", store=runs.root):
        otel_replay.decision("CLAMP", "over")
    assert [run.run_id for run in runs.runs()] == ["second"]


def test_a_run_that_holds_more_than_its_journal_is_deleted_as_any_other(runs: Store) -> None:
    with otel_replay.start_run("whole", run_id="whole", store=runs.root):
        otel_replay.decision("CLAMP", "over")
    runs.discard("whole")
    assert runs.runs() == []
    assert hidden(runs) == []


def test_a_run_that_is_written_stays(runs: Store) -> None:
    with (
        otel_replay.start_run("open", run_id="open", store=runs.root),
        pytest.raises(StoreError, match="still being written"),
    ):
        runs.discard("open")
    assert [run.run_id for run in runs.runs()] == ["open"]


PROGRAM = """
import os, sys
from otel_replay.testing import recorded_run

with recorded_run("first", store=sys.argv[1]):
    pass
pid = os.fork()
if pid == 0:  # what its parent keeps is none of the child's
    with recorded_run("second", store=sys.argv[1]):
        pass
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
print(sum(name.startswith(".") for name in os.listdir(sys.argv[1] + "/runs")))
"""


def test_the_end_of_the_process_removes_it(runs: Store) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(runs.root)], text=True, capture_output=True, check=True
    )
    assert done.stdout == "1\n"
    assert hidden(runs) == []


def test_however_many_are_kept_the_process_cleans_up_once(
    runs: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    promised: list[object] = []
    monkeypatch.setattr(spare, "_promised", False)
    monkeypatch.setattr(spare, "atexit", SimpleNamespace(register=promised.append))
    for name in ("first", "second", "third"):
        thrown_away(runs, name)
    assert promised.count(spare._remove_all) == 1
    spare._remove_all()
    assert hidden(runs) == []
