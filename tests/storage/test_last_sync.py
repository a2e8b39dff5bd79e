"""What a run wrote is forced to the disk when it is over, without its program's waiting for that."""

import os
import threading

import pytest

from otel_replay.recording.run import start_run
from otel_replay.storage import last_sync


@pytest.fixture
def synced(monkeypatch):
    """The files and directories that were forced to the disk; `fsync` waits until `released` is set."""
    fsync, found = os.fsync, []

    def noted(fd):
        released.wait(30)
        found.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    released = threading.Event()
    monkeypatch.setattr(os, "fsync", noted)
    return found, released


def test_the_end_of_a_run_does_not_wait_for_the_disk_and_the_end_of_the_process_does(store, synced):
    found, released = synced
    with start_run("r", run_id="r") as run:
        run.decision("A", "")
        run.artifact("a.csv", b"1,2")
    assert found == []
    assert store.run().files.status() == "finished"
    released.set()
    last_sync.wait()
    directory = run.directory
    assert {os.path.relpath(path, directory).split("/")[-1].rpartition(".")[2] for path in found} >= {
        "jsonl",
        "bundle",
        "json",
    }
    assert {directory, f"{directory}/journal", f"{directory}/blobs"} <= set(found)
    assert {f"{directory}/{name}.json" for name in ("run", "session_replay", "manifest")} <= set(found)


def test_a_fork_waits_for_it_and_the_child_has_nothing_left_to_do(synced, tmp_path):
    found, released = synced
    released.set()
    paths = [tmp_path / f"{number}" for number in range(50)]
    for path in paths:
        path.write_bytes(b"x")
    last_sync.sync_soon(paths)
    child = os.fork()
    if not child:
        threads = [thread.name for thread in threading.enumerate()]
        os._exit(0 if not last_sync._left and "otel-replay-last-sync" not in threads else 1)
    assert os.waitpid(child, 0)[1] == 0
    last_sync.wait()
    assert set(found) == set(map(str, paths))


def test_what_is_gone_by_then_is_left_out(tmp_path, caplog):
    last_sync.sync_soon([tmp_path / "gone"])
    last_sync.wait()
    assert caplog.text == ""
