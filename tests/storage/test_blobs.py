"""Bytes kept once, under their sha256."""

import errno
import hashlib
import os

import pytest

from otel_replay.clock import SteppingClock
from otel_replay.errors import StoreError
from otel_replay.storage import bundles
from otel_replay.storage.blobs import Blobs, is_sha256
from otel_replay.storage.bundles import LARGEST_BYTES, BundleWriter


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


@pytest.fixture
def bundled(blobs):
    """Blobs as a run's writer keeps them."""
    return Blobs(blobs.directory, BundleWriter(blobs.directory, SteppingClock()))


def places_of(blobs):
    return {place.sha256: place for place in blobs.places()}


def test_small_blobs_share_one_file_and_large_ones_have_their_own(bundled, blobs, tmp_path):
    small = [b"", b"x", b"a\nblob b\n" * 10, bytes(LARGEST_BYTES)]
    large = bytes(LARGEST_BYTES + 1)
    (tmp_path / "small").write_bytes(b"from a file")
    (tmp_path / "large").write_bytes(large)
    for data in [*small, *small]:
        assert bundled.put(data) == sha(data)
    assert bundled.put_file(tmp_path / "small") == (sha(b"from a file"), 11)
    assert bundled.put_file(tmp_path / "large") == (sha(large), len(large))
    assert sorted(blobs) == sorted(map(sha, [*small, b"from a file", large]))
    for data in [*small, b"from a file", large]:
        assert blobs.read(sha(data)) == data
        assert blobs.check(sha(data)) is None
        assert sha(data) in blobs
    (bundle,) = blobs.bundles()
    assert (blobs.directory / bundle).stat().st_mode & 0o777 == 0o600
    for name, place in places_of(blobs).items():
        data = (blobs.directory.parent / place.path).read_bytes()
        begin = place.offset or 0
        assert sha(data[begin : begin + place.size_bytes]) == name
    # What was put twice stands there once.
    assert len(places_of(blobs)) == len(list(blobs.places()))


def test_what_is_put_after_the_end_or_in_a_forked_child_goes_into_a_bundle_of_its_own(bundled, blobs):
    bundled.put(b"first")
    child = os.fork()
    if not child:
        try:
            bundled.forget()
            bundled.put(b"of the child")
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    bundled.put(b"second")
    bundled.close()
    bundled.put(b"late")
    assert sorted(blobs) == sorted(map(sha, [b"first", b"second", b"of the child", b"late"]))
    assert len(blobs.bundles()) == 3
    assert all(blobs.check(name) is None for name in blobs)


def test_a_blob_that_a_signal_handler_puts_in_the_middle_of_another_is_kept(bundled, blobs, monkeypatch):
    pwrite = os.pwrite

    def interrupted(fd, data, position):
        monkeypatch.setattr(bundles.os, "pwrite", pwrite)
        bundled.put(b"of the handler")
        return pwrite(fd, data, position)

    monkeypatch.setattr(bundles.os, "pwrite", interrupted)
    bundled.put(b"interrupted")
    assert [blobs.read(sha(data)) for data in (b"interrupted", b"of the handler")]


def test_on_a_full_disk_a_blob_is_refused_whole_and_the_next_one_is_taken(bundled, blobs, monkeypatch):
    bundled.put(b"before")
    pwrite = os.pwrite
    room = [3]

    def written(fd, data, position):
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = pwrite(fd, data[: room[0]], position)
        room[0] -= count
        return count

    monkeypatch.setattr(bundles.os, "pwrite", written)
    with pytest.raises(OSError, match="No space"):
        bundled.put(b"refused")
    monkeypatch.undo()
    bundled.put(b"after")
    with blobs.open_bundle(blobs.bundles()[0]) as bundle:
        assert [type(entry) for entry in bundle] == [bundles.Bundled] * 2
    assert sorted(blobs) == sorted(map(sha, [b"before", b"after"]))


@pytest.mark.parametrize("cut", range(1, 82))
def test_a_torn_bundle_loses_the_torn_blob_and_no_other(bundled, blobs, cut):
    first, last = bundled.put(b"first"), bundled.put(b"last blob")
    path = blobs.directory / blobs.bundles()[0]
    data = path.read_bytes()
    for rest in (b"", bytes(100)):
        path.write_bytes(data[:-cut] + rest)
        assert blobs.read(first) == b"first"
        # Without its newline alone, nothing says that the blob is all there.
        with pytest.raises(StoreError, match="is not in"):
            Blobs(blobs.directory).read(last)
        with blobs.open_bundle(path.name) as bundle:
            *_, gap = bundle
            assert gap.torn
            assert gap.offset == len(data) - 82
    assert len(data) - 82 == data.rindex(b"blob " + last.encode())


def test_whatever_byte_of_a_bundle_is_changed_the_other_blobs_are_read(bundled, blobs):
    contents = [b"one", b"two\nblob", b"three"]
    names = [bundled.put(data) for data in contents]
    path = blobs.directory / blobs.bundles()[0]
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        read = []
        for name, content in zip(names, contents, strict=True):
            try:
                assert Blobs(blobs.directory).read(name) == content
                read.append(name)
            except StoreError:
                pass
        assert len(read) >= 2
