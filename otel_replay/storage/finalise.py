"""A run's last files: one pass over its journals gives the projection, the header, manifest and catalog.

Everything here is derived from the journals and may be made again at any time, by any process: the run's own
at its end, a child that outlived it, or `recover`.
"""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

from otel_replay.attributes import BLOB
from otel_replay.clock import SYSTEM_CLOCK, Clock
from otel_replay.errors import StoreError
from otel_replay.formats import session_replay
from otel_replay.formats.json_text import Resolve
from otel_replay.light import replace
from otel_replay.storage.atomic import open_atomically, write_atomically
from otel_replay.storage.blobs import Blobs, is_sha256
from otel_replay.storage.closed_journal import ClosedJournal, Unusual, items_of_closed
from otel_replay.storage.contents import Contents
from otel_replay.storage.listing import record_end
from otel_replay.storage.liveness import is_alive
from otel_replay.storage.manifest import MANIFEST_NAME, Output, journal_output, write_manifest, written_output
from otel_replay.storage.refusals import told_as_store_error
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import (
    HEADER_NAME,
    EndStatus,
    RunHeader,
    encode_header,
    read_header,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "LOCK_NAME",
    "SESSION_REPLAY_NAME",
    "derive",
    "finalise",
    "locked",
    "names",
    "resolve_text",
    "write_session_replay",
]

SESSION_REPLAY_NAME = "session_replay.json"
LOCK_NAME = ".lock"
_MOST_AT_ONCE = 64
"""Journals that are read one after the other; of more it is unlikely that only one holds decisions."""

_MOST_HELD = 2
"""Pieces of a document that are held in memory, of a few hundred kilobytes each."""


def finalise(
    run_directory: Path,
    *,
    clock: Clock = SYSTEM_CLOCK,
    header: RunHeader | None = None,
    ended_ns: int | None = None,
    status: EndStatus | None = None,
    message: str | None = None,
    projections: bool = True,
    durable: bool = True,
) -> RunHeader:
    """Write what is derived from the run's journals; returns the run's new header.

    A process that closes its journal after the run's end calls it again, without saying how the run ended.
    While nobody has said that, nothing is done.

    Parameters
    ----------
    run_directory:
        The run.
    clock:
        Says when the derived files were made.
    header:
        What the run is and how it ended, where the caller knows it and there is no `run.json` yet.
    ended_ns, status, message:
        How the run ended; what is None stays as the header says it.
    projections:
        Whether to write `session_replay.json` and `manifest.json`, or only the header.
    durable:
        Whether to wait until `run.json` would survive a power failure.

    Raises
    ------
    StoreError, FormatError
        If something cannot be read or written. The journals are never touched.
    """
    with locked(run_directory):
        if header is None or os.path.lexists(run_directory / HEADER_NAME):
            known = read_header(run_directory)
            if header is not None:
                ended_ns, status, message = header.ended_ns, header.status, header.message
            header = known
        header = replace(
            header,
            ended_ns=header.ended_ns if ended_ns is None else ended_ns,
            status=header.status if status is None else status,
            message=header.message if message is None else message,
        )
        if header.ended_ns is not None:
            header, _ = derive(run_directory, header, clock=clock, projections=projections, durable=durable)
        return header


def names(projections: bool) -> tuple[str, ...]:
    """The files that :func:`finalise` writes."""
    return (HEADER_NAME, SESSION_REPLAY_NAME, MANIFEST_NAME) if projections else (HEADER_NAME,)


def derive(
    run_directory: Path,
    header: RunHeader,
    *,
    clock: Clock,
    projections: bool = True,
    durable: bool = True,
    kept: Iterable[Output] = (),
) -> tuple[RunHeader, Contents]:
    """As :func:`finalise`, for a caller who holds the lock and knows the header.

    A header without an end gets one: the root span's, or else the last sign of life, and then no status.
    `kept`: as for :func:`write_manifest`.
    """
    files = RunFiles(run_directory, header)
    generated_ns = clock()
    journals = files.journals()
    made: list[Output] = []
    contents = Contents(root_id=header.span_id)
    if projections:
        contents, made = _project(files, journals, contents, generated_ns)
    else:
        contents.count_all(files.records())
    header = replace(header, counts=contents.counts(), lost=contents.lost, notes=contents.notes)
    if not header.span_id and contents.root_trace_id:
        header = replace(header, trace_id=contents.root_trace_id, span_id=contents.root_id)
    if header.ended_ns is None:
        header = _with_end(header, contents)
    data = encode_header(header)
    write_atomically(run_directory / HEADER_NAME, data, durable=durable)
    if projections:
        made.append(written_output(run_directory, HEADER_NAME, data))
        known = {output.name for output in made}
        write_manifest(
            run_directory,
            run_id=header.run_id,
            created_ns=generated_ns,
            journals=[path for path in files.journals() if path.name in known or not is_alive(path)],
            artifacts=contents.artifacts,
            kept=[*made, *kept],
        )
    record_end(run_directory, header)
    return header, contents


