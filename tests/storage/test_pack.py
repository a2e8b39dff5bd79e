"""A run is packed into one file and comes back whole; what is no such file, or not all of it, is told."""

from __future__ import annotations

import gc
import os
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest

from otel_replay.errors import FormatError, StoreError, UsageError
from otel_replay.storage.blobs import Blobs
from otel_replay.storage.pack import pack
from otel_replay.storage.pack_files import End, Limits, PackedFile, write_end, write_file
from otel_replay.storage.pack_stream import PackWriter, is_pack
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store
from otel_replay.storage.unpack import unpack, unpack_into, unpacked
from otel_replay.storage.verify import verify
from storage.storage_kit import (
    JOURNAL,
    RUN,
    beginning,
    decision,
    finished_run,
    killed_run,
    lines,
    reasons,
    write_run,
    writing_process,
)


def content(directory: Path) -> dict[str, bytes]:
    """Every file of a run that a pack gives back."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != ".lock" and path.parent.name != "sent"
    }


@pytest.fixture
def other(tmp_path):
    """Another store, into which packs are unpacked; it is not there yet."""
    return Store(tmp_path / "other")


@pytest.fixture
def packed(runs, tmp_path):
    """A finished run in a pack."""
    pack(RunFiles(finished_run(runs)), tmp_path / "run.orpack")
    return tmp_path / "run.orpack"


def remains(store: Store) -> list[str]:
    """What lies in a store's folder of runs."""
    return sorted(os.listdir(store.root / "runs")) if (store.root / "runs").exists() else []


# -- there and back --------------------------------------------------------------------------------


def test_every_file_comes_back_to_the_byte(runs, other, tmp_path):
    directory = write_run(runs)
    blobs = Blobs(directory / "blobs")
    for data in (b"", b"rpm,kpa\n", os.urandom(300_000)):
        blobs.put(data)
    packed = pack(RunFiles(finished(directory)), tmp_path / "run.orpack")
    made = unpack(packed.path, other)
    assert made.run_id == RUN
    assert made.directory == other.directory(RUN)
    assert content(made.directory) == content(directory)
    assert "session_replay.json" in content(directory)
    assert verify(RunFiles(made.directory)) == []
    assert [run.run_id for run in other.runs()] == [RUN]


def finished(directory: Path) -> Path:
    """The run in `directory`, summed up."""
    from otel_replay.storage.finalise import finalise

    finalise(directory, ended_ns=1_765_819_682_803_000_000, status="ok", durable=False)
    return directory


def test_what_can_be_made_again_is_not_in_the_pack(runs, packed):
    with open(packed, "rb") as stream:
        data = stream.read()
    plain = decompressed(data)
    assert b'"total_decisions"' not in plain
    assert b'"outputs"' not in plain
    assert plain.startswith(b'{"run_id":"' + RUN.encode())


def decompressed(data: bytes) -> bytes:
    """The content of a pack, as Zstandard's own program would show it."""
    from otel_replay.storage.zstd import decompressor

    size = int.from_bytes(data[4:8], "little")
    return decompressor().decompress(data[8 + size :])


def test_what_somebody_changed_is_packed_as_it_is(runs, other, tmp_path):
    """Otherwise unpacking would make a changed run look as if nobody had touched it."""
    directory = finished_run(runs)
    path = directory / "session_replay.json"
    path.write_bytes(path.read_bytes().replace(b"sample 1", b"sample 7"))
    pack(RunFiles(directory), tmp_path / "run.orpack")
    made = unpack(tmp_path / "run.orpack", other)
    assert content(made.directory) == content(directory)
    assert [finding.path for finding in verify(RunFiles(made.directory))] == ["session_replay.json"]


def test_the_same_run_makes_the_same_pack(runs, other, tmp_path):
    pack(RunFiles(finished_run(runs)), tmp_path / "a.orpack")
    made = unpack(tmp_path / "a.orpack", other)
    pack(RunFiles(made.directory), tmp_path / "b.orpack")
    assert (tmp_path / "a.orpack").read_bytes() == (tmp_path / "b.orpack").read_bytes()


def test_a_killed_run_is_packed_with_its_preallocated_end(runs, other, tmp_path):
    directory = killed_run(runs)
    packed = pack(RunFiles(directory), tmp_path / "run.orpack")
    assert packed.packed_bytes < 2_000
    made = unpack(packed.path, other)
    assert content(made.directory) == content(directory)
    assert RunFiles(made.directory).status() == "interrupted"


