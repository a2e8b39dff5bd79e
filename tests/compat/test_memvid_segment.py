"""The segment file: several handles and processes add to it, nothing overwrites, and damage is named."""

from __future__ import annotations

import multiprocessing
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from otel_replay.compat.memvid import Memvid
from otel_replay.compat.memvid.segment import MAGIC, SegmentFile
from otel_replay.errors import FormatError, StoreError
from otel_replay.settings import Settings

PAYLOADS = [b"first", b"", b"ENTR within" * 100]
HEADER = 24
ENTRY = 44


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.mv2.replay"


@pytest.fixture
def written(path: Path) -> bytes:
    """A file with three entries, as bytes."""
    SegmentFile(path).update(PAYLOADS)
    return path.read_bytes()


def names(session_file: Path) -> list[str | None]:
    memory = Memvid(session_file, settings=Settings(disabled=True))
    memory.load_replay_sessions()
    assert memory.problems == ()
    return [one.name for one in memory.list_sessions()]


def handle(path: Path) -> Memvid:
    """A handle on a memory whose sessions are in the segment file alone."""
    return Memvid(path.with_name("notes.mv2"), settings=Settings(disabled=True))


def with_session(memory: Memvid, name: str) -> Memvid:
    memory.start_session(name)
    memory.record_put_action(0, name.encode())
    memory.end_session()
    return memory


# -- what is written is read -------------------------------------------------------------------------------


def test_a_file_begins_with_magic_version_and_count(written: bytes) -> None:
    assert written.startswith(MAGIC)
    assert struct.unpack_from("<II", written, 8) == (1, 3)


def test_entries_are_read_as_they_were_written_and_added_to(path: Path) -> None:
    segment = SegmentFile(path)
    assert segment.read().payloads == ()
    assert not path.exists()
    segment.update(PAYLOADS[:1])
    segment.update(PAYLOADS[1:])
    found = segment.read()
    assert found.payloads == tuple(PAYLOADS)
    assert (found.count, found.problems) == (3, ())
    assert found.whole_bytes == path.stat().st_size


def test_only_what_is_not_to_be_kept_is_taken_out(path: Path, written: bytes) -> None:
    found = SegmentFile(path).update([b"new"], keep=lambda payload: payload != b"first")
    assert found.payloads == (*PAYLOADS[1:], b"new")
    assert SegmentFile(path).read() == found


def test_nobody_else_may_read_it(path: Path, written: bytes) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


# -- damage ------------------------------------------------------------------------------------------------


def test_a_torn_tail_costs_what_was_torn_and_nothing_else(path: Path, written: bytes) -> None:
    """Cut at every byte: the entries before are there, the rest is named, and new ones can be added."""
    ends = [HEADER]
    for payload in PAYLOADS:
        ends.append(ends[-1] + ENTRY + len(payload))
    for cut in range(1, len(written)):
        if cut > ends[2] + 60 and cut < len(written) - 3:
            continue  # the middle of a long payload: one cut is as good as another
        path.write_bytes(written[:cut])
        whole = sum(end <= cut for end in ends[1:])
        found = SegmentFile(path).read()
        assert found.payloads == tuple(PAYLOADS[:whole])
        assert found.problems
        SegmentFile(path).update([b"later"], durable=False)
        assert SegmentFile(path).read().payloads == (*PAYLOADS[:whole], b"later")
        path.unlink()


def test_torn_bytes_are_set_aside_before_something_is_added(path: Path, written: bytes) -> None:
    for number in range(2):
        torn = f"ENTR torn {number}".encode()
        path.write_bytes(written + torn)
        assert f"{len(torn)} bytes at its end are torn off" in SegmentFile(path).read().problems
        SegmentFile(path).update([b"new"])
        aside = path.with_name(path.name + ".torn" + (f".{number}" if number else ""))
        assert aside.read_bytes() == torn
        assert SegmentFile(path).read().problems == ()


@pytest.mark.parametrize("place", [0, 4, 12, 44], ids=["mark", "length", "checksum", "payload"])
def test_a_damaged_entry_is_named_and_the_next_one_is_found(path: Path, written: bytes, place: int) -> None:
    data = bytearray(written)
    data[HEADER + place] ^= 0x55
    path.write_bytes(data)
    found = SegmentFile(path).read()
    assert found.payloads == tuple(PAYLOADS[1:])
    assert found.problems == (
        f"{ENTRY + len(PAYLOADS[0])} bytes at {HEADER} are damaged",
        "1 of 3 entries are missing or damaged",
    )


def test_damage_stays_where_it_is_when_something_is_added(path: Path, written: bytes) -> None:
    data = bytearray(written)
    data[HEADER + 44] ^= 1
    path.write_bytes(data)
    SegmentFile(path).update([b"new"])
    assert path.read_bytes()[HEADER : len(data)] == data[HEADER:]
    assert SegmentFile(path).read().payloads == (*PAYLOADS[1:], b"new")
    assert "1 of 4 entries are missing or damaged" in SegmentFile(path).read().problems


def test_a_damaged_file_is_kept_when_it_is_written_anew(path: Path, written: bytes) -> None:
    data = bytearray(written)
    data[HEADER + 44] ^= 1
    path.write_bytes(data)
    SegmentFile(path).update([], keep=bool)
    assert path.with_name(path.name + ".damaged").read_bytes() == data
    assert SegmentFile(path).read().payloads == (PAYLOADS[2],)


