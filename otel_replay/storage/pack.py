"""A run as one compressed file: its files as they are, without what can be made again from them.

The same run makes the same pack, to the byte. Memory does not grow with the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from otel_replay.errors import StoreError
from otel_replay.storage.atomic import is_leftover, open_output
from otel_replay.storage.finalise import LOCK_NAME
from otel_replay.storage.inside import check_relative, open_inside
from otel_replay.storage.manifest import digest_of
from otel_replay.storage.pack_files import End, PackedFile, write_end, write_file
from otel_replay.storage.pack_stream import PackWriter
from otel_replay.storage.refusals import shown, told_as_store_error
from otel_replay.storage.remake import DERIVED_NAMES, derived_at
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import HEADER_NAME
from otel_replay.storage.store import validate_run_id

__all__ = ["SUFFIX", "Packed", "pack"]

SUFFIX = ".orpack"
"""What the name of a pack ends with."""

_NOT_PACKED = frozenset({"sent"})
"""How far `send` came from this machine is nobody else's business."""

_SMALL_BYTES = 1 << 20
_LEVELS = (19, 9)
"""The level for what is small, where time does not count, and for the rest: 70 MB a second and core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What :func:`pack` wrote."""

    path: Path
    files: int
    size_bytes: int
    packed_bytes: int


def pack(files: RunFiles, target: Path, *, level: int | None = None) -> Packed:
    """Write the run into the file `target`, whole or not at all.

    Parameters
    ----------
    files:
        The run; damaged ones are packed as they are.
    target:
        The pack; what stands there is replaced.
    level:
        How hard Zstandard tries, 1 to 22; by default the size of the run decides.

    Raises
    ------
    StoreError
        If the run is still being written, holds what is no file, or something cannot be read or written.
    UsageError
        If Zstandard is not installed.
    """
    run_id = validate_run_id(files.directory.resolve().name)
    if files.is_written():
        raise StoreError(f"run {run_id} is still being written", hint="pack it when its process has ended")
    with told_as_store_error("read", files.directory):
        found = sorted(_walk(files.directory, ""), key=_order)
    made_ns = derived_at(files)
    left_out = DERIVED_NAMES if made_ns is not None else ()
    chosen = [file for file in found if file.path not in left_out]
    size = sum(file.size_bytes for file in chosen)
    chosen_level = level if level is not None else _LEVELS[size > _SMALL_BYTES]
    with open_output(target, private=True) as stream:
        out = PackWriter(stream, chosen_level)
        out.write_line({"run_id": run_id})
        for file in chosen:
            _put(out, files.directory, file)
        times = {file.path: file.modified_ms for file in found if file.path in left_out}
        write_end(out, End(files=len(chosen), left_out=times, generated_ns=made_ns or 0))
        out.close()
        packed_bytes = stream.tell() if stream.seekable() else 0
    return Packed(path=target, files=len(chosen), size_bytes=size, packed_bytes=packed_bytes)


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    size_bytes: int
    modified_ms: int


def _walk(directory: Path, inside: str) -> Iterator[_Found]:
    with os.scandir(directory / inside) as entries:
        for entry in entries:
            path = f"{inside}{entry.name}"
            if entry.name == LOCK_NAME or is_leftover(entry.name) or path in _NOT_PACKED:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(directory, path + "/")
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                yield _Found(path, status.st_size, max(0, status.st_mtime_ns // 1_000_000))
            else:
                raise StoreError(
                    f"{shown(directory / path)} is not a file of a run",
                    hint="move it away and pack the run again",
                )


def _order(file: _Found) -> tuple[bool, bool, int, str]:
    # The journal early: the names of the blobs stand in it, and cost nothing where they come again.
    return file.path != HEADER_NAME, not file.path.startswith("journal/"), -file.size_bytes, file.path


def _put(out: PackWriter, directory: Path, found: _Found) -> None:
    path = directory / found.path
    with told_as_store_error("read", path):
        size, sha256 = digest_of(directory, found.path)
        fd = open_inside(directory, check_relative(found.path))
    file = PackedFile(path=found.path, size_bytes=size, modified_ms=found.modified_ms, sha256=sha256)
    with open(fd, "rb", buffering=0) as stream:
        write_file(out, file, stream)