@pytest.mark.parametrize("damage", ["run.json", "manifest.json", f"journal/{JOURNAL}"])
def test_a_damaged_run_is_packed_as_it_is(runs, other, tmp_path, damage):
    directory = finished_run(runs)
    (directory / damage).write_bytes(b"\xffnothing\n")
    pack(RunFiles(directory), tmp_path / "run.orpack")
    assert content(unpack(tmp_path / "run.orpack", other).directory) == content(directory)


def test_how_far_send_came_is_nobody_elses_business(runs, other, tmp_path):
    directory = finished_run(runs)
    (directory / "sent").mkdir()
    (directory / "sent" / "0.json").write_text('{"target": "http://internal:4318"}')
    pack(RunFiles(directory), tmp_path / "run.orpack")
    assert not (unpack(tmp_path / "run.orpack", other).directory / "sent").exists()


def test_a_run_that_is_being_written_is_not_packed(runs, tmp_path):
    with writing_process(runs), pytest.raises(StoreError, match="still being written"):
        pack(RunFiles(runs.directory(RUN)), tmp_path / "run.orpack")
    assert not (tmp_path / "run.orpack").exists()


def test_a_link_in_a_run_is_not_followed(runs, tmp_path):
    directory = finished_run(runs)
    (directory / "secret").symlink_to("/etc/hostname")
    with pytest.raises(StoreError, match="secret"):
        pack(RunFiles(directory), tmp_path / "run.orpack")
    assert list(tmp_path.glob("*orpack*")) == []


def test_a_pack_is_read_without_unpacking_it_into_a_store(packed):
    with unpacked(packed) as files:
        assert reasons(files.records()) == ["sample 0", "sample 1", "sample 2"]
        place = files.directory
    assert not place.parent.exists()


def test_packing_and_unpacking_take_no_more_memory_for_a_larger_run(runs, other, tmp_path):
    directory = finished_run(runs, content=lines([*beginning(), *map(decision, range(1_000))]))
    larger = b"".join(os.urandom(1 << 20) for _ in range(24))
    Blobs(directory / "blobs").put(larger)
    del larger
    peaks = []
    for step in (
        lambda: pack(RunFiles(directory), tmp_path / "run.orpack", level=1),
        lambda: unpack(tmp_path / "run.orpack", other),
    ):
        gc.collect()
        tracemalloc.start()
        step()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 8 << 20, peaks


# -- what is refused -------------------------------------------------------------------------------


def test_a_run_that_is_there_already_is_not_replaced(runs, packed):
    before = content(runs.directory(RUN))
    with pytest.raises(UsageError, match="is there already"):
        unpack(packed, runs)
    assert content(runs.directory(RUN)) == before


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
    data, before = packed.read_bytes(), content(runs.directory(RUN))
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
            assert content(made.directory) == before
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


def test_unpacking_into_a_folder_makes_it(packed, tmp_path):
    made = unpack_into(packed, tmp_path / "new" / "folder")
    assert made.directory == tmp_path / "new" / "folder" / RUN
    with pytest.raises(UsageError, match="is there already"):
        unpack_into(packed, tmp_path / "new" / "folder")


def test_without_zstandard_it_says_what_to_install(runs, tmp_path, monkeypatch):
    import sys

    for name in ("backports.zstd", "backports", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError) as refused:
        pack(RunFiles(finished_run(runs)), tmp_path / "run.orpack")
    assert refused.value.hint == "pip install 'otel-replay[pack]'"
    assert not (tmp_path / "run.orpack").exists()


# -- old packs -------------------------------------------------------------------------------------


def test_the_packs_of_the_corpus_are_read(corpus, other):
    """As they are, for ever: these files are never made anew."""
    made = unpack(corpus / "pack-1" / "tuning.orpack", other)
    files = RunFiles(made.directory)
    assert verify(files) == []
    assert files.status() == "finished"
    assert reasons(files.records()) == [f"sample {number}" for number in range(5)]
    killed = RunFiles(unpack(corpus / "pack-1" / "killed.orpack", other).directory)
    assert killed.status() == "interrupted"
    assert reasons(killed.records()) == ["sample 0", "sample 1", "sample 2"]
    with pytest.raises(FormatError, match="version 2"):
        unpack(corpus / "pack-1" / "newer.orpack", other)
