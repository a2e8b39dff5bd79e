"""What a run wrote is forced to the disk when it is over, without its program's waiting for that."""

import os

import pytest

from otel_replay.recording.run import start_run
from otel_replay.settings import Settings
from otel_replay.storage import last_sync


@pytest.fixture
def synced(monkeypatch):
    """The files and directories that were forced to the disk."""
    fsync, found = os.fsync, []

    def noted(fd):
        found.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    last_sync.sync_now()
    monkeypatch.setattr(os, "fsync", noted)
    return found


def record(store, sync_seconds):
    settings = Settings(store=store.root, sync_seconds=sync_seconds)
    with start_run("r", settings=settings) as run:
        run.decision("A", "")
        run.artifact("a.csv", b"1,2")
    return run.directory


def assert_all_of(directory, synced):
    assert {directory, f"{directory}/journal", f"{directory}/blobs"} <= set(synced)
    assert {f"{directory}/{name}.json" for name in ("run", "session_replay", "manifest")} <= set(synced)
    assert {name.rpartition(".")[2] for name in synced} >= {"jsonl", "bundle"}


NOTED = """
import atexit, os, threading
synced, wanted = [], threading.Event()
fsync = os.fsync
def noted(fd):
    synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
    if synced[-1] == "manifest.json":
        wanted.set()
    fsync(fd)
os.fsync = noted
import otel_replay
with otel_replay.start_run("r", run_id="r") as run:
    run.artifact("a.csv", b"1,2")
"""


def test_the_end_of_a_run_does_not_wait_for_the_disk_and_the_end_of_the_process_does(python, store):
    tell = "atexit.register(lambda: print(*synced))\n"
    done = python(
        NOTED.replace("import otel_replay\n", tell + "import otel_replay\n") + "print(len(synced))",
        env={"OTEL_REPLAY_SYNC_SECONDS": "3600"},
    )
    at_once, at_exit = done.stdout.splitlines()
    assert at_once == "0"
    assert {"r", "journal", "blobs", "run.json", "manifest.json", "session_replay.json"} <= {*at_exit.split()}
    assert {name.rpartition(".")[2] for name in at_exit.split()} >= {"jsonl", "bundle"}


def test_the_thread_that_syncs_does_it_at_its_next_turn(python, store):
    done = python(NOTED + "print(wanted.wait(30))", env={"OTEL_REPLAY_SYNC_SECONDS": "0.01"})
    assert done.stdout == "True\n"


def test_without_that_thread_the_end_of_the_run_waits(store, synced):
    assert_all_of(record(store, sync_seconds=0), synced)


def test_a_forked_child_leaves_it_to_its_parent_and_what_is_gone_is_left_out(synced, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    last_sync.sync_soon([tmp_path / "file", tmp_path / "gone"])
    child = os.fork()
    if not child:
        os._exit(len(last_sync._left))
    assert os.waitpid(child, 0)[1] == 0
    last_sync.sync_now()
    assert synced == [str(tmp_path / "file")]
