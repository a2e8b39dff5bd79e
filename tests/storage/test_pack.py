"""A run is packed into one file and comes back whole; what is no such file, or not all of it, is told."""

from __future__ import annotations

import gc
import os
import tracemalloc
from pathlib import Path

import pytest

from otel_replay.errors import FormatError, StoreError, UsageError
from otel_replay.storage.blobs import Blobs
from otel_replay.storage.pack import pack
from otel_replay.storage.recover import recover
from otel_replay.storage.run_files import RunFiles
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
    pack_content,
    reasons,
    write_run,
    writing_process,
)

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
    assert pack_content(made.directory) == pack_content(directory)
    assert "session_replay.json" in pack_content(directory)
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
    assert pack_content(made.directory) == pack_content(directory)
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
    assert pack_content(made.directory) == pack_content(directory)
    assert RunFiles(made.directory).status() == "interrupted"


def test_a_recorded_run_that_was_killed_comes_back_and_is_recovered_there(python, store, other, tmp_path):
    """It has no `run.json` and no manifest yet; its small blobs are in a bundle."""
    python(
        """
        import os, otel_replay
        otel_replay.start_run("killed", run_id="killed")
        otel_replay.checkpoint("table", {"cells": [1, 2, 3]})
        otel_replay.decision("A", "sample 0")
        os.kill(os.getpid(), 9)
        """,
        expect=-9,
    )
    files = store.run("killed").files
    assert pack(files, tmp_path / "run.orpack").packed_bytes < 2_000
    made = RunFiles(unpack(tmp_path / "run.orpack", other).directory)
    assert pack_content(made.directory) == pack_content(files.directory)
    assert (made.header.name, made.status()) == ("killed", "interrupted")
    recover(made)
    assert verify(RunFiles(made.directory)) == []
    assert reasons(made.records()) == ["sample 0"]
    [sha256] = made.blobs
    assert made.blobs.read(sha256) == b'{"cells":[1,2,3]}'


@pytest.mark.parametrize("damage", ["run.json", "manifest.json", f"journal/{JOURNAL}"])
def test_a_damaged_run_is_packed_as_it_is(runs, other, tmp_path, damage):
    directory = finished_run(runs)
    (directory / damage).write_bytes(b"\xffnothing\n")
    pack(RunFiles(directory), tmp_path / "run.orpack")
    assert pack_content(unpack(tmp_path / "run.orpack", other).directory) == pack_content(directory)


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
