"""Compressed files are read as what is in them: by hand, and as a real Collector compresses its archive."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from pathlib import Path

import pytest
from backports import zstd

from otel_replay.errors import FormatError, UsageError
from otel_replay.importing.keep import import_file
from otel_replay.importing.reading import open_source, read_runs
from otel_replay.importing.requests import read_requests
from otel_replay.importing.unwrapping import unwrapped as unwrapped_stream
from otel_replay.loading import load_runs
from otel_replay.storage.store import Store

COLLECTOR = Path(__file__).parents[1] / "corpus" / "collector-0.159"
ARCHIVE = COLLECTOR / "traces.jsonl.zst"
PLAIN = gzip.decompress((COLLECTOR / "traces.jsonl.gz").read_bytes())


def unwrapped(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """What is in a file, and what of it cannot be read."""
    damage: list[str] = []
    found = unwrapped_stream(io.BytesIO(content), damage).read()
    return found, tuple(damage)


def requests(content: bytes) -> tuple[list[bytes], list[str]]:
    """The requests of an archive, and which cannot be read."""
    damage: list[str] = []
    return list(read_requests(io.BytesIO(content), damage)), damage


def names(path: Path) -> list[str]:
    return [items.run_id for items in load_runs(path)]


def test_an_archive_that_a_collector_compressed_holds_the_runs_of_the_plain_one(tmp_path: Path) -> None:
    plain = tmp_path / "traces.jsonl"
    plain.write_bytes(PLAIN)
    assert names(ARCHIVE) == names(COLLECTOR / "traces.jsonl.gz") == names(plain)
    assert len(names(ARCHIVE)) == 2
    found, damage = requests(ARCHIVE.read_bytes())
    assert (found, damage) == (PLAIN.splitlines(), [])


@pytest.mark.parametrize(
    "compress",
    [
        gzip.compress,
        zstd.compress,
        lambda text: gzip.compress(text[:3000]) + gzip.compress(text[3000:]),
        lambda text: zstd.compress(text[:3000]) + zstd.compress(text[3000:]),
    ],
    ids=["gzip", "zstd", "gzip in two parts", "zstd in two frames"],
)
def test_what_somebody_compressed_by_hand_is_what_is_in_it(compress) -> None:
    assert unwrapped(compress(PLAIN)) == (PLAIN, ())


def test_an_archive_is_imported_once_under_the_digest_of_the_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for new in (True, False):
        assert [imported.new for imported in import_file(store, ARCHIVE)] == [new, new]


def test_an_archive_whose_collector_died_is_read_to_its_last_whole_request(tmp_path: Path) -> None:
    path = tmp_path / "cut.zst"
    path.write_bytes(ARCHIVE.read_bytes()[:-1])
    with open_source(path) as (source, importer):
        (run,) = read_runs(source, importer)
    assert run.damage == ("request 2 is cut off: the archive ends in it",)


def test_a_request_that_is_damaged_is_told_and_those_after_it_are_read(tmp_path: Path) -> None:
    path = tmp_path / "damaged.zst"
    data = bytearray(ARCHIVE.read_bytes())
    data[8] |= 0x08  # a reserved bit of the first frame's head
    path.write_bytes(data)
    (items,) = load_runs(path)
    assert [told.split(":")[0] for told in items.damage] == ["request 1 cannot be read"]


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_file_that_is_cut_off_gives_what_it_has_and_says_so(compress) -> None:
    data = compress(PLAIN)
    found, damage = unwrapped(data[: len(data) // 2])
    assert PLAIN.startswith(found)
    assert damage == ("the file is cut off: its last bytes are missing",)


def test_what_follows_the_end_is_told() -> None:
    for data in (gzip.compress(PLAIN), zstd.compress(PLAIN)):
        assert unwrapped(data + b"more") == (
            PLAIN,
            ("4 bytes after the end of what is compressed are not read",),
        )


def test_a_damaged_gzip_says_where() -> None:
    data = bytearray(gzip.compress(PLAIN))
    data[-6] ^= 0xFF  # its checksum
    _, damage = unwrapped(bytes(data))
    assert "is damaged after" in damage[0]
    assert "incorrect data check" in damage[0]


def test_a_file_of_which_nothing_can_be_read_says_why(tmp_path: Path) -> None:
    path = tmp_path / "gone.zst"
    path.write_bytes(ARCHIVE.read_bytes()[:20])
    with pytest.raises(FormatError, match="request 1 is cut off"):
        names(path)


def test_a_bomb_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_replay.importing.unwrapping._MOST_BYTES", 8 << 20)
    zeros = bytes(64 << 20)
    framed = zstd.compress(zeros)
    for data in (zlib.compress(zeros, wbits=31), framed):
        with pytest.raises(FormatError, match="it holds more than"):
            unwrapped(data)
    monkeypatch.setattr("otel_replay.importing.requests._LARGEST_REQUEST_BYTES", 8 << 20)
    with pytest.raises(FormatError, match="a request in it is larger than"):
        requests(len(framed).to_bytes(4, "big") + framed)


def test_without_zstandard_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("backports.zstd", raising=False)
    with pytest.raises(UsageError) as refused:
        names(ARCHIVE)
    assert refused.value.hint == "pip install 'otel-replay[pack]'"


def test_a_request_that_is_cut_off_in_an_archive_is_told_and_the_others_are_read() -> None:
    whole = zstd.compress(b'{"resourceSpans":[]}')
    parts = [whole, whole[:-4], b"", whole]
    archive = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert requests(archive) == (
        [b'{"resourceSpans":[]}'] * 2,
        ["request 2 cannot be read: it is cut off", "request 3 cannot be read: it is empty"],
    )


def test_a_gzip_file_is_read_a_little_at_a_time(monkeypatch) -> None:
    taken = []
    make = zlib.decompressobj

    class Told:
        def __init__(self, wbits: int) -> None:
            self._reader = make(wbits=wbits)

        def decompress(self, data: bytes, most: int) -> bytes:
            taken.append(len(data))
            return self._reader.decompress(data, most)

        def __getattr__(self, name: str) -> object:
            return getattr(self._reader, name)

    monkeypatch.setattr("otel_replay.importing.unwrapping.zlib.decompressobj", Told)
    text = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(20_000))
    packed = gzip.compress(text)
    assert unwrapped(packed) == (text, ())
    assert max(taken) < len(packed) / 4


def test_a_zstandard_file_of_many_frames_is_read_a_little_at_a_time(monkeypatch) -> None:
    taken = []
    make = zstd.ZstdDecompressor

    class Told:
        def __init__(self, **options: object) -> None:
            self._reader = make(**options)

        def decompress(self, data: bytes, max_length: int) -> bytes:
            taken.append(len(data))
            return self._reader.decompress(data, max_length)

        def __getattr__(self, name: str) -> object:
            return getattr(self._reader, name)

    monkeypatch.setattr(zstd, "ZstdDecompressor", Told)
    text = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(20_000))
    packed = b"".join(zstd.compress(text[at : at + 6_400]) for at in range(0, len(text), 6_400))
    assert unwrapped(packed) == (text, ())
    assert max(taken) < len(packed) / 4
