"""An archive of OTLP requests, each with its length before it, as the Collector's file exporter writes them.

With `format: proto` or `compression: zstd` the exporter writes each request as four bytes that say how long
it is (the highest first) and the request (`exporter/fileexporter`, `exportMessageAsBuffer`): Protobuf or
JSON, in a Zstandard frame of its own where it compresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from otel_replay.errors import FormatError
from otel_replay.importing.unwrapping import ZSTANDARD
from otel_replay.storage.zstd import decompressor, error_of_zstandard

__all__ = ["is_archive", "looks_like_protobuf", "read_requests"]

_LENGTH_BYTES = 4
_LARGEST_REQUEST_BYTES = 1 << 30
_STEP_BYTES = 1 << 20
_FIELDS_OF_RESOURCE = frozenset({0x0A, 0x12, 0x1A})
"""How the fields of `ResourceSpans` and of `ResourceLogs` begin: resource, scopes, schema."""
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1f]")
"""What JSON never holds, and any such message does: the field of a scope, of a value."""


def is_archive(head: bytes) -> bool:
    """Whether a file begins as such an archive does; no text does, for a length begins with a zero or so."""
    rest = head[_LENGTH_BYTES:]
    return rest.startswith(ZSTANDARD) or (head[:1] < b"\t" and looks_like_protobuf(rest))


def looks_like_protobuf(head: bytes) -> bool:
    """Whether bytes begin as an OTLP request of spans or log records does: with what is of a resource."""
    if head[:1] != b"\x0a" or _NO_TEXT.search(head) is None:  # JSON may begin with an empty line
        return False
    for at in range(1, min(len(head) - 1, 6)):
        if head[at] < 0x80:  # the last byte of the resource's length
            return head[at + 1] in _FIELDS_OF_RESOURCE
    return False


def read_requests(stream: BinaryIO, damage: list[str]) -> Iterator[bytes]:
    """The requests of an archive, one after the other; `damage` gets which cannot be read.

    A request is given as a whole: one of which a part is wrong is none.

    Raises
    ------
    FormatError
        If one is larger than 1 GiB.
    """
    number = 0
    while head := stream.read(_LENGTH_BYTES):
        number += 1
        size = int.from_bytes(head, "big")
        if size > _LARGEST_REQUEST_BYTES:
            damage.append(f"request {number} would be {size >> 20:,} MiB long: what follows is not read")
            return
        data = stream.read(size)
        if len(head) < _LENGTH_BYTES or len(data) < size:
            damage.append(f"request {number} is cut off: the archive ends in it")
            return
        if not data.startswith(ZSTANDARD):
            if data:
                yield data
            else:
                damage.append(f"request {number} cannot be read: it is empty")
            continue
        try:
            request = _decompressed(data)
        except error_of_zstandard() as error:
            damage.append(f"request {number} cannot be read: {error}")
            continue
        if request is None:
            damage.append(f"request {number} cannot be read: it is cut off")
        else:
            yield request


def _decompressed(data: bytes) -> bytes | None:
    reader = decompressor()
    request = bytearray()
    while not reader.eof:
        piece = reader.decompress(data, max_length=_STEP_BYTES)
        data = b""
        if not piece and reader.needs_input:
            return None
        request += piece
        if len(request) > _LARGEST_REQUEST_BYTES:
            raise FormatError(f"a request in it is larger than {_LARGEST_REQUEST_BYTES >> 30} GiB")
    return bytes(request)
