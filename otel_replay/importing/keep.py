"""Keeps a run of somebody else's file in the store: once, whole, and with where it came from."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from otel_replay.attributes import IMPORT_FORMAT, IMPORT_SHA256, IMPORT_SOURCE
from otel_replay.clock import SYSTEM_CLOCK, Clock
from otel_replay.errors import FormatError, OtelReplayError, StoreError, UsageError
from otel_replay.formats.journal_v1 import LONGEST_LINE_BYTES, encode
from otel_replay.formats.journal_v1 import VERSION as JOURNAL_VERSION
from otel_replay.importing import jaeger, otlp, session_replay
from otel_replay.importing.foreign_run import ForeignRun, Importer, SourceFile, made_run_id
from otel_replay.importing.unwrapping import unwrapped
from otel_replay.records import Close, JournalHeader, Loss, Record
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.finalise import finalise
from otel_replay.storage.refusals import shown, told_as_store_error
from otel_replay.storage.run_header import RunHeader, read_header
from otel_replay.storage.store import Store, validate_run_id
from otel_replay.version import WRITER

__all__ = ["IMPORTERS", "Imported", "import_file", "open_source", "read_runs"]

IMPORTERS: tuple[Importer, ...] = (session_replay.IMPORTER, otlp.IMPORTER, jaeger.IMPORTER)
"""The formats that can be imported; the first that recognises a file reads it."""

_HEAD_BYTES = 4096
_GROWS = 8
"""No text becomes longer than so many times itself in a journal; smaller files need not be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One run that a file holds. `new` is False where the store had it already from this very file."""

    run_id: str
    format: str
    new: bool
    counts: dict[str, int]
    damage: tuple[str, ...]


def import_file(
    store: Store,
    path: Path,
    *,
    form: str | None = None,
    run_id: str | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[Imported]:
    """Keep the runs of a file; each is in the store when it is given.

    Parameters
    ----------
    store:
        Made if it is not there.
    path:
        The file.
    form:
        The name of its format; None: found by its first bytes.
    run_id:
        The id to keep it under; None: the one in the file, or one made from its content.
    clock:
        Says when the derived files were made.

    Raises
    ------
    StoreError
        If the file cannot be read, or a run cannot be kept: another one has its id.
    FormatError
        If it is of no format that can be imported, or is damaged.
    UsageError
        If one id is given for several runs.
    """
    source, importer = open_source(path, form)
    runs = read_runs(source, importer, path)
    try:
        _must_fit(runs, source)
    except FormatError as error:
        raise FormatError(f"{shown(path)}: {error.message}", hint=error.hint) from None
    if run_id is not None and len(runs) > 1:
        raise UsageError(f"{shown(path)} holds {len(runs)} runs, and one id cannot name them all")
    store.ensure()
    for run in runs:
        yield _keep(store, run, source, importer.format, run_id, clock)


def open_source(path: Path, form: str | None = None) -> tuple[SourceFile, Importer]:
    """A file's content, and who reads it.

    Raises
    ------
    StoreError, FormatError
        If it cannot be read, or is of no format that can be imported.
    """
    with told_as_store_error("read", path):
        content = _content(path)
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        content, damage = unwrapped(content)
        if damage and not content:
            raise FormatError(damage[0])
    except FormatError as error:
        raise FormatError(f"{shown(path)}: {error.message}", hint=error.hint) from None
    source = SourceFile(name=path.name, sha256=sha256, content=content, damage=damage)
    return source, _importer(source, form)


def read_runs(source: SourceFile, importer: Importer, path: Path) -> list[ForeignRun]:
    """The runs of a file; an error names its path.

    Raises
    ------
    FormatError
        If it is damaged.
    """
    try:
        runs = list(importer.read(source))
    except FormatError as error:
        raise FormatError(f"{shown(path)}: {error.message}", hint=error.hint) from None
    if runs and source.damage:
        runs[0] = replace(runs[0], damage=(*source.damage, *runs[0].damage))
    return runs


def _content(path: Path) -> bytes:
    with path.open("rb") as stream:
        # A pipe ends; /dev/zero does not.
        if stat.S_ISCHR(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a device", str(path))
        return stream.read()


def _importer(source: SourceFile, form: str | None) -> Importer:
    head = source.content[:_HEAD_BYTES]
    for importer in IMPORTERS:
        if importer.format == form or (form is None and importer.recognises(head)):
            return importer
    known = "; ".join(importer.what for importer in IMPORTERS)
    raise FormatError(
        f"`{source.name}` is no file that can be imported",
        hint=f"what can be: {known}; where it is one of these all the same, say which with --format",
    )


def _keep(
    store: Store, run: ForeignRun, source: SourceFile, form: str, run_id: str | None, clock: Clock
) -> Imported:
    origin = {IMPORT_FORMAT: form, IMPORT_SOURCE: source.name, IMPORT_SHA256: source.sha256}
    header = RunHeader(
        run_id=validate_run_id(run_id) if run_id is not None else _usable_id(run, source),
        name=run.name,
        started_ns=run.started_ns,
        trace_id=run.trace_id,
        span_id=run.span_id,
        attributes={**run.attributes, **origin},
        writer=WRITER,
    )
    directory = store.directory(header.run_id)
    new = not os.path.lexists(directory)
    if new:
        try:
            store.create(header, lambda place: _write_journals(place, header, run))
        except StoreError:
            if not os.path.lexists(directory):
                raise
            new = False  # another process was faster, perhaps with this very file
    if not new:
        header = _same(store, directory, source)
    # A process that was killed after the run stood in its place has left this to do.
    if header.ended_ns is None:
        header = finalise(
            directory, clock=clock, ended_ns=run.ended_ns, status=run.status, message=run.message
        )
    return Imported(run_id=header.run_id, format=form, new=new, counts=dict(header.counts), damage=run.damage)


def _usable_id(run: ForeignRun, source: SourceFile) -> str:
    wanted = run.wanted_id or ""
    try:
        return validate_run_id(wanted)
    except UsageError:
        return made_run_id(run.started_ns, source.sha256)


def _same(store: Store, directory: Path, source: SourceFile) -> RunHeader:
    """The header of the run in `directory`, which came from this very file."""
    try:
        header = read_header(directory)
    except OtelReplayError:
        header = None
    if header is None or header.attributes.get(IMPORT_SHA256) != source.sha256:
        raise StoreError(
            f"run {directory.name} exists already in {shown(store.root)}, and is not from `{source.name}`",
            hint=f"keep it under another id: `otel-replay import --run-id {directory.name[:100]}-2 …`",
        )
    return header


def _must_fit(runs: Iterable[ForeignRun], source: SourceFile) -> None:
    """Refuse a record that no reader of the journal would take, before anything is kept."""
    if len(source.content) < LONGEST_LINE_BYTES // _GROWS:
        return
    for record in (record for run in runs for journal in run.journals for record in journal):
        if (size := len(encode(record))) > LONGEST_LINE_BYTES:
            name = getattr(record, "action", "") or getattr(record, "name", "")
            raise FormatError(
                f"the {record.kind} {shown(name[:40])} is {size >> 20} MiB long as one record; "
                f"a run takes up to {LONGEST_LINE_BYTES >> 20} MiB"
            )


def _write_journals(directory: Path, header: RunHeader, run: ForeignRun) -> None:
    for number, records in enumerate(run.journals, 1):
        lines = map(encode, _framed(records, header, run, first=number == 1))
        write_atomically(directory / "journal" / f"imported-{number}.jsonl", b"".join(lines))


def _framed(
    records: Iterable[Record], header: RunHeader, run: ForeignRun, *, first: bool
) -> Iterator[Record]:
    yield JournalHeader(
        version=JOURNAL_VERSION, run_id=header.run_id, time_ns=run.started_ns, writer=header.writer
    )
    yield from records
    for reason in run.damage if first else ():
        yield Loss(time_ns=run.ended_ns, records=1, reason=f"not imported: {reason}")
    yield Close(time_ns=run.ended_ns, how="ended")
