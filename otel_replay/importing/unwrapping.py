"""Files that were compressed: gzip, Zstandard, and the archive that the Collector's file exporter compresses.

With `compression: zstd` the exporter writes each request as four bytes that say how long it is (the highest
first) and a Zstandard frame (`exporter/fileexporter`, `exportMessageAsBuffer`). What can be read of a damaged
file is read, and what cannot is said.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from otel_replay.errors import FormatError
from otel_replay.storage.zstd import decompressor, error_of_zstandard

__all__ = ["unwrapped"]

_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_LENGTH_BYTES = 4
_MOST_BYTES = 4 << 30
"""More than that in one file is somebody's trap, or no file to read as a whole."""
_STEP_BYTES = 1 << 20
_TAKEN_BYTES = 1 << 16


def unwrapped(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """What a file holds, and what of it could not be read; as it is where it is not compressed.

    Raises
    ------
    FormatError
        If it is compressed Protobuf, or holds more than 4 GiB.
    UsageError
        If it is of Zstandard, and that is not installed.
    """
    damage: list[str] = []
    if content.startswith(_GZIP):
        pieces = _gzip(content, damage)
    elif content.startswith(_ZSTANDARD):
        pieces = _frames(content, damage)
    elif content[_LENGTH_BYTES : _LENGTH_BYTES + len(_ZSTANDARD)] == _ZSTANDARD:
        pieces = _requests(content, damage)
    else:
        return content, ()
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > _MOST_BYTES:
            raise _too_much()
    return bytes(found), tuple(damage)


def _gzip(content: bytes, damage: list[str]) -> Iterator[bytes]:
    at = 0
    while content.startswith(_GZIP, at):
        reader = zlib.decompressobj(wbits=31)
        try:
            while not reader.eof:
                # A little at a time: what is not yet used up is copied with each step.
                data = content[at : at + _TAKEN_BYTES]
                piece = reader.decompress(data, _STEP_BYTES)
                at += len(data) - len(reader.unconsumed_tail) - len(reader.unused_data)
                if piece:
                    yield piece
                elif not data:
                    break
        except zlib.error as error:
            damage.append(f"the file is damaged after {at:,} bytes: {error}")
            return
        if not reader.eof:
            damage.append("the file is cut off: its last bytes are missing")
            return
    if content[at:].strip(b"\0"):
        damage.append(f"{len(content) - at:,} bytes after the end of what is compressed are not read")


def _frames(content: bytes, damage: list[str]) -> Iterator[bytes]:
    at = 0
    while content.startswith(_ZSTANDARD, at):
        reader, began = decompressor(), at
        try:
            while not reader.eof:
                # A little at a time, as above: what comes after a frame is copied at its end.
                data = content[at : at + _TAKEN_BYTES] if reader.needs_input else b""
                at += len(data)
                piece = reader.decompress(data, max_length=_STEP_BYTES)
                if piece:
                    yield piece
                elif not data and reader.needs_input:
                    break
        except error_of_zstandard() as error:
            damage.append(f"the file is damaged after {began:,} bytes: {error}")
            return
        if not reader.eof:
            damage.append("the file is cut off: its last bytes are missing")
            return
        at -= len(reader.unused_data)
    if at < len(content):
        damage.append(f"{len(content) - at:,} bytes after the end of what is compressed are not read")


def _requests(content: bytes, damage: list[str]) -> Iterator[bytes]:
    """The requests of a Collector's archive, one a line."""
    at, number = 0, 0
    while at < len(content):
        number += 1
        size = int.from_bytes(content[at : at + _LENGTH_BYTES], "big")
        frame = content[at + _LENGTH_BYTES : at + _LENGTH_BYTES + size]
        if len(frame) < size or len(content) - at < _LENGTH_BYTES:
            damage.append(f"request {number} is cut off: the archive ends in it")
            return
        at += _LENGTH_BYTES + size
        request = bytearray()  # as a whole: one of which a part is wrong is none
        reader = decompressor()
        try:
            for piece in _frame(reader, frame):
                request += piece
                if len(request) > _MOST_BYTES:
                    raise _too_much()
        except error_of_zstandard() as error:
            damage.append(f"request {number} cannot be read: {error}")
            continue
        if not reader.eof:
            damage.append(f"request {number} cannot be read: it is cut off")
            continue
        if not request.lstrip().startswith(b"{"):
            raise FormatError(
                "it holds requests as Protobuf, which are not read from files",
                hint="have the Collector write `format: json`, or send the runs on as OTLP",
            )
        yield bytes(request.rstrip(b"\n") + b"\n")


def _frame(reader: Any, data: bytes) -> Iterator[bytes]:
    while not reader.eof:
        piece = reader.decompress(data, max_length=_STEP_BYTES)
        data = b""
        if not piece and reader.needs_input:
            return
        yield piece


def _too_much() -> FormatError:
    return FormatError(f"it holds more than {_MOST_BYTES >> 30} GiB", hint="decompress and split it")
