"""Files that were compressed by gzip or Zstandard, as the stream of what is in them; text in UTF-16 as UTF-8.

What can be read of a damaged file is read, and what cannot is said. Memory does not grow with the file.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from otel_replay.errors import FormatError
from otel_replay.importing.encodings import in_utf8
from otel_replay.storage.zstd import decompressor, error_of_zstandard

__all__ = ["ZSTANDARD", "unwrapped"]

ZSTANDARD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"
_MOST_BYTES = 64 << 30
"""More than that in one file is somebody's trap."""
_STEP_BYTES = 1 << 20
_TAKEN_BYTES = 1 << 16


def unwrapped(stream: BinaryIO, damage: list[str]) -> BinaryIO:
    """What a file holds, as a stream; as it is where it is not compressed, and no text of Windows'.

    Reading it raises FormatError where it holds more than 64 GiB.

    Parameters
    ----------
    stream:
        The file, from its beginning.
    damage:
        Gets what of it could not be read, as soon as that is known.

    Raises
    ------
    UsageError
        If it is of Zstandard, and that is not installed.
    """
    start = stream.read(len(ZSTANDARD))
    if start.startswith(_GZIP):
        pieces = _gzip(stream, start, damage)
    elif start == ZSTANDARD:
        decompressor()  # told at once where there is none
        pieces = _frames(stream, start, damage)
    else:
        pieces = _plain(stream, start)
    return cast(BinaryIO, io.BufferedReader(_Pieces(in_utf8(pieces, damage)), _TAKEN_BYTES))


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a raw stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._left_bytes = _MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        into = memoryview(buffer).cast("B")
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left_bytes -= len(piece)
            if self._left_bytes < 0:
                raise FormatError(
                    f"it holds more than {_MOST_BYTES >> 30} GiB", hint="decompress and split it"
                )
            self._piece = memoryview(piece)
        taken = min(len(into), len(self._piece))
        into[:taken] = self._piece[:taken]
        self._piece = self._piece[taken:]
        return taken


def _plain(stream: BinaryIO, start: bytes) -> Iterator[bytes]:
    yield start
    while piece := stream.read(_TAKEN_BYTES):
        yield piece


def _gzip(stream: BinaryIO, data: bytes, damage: list[str]) -> Iterator[bytes]:
    at = 0
    while data.startswith(_GZIP):
        reader = zlib.decompressobj(wbits=31)
        try:
            while not reader.eof:
                # A little at a time: what is not yet used up is copied with each step.
                fed = data or stream.read(_TAKEN_BYTES)
                piece = reader.decompress(fed, _STEP_BYTES)
                data = reader.unused_data if reader.eof else reader.unconsumed_tail
                at += len(fed) - len(data)
                if piece:
                    yield piece
                elif not fed:
                    break
        except zlib.error as error:
            damage.append(f"the file is damaged after {at:,} bytes: {error}")
            return
        if not reader.eof:
            damage.append("the file is cut off: its last bytes are missing")
            return
        data = _topped_up(data, stream)
    _tell_rest(stream, data, damage)


def _frames(stream: BinaryIO, data: bytes, damage: list[str]) -> Iterator[bytes]:
    at = 0
    while data.startswith(ZSTANDARD):
        reader, began = decompressor(), at
        try:
            while not reader.eof:
                fed = b""
                if reader.needs_input:
                    fed, data = data or stream.read(_TAKEN_BYTES), b""
                at += len(fed)
                piece = reader.decompress(fed, max_length=_STEP_BYTES)
                if piece:
                    yield piece
                elif not fed and reader.needs_input:
                    break
        except error_of_zstandard() as error:
            damage.append(f"the file is damaged after {began:,} bytes: {error}")
            return
        if not reader.eof:
            damage.append("the file is cut off: its last bytes are missing")
            return
        at -= len(reader.unused_data)
        data = _topped_up(reader.unused_data, stream)
    _tell_rest(stream, data, damage)


def _topped_up(data: bytes, stream: BinaryIO) -> bytes:
    """So much that the beginning of another part would be seen."""
    return data if len(data) >= len(ZSTANDARD) else data + stream.read(_TAKEN_BYTES)


def _tell_rest(stream: BinaryIO, data: bytes, damage: list[str]) -> None:
    count, is_padding = 0, True
    while data:
        count += len(data)
        is_padding = is_padding and not data.strip(b"\0")
        data = stream.read(_TAKEN_BYTES)
    if not is_padding:
        damage.append(f"{count:,} bytes after the end of what is compressed are not read")
