"""Bytes kept once, under their sha256."""

import hashlib
import os

import pytest

from otel_replay.errors import StoreError
from otel_replay.storage.blobs import Blobs, is_sha256


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "run" / "blobs")


def sha(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("data", [b"", b"x", bytes(3_000_000)], ids=["empty", "small", "large"])
def test_what_was_put_is_read_back_under_its_hash(blobs, tmp_path, data):
    assert blobs.put(data) == sha(data)
    assert blobs.read(sha(data)) == data
    assert blobs.check(sha(data)) is None
    (tmp_path / "file").write_bytes(data)
    assert blobs.put_file(tmp_path / "file") == (sha(data), len(data))
    assert list(blobs) == [sha(data)]


def test_a_file_is_kept_without_a_trace_of_its_way_there(blobs, tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    os.symlink(tmp_path / "a", tmp_path / "link")
    assert blobs.put_file(tmp_path / "link") == (sha(b"abc"), 3)
    assert os.listdir(blobs.directory) == [sha(b"abc")[:2]]
    assert os.stat(blobs.path(sha(b"abc"))).st_mode & 0o777 == 0o600
    assert os.stat(blobs.directory).st_mode & 0o777 == 0o700


def test_the_directory_is_made_with_the_first_blob_only(blobs):
    assert list(blobs) == []
    assert blobs.check(sha(b"x")) == "is missing"
    assert not blobs.directory.exists()


@pytest.mark.parametrize("damage", [b"", b"ab", b"abX", b"abcd"])
def test_a_damaged_blob_is_an_error_and_never_its_bytes(blobs, damage):
    name = blobs.put(b"abc")
    blobs.path(name).write_bytes(damage)
    with pytest.raises(StoreError, match=f"is damaged: its {len(damage)} bytes"):
        blobs.read(name)
    assert "is damaged" in blobs.check(name)


def test_putting_the_bytes_again_mends_a_truncated_blob(blobs):
    name = blobs.put(b"abc")
    blobs.path(name).write_bytes(b"a")
    assert blobs.put(b"abc") == name
    assert blobs.read(name) == b"abc"


def test_a_blob_that_is_not_there_is_an_error_that_says_where(blobs):
    with pytest.raises(StoreError, match="is not in"):
        blobs.read(sha(b"gone"))


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", None]
)
def test_only_a_sha256_names_a_blob(blobs, name):
    assert not is_sha256(name)
    with pytest.raises(StoreError, match="is not a sha256"):
        blobs.path(name)


def test_links_are_not_followed_out_of_the_run(blobs, tmp_path):
    secret = b"secret"
    name = sha(secret)
    (tmp_path / "secret").write_bytes(secret)
    blobs.put(b"other")
    blobs.path(name).parent.mkdir(exist_ok=True)
    os.symlink(tmp_path / "secret", blobs.path(name))
    with pytest.raises(StoreError, match="cannot read") as caught:
        blobs.read(name)
    assert "link" in caught.value.hint
    assert "cannot be read" in blobs.check(name)


def test_a_linked_folder_is_not_followed_either(blobs, tmp_path):
    name = sha(b"secret")
    outside = tmp_path / "outside" / name[:2]
    outside.mkdir(parents=True)
    (outside / name).write_bytes(b"secret")
    blobs.put(b"other")
    os.symlink(outside, blobs.directory / name[:2])
    with pytest.raises(StoreError, match="cannot read"):
        blobs.read(name)


def test_what_is_no_file_is_refused_and_not_waited_for(blobs, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", tmp_path, tmp_path / "missing"):
        with pytest.raises(StoreError, match="cannot read"):
            blobs.put_file(source)
    assert not blobs.directory.exists()
