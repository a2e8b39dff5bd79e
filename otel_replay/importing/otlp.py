"""OTLP in a file, JSON or Protobuf, becomes the runs that its spans and log records name.

JSON comes as lines or as one document, Protobuf as one message; the Collector's archives hold requests of
either. Lines and archives are read as streams, and what is one document as a whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from otel_replay.errors import FormatError, UsageError
from otel_replay.formats.otlp_json_read import Read, read_document, read_lines
from otel_replay.importing.foreign_run import ForeignRun, Importer
from otel_replay.importing.gathering import runs_among
from otel_replay.importing.requests import is_archive, looks_like_protobuf, read_requests
from otel_replay.importing.source_file import SourceFile
from otel_replay.orjson_loading import orjson
from otel_replay.records import BadLine

__all__ = ["IMPORTER", "OtlpReading"]

_MARKS = (b'"resourceSpans"', b'"resourceLogs"', b'"resourceMetrics"', b'"resourceProfiles"')
_LONGEST_LINE_BYTES = 1 << 30
_MOST_MESSAGE_BYTES = 2**31 - 1
"""Protobuf's own limit."""


def _recognises(head: bytes) -> bool:
    return any(mark in head for mark in _MARKS) or is_archive(head) or looks_like_protobuf(head)


def _read(source: SourceFile) -> Iterator[ForeignRun]:
    yield from runs_among(OtlpReading(source), source)


class OtlpReading:
    """The spans and log records of a file, in the order of the file."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self._stream: BinaryIO | None = None
        self._taken_bytes = 0

    @property
    def taken_bytes(self) -> int:
        """As `gathering.Reading` has it."""
        return self._taken_bytes

    def __iter__(self) -> Iterator[Read]:
        """All of them, and a `BadLine` for each that cannot be read."""
        self._taken_bytes = 0
        head = self._source.head()
        with self._source.stream() as stream:
            if is_archive(head):
                yield from self._requests(stream)
            elif not looks_like_protobuf(head):
                yield from self._text(stream)
            else:
                message = stream.read(_MOST_MESSAGE_BYTES + 1)
                if len(message) > _MOST_MESSAGE_BYTES:
                    raise FormatError("it is one message of more than 2 GiB, which Protobuf has none of")
                yield from _read_message(message, 0)

    def _requests(self, stream: BinaryIO) -> Iterator[Read]:
        for number, request in enumerate(read_requests(stream, self._source.damage), 1):
            self._taken_bytes += len(request)
            if request[:64].lstrip().startswith(b"{") and not looks_like_protobuf(request):
                for item in read_document(request):
                    yield _numbered(item, number) if isinstance(item, BadLine) else item
            else:
                yield from _read_message(request, number)

    def _text(self, stream: BinaryIO) -> Iterator[Read]:
        """Lines, where the first or the second by itself is a document; else one document, or a list."""
        first = stream.readline(_LONGEST_LINE_BYTES)
        is_list = first.lstrip().startswith(b"[")
        second = b"" if is_list or _is_document(first) else stream.readline(_LONGEST_LINE_BYTES)
        if _is_document(first) or _is_document(second):
            lines = _Lines(first + second, stream)
            for item in read_lines(lines, longest_bytes=_LONGEST_LINE_BYTES):
                self._taken_bytes = lines.taken_bytes
                yield item
            return
        yield from read_document(self._source.content())


class _Lines:
    """What was read already, and the rest of a stream, line by line."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start = io.BytesIO(start)
        self._rest = rest
        self.taken_bytes = 0

    def readline(self, size: int) -> bytes:
        line = self._start.readline(size) or self._rest.readline(size)
        self.taken_bytes += len(line)
        return line


def _is_document(line: bytes) -> bool:
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(body, dict)


def _read_message(message: bytes, number: int) -> Iterator[Read]:
    # Most who read runs never meet Protobuf, and its classes take a while to load.
    try:
        from otel_replay.formats.otlp_protobuf_file import read_message
    except ImportError as error:
        raise UsageError(
            f"OTLP as Protobuf needs opentelemetry-proto, and it cannot be loaded here: {error}",
            hint="pip install opentelemetry-proto",
        ) from None
    try:
        for item in read_message(message):
            yield _numbered(item, number) if isinstance(item, BadLine) else item
    except FormatError as error:
        yield _bad(number, error.message)


def _numbered(bad: BadLine, number: int) -> BadLine:
    return _bad(number, bad.reason)


def _bad(number: int, reason: str) -> BadLine:
    where = f"request {number}: " if number else ""
    return BadLine(number=0, offset_bytes=0, size_bytes=0, reason=f"{where}{reason}")


IMPORTER = Importer(
    format="otlp",
    what="OTLP as JSON or Protobuf: spans and log records, as `dump --format otlp`, the Collector and Jaeger "
    "give them",
    recognises=_recognises,
    read=_read,
)
