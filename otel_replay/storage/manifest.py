"""The manifest: every output of a run with its size and sha256, so that the change of one byte is seen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from otel_replay.clock import iso_milliseconds
from otel_replay.errors import FormatError
from otel_replay.light import light, names_of
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.blobs import Blobs
from otel_replay.storage.contents import Artifact
from otel_replay.storage.documents import encode_document, read_document
from otel_replay.storage.inside import check_relative, open_inside
from otel_replay.storage.refusals import shown, told_as_store_error
from otel_replay.storage.small_hash import sha256_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "FORMAT",
    "MANIFEST_NAME",
    "VERSION",
    "Output",
    "digest_of",
    "journal_output",
    "manifest_bytes",
    "read_manifest",
    "write_manifest",
    "written_output",
]

FORMAT = "otel-replay.manifest"
VERSION = 1
MANIFEST_NAME = "manifest.json"

_BLOCK_BYTES = 1 << 20
_SCHEMAS = {"run.json": "otel-replay.run", "session_replay.json": "session_replay"}


@light(frozen=True, slots=True, kw_only=True)
class Output:
    """One output. `path` is relative to the run's directory; several outputs may share a blob.

    `offset` says where in the file its bytes begin; None where it is the whole file.
    """

    name: str
    path: str
    type: str
    schema: str
    size_bytes: int
    sha256: str
    created: str
    offset: int | None = None


_FIELDS = names_of(Output)
_NUMBERS = frozenset({"size_bytes", "offset"})


def write_manifest(
    run_directory: Path,
    *,
    run_id: str,
    created_ns: int,
    journals: Iterable[Path],
    artifacts: Iterable[Artifact],
    kept: Iterable[Output] = (),
) -> None:
    """Write `manifest.json` over what is in the directory now.

    Parameters
    ----------
    run_directory:
        The run.
    run_id, created_ns:
        What the manifest says of itself.
    journals:
        The journals that nobody writes any more.
    artifacts:
        The names that the run gave to blobs.
    kept:
        Outputs that are known already, and not read again.

    Raises
    ------
    StoreError
        If a file cannot be read or the manifest cannot be written.
    """
    made = manifest_bytes(
        run_directory,
        run_id=run_id,
        created_ns=created_ns,
        journals=journals,
        artifacts=artifacts,
        kept=kept,
    )
    write_atomically(run_directory / MANIFEST_NAME, made, durable=False)


def manifest_bytes(
    run_directory: Path,
    *,
    run_id: str,
    created_ns: int,
    journals: Iterable[Path],
    artifacts: Iterable[Artifact],
    kept: Iterable[Output] = (),
) -> bytes:
    """What :func:`write_manifest` would write now."""
    known = {output.path: output for output in kept}
    outputs = [*_files(run_directory, journals, known), *_blobs(run_directory, artifacts)]
    body = {
        "run_id": run_id,
        "created": iso_milliseconds(created_ns),
        "outputs": list(map(_body, outputs)),
    }
    return encode_document(FORMAT, VERSION, body)


def _body(output: Output) -> dict[str, Any]:
    body = {name: getattr(output, name) for name in _FIELDS}
    if output.offset is None:
        del body["offset"]
    return body


def read_manifest(run_directory: Path) -> list[Output]:
    """The outputs that `manifest.json` names. Each path is checked: it stays inside the run.

    Raises
    ------
    StoreError
        If it cannot be read.
    FormatError
        If it is damaged, of a newer version, or names a path outside of the run.
    """
    path = run_directory / MANIFEST_NAME
    outputs = read_document(path, FORMAT, VERSION).get("outputs")
    if not isinstance(outputs, list):
        raise FormatError(f"{shown(path)}: `outputs` is not a list")
    return [_output(item, f"output {number} in {shown(path)}") for number, item in enumerate(outputs, 1)]


def _output(item: Any, where: str) -> Output:
    if not isinstance(item, dict):
        raise FormatError(f"{where} is not an object")
    values: dict[str, Any] = {}
    for name in _FIELDS:
        value = item.get(name)
        if name == "offset" and value is None:
            continue
        right = int if name in _NUMBERS else str
        if not isinstance(value, right) or isinstance(value, bool):
            raise FormatError(f"{where}: `{name}` is {value!r:.80}")
        values[name] = value
    check_relative(values["path"])
    return Output(**values)


def digest_of(run_directory: Path, relative: str) -> tuple[int, str]:
    """Size and sha256 of a file of the run, in constant memory; links are not followed.

    Raises
    ------
    OSError
        If it is not there or cannot be read.
    """
    size = 0
    with open(open_inside(run_directory, check_relative(relative)), "rb", buffering=0) as stream:
        digest = sha256_for(os.fstat(stream.fileno()).st_size)
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def _files(run_directory: Path, journals: Iterable[Path], known: Mapping[str, Output]) -> Iterator[Output]:
    for name, schema in _SCHEMAS.items():
        if name in known:
            yield known[name]
        elif (run_directory / name).is_file():
            yield _hashed(run_directory, name, "json", schema)
    for path in journals:
        relative = f"journal/{path.name}"
        yield known.get(relative) or _hashed(run_directory, relative, "jsonl", "otel-replay.journal")
    for folder in ("", "journal/", "blobs/"):
        for name in _torn(run_directory / folder):
            yield _hashed(run_directory, folder + name, "torn", "otel-replay.torn")


def _torn(folder: Path) -> list[str]:
    """The files in `folder` that hold what was torn off."""
    try:
        names = sorted(name for name in os.listdir(folder) if ".torn" in name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in names if (folder / name).is_file() and not (folder / name).is_symlink()]


def _hashed(run_directory: Path, relative: str, kind: str, schema: str) -> Output:
    path = run_directory / relative
    with told_as_store_error("read", path):
        size, sha256 = digest_of(run_directory, relative)
        created = iso_milliseconds(os.lstat(path).st_mtime_ns)
    return Output(
        name=path.name,
        path=relative,
        type=kind,
        schema=schema,
        size_bytes=size,
        sha256=sha256,
        created=created,
    )


def _blobs(run_directory: Path, artifacts: Iterable[Artifact]) -> Iterator[Output]:
    named: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        named.setdefault(artifact.sha256, []).append(artifact)
    with told_as_store_error("read", run_directory / "blobs"):
        places = list(Blobs(run_directory / "blobs").places())
    for place in places:
        # Its name is its hash, computed when the bytes were stored; verify reads them again.
        for name, kind, schema in _names(place.sha256, named.get(place.sha256)):
            yield Output(
                name=name,
                path=place.path,
                type=kind,
                schema=schema,
                size_bytes=place.size_bytes,
                sha256=place.sha256,
                created=iso_milliseconds(place.changed_ns),
                offset=place.offset,
            )


def written_output(run_directory: Path, name: str, data: bytes) -> Output:
    """The output that a file is which was written just now, and held `data`."""
    with told_as_store_error("read", run_directory / name):
        created = iso_milliseconds(os.stat(f"{run_directory}/{name}").st_mtime_ns)
    return Output(
        name=name,
        path=name,
        type="json",
        schema=_SCHEMAS[name],
        size_bytes=len(data),
        sha256=_sha256(data),
        created=created,
    )


def _sha256(data: bytes) -> str:
    digest = sha256_for(len(data))
    digest.update(data)
    return str(digest.hexdigest())


def journal_output(name: str, *, size_bytes: int, sha256: str, changed_ns: int) -> Output:
    """The output that a closed journal is."""
    return Output(
        name=name,
        path=f"journal/{name}",
        type="jsonl",
        schema="otel-replay.journal",
        size_bytes=size_bytes,
        sha256=sha256,
        created=iso_milliseconds(changed_ns),
    )


def _suffix(name: str) -> str:
    """The ending of an artifact's name, as pathlib sees it, without its cost."""
    stem, dot, suffix = name.rstrip("/").rpartition("/")[2].rpartition(".")
    return suffix if dot and stem.strip(".") else ""


def _names(sha256: str, artifacts: list[Artifact] | None) -> Iterator[tuple[str, str, str]]:
    if not artifacts:
        yield sha256, "blob", "otel-replay.blob"
    for artifact in dict.fromkeys(artifacts or ()):
        suffix = _suffix(artifact.name)
        yield artifact.name, suffix or artifact.media_type or "blob", "otel-replay.artifact"
