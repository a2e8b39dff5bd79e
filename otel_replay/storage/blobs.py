"""Bytes kept once, under their sha256: the name proves the content, so a blob is never changed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from otel_replay.errors import StoreError
from otel_replay.storage.atomic import make_private_directory, open_atomically, write_atomically
from otel_replay.storage.inside import open_file, open_inside
from otel_replay.storage.refusals import could_not, shown, told_as_store_error

__all__ = ["Blobs", "is_sha256"]

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BLOCK_BYTES = 1 << 20


def is_sha256(text: object) -> bool:
    """Whether `text` can be the name of a blob."""
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


class Blobs:
    """The blobs of one run. The directory is made with the first blob that is put.

    Parameters
    ----------
    directory:
        `blobs/` of the run; a blob lies in it as `<first 2 digits>/<sha256>`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, sha256: str) -> Path:
        """Where the blob is, or would be.

        Raises
        ------
        StoreError
            If `sha256` is not 64 lower-case hexadecimal digits.
        """
        if not is_sha256(sha256):
            raise StoreError(f"{sha256!r} is not a sha256")
        return self.directory / sha256[:2] / sha256

    def put(self, data: bytes) -> str:
        """Keep `data`; returns its sha256. A blob that is there with another size is damaged and replaced."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if not _has_size(path, len(data)):
            make_private_directory(path.parent)
            write_atomically(path, data, durable=False)
        return sha256

    def put_file(self, source: Path) -> tuple[str, int]:
        """Keep the content of a file, in constant memory; returns its sha256 and its size in bytes."""
        make_private_directory(self.directory)
        with (
            told_as_store_error("read", source),
            open(open_file(Path(os.path.realpath(source))), "rb") as stream,
        ):
            incoming = self.directory / f"incoming-{os.getpid()}-{os.urandom(4).hex()}"
            # The name is known only at the end: written under another one, then moved to its own.
            with open_atomically(incoming, durable=False) as copy:
                sha256, size = _copy(stream, copy)
        path = self.path(sha256)
        with told_as_store_error("write", path):
            make_private_directory(path.parent)
            os.replace(incoming, path)
        return sha256, size

    def read(self, sha256: str) -> bytes:
        """The bytes of a blob, checked.

        Raises
        ------
        StoreError
            If it is not there, cannot be read, or is not what its name says.
        """
        path = self.path(sha256)
        try:
            with open(self._open(sha256), "rb") as stream:
                data = stream.read()
        except FileNotFoundError:
            raise StoreError(f"blob {sha256} is not in {shown(self.directory)}") from None
        except OSError as error:
            raise could_not("read", path, error) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(
                f"blob {shown(path)} is damaged: its {len(data)} bytes are not those that were stored",
                hint="`otel-replay verify` names everything in the run that was changed",
            )
        return data

    def check(self, sha256: str) -> str | None:
        """What is wrong with a blob, in words; None if nothing is. Constant memory."""
        try:
            with open(self._open(sha256), "rb") as stream:
                found, size = _copy(stream, None)
        except FileNotFoundError:
            return "is missing"
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"
        return None if found == sha256 else f"is damaged: its {size} bytes are not those that were stored"

    def __iter__(self) -> Iterator[str]:
        """The sha256 of every blob that is there, sorted."""
        try:
            folders = sorted(os.listdir(self.directory))
        except (FileNotFoundError, NotADirectoryError):
            return
        for folder in folders:
            if len(folder) == 2 and (self.directory / folder).is_dir():
                yield from sorted(name for name in os.listdir(self.directory / folder) if is_sha256(name))

    def _open(self, sha256: str) -> int:
        self.path(sha256)
        place = PurePosixPath(self.directory.name, sha256[:2], sha256)
        return open_inside(self.directory.parent, place)


def _has_size(path: Path, size: int) -> bool:
    try:
        return os.lstat(path).st_size == size
    except OSError:
        return False


def _copy(source: BinaryIO, target: BinaryIO | None) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
        size += len(block)
        if target is not None:
            target.write(block)
    return digest.hexdigest(), size
