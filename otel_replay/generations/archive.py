"""An album as one .tar.gz, and back. What comes in may be anybody's: it goes into its folder or nowhere."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from otel_replay.errors import FormatError
from otel_replay.generations.albums import Albums, validate_name
from otel_replay.generations.refusals import NoSuch, Unusable
from otel_replay.storage.atomic import is_leftover, make_private_directory, sync_directory
from otel_replay.storage.inside import check_relative, open_inside
from otel_replay.storage.refusals import told_as_store_error

__all__ = ["archive", "restore"]

LARGEST_UNPACKED_BYTES = 4 << 30
MOST_MEMBERS = 100_000
_BLOCK_BYTES = 1 << 20


def archive(albums: Albums, name: str, stream: BinaryIO) -> None:
    """Write an album to `stream` as .tar.gz: its folder, as `tar -czf` would.

    Raises
    ------
    NoSuch
        If there is no such album.
    StoreError
        If it cannot be read.
    """
    folder = albums.folder(name)
    document = folder / albums.layout.document_name
    if not document.is_file():
        raise NoSuch(f"there is no `{name}` in `{albums.root}`")
    with (
        told_as_store_error("read", folder),
        tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.PAX_FORMAT, compresslevel=1) as tar,
    ):
        # The document first: what it names is there by then, and what is added meanwhile is not in it.
        for path in [document, *sorted(path for path in folder.iterdir() if path != document)]:
            if is_leftover(path.name) or not stat.S_ISREG(os.lstat(path).st_mode):
                continue
            with open(open_inside(folder, PurePosixPath(path.name)), "rb") as content:
                member = tar.gettarinfo(arcname=f"{name}/{path.name}", fileobj=content)
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                tar.addfile(member, content)


def restore(albums: Albums, stream: BinaryIO, name: str | None = None) -> str:
    """Put an archived album back, under its own name or another one; returns the name.

    Takes what :func:`archive` made, and what `tar -czf` made of the folder, from wherever it was called.

    Raises
    ------
    Conflict
        If there is an album of this name.
    Unusable
        If it is no archive of one album, too large, or holds anything that is not a plain file inside of it.
    StoreError
        If it cannot be written.
    """
    make_private_directory(albums.root)
    _sweep(albums.root)
    new = albums.root / f".restored-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        top = _unpack(albums, stream, new)
        given = validate_name(top.name if name is None else name, albums.layout.reserved)
        folder = new.joinpath(*top.parts)
        _check(albums, folder)
        albums.place(folder, given)
        return given
    except (tarfile.TarError, EOFError, zlib.error, UnicodeError) as error:
        raise Unusable(f"it is not a .tar.gz that can be read: {error}"[:300]) from None
    except OSError as error:
        if isinstance(error, (tarfile.ReadError, EOFError)) or error.errno is None:
            raise Unusable(f"it is not a .tar.gz that can be read: {error}"[:300]) from None
        raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _unpack(albums: Albums, stream: BinaryIO, new: Path) -> PurePosixPath:
    """Write the members below `new`; returns the folder that has the document."""
    tops: set[PurePosixPath] = set()
    written: set[PurePosixPath] = set()
    size = 0
    with tarfile.open(fileobj=stream, mode="r|gz") as tar:
        for number, member in enumerate(tar):
            place = _place(member)
            size += member.size
            if number >= MOST_MEMBERS or size > LARGEST_UNPACKED_BYTES:
                raise Unusable(
                    f"it holds more than {MOST_MEMBERS:,} files or {LARGEST_UNPACKED_BYTES >> 30} GiB"
                )
            # Finder's own notes, which macOS packs beside each file.
            if member.isdir() or place.name.startswith("._"):
                continue
            if place in written:
                raise Unusable(f"the archive is refused: it holds {member.name!r:.200} twice")
            written.add(place)
            if place.name == albums.layout.document_name:
                tops.add(place.parent)
            content = tar.extractfile(member)
            assert content is not None
            target = new.joinpath(*place.parts)
            make_private_directory(target.parent)
            with told_as_store_error("write", target), open(target, "xb") as out:
                shutil.copyfileobj(content, out, _BLOCK_BYTES)
                out.flush()
                os.fsync(out.fileno())
    if len(tops) != 1:
        raise Unusable(
            f"the archive has {len(tops)} files named {albums.layout.document_name}; one is wanted",
            hint="archive one folder at a time",
        )
    top = tops.pop()
    if not top.parts:
        raise Unusable("the archive's files lie in no folder", hint="archive the folder, not what is in it")
    for place in written:
        if top not in place.parents:
            raise Unusable(f"the archive holds more than one folder: `{place}` is not in `{top}`")
    return top


def _place(member: tarfile.TarInfo) -> PurePosixPath:
    """Where a member goes, if it is a plain file or a folder inside the archive."""
    name = member.name.removeprefix("./")
    if member.isdir() and name in {"", "."}:
        return PurePosixPath(".")
    try:
        place = check_relative(name.removesuffix("/"))
    except FormatError:
        raise Unusable(f"the archive is refused: {member.name!r:.200} would leave its folder") from None
    if not (member.isreg() or member.isdir()):
        raise Unusable(f"the archive is refused: {member.name!r:.200} is neither a file nor a folder")
    return place


def _sweep(root: Path) -> None:
    """Away with what processes that were killed in the middle of this have left behind."""
    for left in (*root.glob(".restored-*-*"), *root.glob(".new-*-*")):
        process = left.name.split("-")[1]
        try:
            os.kill(int(process), 0)
        except (ProcessLookupError, OverflowError):
            shutil.rmtree(left, ignore_errors=True)
        except (OSError, ValueError):
            pass  # it lives, or this is nothing of ours


def _check(albums: Albums, folder: Path) -> None:
    """That what was unpacked is an album."""
    inner = Albums(folder.parent, albums.layout)
    try:
        inner.read(folder.name)
    except FormatError as error:
        raise Unusable(f"what the archive holds is not an album: {error.message}") from None
    sync_directory(folder)
