"""Whether the process that writes a journal still lives: its lock says so, or else its identity."""

import errno
import fcntl
import os
import subprocess
import sys
import time

import pytest

from otel_replay.formats.journal_v1 import encode
from otel_replay.records import Close, JournalHeader
from otel_replay.storage import liveness
from otel_replay.storage.liveness import is_alive, is_process_alive, process_identity
from otel_replay.storage.run_files import RunFiles
from storage.storage_kit import DEAD, RUN, killed_run, run_header, writing_process


@pytest.fixture
def no_locks(monkeypatch):
    """A file system that does not know flock."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(liveness.fcntl, "flock", refuse)


def journal_of(path, process, *more):
    path.write_bytes(
        encode(JournalHeader(version=1, run_id=RUN, time_ns=1, process=process)) + b"".join(map(encode, more))
    )
    return path


@pytest.fixture
def gone():
    """The identity of a process of this machine that has ended."""
    program = "from otel_replay.storage.liveness import process_identity as p; print(repr(p()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return eval(done.stdout)


@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_a_writer_lives_until_it_is_killed(runs, mode):
    with writing_process(runs, mode=mode):
        (journal,) = RunFiles(runs.directory(RUN)).journals()
        assert is_alive(journal)
    assert not is_alive(journal)


def test_looking_changes_nothing_and_holds_nothing(runs):
    killed_run(runs)
    (journal,) = RunFiles(runs.directory(RUN)).journals()
    before = (os.stat(journal).st_mtime_ns, journal.read_bytes())
    assert not is_alive(journal)
    assert (os.stat(journal).st_mtime_ns, journal.read_bytes()) == before
    with open(journal, "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_without_a_journal_nobody_lives(tmp_path):
    assert not is_alive(tmp_path / "gone.jsonl")


def test_the_identity_tells_this_process_from_others(gone):
    mine = process_identity()
    assert (mine["pid"], is_process_alive(mine)) == (os.getpid(), True)
    assert is_process_alive(gone) is False
    mine["pid"] = 1  # what was handed out may be changed
    assert process_identity()["pid"] == os.getpid()


def test_a_forked_child_has_an_identity_of_its_own():
    process_identity()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, str(process_identity()["pid"]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(read, 100)) == child


def test_a_pid_that_was_handed_out_again_is_another_process():
    mine = process_identity()
    if "start_ticks" in mine:
        assert is_process_alive({**mine, "start_ticks": mine["start_ticks"] - 1}) is False
    else:  # this system does not say when a process began
        assert is_process_alive(mine) is True


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"boot": "another", "host": "another"}, None),
        ({"boot": "another"}, False),
        ({"pid_namespace": "pid:[1]"}, None),
        ({"pid": "text"}, None),
        ({"pid": -1}, None),
        ({"pid": True}, None),
    ],
)
def test_what_cannot_be_known_here_is_not_guessed(change, verdict):
    mine = {"boot": "this", **process_identity()}
    mine["boot"] = process_identity().get("boot", "this")
    if "boot" not in process_identity() and "boot" in change:
        change = {**change, "host": "another"}
        verdict = None
    assert is_process_alive({**mine, **change}) is verdict


def test_without_locks_the_process_is_asked_for(tmp_path, no_locks, gone):
    assert is_alive(journal_of(tmp_path / "mine", process_identity()))
    assert not is_alive(journal_of(tmp_path / "gone", gone))


def test_without_locks_a_closed_journal_has_no_writer(tmp_path, no_locks):
    assert not is_alive(journal_of(tmp_path / "closed", process_identity(), Close(time_ns=2, how="ended")))


def test_another_machines_journal_counts_as_alive_while_it_is_fresh(tmp_path, no_locks):
    journal = journal_of(tmp_path / "journal", DEAD)
    assert is_alive(journal)
    old = time.time() - 3_600
    os.utime(journal, (old, old))
    assert not is_alive(journal)


def test_a_free_lock_says_nothing_about_another_machine(tmp_path):
    journal = journal_of(tmp_path / "journal", DEAD)
    assert is_alive(journal)
    old = time.time() - 3_600
    os.utime(journal, (old, old))
    assert not is_alive(journal)


def test_a_free_lock_says_all_about_this_machine(tmp_path):
    assert not is_alive(journal_of(tmp_path / "journal", process_identity()))


def test_a_journal_without_a_header_yet_lives_if_the_runs_process_does(tmp_path, gone):
    (tmp_path / "journal").write_bytes(bytes(4096))
    assert is_alive(tmp_path / "journal", process_identity())
    assert not is_alive(tmp_path / "journal", gone)
    assert not is_alive(tmp_path / "journal")


def test_a_run_without_a_journal_is_interrupted(runs):
    directory = runs.create(run_header())
    assert RunFiles(directory).status() == "interrupted"


def test_one_that_has_ended_and_that_nobody_has_asked_how_is_gone():
    """Where processes end whose parent was killed before, it may be long before anybody does."""
    program = "from otel_replay.storage.liveness import process_identity as p; print(repr(p()))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        identity = eval(process.stdout.readline())
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_process_alive(identity) is False