def test_a_damaged_header_is_named_and_made_good(path: Path, written: bytes) -> None:
    data = bytearray(written)
    data[13] ^= 1
    path.write_bytes(data)
    found = SegmentFile(path).read()
    assert (found.payloads, found.problems) == (tuple(PAYLOADS), ("its header is damaged",))
    SegmentFile(path).update([b"new"])
    assert SegmentFile(path).read().problems == ()


def test_another_file_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0 and more than a header")
    for attempt in (SegmentFile(path).read, lambda: SegmentFile(path).update([b"new"])):
        with pytest.raises(FormatError, match="is not a segment of memory sessions"):
            attempt()
    assert path.read_bytes().startswith(b"SQLite")


def test_a_newer_version_is_refused(path: Path, written: bytes) -> None:
    head = struct.pack("<8sII", MAGIC, 9, 3)
    path.write_bytes(head + struct.pack("<I4x", zlib.crc32(head)) + written[HEADER:])
    with pytest.raises(FormatError, match="is a segment of version 9"):
        SegmentFile(path).read()


def test_what_cannot_be_opened_is_an_error_that_says_so(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"")
    link = tmp_path / "notes.mv2.replay"
    link.symlink_to(target)
    with pytest.raises(StoreError, match="cannot open"):
        SegmentFile(link).update([b"x"])


# -- several handles ---------------------------------------------------------------------------------------


def test_a_fresh_handle_adds_to_what_is_there(path: Path) -> None:
    """The original's loses the first session here."""
    with_session(handle(path), "one").save_replay_sessions()
    with_session(handle(path), "two").save_replay_sessions()
    assert names(path.with_name("notes.mv2")) == ["one", "two"]


def test_saving_again_saves_nothing_twice(path: Path) -> None:
    memory = with_session(handle(path), "one")
    for _ in range(3):
        memory.save_replay_sessions()
    memory.load_replay_sessions()
    memory.save_replay_sessions()
    assert names(path.with_name("notes.mv2")) == ["one"]


def test_loading_keeps_what_is_not_saved_yet(path: Path) -> None:
    with_session(handle(path), "saved").save_replay_sessions()
    memory = with_session(handle(path), "unsaved")
    memory.load_replay_sessions()
    assert [one.name for one in memory.list_sessions()] == ["saved", "unsaved"]
    memory.save_replay_sessions()
    assert names(path.with_name("notes.mv2")) == ["saved", "unsaved"]


def test_what_one_handle_deletes_another_does_not_bring_back(path: Path) -> None:
    first = with_session(with_session(handle(path), "one"), "two")
    first.save_replay_sessions()
    second = handle(path)
    second.load_replay_sessions()
    first.delete_session(first.list_sessions()[0].session_id)
    first.save_replay_sessions()
    with_session(second, "three").save_replay_sessions()
    assert names(path.with_name("notes.mv2")) == ["two", "three"]


def test_a_deleted_session_is_gone_from_the_bytes(path: Path) -> None:
    memory = with_session(handle(path), "forget-me")
    memory.save_replay_sessions()
    assert b"forget-me" in path.read_bytes()
    memory.delete_session(memory.list_sessions()[0].session_id)
    memory.load_replay_sessions()
    assert memory.list_sessions() == []
    memory.save_replay_sessions()
    assert b"forget-me" not in path.read_bytes()
    assert memory.replay_manifest is not None
    assert memory.replay_manifest.session_count == 0


def test_the_manifest_says_what_the_file_holds(path: Path) -> None:
    assert handle(path).replay_manifest is None
    memory = with_session(with_session(handle(path), "one"), "two")
    memory.save_replay_sessions()
    manifest = memory.replay_manifest
    assert manifest is not None
    assert (manifest.session_count, manifest.total_actions, manifest.version) == (2, 2, 1)
    assert (manifest.segment_offset, manifest.segment_size) == (0, path.stat().st_size)


def test_with_nothing_to_save_no_file_is_made(path: Path) -> None:
    memory = handle(path)
    memory.save_replay_sessions()
    memory.load_replay_sessions()
    assert not path.exists()


def test_an_entry_that_is_no_session_is_named(path: Path, caplog: Any) -> None:
    with_session(handle(path), "one").save_replay_sessions()
    SegmentFile(path).update([b'{"session_id": 1}', b"[]"])
    memory = handle(path)
    memory.load_replay_sessions()
    assert [one.name for one in memory.list_sessions()] == ["one"]
    assert [problem.partition(":")[0] for problem in memory.problems] == ["entry 1", "entry 2"]
    assert "entry 1: an entry is not a session" in caplog.text


def _save_many(path: str, who: int, count: int, gate: Any) -> None:
    gate.wait()
    memory = Memvid(path, settings=Settings(disabled=True))
    for number in range(count):
        with_session(memory, f"{who}-{number}")
        memory.save_replay_sessions()
        if number % 3 == 2:  # every third one is taken out again: the file is written anew
            memory.delete_session(memory.list_sessions()[-1].session_id)
            memory.save_replay_sessions()
    os._exit(0)


def test_processes_that_save_at_once_lose_nothing(path: Path) -> None:
    """Four of them, each 12 sessions, of which 4 are deleted again: the file is rewritten 16 times."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(4)
    session_file = path.with_name("notes.mv2")
    processes = [
        context.Process(target=_save_many, args=(str(session_file), who, 12, gate)) for who in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    expected = {f"{who}-{number}" for who in range(4) for number in range(12) if number % 3 != 2}
    found = names(session_file)
    assert len(found) == len(expected)
    assert set(found) == expected
