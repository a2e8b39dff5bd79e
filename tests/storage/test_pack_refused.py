"""What is no pack, or not all of one, or leads somewhere else, is refused, and leaves nothing behind."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import pytest

from otel_replay.errors import FormatError, StoreError, UsageError
from otel_replay.storage.pack_files import End, Limits, PackedFile, write_end, write_file
from otel_replay.storage.pack_stream import PackWriter, is_pack
from otel_replay.storage.store import Store
from otel_replay.storage.unpack import unpack
from storage.storage_kit import RUN, pack_content


def remains(store: Store) -> list[str]:
    """What lies in a store's folder of runs."""
    return sorted(os.listdir(store.root / "runs")) if (store.root / "runs").exists() else []


def test_a_run_that_is_there_already_is_not_replaced(runs, packed):
    before = pack_content(runs.directory(RUN))
    with pytest.raises(UsageError, match="is there already"):
        unpack(packed, runs)
    assert pack_content(runs.directory(RUN)) == before


def test_a_pack_that_was_cut_is_refused_wherever_it_was(packed, other, tmp_path):
    data = packed.read_bytes()
    cut = tmp_path / "cut.orpack"
    for size in range(0, len(data), 7):
        cut.write_bytes(data[:size])
        with pytest.raises(FormatError, match=r"cut off|not a packed run|not JSON"):
            unpack(cut, other)
    assert remains(other) == []


def test_a_pack_in_which_a_byte_was_changed_is_refused_or_says_the_same(packed, runs, other, tmp_path):
    """What Zstandard does not check, such as how much memory it may take, changes nothing in the files."""
    data, before = packed.read_bytes(), pack_content(runs.directory(RUN))
    changed = tmp_path / "changed.orpack"
    begin = 8 + int.from_bytes(data[4:8], "little")
    refused = 0
    places = [*range(4), *range(begin, len(data), 5)]
    for place in places:
        changed.write_bytes(data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :])
        try:
            made = unpack(changed, other)
        except FormatError:
            refused += 1
            assert remains(other) == []
        else:
            assert pack_content(made.directory) == before
            other.delete(RUN)
    assert refused >= len(places) - 1


@pytest.mark.parametrize("more", [b"x", b"\0" * 10_000])
def test_a_pack_to_which_something_was_added_is_refused(packed, other, more):
    packed.write_bytes(packed.read_bytes() + more)
    with pytest.raises(FormatError, match="goes on after its end"):
        unpack(packed, other)
    assert remains(other) == []


def test_a_pack_added_to_a_pack_is_refused(packed, other):
    packed.write_bytes(packed.read_bytes() * 2)
    with pytest.raises(FormatError, match="goes on after its end"):
        unpack(packed, other)


def made_by_hand(path: Path, *files: tuple[str, bytes], run_id: str = RUN, end: End | None = None) -> Path:
    """A pack with any names, as somebody might write it who wants something."""
    import hashlib

    import orjson

    with path.open("wb") as stream:
        out = PackWriter(stream, 3)
        out.write_line({"run_id": run_id})
        for name, data in files:
            sha256 = hashlib.sha256(data).hexdigest()
            line = {"path": name, "size_bytes": len(data), "modified_ms": 1, "sha256": sha256}
            out.write(orjson.dumps(line) + b"\n" + data)
        write_end(out, end or End(files=len(files), left_out={}))
        out.close()
    return path


EVIL = [
    "../evil",
    "/etc/evil",
    "journal/../../evil",
    "journal/./x",
    "a//b",
    "a/",
    "..",
    "",
    ".",
    "a\\..\\b",
    "a\nb",
    "\x1b[2J",
    "C:\\evil",
]


@pytest.mark.parametrize("name", EVIL)
def test_a_name_that_leads_out_of_the_run_is_refused(other, tmp_path, name):
    evil = made_by_hand(tmp_path / "evil.orpack", ("run.json", b"{}"), (name, b"gotcha"))
    with pytest.raises(FormatError, match="does not name a file inside the run") as refused:
        unpack(evil, other)
    assert refused.value.message.isprintable()
    assert remains(other) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("run_id", ["../evil", "", "a/b", "latest", ".new", "x" * 200])
