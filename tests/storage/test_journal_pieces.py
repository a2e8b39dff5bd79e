"""A journal that must grow with every few lines: no gap, nothing lost or doubled, whatever goes on beside."""

from __future__ import annotations

import mmap
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest

import otel_replay
from otel_replay.settings import Settings
from otel_replay.storage import journal as journals
from otel_replay.storage.journal import open_journal

GRANULARITY = mmap.ALLOCATIONGRANULARITY
THREADS, EACH = 16, 20_000


@pytest.fixture
def rollovers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pieces of the smallest size; the list has one entry for each that was made."""
    made: list[int] = []
    allocate = journals._allocate

    def counting(fd: int, offset: int, size: int) -> None:
        made.append(size)
        allocate(fd, offset, size)

    monkeypatch.setattr(journals, "_FIRST_PIECE_BYTES", 1)
    monkeypatch.setattr(journals, "_LARGEST_PIECE_BYTES", 1)
    monkeypatch.setattr(journals, "_allocate", counting)
    return made


def test_thousands_of_pieces_leave_no_gap(tmp_path, rollovers):
    path = tmp_path / "j.jsonl"
    journal = open_journal(path)
    made = [b"%d %s\n" % (number, b"y" * (number * 7919 % 5000)) for number in range(3000)]
    for line in made:
        journal.append(line)
    journal.close()
    assert path.read_bytes() == b"".join(made)
    assert len(rollovers) > 1000


@pytest.mark.parametrize("size", [GRANULARITY - 1, GRANULARITY, GRANULARITY + 1])
def test_a_line_that_fills_its_piece_to_the_last_byte_is_followed_by_the_next(tmp_path, rollovers, size):
    path = tmp_path / "j.jsonl"
    journal = open_journal(path)
    lines = [bytes([65 + number]) * (size - 1) + b"\n" for number in range(9)]
    for number, line in enumerate(lines, 1):
        journal.append(line)
        assert journal.size_bytes == size * number
    journal.close()
    assert path.read_bytes() == b"".join(lines)


def test_a_line_that_fills_the_window_is_followed_by_short_ones(tmp_path, rollovers):
    path = tmp_path / "j.jsonl"
    journal = open_journal(path)
    expected = b""
    for _ in range(20):
        journal.append(b"a\n")
        room = journal._allocated - journals._RESERVE_BYTES - journal.size_bytes
        line = b"b" * (room - 1) + b"\n"
        journal.append(line)
        expected += b"a\n" + line
        assert path.read_bytes().rstrip(b"\0") == expected
    journal.close()
    assert path.read_bytes() == expected


@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_what_a_signal_handler_appends_at_any_moment_is_kept(tmp_path, rollovers, mode):
    path = tmp_path / "j.jsonl"
    journal = open_journal(path, mode=mode)
    handled: list[bytes] = []

    def handler(*_: object) -> None:
        # One signal may come in the middle of handling another: each has a line of its own.
        line = b"handler %d\n" % len(handled)
        handled.append(line)
        journal.append(line)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        number = 0
        while len(handled) < 200:
            journal.append(b"%d %s\n" % (number, b"x" * (number % 999)))
            number += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    assert sorted(line for line in lines if line.startswith(b"h")) == sorted(handled)
    assert [line for line in lines if not line.startswith(b"h")] == [
        b"%d %s\n" % (n, b"x" * (n % 999)) for n in range(number)
    ]


@pytest.fixture
def eager_threads() -> Any:
    """Threads that take turns as often as the interpreter lets them."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_opentelemetry", "eager_threads")
@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_sixteen_threads_lose_nothing_while_windows_roll_over_and_others_sync(store, rollovers, mode):
    done = threading.Event()
    ready = threading.Barrier(THREADS)
    each = EACH if mode == "mmap" else EACH // 10

    def work(who: int) -> None:
        ready.wait()
        for number in range(each):
            otel_replay.decision("A", "r", {"who": who, "number": number})

    def keep_syncing() -> None:
        while not done.is_set():
            writer.sync()

    settings = Settings(store=store.root, projections=False, journal_mode=mode)
    with otel_replay.start_run("threads", settings=settings) as run:
        writer = run._writer
        threads = [threading.Thread(target=work, args=(who,)) for who in range(THREADS)]
        syncing = threading.Thread(target=keep_syncing)
        for thread in [*threads, syncing]:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        syncing.join()
        assert run.lost == {}
    [path] = store.run().files.journals()
    assert numbers_of(path) == [list(range(each))] * THREADS
    assert mode == "write" or len(rollovers) > 3000


def numbers_of(path: Path) -> list[list[int]]:
    """What each thread decided, in the order of the file; every line of which is whole."""
    numbers: list[list[int]] = [[] for _ in range(THREADS)]
    for line in path.read_bytes().splitlines():
        record = orjson.loads(line)
        if isinstance(record, list):
            numbers[record[5]["who"]].append(record[5]["number"])
    return numbers
