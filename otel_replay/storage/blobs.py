"""Bytes kept once, under their sha256: it proves the content, so a blob is never changed.

Small blobs stand one behind the other in the bundle of the process that put them, large ones are files of
their own. This is the one door to both.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from otel_replay.clock import Clock
from otel_replay.errors import StoreError
from otel_replay.late import late
from otel_replay.light import light
from otel_replay.storage.atomic import make_private_directory, open_atomically, write_atomically
from otel_replay.storage.bundles import LARGEST_BYTES, SUFFIX, Bundle, Bundled, BundleWriter
from otel_replay.storage.inside import open_inside, open_to_read
from otel_replay.storage.refusals import could_not, shown, told_as_store_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["Blobs", "Place", "blobs_of", "is_sha256"]

_SHA256 = late(r"[0-9a-f]{64}", re.ASCII)
_BLOCK_BYTES = 1 << 20
_MOST_REMEMBERED = 10_000


@light(frozen=True)
class Place:
    """Where a blob is: the file, from `blobs/` on, and where in it; `offset` is None for a whole file."""

    sha256: str
    path: str
    offset: int | None
    size_bytes: int
    changed_ns: int


def blobs_of(run_directory: Path, clock: Clock) -> Blobs:
    """The blobs of a run, to be put by this process: bundles are called by its clock, as journals are."""
    directory = run_directory / "blobs"
    return Blobs(directory, BundleWriter(directory, clock))


def is_sha256(text: object) -> bool:
    """Whether `text` can be the name of a blob."""
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


class Blobs:
    """The blobs of one run. The directory is made with the first blob that is put.

    Parameters
    ----------
    directory:
        `blobs/` of the run.
    bundle:
        Takes small blobs that are put; without it, each becomes a file.
    """

    def __init__(self, directory: Path, bundle: BundleWriter | None = None) -> None:
        self.directory = directory
        self._bundle = bundle
        self._put: set[str] = set()
        """What this object has put into its bundle."""
        self._bundled: dict[str, list[Bundled]] | None = None
        """What was found in bundles, when they were looked through last."""

    # -- writing ---------------------------------------------------------------------------------------------

    def put(self, data: bytes) -> str:
        """Keep `data`; returns its sha256. When it returns, the blob survives the process.

        Raises
        ------
        OSError, StoreError
            If it cannot be kept.
        """
        import hashlib  # most processes keep no blob

        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 in self._put:
            return sha256
        if self._bundle is not None and len(data) <= LARGEST_BYTES and self._bundle.put(sha256, data):
            if len(self._put) >= _MOST_REMEMBERED:
                self._put.clear()
            self._put.add(sha256)
            return sha256
        path = self.path(sha256)
        # One that is there with another size is damaged, and replaced.
        if not _has_size(path, len(data)):
            make_private_directory(path.parent)
            write_atomically(path, data, durable=False)
        return sha256

    def put_file(self, source: Path) -> tuple[str, int]:
        """Keep the content of a file, in constant memory; returns its sha256 and its size in bytes."""
        with told_as_store_error("read", source):
            fd = open_to_read(source)
            try:
                size = os.fstat(fd).st_size
                data = os.read(fd, size + 1) if size <= LARGEST_BYTES else None
            finally:
                os.close(fd)
        if data is not None and len(data) == size:
            return self.put(data), size
        return self._put_stream(source)  # it is large, or grows

    def _put_stream(self, source: Path) -> tuple[str, int]:
        make_private_directory(self.directory)
        incoming = self.directory / f"incoming-{os.getpid()}-{os.urandom(4).hex()}"
        # The name is known only at the end: written under another one, then moved to its own.
        with (
            told_as_store_error("read", source),
            open(open_to_read(source), "rb") as stream,
            open_atomically(incoming, durable=False) as copy,
        ):
            sha256, size = _copy(stream, copy)
        path = self.path(sha256)
        with told_as_store_error("write", path):
            make_private_directory(path.parent)
            os.replace(incoming, path)
        return sha256, size

    def close(self) -> Path | None:
        """Let go of the bundle, if there is one: its file. What is put later goes into another one."""
        return self._bundle.close() if self._bundle is not None else None

    def forget(self) -> None:
        """In a forked child: leave the parent's bundle alone."""
        if self._bundle is not None:
            self._bundle.forget()

    # -- reading ---------------------------------------------------------------------------------------------

    def path(self, sha256: str) -> Path:
        """Where the blob is, or would be, if it is a file of its own.

        Raises
        ------
        StoreError
            If `sha256` is not 64 lower-case hexadecimal digits.
        """
        if not is_sha256(sha256):
            raise StoreError(f"{sha256!r} is not a sha256")
        return self.directory / sha256[:2] / sha256

    def read(self, sha256: str) -> bytes:
        """The bytes of a blob, checked.

        Raises
        ------
        StoreError
            If it is not there, cannot be read, or is not what its name says.
        """
        import hashlib

        path = self.path(sha256)
        damaged: tuple[str | os.PathLike[str], int] | None = None
        try:
            for place in self._places_of(sha256):
                with self.open_bundle(place.bundle) as bundle:
                    data = bundle.read(place)
                if hashlib.sha256(data).hexdigest() == sha256:
                    return data
                damaged = f"{sha256} in {self.directory / place.bundle}", len(data)
            with open(self._open(sha256[:2], sha256), "rb") as stream:
                data = stream.read()
            if hashlib.sha256(data).hexdigest() == sha256:
                return data
            damaged = path, len(data)
        except FileNotFoundError:
            if damaged is None:
                raise StoreError(f"blob {sha256} is not in {shown(self.directory)}") from None
        except OSError as error:
            raise could_not("read", path, error) from error
        raise StoreError(
            f"blob {shown(damaged[0])} is damaged: its {damaged[1]} bytes are not those that were stored",
            hint="`otel-replay verify` names everything in the run that was changed",
        )

    def check(self, sha256: str) -> str | None:
        """What is wrong with a blob, in words; None if nothing is. Constant memory."""
        self.path(sha256)
        problem = None
        try:
            for place in self._places_of(sha256):
                with self.open_bundle(place.bundle) as bundle:
                    if bundle.digest(place) == sha256:
                        return None
                problem = f"is damaged: its {place.size_bytes} bytes are not those that were stored"
        except OSError as error:
            problem = f"cannot be read: {error.strerror or error}"
        if problem is not None and not os.path.lexists(self.path(sha256)):
            return problem
        return self.check_file(sha256)

    def check_file(self, sha256: str) -> str | None:
        """As :meth:`check`, for a blob that is a file of its own."""
        self.path(sha256)
        try:
            with open(self._open(sha256[:2], sha256), "rb") as stream:
                found, size = _copy(stream, None)
        except FileNotFoundError:
            return "is missing"
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"
        return None if found == sha256 else f"is damaged: its {size} bytes are not those that were stored"

    def __contains__(self, sha256: str) -> bool:
        return os.path.lexists(self.path(sha256)) or bool(self._places_of(sha256))

    def __iter__(self) -> Iterator[str]:
        """The sha256 of every blob that is there, sorted."""
        yield from sorted({place.sha256 for place in self.places()})

    def places(self) -> Iterator[Place]:
        """Every place in which a blob is: the bundles in order, then the files by sha256.

        Raises
        ------
        OSError
            If one cannot be read.
        """
        folder = self.directory.name
        for name in self.bundles():
            with self.open_bundle(name) as bundle:
                for entry in bundle:
                    if isinstance(entry, Bundled):
                        where = (f"{folder}/{name}", entry.offset, entry.size_bytes, bundle.changed_ns)
                        yield Place(entry.sha256, *where)
        for group in self._names():
            if len(group) == 2 and (self.directory / group).is_dir():
                for name in sorted(filter(is_sha256, os.listdir(self.directory / group))):
                    status = os.lstat(self.directory / group / name)
                    path = f"{folder}/{group}/{name}"
                    yield Place(name, path, None, status.st_size, status.st_mtime_ns)

    def bundles(self) -> list[str]:
        """The names of the bundles that are there."""
        return [name for name in self._names() if name.endswith(SUFFIX)]

    def open_bundle(self, name: str) -> Bundle:
        """A bundle, to be read through and closed.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        return Bundle(self._open(name), name)

    def _places_of(self, sha256: str) -> list[Bundled]:
        # What is not there may have been put since: a run that goes on is read too.
        if self._bundled is None or sha256 not in self._bundled:
            self._bundled = {}
            for name in self.bundles():
                try:
                    with self.open_bundle(name) as bundle:
                        for entry in bundle:
                            if isinstance(entry, Bundled):
                                self._bundled.setdefault(entry.sha256, []).append(entry)
                except OSError:
                    continue  # it cannot be read, or is a link: what it may hold is missing
        return self._bundled.get(sha256, [])

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self.directory))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _open(self, *parts: str) -> int:
        return open_inside(self.directory.parent, PurePosixPath(self.directory.name, *parts))


def _has_size(path: Path, size: int) -> bool:
    try:
        return os.lstat(path).st_size == size
    except OSError:
        return False


def _copy(source: BinaryIO, target: BinaryIO | None) -> tuple[str, int]:
    import hashlib

    digest = hashlib.sha256()
    size = 0
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
        size += len(block)
        if target is not None:
            target.write(block)
    return digest.hexdigest(), size
