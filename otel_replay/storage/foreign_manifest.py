"""Registers a file in the manifest of somebody else, and keeps all that else stands in there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from otel_replay.clock import SYSTEM_CLOCK, Clock, iso_milliseconds
from otel_replay.errors import FormatError
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.manifest import MANIFEST_NAME
from otel_replay.storage.refusals import shown, told_as_store_error

__all__ = ["register_output"]


def register_output(path: Path, *, schema: str, clock: Clock = SYSTEM_CLOCK) -> None:
    """Name the file `path` among the `outputs` of the `manifest.json` beside it, which is made if need be.

    An entry for the same path is brought up to date: its other keys stay, and so does everything else in the
    manifest. It is whole at any moment; of several processes that register, each has its turn.

    Raises
    ------
    StoreError
        If the file cannot be read, or the manifest cannot be written.
    FormatError
        If the manifest is no JSON object, or its `outputs` are no list: it is left as it is.
    """
    with told_as_store_error("read", path):
        content = path.read_bytes()
    entry = {
        "name": path.name,
        "path": path.name,
        "type": path.suffix[1:],
        "schema": schema,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "created": iso_milliseconds(clock()),
    }
    manifest = path.parent / MANIFEST_NAME
    with _turn(path.parent):
        text = _text(manifest)
        document = {"outputs": [entry]} if text is None else _with_output(text, entry, manifest)
        # One line stays one line.
        indent = 2 if text is None or "\n" in text.strip() else None
        separators = (",", ": ") if indent else (",", ":")
        written = json.dumps(document, indent=indent, separators=separators, ensure_ascii=False)
        write_atomically(manifest, written.encode("utf-8", "surrogatepass"))


def _text(manifest: Path) -> str | None:
    with told_as_store_error("read", manifest):
        try:
            return manifest.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise FormatError(f"{shown(manifest)} is not UTF-8: {error.reason}") from None


def _with_output(text: str, entry: dict[str, Any], manifest: Path) -> Any:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{shown(manifest)} is not a JSON document: {error}") from None
    outputs = document.setdefault("outputs", []) if isinstance(document, dict) else None
    if not isinstance(outputs, list):
        raise FormatError(f"{shown(manifest)} is no manifest: its `outputs` are not a list")
    for known in outputs:
        if isinstance(known, dict) and known.get("path") == entry["path"]:
            known.update(entry)
            return document
    outputs.append(entry)
    return document


@contextmanager
def _turn(directory: Path) -> Iterator[None]:
    """One at a time: reading and writing again must not lose what another one has registered meanwhile."""
    with told_as_store_error("read", directory):
        fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
        except OSError:
            pass  # no locks on this file system: the manifest is whole all the same
        yield
    finally:
        os.close(fd)
