"""The bytes of a pack: a first frame that says what it is, then one Zstandard frame. Streams both ways.

The first frame is one that Zstandard skips: `zstdcat` shows what is in a pack.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, Any

from otel_replay.errors import FormatError
from otel_replay.orjson_loading import orjson
from otel_replay.storage.documents import parse_document
from otel_replay.storage.refusals import shown
from otel_replay.storage.zstd import compressor, decompressor, error_of_zstandard

__all__ = ["FORMAT", "VERSION", "PackReader", "PackWriter", "is_pack"]

FORMAT = "otel-replay.pack"
VERSION = 1

_FRAME = struct.Struct("<II")
_SKIPPED = 0x184D2A50
"""The magic number of a frame that Zstandard skips."""
_LONGEST_HEADER_BYTES = 4_096
_LONGEST_LINE_BYTES = 64 * 1024
_BLOCK_BYTES = 128 * 1024


class PackWriter:
    """Writes a pack to a stream, piece by piece.

    Parameters
    ----------
    stream:
        Takes the bytes; it stays open.
    level:
        How hard Zstandard tries, 1 to 22.
    """

    def __init__(self, stream: IO[bytes], level: int) -> None:
        self._stream = stream
        self._compressor = compressor(level)
        text = orjson.dumps({"format": FORMAT, "version": VERSION}) + b"\n"
        stream.write(_FRAME.pack(_SKIPPED, len(text)) + text)

    def write(self, data: bytes) -> None:
        """Take the next bytes of the content."""
        self._stream.write(self._compressor.compress(data))

    def write_line(self, line: dict[str, Any]) -> None:
        """Take an object as one line of JSON."""
        self.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Write what is left."""
        self._stream.write(self._compressor.flush())


class PackReader:
    """Reads a pack from a stream; what comes out is never more than what was asked for.

    Parameters
    ----------
    stream:
        Gives the bytes.
    path:
        Where they come from, for messages.

    Raises
    ------
    FormatError
        If it is not a pack, or of a newer version.
    """

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream = stream
        self._path = path
        _check_header(stream, path)
        self._decompressor = decompressor()
        self._error = error_of_zstandard()
        self._waiting = b""
        self.position = 0
        """How many bytes of the content were read."""

    def some(self, most: int) -> bytes:
        """Some of the next bytes: at least one, at most `most`.

        Raises
        ------
        FormatError
            If there are no more, or the pack is damaged.
        """
        piece = self._waiting or self._block()
        if not piece:
            raise FormatError(
                f"{shown(self._path)} is cut off: its content ends after {self.position:,} bytes",
                hint="copy it again from where it came from",
            )
        self._waiting = piece[most:]
        piece = piece[:most]
        self.position += len(piece)
        return piece

    def line(self) -> dict[str, Any]:
        """The next line, as the object that it is.

        Raises
        ------
        FormatError
            If it is none, is endless, or the pack ends before it does.
        """
        pieces: list[bytes] = []
        size = 0
        at = self.position
        while not (pieces and pieces[-1].endswith(b"\n")):
            piece = self.some(_BLOCK_BYTES)
            end = piece.find(b"\n") + 1
            if 0 < end < len(piece):
                self._waiting = piece[end:] + self._waiting
                self.position -= len(piece) - end
                piece = piece[:end]
            pieces.append(piece)
            size += len(piece)
            if size > _LONGEST_LINE_BYTES:
                break
        try:
            line = orjson.loads(b"".join(pieces)) if size <= _LONGEST_LINE_BYTES else None
        except orjson.JSONDecodeError:
            line = None
        if not isinstance(line, dict):
            raise FormatError(
                f"{shown(self._path)} is damaged: after {at:,} bytes of its content no file begins"
            )
        return line

    def end(self) -> None:
        """Make sure that there is nothing more.

        Raises
        ------
        FormatError
            If there is, or if the end is missing.
        """
        if self._waiting or self._block() or self._decompressor.unused_data or self._stream.read(1):
            raise FormatError(f"{shown(self._path)} goes on after its end: something was added to it")
        if not self._decompressor.eof:
            raise FormatError(f"{shown(self._path)} is cut off: its last bytes are missing")

    def _block(self) -> bytes:
        while not self._decompressor.eof:
            block = b""
            if self._decompressor.needs_input:
                block = self._stream.read(_BLOCK_BYTES)
                if not block:
                    break
            try:
                piece: bytes = self._decompressor.decompress(block, _BLOCK_BYTES)
            except self._error as error:
                raise FormatError(
                    f"{shown(self._path)} is damaged after {self.position:,} bytes of its content: {error}",
                    hint="copy it again from where it came from",
                ) from None
            if piece:
                return piece
        return b""


def is_pack(path: Path) -> bool:
    """Whether the file begins as a pack does; False where it cannot be read."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_FRAME.size + 64)
    except (OSError, ValueError):
        return False
    return len(start) > _FRAME.size and _FRAME.unpack_from(start)[0] == _SKIPPED and FORMAT.encode() in start


def _check_header(stream: IO[bytes], path: Path) -> None:
    start = stream.read(_FRAME.size)
    magic, size = _FRAME.unpack(start) if len(start) == _FRAME.size else (0, 0)
    if magic != _SKIPPED or size > _LONGEST_HEADER_BYTES:
        raise FormatError(
            f"{shown(path)} is not a packed run", hint="`otel-replay pack RUN` makes one from a run"
        )
    text = stream.read(size)
    if len(text) < size:
        raise FormatError(f"{shown(path)} is cut off in its first line")
    parse_document(text, path, FORMAT, VERSION)
