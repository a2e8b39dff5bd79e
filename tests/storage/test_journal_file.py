"""The file that one process appends to: what it holds at every moment, also where it cannot grow."""

import errno
import fcntl
import itertools
import os
import signal
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.storage import journal as journal_module
from otel_replay.storage import own_file as own_file_module
from otel_replay.storage.journal import open_journal

MODES = ("mmap", "write")
PIECE = journal_module._FIRST_PIECE_BYTES
RESERVE = journal_module._RESERVE_BYTES


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "j.jsonl"


def lines_of(path: Path) -> list[bytes]:
    """The complete lines before the preallocated rest."""
    content = path.read_bytes().partition(b"\0")[0]
    assert content.endswith(b"\n") or not content
    return content.splitlines(keepends=True)


def test_each_line_is_in_the_file_when_append_returns(path, mode):
    journal = open_journal(path, mode=mode)
    written = []
    for number in range(500):
        line = b"%d %s\n" % (number, b"x" * (number * 37 % 400))
        journal.append(line)
        written.append(line)
        assert lines_of(path) == written
        assert journal.size_bytes == sum(map(len, written))
    journal.close()
    assert path.read_bytes() == b"".join(written)


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["append", "fast", "reserved", "sync"]),
            st.one_of(st.integers(1, 300), st.integers(PIECE - 2000, PIECE + 2000), st.just(5 * PIECE)),
        ),
        max_size=30,
    ),
    last=st.integers(0, 2 * PIECE),
)
@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_done_in_whatever_order_the_file_is_what_was_appended(
    tmp_path_factory, mode, steps, last
):
    path = tmp_path_factory.mktemp("j") / "j.jsonl"
    journal = open_journal(path, mode=mode)
    expected = b""
    for number, (what, size) in enumerate(steps):
        line = (b"%d " % number).ljust(size, b"y") + b"\n"
        if what == "append":
            journal.append(line)
        elif what == "fast":
            try:
                journal.fast(line)
            except ValueError:
                journal.append(line)
        elif what == "reserved":
            assert journal.append_reserved(line)
        else:
            journal.sync()
            continue
        expected += line
        assert path.read_bytes().rstrip(b"\0") == expected
    closing = b"c" * last + b"\n"
    assert journal.close(closing)
    assert path.read_bytes() == expected + closing


def test_a_closed_journal_has_its_exact_size_and_takes_nothing_more(path, mode):
    journal = open_journal(path, mode=mode)
    journal.append(b"one\n")
    assert journal.close(b"two\nthree\n")
    assert journal.close(b"four\n")
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert journal.closed
    for append in (journal.append, journal.fast):
        with pytest.raises(ValueError, match=r"closed|five"):
            append(b"five\n")
    assert not journal.append_reserved(b"six\n")
    journal.sync()
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_a_journal_without_a_record_is_an_empty_file(path, mode):
    journal = open_journal(path, mode=mode)
    assert path.stat().st_size == 0
    journal.close()
    assert path.read_bytes() == b""


def test_what_is_preallocated_is_nul_and_doubles_up_to_its_largest_piece(path):
    journal = open_journal(path)
    journal.append(b"x\n")
    sizes = [path.stat().st_size]
    assert path.read_bytes() == b"x\n" + bytes(sizes[0] - 2)
    for _ in range(400):
        journal.append(b"y" * 65_535 + b"\n")
        if path.stat().st_size != sizes[-1]:
            sizes.append(path.stat().st_size)
    steps = [later - earlier for earlier, later in itertools.pairwise(sizes)]
    assert sizes[0] <= 2 * PIECE + 4096
    assert max(steps) <= journal_module._LARGEST_PIECE_BYTES + 2 * PIECE
    assert len(sizes) < 20
    assert path.stat().st_blocks * 512 >= sizes[-1], "a hole: a full disk would be a SIGBUS"
    journal.close()


def test_a_file_is_never_written_over(path, mode):
    path.write_bytes(b"evidence\n")
    with pytest.raises(FileExistsError):
        open_journal(path, mode=mode)
    assert path.read_bytes() == b"evidence\n"


