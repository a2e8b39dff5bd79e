"""Keeps a run of somebody else's file in the store: once, whole, and with where it came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from otel_replay.attributes import IMPORT_FORMAT, IMPORT_SHA256, IMPORT_SOURCE
from otel_replay.clock import SYSTEM_CLOCK, Clock
from otel_replay.errors import OtelReplayError, StoreError, UsageError
from otel_replay.formats.journal_v1 import LONGEST_LINE_BYTES, encode
from otel_replay.formats.journal_v1 import VERSION as JOURNAL_VERSION
from otel_replay.importing.foreign_run import ForeignRun, too_long
from otel_replay.importing.reading import naming, open_source, read_runs, usable_id
from otel_replay.importing.source_file import SourceFile
from otel_replay.records import Close, JournalHeader, Loss, Record
from otel_replay.storage.atomic import open_atomically
from otel_replay.storage.finalise import finalise
from otel_replay.storage.refusals import shown
from otel_replay.storage.run_header import RunHeader, read_header
from otel_replay.storage.store import Store, validate_run_id
from otel_replay.version import WRITER

__all__ = ["Imported", "import_file", "journals_of"]


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
        The file, or a folder of archives.
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
    with open_source(path, form) as (source, importer):
        runs = read_runs(source, importer)
        if run_id is not None and len(runs) > 1:
            raise UsageError(f"{shown(path)} holds {len(runs)} runs, and one id cannot name them all")
        with naming(path):
            _must_fit(runs)
        store.ensure()
        for run in runs:
            yield _keep(store, run, source, importer.format, run_id, clock)


def _keep(
    store: Store, run: ForeignRun, source: SourceFile, form: str, run_id: str | None, clock: Clock
) -> Imported:
    origin = {IMPORT_FORMAT: form, IMPORT_SOURCE: source.name, IMPORT_SHA256: source.sha256}
    header = RunHeader(
        run_id=validate_run_id(run_id) if run_id is not None else usable_id(run, source),
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


def _must_fit(runs: Iterable[ForeignRun]) -> None:
    """Refuse a record that no reader of the journal would take, before anything is kept."""
    for record in (record for run in runs for journal in run.journals for record in journal):
        if (size := len(encode(record))) > LONGEST_LINE_BYTES:
            raise too_long(record, size)


def journals_of(header: RunHeader, run: ForeignRun) -> Iterator[tuple[str, Iterator[Record]]]:
    """The journals of a run that is kept: the name of each, and its records with header and end."""
    for number, records in enumerate(run.journals, 1):
        yield f"imported-{number}.jsonl", _framed(records, header, run, first=number == 1)


def _write_journals(directory: Path, header: RunHeader, run: ForeignRun) -> None:
    for name, records in journals_of(header, run):
        with open_atomically(directory / "journal" / name) as stream:
            stream.writelines(map(encode, records))


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
