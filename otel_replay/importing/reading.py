"""A file of any kind that holds runs, or a folder of archives: what it is, and the runs in it."""

from __future__ import annotations

import hashlib
import heapq
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from otel_replay.errors import FormatError, OtelReplayError, UsageError
from otel_replay.formats.otlp_json_read import Read
from otel_replay.importing import jaeger, journal, otlp, session_replay
from otel_replay.importing.foreign_run import ForeignRun, Importer, made_run_id
from otel_replay.importing.gathering import runs_among
from otel_replay.importing.otlp import OtlpReading
from otel_replay.importing.source_file import HEAD_BYTES, SourceFile, opened
from otel_replay.importing.unwrapping import unwrapped
from otel_replay.records import BadLine
from otel_replay.storage.refusals import shown, told_as_store_error
from otel_replay.storage.run_files import Located, RunStatus
from otel_replay.storage.store import validate_run_id

__all__ = [
    "FILE_SUFFIX",
    "IMPORTERS",
    "KINDS",
    "holds_runs",
    "merged",
    "naming",
    "open_source",
    "read_runs",
    "status_of",
    "usable_id",
]

IMPORTERS: tuple[Importer, ...] = (
    session_replay.IMPORTER,
    journal.IMPORTER,
    otlp.IMPORTER,
    jaeger.IMPORTER,
)
"""The formats that can be read; the first that recognises a file reads it."""

KINDS = "; ".join(importer.what for importer in IMPORTERS)
"""All of them, for a person."""

FILE_SUFFIX = re.compile(r"\.(jsonl?|ndjson|otlp|pb|binpb|proto|orpack)(\.(gz|zst|zstd))?$|\.(gz|zst|zstd)$")
"""How the names of such files end. It says which files of a folder are looked at, and nothing else."""


@contextmanager
def open_source(
    path: Path, form: str | None = None, *, name: str = ""
) -> Iterator[tuple[SourceFile, Importer]]:
    """A file, and who reads it; of a folder the archives in it, as if they were one.

    Parameters
    ----------
    path:
        Where it is.
    form:
        The name of its format; None: found by its first bytes.
    name:
        What it is called, where that is not the path's own name.

    Raises
    ------
    StoreError, FormatError
        If it cannot be read, or is of no known format.
    """
    if path.is_dir():
        with _opened_folder(path) as found:
            yield found
        return
    with opened(path, name) as source:
        with naming(path, name):
            importer = _importer(source, form)
        yield source, importer


def read_runs(source: SourceFile, importer: Importer) -> list[ForeignRun]:
    """The runs of a source; they can be read while it is open.

    Raises
    ------
    FormatError
        If it is damaged; the error names it.
    """
    with naming(source.path, source.name):
        runs = list(importer.read(source))
        unread = [one for one in source.damage.told() if not any(one in run.damage for run in runs)]
        if runs and unread:
            runs[0] = replace(runs[0], damage=(*unread, *runs[0].damage))
        return runs


def holds_runs(path: Path) -> bool:
    """Whether a file begins as one of the known kinds does; False where it cannot be read."""
    try:
        with path.open("rb") as stream:
            head = unwrapped(stream, []).read(HEAD_BYTES)
    except (OSError, OtelReplayError):
        return False
    return any(importer.recognises(head) for importer in IMPORTERS)


@contextmanager
def naming(path: Path, name: str = "") -> Iterator[None]:
    """Have errors of formats say which file they are about."""
    try:
        yield
    except FormatError as error:
        told = shown(path) if name in ("", path.name) else name
        if error.message.startswith(told):
            raise
        raise FormatError(f"{told}: {error.message}", hint=error.hint) from None