def test_only_the_owner_can_read_it_and_the_writer_holds_its_lock_while_it_is_open(path, mode):
    before = os.umask(0)
    try:
        journal = open_journal(path, mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reader = os.open(path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
    journal.append(b"x\n")
    with pytest.raises(BlockingIOError):
        fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
    journal.close()
    fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(reader)


def test_a_reader_that_looks_just_when_the_file_is_made_does_not_keep_the_writer_from_its_lock(
    path, mode, monkeypatch
):
    flock, readers = fcntl.flock, []

    def look_first(fd, operation):
        if not readers:
            readers.append(os.open(path, os.O_RDONLY))
            flock(readers[0], fcntl.LOCK_SH | fcntl.LOCK_NB)
        elif len(readers) == 1:
            readers.append(None)
            os.close(readers[0])
        flock(fd, operation)

    monkeypatch.setattr(own_file_module.fcntl, "flock", look_first)
    journal = open_journal(path, mode=mode)
    monkeypatch.undo()
    reader = os.open(path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(reader)
    journal.close()


def test_where_files_cannot_be_locked_they_are_written_all_the_same(path, mode, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(own_file_module.fcntl, "flock", refuse)
    journal = open_journal(path, mode=mode)
    journal.append(b"x\n")
    journal.close()
    assert path.read_bytes() == b"x\n"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_nothing_can_be_preallocated_zeros_are_written(path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "not here")

    monkeypatch.setattr(journal_module.os, "posix_fallocate", refuse)
    journal = open_journal(path)
    for step in range(200):
        journal.append(b"%d" % step + b"x" * 5000 + b"\n")
    assert len(lines_of(path)) == 200
    assert path.stat().st_blocks * 512 >= path.stat().st_size
    journal.close()
    assert len(path.read_bytes().splitlines()) == 200


def test_many_threads_tear_no_line_and_lose_none(path, mode):
    journal = open_journal(path, mode=mode)
    barrier = threading.Barrier(17)

    def work(number):
        barrier.wait(60)
        for step in range(2000):
            line = b"%d %d %s\n" % (number, step, b"x" * (step * 31 % 300))
            try:
                journal.fast(line)
            except ValueError:
                journal.append(line)

    def sync():
        barrier.wait(60)
        while not done.is_set():
            journal.sync()
            journal.append_reserved(b"reserved\n")

    done = threading.Event()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    syncing = threading.Thread(target=sync)
    for thread in [*threads, syncing]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    syncing.join()
    journal.close()
    lines = [line for line in lines_of(path) if line != b"reserved\n"]
    assert len(lines) == 32_000
    for number in range(16):
        mine = [line for line in lines if line.startswith(b"%d " % number)]
        assert mine == [b"%d %d %s\n" % (number, step, b"x" * (step * 31 % 300)) for step in range(2000)]


def test_a_journal_that_is_closed_while_threads_append_holds_what_was_taken(path, mode):
    journal = open_journal(path, mode=mode)
    taken = [0] * 8

    def work(number):
        try:
            while True:
                journal.append(b"%d %d\n" % (number, taken[number]))
                taken[number] += 1
        except ValueError:
            return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while sum(taken) < 2000:
        pass
    journal.close()
    for thread in threads:
        thread.join()
    lines = lines_of(path)
    assert path.stat().st_size == sum(map(len, lines))
    for number in range(8):
        assert [line for line in lines if line.startswith(b"%d " % number)] == [
            b"%d %d\n" % (number, step) for step in range(taken[number])
        ]


def test_what_comes_in_the_middle_of_an_append_waits_for_its_turn(path, mode, monkeypatch):
    """A signal handler may append, sync and close in the middle of anything."""
    journal = open_journal(path, mode=mode)
    journal.append(b"first\n")
    refused = []
    journal.on_refused = lambda line, error: refused.append((line, str(error)))

    def interrupted(real):
        def call(*arguments):
            if not inside:
                inside.append(1)
                journal.append(b"inside\n")
                assert not journal.append_reserved(b"no\n")
                journal.sync()
                journal.close(b"close\n")
                assert not journal.closed
            return real(*arguments)

        return call

    inside = []
    name = "posix_fallocate" if mode == "mmap" else "pwrite"
    monkeypatch.setattr(journal_module.os, name, interrupted(getattr(os, name)))
    journal.append(b"y" * 2 * PIECE + b"\n")
    assert journal.closed
    assert path.read_bytes() == b"first\n" + b"y" * 2 * PIECE + b"\ninside\nclose\n"
    assert refused == []


def test_a_forked_child_lets_go_of_the_journal_and_the_parent_goes_on(path, mode):
    journal = open_journal(path, mode=mode)
    journal.append(b"before\n")
    pid = os.fork()
    if not pid:
        try:
            journal.forget()
            journal.append(b"child\n")
        except ValueError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    journal.append(b"after\n")
    reader = os.open(path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(reader)
    journal.close()
    assert path.read_bytes() == b"before\nafter\n"


def test_a_killed_writer_leaves_every_line_and_then_nul_bytes(path, mode):
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        journal = open_journal(path, mode=mode)
        for number in range(3000):
            journal.append(b"%d\n" % number)
        os.write(write, b"x")
        signal.pause()
    os.read(read, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    assert lines_of(path) == [b"%d\n" % number for number in range(3000)]
    rest = path.read_bytes().partition(b"\0")[2]
    assert rest.strip(b"\0") == b""
    assert bool(rest) == (mode == "mmap")
    reader = os.open(path, os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(reader)


def test_files_are_closed_again(tmp_path, mode):
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        journal = open_journal(tmp_path / f"{number}.jsonl", mode=mode)
        journal.append(b"x" * 100_000 + b"\n")
        journal.sync()
        journal.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_syncing_happens_only_when_something_was_appended(path, mode, monkeypatch):
    calls = []
    monkeypatch.setattr(journal_module.os, "fsync", calls.append)
    journal = open_journal(path, mode=mode)
    journal.sync()
    assert calls == []
    journal.append(b"x\n")
    journal.sync()
    journal.sync()
    assert len(calls) == 1
    journal.close()
    assert len(calls) == 2
