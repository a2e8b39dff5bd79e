"""A file of somebody else, opened for reading as often as is needed, and no more of it than is asked for."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

from otel_replay.errors import FormatError
from otel_replay.importing.unwrapping import unwrapped
from otel_replay.storage.refusals import shown, told_as_store_error

__all__ = ["HEAD_BYTES", "Damage", "SourceFile", "opened"]

HEAD_BYTES = 4096
_MOST_TOLD = 100
_MOST_DOCUMENT_BYTES = 4 << 30
_BLOCK_BYTES = 1 << 20


class Damage(list[str]):
    """What cannot be read of a file. Of very much the first hundred parts, and how many more."""

    def __init__(self) -> None:
        super().__init__()
        self.left_out = 0

    def append(self, reason: str) -> None:
        """Take note of one more."""
        if len(self) < _MOST_TOLD:
            super().append(reason)
        else:
            self.left_out += 1

    def told(self) -> tuple[str, ...]:
        """All of it, in words."""
        return (*self, f"{self.left_out:,} parts more") if self.left_out else tuple(self)


@dataclass(slots=True, kw_only=True)
class SourceFile:
    """The file that is read.

    Attributes
    ----------
    name:
        Without folders, for a person.
    path:
        Where its bytes are; of what came through a pipe a copy.
    sha256:
        Of its bytes, as they are on the disk.
    folder:
        An empty folder for what does not fit into memory; it is gone with the source.
    damage:
        What could not be read of it, as of the latest reading.
    """

    name: str
    path: Path
    sha256: str
    folder: Path
    damage: Damage = field(default_factory=Damage)

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """What is in it, from its beginning; decompressed, where it is compressed."""
        self.damage = Damage()
        with told_as_store_error("read", self.path), self.path.open("rb") as file:
            yield unwrapped(file, self.damage)

    def head(self) -> bytes:
        """How what is in it begins."""
        with self.stream() as stream:
            return stream.read(HEAD_BYTES)

    def content(self) -> bytes:
        """All that is in it.

        Raises
        ------
        FormatError
            If that is more than 4 GiB.
        """
        with self.stream() as stream:
            content = stream.read(_MOST_DOCUMENT_BYTES + 1)
        if len(content) > _MOST_DOCUMENT_BYTES:
            raise FormatError(
                f"it is one document of more than {_MOST_DOCUMENT_BYTES >> 30} GiB",
                hint="lines of OTLP JSON may be as long as you like",
            )
        return content

    def decompressed(self) -> Path:
        """A file with what is in it; its own where it is not compressed."""
        with told_as_store_error("read", self.path), self.path.open("rb") as file, self.stream() as stream:
            if file.read(HEAD_BYTES) == stream.read(HEAD_BYTES):
                return self.path
        place = self.folder / "content"
        with self.stream() as stream, told_as_store_error("write", place), place.open("wb") as target:
            copyfileobj(stream, target, _BLOCK_BYTES)
        return place


@contextmanager
def opened(path: Path, name: str = "") -> Iterator[SourceFile]:
    """The file at `path`, under its own name or another one; of a pipe what comes through it.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="otel-replay-")))
        with told_as_store_error("read", path), path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            # A pipe ends; /dev/zero does not.
            if stat.S_ISCHR(mode):
                raise OSError(errno.EINVAL, "it is a device", str(path))
            if not stat.S_ISREG(mode):
                name, path = name or path.name, _copied(stream, folder / "piped")
                sha256 = _digest(path)
            else:
                sha256 = _digest_of(stream)
        (folder / "held").mkdir()
        yield SourceFile(name=name or path.name, path=path, sha256=sha256, folder=folder / "held")


def _copied(stream: BinaryIO, place: Path) -> Path:
    try:
        with place.open("wb") as target:
            copyfileobj(stream, target, _BLOCK_BYTES)
    except OSError as error:
        raise FormatError(f"cannot keep what comes in {shown(place)}: {error.strerror}") from error
    return place


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return _digest_of(stream)


def _digest_of(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()