def usable_id(run: ForeignRun, source: SourceFile) -> str:
    """The id that a run has where it is kept: its own, or one made from the file where that cannot be one."""
    try:
        return validate_run_id(run.wanted_id or "")
    except UsageError:
        # Of a file that calls several of its runs so, each has another one.
        digest = hashlib.sha256(f"{source.sha256} {run.wanted_id}".encode("utf-8", "surrogatepass"))
        return made_run_id(run.started_ns, digest.hexdigest() if run.wanted_id else source.sha256)


def status_of(run: ForeignRun) -> RunStatus:
    """How a run stands."""
    return "interrupted" if run.status is None else "finished" if run.status == "ok" else "failed"


def merged(run: ForeignRun) -> Iterator[Located]:
    """The records of all journals by time; the order inside a journal stays."""

    def timed(number: int) -> Iterator[tuple[int, int, Located]]:
        reached = 0
        for line, record in enumerate(run.journals[number], 1):
            reached = max(reached, getattr(record, "time_ns", 0))
            yield reached, number, Located(record, f"imported-{number + 1}", line)

    in_order = heapq.merge(*(timed(number) for number in range(len(run.journals))), key=lambda one: one[:2])
    return (item[2] for item in in_order)


def _importer(source: SourceFile, form: str | None) -> Importer:
    head = source.head()
    for importer in IMPORTERS:
        if importer.format == form or (form is None and importer.recognises(head)):
            return importer
    if source.damage and not head:
        raise FormatError(source.damage[0])
    raise FormatError(
        "there is nothing in it" if not head.strip(b"\0 \t\r\n") else "it is of no kind that holds a run",
        hint=f"what is read: {KINDS}; compressed by gzip or Zstandard too. "
        "`import --format NAME` says which it is all the same",
    )


@contextmanager
def _opened_folder(folder: Path) -> Iterator[tuple[SourceFile, Importer]]:
    """The archives of OTLP in a folder, such as the parts of one that the Collector rotated."""
    with ExitStack() as stack:
        with told_as_store_error("read", folder):
            names = sorted(name for name in os.listdir(folder) if FILE_SUFFIX.search(name))
        paths = [folder / name for name in names if (folder / name).is_file()]
        sources = [stack.enter_context(opened(path)) for path in paths]
        archives: list[SourceFile] = []
        others: list[SourceFile] = []
        for source in sources:
            is_archive = otlp.IMPORTER.recognises(source.head())
            (archives if is_archive else others).append(source)
        if not archives:
            raise FormatError(
                f"{shown(folder)} is a folder, and neither a run's nor one with archives of OTLP in it",
                hint="for the runs of a store say --store DIR, and name one of them",
            )
        whole = SourceFile(
            name=folder.resolve().name,
            path=folder,
            sha256=hashlib.sha256("".join(source.sha256 for source in archives).encode()).hexdigest(),
            folder=archives[0].folder,
        )
        for source in others:
            whole.damage.append(f"{source.name}: it is no archive of OTLP")
        several = _Several(archives)
        yield whole, replace(otlp.IMPORTER, read=lambda source: iter(runs_among(several, source)))


class _Several:
    """Several files read as one."""

    def __init__(self, sources: list[SourceFile]) -> None:
        self._sources = sources
        self._taken_bytes = 0

    @property
    def taken_bytes(self) -> int:
        """As `gathering.Reading` has it."""
        return self._taken_bytes

    def __iter__(self) -> Iterator[Read]:
        self._taken_bytes = before = 0
        for source in self._sources:
            reading = OtlpReading(source)
            for item in reading:
                self._taken_bytes = before + reading.taken_bytes
                yield _named(item, source.name) if isinstance(item, BadLine) else item
            before += reading.taken_bytes
            for reason in source.damage.told():
                yield BadLine(number=0, offset_bytes=0, size_bytes=0, reason=f"{source.name}: {reason}")


def _named(bad: BadLine, name: str) -> BadLine:
    line = f"line {bad.number}: " if bad.number else ""
    return BadLine(number=0, offset_bytes=0, size_bytes=0, reason=f"{name}: {line}{bad.reason}")
