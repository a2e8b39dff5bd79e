"""The files in a pack: for each a line that says path, size, time and sha256, and then its bytes.

The sha256 is left out where the file is named after it, as blobs are. There are only files: no links and no
directories, and no name that leads out of the run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from otel_replay.errors import FormatError, StoreError
from otel_replay.storage.blobs import is_sha256
from otel_replay.storage.inside import check_relative
from otel_replay.storage.pack_stream import PackReader, PackWriter

__all__ = ["End", "Limits", "PackedFile", "read_files", "take_content", "write_end", "write_file"]

_COPY_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a pack may unfold to. A few kilobytes can claim to be more than any disk holds."""

    size_bytes: int = 16 << 30
    files: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFile:
    """One file: its path below the run's directory, its size, when it was changed last, its sha256."""

    path: str
    size_bytes: int
    modified_ms: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What the last line says: how many files there were, and which were left out.

    Those are made again from the others, as of `generated_ns`; each with the time that it had.
    """

    files: int
    left_out: dict[str, int]
    generated_ns: int = 0


def write_file(out: PackWriter, file: PackedFile, content: IO[bytes]) -> None:
    """Write a file with its content.

    Raises
    ------
    StoreError
        If the content is not what `file` says.
    """
    line: dict[str, Any] = {
        "path": check_relative(file.path).as_posix(),
        "size_bytes": file.size_bytes,
        "modified_ms": file.modified_ms,
    }
    if file.sha256 != _name_of(file.path):
        line["sha256"] = file.sha256
    out.write_line(line)
    digest = hashlib.sha256()
    left = file.size_bytes
    while block := content.read(min(_COPY_BYTES, left)):
        digest.update(block)
        out.write(block)
        left -= len(block)
    if digest.hexdigest() != file.sha256 or content.read(1):
        raise StoreError(
            f"`{file.path}` was changed while it was packed", hint="pack the run when nobody writes it"
        )


def write_end(out: PackWriter, end: End) -> None:
    """Write the last line."""
    line: dict[str, Any] = {"files": end.files}
    if end.left_out:
        line |= {"left_out": end.left_out, "generated_ns": end.generated_ns}
    out.write_line(line)


def read_files(reader: PackReader, limits: Limits) -> Iterator[PackedFile | End]:
    """The files one after the other, and then the end; the caller calls :func:`take_content` for each file.

    Raises
    ------
    FormatError
        If something is not a file inside the run, is more than the limits allow, or is not what was packed.
    """
    number = 0
    while True:
        line = reader.line()
        if "path" not in line:
            end = _end(line)
            if end.files != number:
                raise FormatError(f"the pack is damaged: it holds {number:,} files, and says {end.files:,}")
            yield end
            return
        number += 1
        file = _file(line, number)
        if number > limits.files:
            raise FormatError(
                f"the pack holds more than {limits.files:,} files", hint="unpack it with a higher --max-files"
            )
        after = reader.position + file.size_bytes
        if after > limits.size_bytes:
            raise FormatError(
                f"the pack would unfold to more than {limits.size_bytes:,} bytes: "
                f"`{file.path}` says that it has {file.size_bytes:,}",
                hint="if you trust where it came from, unpack it with a higher --max-size",
            )
        yield file
        if reader.position != after:
            raise AssertionError("the content of a file was not taken")


def take_content(reader: PackReader, file: PackedFile, target: IO[bytes]) -> None:
    """Read a file's content into `target`.

    Raises
    ------
    FormatError
        If it is not what was packed.
    """
    digest = hashlib.sha256()
    left = file.size_bytes
    while left:
        block = reader.some(left)
        digest.update(block)
        target.write(block)
        left -= len(block)
    if digest.hexdigest() != file.sha256:
        raise FormatError(
            f"the pack is damaged: `{file.path}` is not the file that was packed",
            hint="copy it again from where it came from",
        )


def _file(line: dict[str, Any], number: int) -> PackedFile:
    where = f"file {number} of the pack"
    path = _taken(line, "path", str, where)
    try:
        check_relative(path)
    except FormatError as error:
        raise FormatError(
            f"{where}: {error.message}", hint="it was not written by otel-replay; nothing of it was unpacked"
        ) from None
    sha256 = _taken(line, "sha256", str, where) if "sha256" in line else _name_of(path)
    if not is_sha256(sha256):
        raise FormatError(f"{where}, `{path}`, has no sha256")
    return PackedFile(
        path=path,
        size_bytes=_taken(line, "size_bytes", int, where),
        modified_ms=_taken(line, "modified_ms", int, where),
        sha256=sha256,
    )


def _end(line: dict[str, Any]) -> End:
    where = "the end of the pack"
    left_out = line.get("left_out", {})
    if not isinstance(left_out, dict):
        raise FormatError(f"{where}: `left_out` is {left_out!r:.80}")
    return End(
        files=_taken(line, "files", int, where),
        left_out={name: _taken(left_out, name, int, where) for name in left_out},
        generated_ns=_taken(line, "generated_ns", int, where) if left_out else 0,
    )


def _taken(line: dict[str, Any], key: str, kind: type, where: str) -> Any:
    value = line.get(key)
    if type(value) is not kind or (isinstance(value, int) and not 0 <= value < 2**62):
        raise FormatError(f"{where}: `{key}` is {value!r:.80}")
    return value


def _name_of(path: str) -> str:
    return path.rpartition("/")[2]
