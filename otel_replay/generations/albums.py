"""Albums: folders of numbered images and one document that lists them, as other programs read them too.

How the document is spelled is a :class:`Layout`'s business. An image is on the disk before the document names
it, and the document is replaced at one blow: whatever is killed, what was acknowledged is there.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from otel_replay.errors import FormatError, StoreError
from otel_replay.generations.refusals import Conflict, NoSuch, Unusable
from otel_replay.orjson_loading import orjson
from otel_replay.storage.atomic import make_private_directory, sync_directory, write_atomically
from otel_replay.storage.inside import check_relative, open_file, open_inside
from otel_replay.storage.refusals import could_not, shown, told_as_store_error

__all__ = ["Album", "AlbumWriter", "Albums", "Layout", "Picture", "validate_label", "validate_name"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)
_LARGEST_DOCUMENT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One generated image of an album. `label` stands in its file's name; `details` is the caller's own.

    What is empty or None was not said, as in albums that other programs have written.
    """

    index: int
    filename: str
    prompt: str = ""
    time_s: float = 0.0
    label: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    model: str = ""
    provider: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    latency_ms: float | None = None
    sha256: str = ""
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    span_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """An album as its document says it. Times are seconds since the epoch."""

    name: str
    created_s: float = 0.0
    run_id: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How an album's document is called and spelled.

    `read` raises FormatError where a document is none of its kind; `reserved` are names that no album has.
    """

    document_name: str
    write: Callable[[Album], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], Album]
    reserved: frozenset[str] = frozenset()


def validate_name(text: str, reserved: frozenset[str] = frozenset()) -> str:
    """`text`, if it can be the name of a folder here and a part of a URL.

    Raises
    ------
    Unusable
        If it might lead elsewhere, garble a terminal, or means something else.
    """
    if _NAME.fullmatch(text) is None:
        raise Unusable(
            f"{text!r:.200} is not an id",
            hint="an id has 1 to 128 letters, digits, `.`, `_` or `-`, and begins with a letter or digit",
        )
    if text.lower() in reserved:
        raise Unusable(f"`{text}` is not an id: it is the name of a route", hint="choose another id")
    return text


def validate_label(text: str) -> str:
    """`text`, if it can stand in a file's name; empty is none.

    Raises
    ------
    Unusable
        If it cannot.
    """
    if text and _LABEL.fullmatch(text) is None:
        raise Unusable(f"{text!r:.100} has not 1 to 32 letters, digits, `_` or `-`")
    return text


class Albums:
    """The albums in one folder. Making the object does not touch the disk.

    Parameters
    ----------
    root:
        The folder; made with the first album.
    layout:
        How documents are spelled.
    """

    def __init__(self, root: Path, layout: Layout) -> None:
        self.root = root
        self.layout = layout
        self._created: dict[str, float] = {}

    def names(self) -> list[str]:
        """The names of all albums, the oldest first. A folder without a document is none.

        Raises
        ------
        StoreError
            If the folder cannot be read.
        """
        with told_as_store_error("read", self.root):
            try:
                found = [name for name in os.listdir(self.root) if self._is_album(name)]
            except FileNotFoundError:
                return []
        for name in found:
            if name not in self._created:
                try:
                    self._created[name] = self.read(name).created_s
                except (StoreError, FormatError, NoSuch):
                    self._created[name] = 0.0  # damaged ones come first, where they are seen
        return sorted(found, key=lambda name: (self._created[name], name))

    def _is_album(self, name: str) -> bool:
        fit = _NAME.fullmatch(name) is not None and name.lower() not in self.layout.reserved
        return fit and (self.root / name / self.layout.document_name).is_file()

    def folder(self, name: str) -> Path:
        """Where an album of this name is, or would be."""
        return self.root / validate_name(name, self.layout.reserved)

    def document(self, name: str) -> dict[str, Any]:
        """An album's document as it stands in its file.

        Raises
        ------
        NoSuch
            If there is no such album.
        StoreError, FormatError
            If it cannot be read, or is none.
        """
        path = self.folder(name) / self.layout.document_name
        try:
            with open(open_file(path), "rb") as stream:
                data = stream.read(_LARGEST_DOCUMENT_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            raise NoSuch(f"there is no `{name}` in {shown(self.root)}") from None
        except OSError as error:
            raise could_not("read", path, error) from error
        if len(data) > _LARGEST_DOCUMENT_BYTES:
            raise FormatError(f"{shown(path)} is larger than {_LARGEST_DOCUMENT_BYTES >> 20} MiB")
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise FormatError(f"{shown(path)} is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise FormatError(f"{shown(path)} is not a JSON object")
        return document

    def read(self, name: str) -> Album:
        """An album. The name is its folder's, whatever the document says: a copied folder is a copy.

        Raises
        ------
        NoSuch, StoreError, FormatError
            As :meth:`document`.
        """
        document = self.document(name)
        try:
            return replace(self.layout.read(document), name=name)
        except FormatError as error:
            path = self.folder(name) / self.layout.document_name
            raise FormatError(f"{shown(path)}: {error.message}", hint=error.hint) from None

    def image(self, name: str, picture: Picture) -> bytes:
        """The bytes of an image, as they were recorded.

        Raises
        ------
        StoreError
            If it is gone, cannot be read, or is not what was recorded.
        FormatError
            If the document names a file outside the album.
        """
        folder = self.folder(name)
        path = folder / picture.filename
        try:
            with open(open_inside(folder, _plain_name(picture.filename)), "rb") as stream:
                data = stream.read()
        except FileNotFoundError:
            raise StoreError(
                f"image {picture.index} of `{name}` is gone: there is no {shown(path)}"
            ) from None
        except OSError as error:
            raise could_not("read", path, error) from error
        if picture.sha256 and hashlib.sha256(data).hexdigest() != picture.sha256:
            raise StoreError(
                f"image {picture.index} of `{name}` is damaged: {shown(path)} is not what was recorded",
                hint="its sha256 in the document says so; the run's blob may still have it",
            )
        return data

    def begin(self, name: str, *, created_s: float) -> AlbumWriter:
        """A new, empty album.

        Raises
        ------
        Conflict
            If there is one of this name.
        StoreError
            If it cannot be made.
        """
        return AlbumWriter(self, Album(name=name, created_s=created_s))

    def place(self, new: Path, name: str) -> None:
        """Move a finished folder to its place.

        Raises
        ------
        Conflict
            If something is there already.
        """
        final = self.folder(name)
        # rename() would put the new folder in place of an empty one.
        if os.path.lexists(final):
            raise Conflict(f"`{name}` is there already in {shown(self.root)}", hint="choose another id")
        try:
            os.rename(new, final)
        except OSError as error:
            if os.path.lexists(final):
                raise Conflict(f"`{name}` is there already in {shown(self.root)}") from None
            raise could_not("make the directory", final, error) from error
        self._created.pop(name, None)
        sync_directory(self.root)

    def encode(self, album: Album) -> bytes:
        """The document of an album, as the bytes of its file."""
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        return orjson.dumps(self.layout.write(album), option=options)


class AlbumWriter:
    """An album that grows. Made by :meth:`Albums.begin`; for any number of threads."""

    def __init__(self, albums: Albums, album: Album) -> None:
        self._albums = albums
        self._lock = threading.Lock()
        self.album = album
        self.folder = albums.folder(album.name)
        new = albums.root / f".new-{os.getpid()}-{os.urandom(4).hex()}"
        make_private_directory(new)
        try:
            write_atomically(new / albums.layout.document_name, albums.encode(album))
            albums.place(new, album.name)
        except BaseException:
            (new / albums.layout.document_name).unlink(missing_ok=True)
            if new.is_dir():
                new.rmdir()
            raise

    def belongs_to(self, run_id: str) -> None:
        """Say which run of the store records it."""
        with self._lock:
            self._keep(replace(self.album, run_id=run_id))

    def add(self, data: bytes, picture: Picture) -> Picture:
        """Keep an image as the next one; on return it survives a kill and a power failure.

        `index`, `filename`, `sha256` and `size_bytes` of `picture` are filled in: images are numbered as they
        come, so that there is no gap whatever else is under way or fails.

        Raises
        ------
        StoreError
            If it cannot be written: then it is not in the album.
        """
        label = validate_label(picture.label)
        with self._lock:
            index = len(self.album.pictures)
            kept = replace(
                picture,
                index=index,
                filename=f"{index:04d}_{label}.png" if label else f"{index:04d}.png",
                sha256=hashlib.sha256(data).hexdigest(),
                size_bytes=len(data),
            )
            write_atomically(self.folder / kept.filename, data)
            self._keep(replace(self.album, pictures=(*self.album.pictures, kept)))
        return kept

    def _keep(self, album: Album) -> None:
        write_atomically(self.folder / self._albums.layout.document_name, self._albums.encode(album))
        self.album = album


def _plain_name(filename: str) -> PurePosixPath:
    place = check_relative(filename)
    if len(place.parts) != 1:
        raise FormatError(f"{filename!r} does not name a file of the album")
    return place
