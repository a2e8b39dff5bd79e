"""A packed run becomes a directory again: whole, checked, and never outside of the place it was given.

A pack may come from anybody. Only files are taken, by names that stay inside; nothing follows a link; how
much it may unfold to is limited; and the run appears only after its last byte was compared.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from otel_replay.errors import FormatError, StoreError, UsageError
from otel_replay.storage.atomic import make_private_directory
from otel_replay.storage.inside import open_file
from otel_replay.storage.pack_files import End, Limits, PackedFile, read_files, take_content
from otel_replay.storage.pack_stream import PackReader
from otel_replay.storage.refusals import could_not, shown, told_as_store_error
from otel_replay.storage.remake import DERIVED_NAMES, remake
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import HEADER_NAME, header_in_journals
from otel_replay.storage.store import RUNS_NAME, Store, validate_run_id

__all__ = ["Unpacked", "unpack", "unpack_into", "unpacked"]

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What :func:`unpack` made."""

    run_id: str
    directory: Path
    files: int
    size_bytes: int


def unpack(path: Path, store: Store, *, limits: Limits | None = None) -> Unpacked:
    """Put the run in the pack `path` into a store, under the id that it has.

    Raises
    ------
    UsageError
        If the store has a run of that id, or Zstandard is not installed.
    FormatError
        If it is not a pack, is damaged, was cut or changed, leads out of its place, or exceeds `limits`.
    StoreError
        If something cannot be read or written.
    """
    store.ensure()
    runs = store.root / RUNS_NAME
    make_private_directory(runs)
    return _unpack(path, runs, limits, into_store=True)


def unpack_into(path: Path, directory: Path, *, limits: Limits | None = None) -> Unpacked:
    """As :func:`unpack`, into `directory/RUN_ID`."""
    make_private_directory(directory)
    return _unpack(path, directory, limits, into_store=False)


@contextmanager
def unpacked(path: Path, *, limits: Limits | None = None) -> Iterator[RunFiles]:
    """The run in a pack, in a temporary directory that goes away with the block."""
    with tempfile.TemporaryDirectory(prefix="otel-replay-") as place:
        yield RunFiles(unpack_into(path, Path(place), limits=limits).directory)


def _unpack(path: Path, parent: Path, limits: Limits | None, *, into_store: bool) -> Unpacked:
    with told_as_store_error("read", path):
        fd = open_file(Path(os.path.realpath(path)))
    with open(fd, "rb") as stream:
        reader = PackReader(stream, path)
        run_id = validate_run_id(str(reader.line().get("run_id")))
        final = parent / run_id
        if os.path.lexists(final):
            raise _is_there(final, run_id, into_store=into_store)
        staging = parent / f".new-{os.getpid()}-{os.urandom(4).hex()}"
        make_private_directory(staging)
        try:
            count, size = _extract(reader, staging, limits or Limits())
            # A run that was interrupted has none yet; its journal says the same.
            if not (staging / HEADER_NAME).is_file() and header_in_journals(staging) is None:
                raise FormatError(f"there is no {HEADER_NAME} in it: it holds no run")
            _move(staging, final, run_id, into_store=into_store)
        except FormatError as error:
            raise _naming(path, error) from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return Unpacked(run_id=run_id, directory=final, files=count, size_bytes=size)


def _move(staging: Path, final: Path, run_id: str, *, into_store: bool) -> None:
    # rename() would put the new directory in place of an empty one.
    if os.path.lexists(final):
        raise _is_there(final, run_id, into_store=into_store)
    with told_as_store_error("make the directory", final):
        os.rename(staging, final)


def _is_there(final: Path, run_id: str, *, into_store: bool) -> UsageError:
    hint = f"`otel-replay delete {run_id}` takes it away; --to DIR unpacks it elsewhere"
    return UsageError(
        f"{shown(final)} is there already", hint=hint if into_store else "name another directory"
    )


def _naming(path: Path, error: FormatError) -> FormatError:
    if str(path) in error.message:
        return error
    return FormatError(f"{shown(path)}: {error.message}", hint=error.hint)


def _extract(reader: PackReader, directory: Path, limits: Limits) -> tuple[int, int]:
    """Write all files below `directory`; returns how many there are and their size in bytes."""
    count = size = 0
    for file in read_files(reader, limits):
        if isinstance(file, End):
            reader.end()
            _make_again(file, directory)
        else:
            _write(reader, file, directory)
            count, size = count + 1, size + file.size_bytes
    return count, size


def _write(reader: PackReader, file: PackedFile, directory: Path) -> None:
    path = directory / file.path
    make_private_directory(path.parent)
    try:
        with open(os.open(path, _NEW_FILE, 0o600), "wb") as target:
            take_content(reader, file, target)
    except FileExistsError:
        raise FormatError(f"`{file.path}` is in the pack twice") from None
    except OSError as error:
        raise could_not("write", path, error) from error
    _keep_time(path, file.modified_ms)


def _make_again(end: End, directory: Path) -> None:
    for name in end.left_out:
        if name not in DERIVED_NAMES:
            raise FormatError(f"the pack says that {name!r:.100} can be made again, which it cannot")
    for name in DERIVED_NAMES:
        if name in end.left_out:
            _keep_time(remake(RunFiles(directory), name, end.generated_ns), end.left_out[name])


def _keep_time(path: Path, modified_ms: int) -> None:
    try:
        os.utime(path, ns=(modified_ms * 1_000_000, modified_ms * 1_000_000), follow_symlinks=False)
    except (OSError, OverflowError) as error:
        raise StoreError(f"cannot set the time of {shown(path)}: {error}") from error
