"""A journal that cannot grow: what was appended stays whole, the rest is refused, and no gap is left."""

import errno
import os

import pytest

from otel_replay.storage import journal as journal_module
from otel_replay.storage.journal import JournalFull, open_journal

PIECE = journal_module._FIRST_PIECE_BYTES
RESERVE = journal_module._RESERVE_BYTES


@pytest.fixture(params=["mmap", "write"])
def mode(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "j.jsonl"


def lines_of(path):
    """The complete lines before the preallocated rest."""
    return path.read_bytes().partition(b"\0")[0].splitlines(keepends=True)


class Disk:
    """Says that the disk is full whenever a file would grow beyond `most_bytes`."""

    def __init__(self, monkeypatch, most_bytes):
        self.most_bytes = most_bytes
        allocate, pwrite = os.posix_fallocate, os.pwrite

        def posix_fallocate(fd, offset, size):
            if offset + size > self.most_bytes:
                raise OSError(errno.ENOSPC, "No space left on device")
            allocate(fd, offset, size)

        def written(fd, data, offset):
            room = self.most_bytes - offset
            if room <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return pwrite(fd, bytes(data)[:room], offset)

        monkeypatch.setattr(journal_module.os, "posix_fallocate", posix_fallocate)
        monkeypatch.setattr(journal_module.os, "pwrite", written)


def fill(journal, line):
    """Append until the disk is full; how often it went well."""
    for kept in range(20_000):
        try:
            journal.append(line)
        except JournalFull as error:
            if error.args != ("No space left on device",):
                raise
            return kept
    raise AssertionError("the disk is never full: it is written in another way now")


def test_on_a_full_disk_a_record_is_refused_whole_and_taken_again_when_there_is_room(path, mode, monkeypatch):
    journal = open_journal(path, mode=mode)
    disk = Disk(monkeypatch, 3 * PIECE)
    line = b"x" * 999 + b"\n"
    kept = fill(journal, line)
    assert kept >= 100
    for _ in range(3):
        with pytest.raises(JournalFull):
            journal.append(line)
    assert lines_of(path) == [line] * kept
    disk.most_bytes = 10 * PIECE
    journal.append(line)
    journal.append(b"y" * 3 * PIECE + b"\n")
    assert len(lines_of(path)) == kept + 2
    journal.close(b"end\n")
    assert path.read_bytes() == line * (kept + 1) + b"y" * 3 * PIECE + b"\nend\n"


def test_a_short_record_still_fits_where_a_long_one_did_not(path, mode, monkeypatch):
    journal = open_journal(path, mode=mode)
    Disk(monkeypatch, 2 * PIECE)
    journal.append(b"first\n")
    with pytest.raises(JournalFull):
        journal.append(b"x" * 4 * PIECE + b"\n")
    journal.append(b"second\n")
    assert lines_of(path) == [b"first\n", b"second\n"]
    journal.close()


def test_room_is_kept_for_the_last_lines_when_the_disk_is_full(path, monkeypatch):
    journal = open_journal(path)
    Disk(monkeypatch, 2 * PIECE)
    line = b"x" * 99 + b"\n"
    kept = fill(journal, line)
    assert journal.append_reserved(b"loss\n")
    with pytest.raises(JournalFull):
        journal.append(line)
    assert journal.append_reserved(b"another loss\n")
    last = b"z" * (RESERVE - 100) + b"\n"
    assert journal.close(last)
    assert path.read_bytes() == line * kept + b"loss\nanother loss\n" + last


def test_where_even_the_last_lines_do_not_fit_the_file_is_closed_all_the_same(path, monkeypatch):
    journal = open_journal(path)
    Disk(monkeypatch, 2 * PIECE)
    journal.append(b"x\n")
    assert not journal.close(b"z" * 4 * PIECE + b"\n")
    assert path.read_bytes() == b"x\n"


@pytest.mark.parametrize("failing", ["mmap", "posix_fallocate"])
@pytest.mark.parametrize("error", [OSError(errno.ENOMEM, "no memory"), MemoryError(), KeyboardInterrupt()])
def test_whatever_happens_while_room_is_made_nothing_is_torn_and_no_gap_is_left(
    path, monkeypatch, failing, error
):
    journal = open_journal(path)
    line = b"x" * 999 + b"\n"
    journal.append(line)
    fill = (path.stat().st_size - RESERVE) // 1000 - 1
    for _ in range(fill):
        journal.append(line)

    def fail(*_args, **_kwargs):
        raise error

    target = journal_module.mmap if failing == "mmap" else journal_module.os
    with monkeypatch.context() as broken:
        broken.setattr(target, failing, fail)
        for _ in range(3):
            with pytest.raises((JournalFull, OSError, MemoryError, KeyboardInterrupt)):
                journal.append(line)
    for _ in range(10):
        journal.append(line)
    assert lines_of(path) == [line] * (fill + 11)
    journal.close(b"end\n")
    assert path.read_bytes() == line * (fill + 11) + b"end\n"