def _project(
    files: RunFiles, journals: list[Path], contents: Contents, generated_ns: int
) -> tuple[Contents, list[Output]]:
    """Write `session_replay.json`; returns what the run holds, and the outputs that are known by that."""
    # Where the run's end is known, nobody asks for the last sign of life, which takes a look at every record.
    known_root = len(journals) == 1 or bool(files.header.span_id)
    if 0 < len(journals) <= _MOST_AT_ONCE and known_root and files.header.ended_ns is not None:
        quick = Contents(root_id=contents.root_id)
        resolve = resolve_text(files.blobs)
        closed = [ClosedJournal(path, quick, resolve) for path in journals]
        try:
            projection = _write_items(files, items_of_closed(closed), generated_ns)
        except Unusual:
            pass
        else:
            known = [
                journal_output(
                    one.path.name,
                    size_bytes=one.size_bytes,
                    sha256=one.sha256,
                    changed_ns=one.changed_ns,
                )
                for one in closed
            ]
            return quick, [*known, *projection]
    write_session_replay(files, contents, generated_ns)
    return contents, []


def _write_items(files: RunFiles, items: Iterator[session_replay.Items], generated_ns: int) -> list[Output]:
    path = files.directory / SESSION_REPLAY_NAME
    held = list(islice(items, _MOST_HELD))
    more = next(items, None)
    if more is None:
        memory = io.BytesIO()
        session_replay.write_items(memory, run_id=files.run_id, generated_ns=generated_ns, items=iter(held))
        write_atomically(path, memory.getvalue(), durable=False)
        return [written_output(files.directory, SESSION_REPLAY_NAME, memory.getvalue())]
    with open_atomically(path, durable=False) as stream:
        session_replay.write_items(
            stream,
            run_id=files.run_id,
            generated_ns=generated_ns,
            items=chain(held, [more], items),
            spool_directory=files.directory,
        )
    return []


def _with_end(header: RunHeader, contents: Contents) -> RunHeader:
    end = contents.root_end
    if end is None:
        return replace(header, ended_ns=max(contents.last_ns, header.started_ns))
    status: EndStatus = "error" if end.status == "error" else "ok"
    return replace(header, ended_ns=end.time_ns, status=status, message=end.message)


def write_session_replay(files: RunFiles, contents: Contents, generated_ns: int) -> None:
    """Write the run's decisions as `session_replay.json`; `contents` counts what goes by."""
    with open_atomically(files.directory / SESSION_REPLAY_NAME, durable=False) as stream:
        session_replay.write(
            stream,
            run_id=files.run_id,
            generated_ns=generated_ns,
            decisions=contents.decisions_of(files.records()),
            resolve=resolve_text(files.blobs),
            spool_directory=files.directory,
        )


def resolve_text(blobs: Blobs) -> Resolve:
    """For `session_replay.write`: long texts that were kept as blobs stand in the document as they were.

    A reference to anything else, or to a blob that is gone or damaged, stays the reference.
    """

    def resolve(value: Mapping[str, Any]) -> Any:
        sha256 = value.get(BLOB)
        if not is_sha256(sha256) or not str(value.get("media_type", "")).startswith("text/plain"):
            return value
        try:
            return blobs.read(str(sha256)).decode()
        except (StoreError, UnicodeDecodeError):
            return value

    return resolve


@contextmanager
def locked(run_directory: Path) -> Iterator[None]:
    """Keep other processes from writing the run's derived files meanwhile; waits for one that does."""
    with told_as_store_error("lock", run_directory):
        fd = os.open(run_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
        except OSError:
            pass  # no locks on this file system: the files are whole all the same, each is renamed into place
        yield
    finally:
        os.close(fd)