def test_a_run_id_that_leads_out_of_the_store_is_refused(other, tmp_path, run_id):
    evil = made_by_hand(tmp_path / "evil.orpack", ("run.json", b"{}"), run_id=run_id)
    with pytest.raises(UsageError, match="is not a run id"):
        unpack(evil, other)


def test_a_file_that_is_there_twice_is_refused(other, tmp_path):
    evil = made_by_hand(tmp_path / "evil.orpack", ("run.json", b"{}"), ("run.json", b"{ }"))
    with pytest.raises(FormatError, match="twice"):
        unpack(evil, other)
    assert remains(other) == []


def test_a_file_in_place_of_a_folder_is_refused(other, tmp_path):
    evil = made_by_hand(tmp_path / "evil.orpack", ("run.json", b"{}"), ("run.json/x", b"{ }"))
    with pytest.raises(StoreError, match="a file stands there"):
        unpack(evil, other)
    assert remains(other) == []


def test_a_pack_without_a_run_in_it_is_refused(other, tmp_path):
    with pytest.raises(FormatError, match="holds no run"):
        unpack(made_by_hand(tmp_path / "empty.orpack"), other)


def test_only_what_can_be_made_again_may_be_left_out(other, tmp_path):
    end = End(files=1, left_out={"../../evil": 1}, generated_ns=1)
    evil = made_by_hand(tmp_path / "evil.orpack", ("run.json", b"{}"), end=end)
    with pytest.raises(FormatError, match="cannot"):
        unpack(evil, other)


def test_files_that_are_missing_are_missed(other, tmp_path):
    evil = made_by_hand(tmp_path / "x.orpack", ("run.json", b"{}"), end=End(files=2, left_out={}))
    with pytest.raises(FormatError, match="holds 1 files, and says 2"):
        unpack(evil, other)


def test_a_pack_that_claims_to_be_huge_is_refused_before_it_is_written(other, tmp_path):
    import orjson

    bomb = tmp_path / "bomb.orpack"
    with bomb.open("wb") as stream:
        out = PackWriter(stream, 3)
        out.write_line({"run_id": RUN})
        line = {"path": "run.json", "size_bytes": 1 << 50, "modified_ms": 1, "sha256": "0" * 64}
        out.write(orjson.dumps(line) + b"\n" + bytes(1 << 20))
        out.close()
    with pytest.raises(FormatError, match="unfold to more than") as refused:
        unpack(bomb, other)
    assert "--max-size" in (refused.value.hint or "")


def test_a_pack_that_unfolds_to_more_than_was_allowed_is_refused(other, tmp_path):
    bomb = made_by_hand(tmp_path / "bomb.orpack", ("run.json", b"{}"), ("a", bytes(5 << 20)))
    assert bomb.stat().st_size < 2_000
    with pytest.raises(FormatError, match="unfold to more than"):
        unpack(bomb, other, limits=Limits(size_bytes=4 << 20))
    with pytest.raises(FormatError, match="more than 1 files"):
        unpack(bomb, other, limits=Limits(files=1))
    assert remains(other) == []


def test_an_endless_line_is_refused(other, tmp_path):
    with (tmp_path / "bomb.orpack").open("wb") as stream:
        out = PackWriter(stream, 3)
        out.write(b'{"run_id":"' + b"x" * (40 << 20))
        out.close()
    with pytest.raises(FormatError, match="no file begins"):
        unpack(tmp_path / "bomb.orpack", other)


def test_a_newer_version_is_told(packed, other):
    packed.write_bytes(packed.read_bytes().replace(b'"version":1', b'"version":9', 1))
    with pytest.raises(FormatError, match="version 9"):
        unpack(packed, other)


@pytest.mark.parametrize("data", [b"", b"P*M\x18", b"PK\x03\x04 a zip file", b"{}", b"\x28\xb5\x2f\xfd"])
def test_another_file_is_told(other, tmp_path, data):
    (tmp_path / "x.orpack").write_bytes(data)
    assert not is_pack(tmp_path / "x.orpack")
    with pytest.raises(FormatError, match="is not a packed run"):
        unpack(tmp_path / "x.orpack", other)


def test_a_file_that_changes_while_it_is_packed_is_told():
    out = PackWriter(BytesIO(), 3)
    file = PackedFile(path="a", size_bytes=3, modified_ms=1, sha256="0" * 64)
    with pytest.raises(StoreError, match="was changed while it was packed"):
        write_file(out, file, BytesIO(b"abc"))
