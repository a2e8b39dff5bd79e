"""The two files that a run's end derives from its journals, made again exactly as they were.

A pack leaves them out where that is so, and only there: what somebody changed is packed as it is.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from otel_replay.clock import from_iso
from otel_replay.errors import OtelReplayError
from otel_replay.formats import session_replay
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.contents import Contents
from otel_replay.storage.documents import read_document
from otel_replay.storage.finalise import SESSION_REPLAY_NAME, resolve_text, write_session_replay
from otel_replay.storage.manifest import FORMAT, MANIFEST_NAME, VERSION, digest_of, manifest_bytes
from otel_replay.storage.run_files import RunFiles

__all__ = ["DERIVED_NAMES", "derived_at", "remake"]

DERIVED_NAMES = (SESSION_REPLAY_NAME, MANIFEST_NAME)
"""In the order in which they are made: the manifest holds the sha256 of the other one."""


def derived_at(files: RunFiles) -> int | None:
    """The time that :func:`remake` needs to make both files again to the byte; None where it could not."""
    directory = files.directory
    try:
        made_ns = from_iso(str(read_document(directory / MANIFEST_NAME, FORMAT, VERSION).get("created")))
        contents = Contents(root_id=files.header.span_id)
        digest = _Digest()
        session_replay.write(
            digest,  # type: ignore[arg-type]  # a stream as far as it is used: bytes are written to it
            run_id=files.run_id,
            generated_ns=made_ns,
            decisions=contents.decisions_of(files.records()),
            resolve=resolve_text(files.blobs),
        )
        if digest_of(directory, SESSION_REPLAY_NAME) != (digest.size_bytes, digest.sha256.hexdigest()):
            return None
        return made_ns if _manifest(files, contents, made_ns) == files.read_file(MANIFEST_NAME) else None
    except (OtelReplayError, OSError, ValueError):
        return None  # it is damaged, or was never made: nothing is left out then


def remake(files: RunFiles, name: str, made_ns: int) -> Path:
    """Write one of the two files as of `made_ns`; returns its path.

    Raises
    ------
    StoreError, FormatError
        If something cannot be read or written.
    """
    contents = Contents(root_id=files.header.span_id)
    if name == SESSION_REPLAY_NAME:
        write_session_replay(files, contents, made_ns)
    else:
        contents.count_all(files.records())
        write_atomically(files.directory / name, _manifest(files, contents, made_ns), durable=False)
    return files.directory / name


def _manifest(files: RunFiles, contents: Contents, made_ns: int) -> bytes:
    return manifest_bytes(
        files.directory,
        run_id=files.run_id,
        created_ns=made_ns,
        journals=files.journals(),
        artifacts=contents.artifacts,
    )


class _Digest:
    """A stream that keeps the sha256 of what is written to it."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Take bytes in."""
        self.sha256.update(data)
        self.size_bytes += len(data)
        return len(data)
