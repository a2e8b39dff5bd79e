"""What a name means, and the run that it names: of the store, a folder, a pack, or a file of somebody else.

All that takes the name of a run comes here, so that a run can be named in the same ways everywhere.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from otel_replay.attributes import IMPORT_FORMAT, IMPORT_SHA256, IMPORT_SOURCE
from otel_replay.errors import UsageError
from otel_replay.formats.journal_v1 import encode
from otel_replay.importing.foreign_run import ForeignRun
from otel_replay.importing.keep import journals_of
from otel_replay.importing.reading import (
    FILE_SUFFIX,
    merged,
    open_source,
    read_runs,
    status_of,
    usable_id,
)
from otel_replay.importing.source_file import SourceFile
from otel_replay.records import BadLine
from otel_replay.storage.blobs import Blobs
from otel_replay.storage.pack_stream import is_pack
from otel_replay.storage.refusals import shown, told_as_store_error
from otel_replay.storage.run_files import Located, RunFiles, RunStatus
from otel_replay.storage.run_header import RunHeader
from otel_replay.storage.store import LATEST, Store, looks_like_a_run
from otel_replay.storage.unpack import unpacked
from otel_replay.version import WRITER

__all__ = ["NAMEABLE", "FileRun", "OpenRun", "StoredRun", "open_run", "open_runs", "opened", "several"]

NAMEABLE = (
    "a run's id, a unique beginning of it, `latest`, a run's directory, a packed run, `-` for what comes by "
    "standard input, a folder of archives, or a file: OTLP as JSON or Protobuf, Jaeger JSON, "
    "session_replay JSON, a journal"
)
"""What can be named, for a person."""

STANDARD_INPUT = "-"
_CHOICE = "#"
_SHOWN = 5


@dataclass(slots=True)
class StoredRun:
    """A run that has a directory: of the store, elsewhere, or unpacked for as long as it is open.

    Attributes
    ----------
    source:
        Where it was read from, for a person: its id, or the name of the pack.
    """

    files: RunFiles
    source: str
    _held: list[Located] | None = None

    @property
    def header(self) -> RunHeader:
        """What its `run.json` says."""
        return self.files.header

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.files.run_id

    @property
    def name(self) -> str:
        """The name that it was started with."""
        return self.header.name

    @property
    def status(self) -> RunStatus:
        """`finished`, `failed`, `running` or `interrupted`."""
        return self.files.status()

    @property
    def started_ns(self) -> int:
        """When it began."""
        return self.header.started_ns

    @property
    def message(self) -> str:
        """Why it failed, where it did."""
        return self.header.message

    @property
    def damage(self) -> Sequence[str]:
        """Nothing: what is damaged in a journal is one of its records."""
        return ()

    @property
    def blobs(self) -> Blobs:
        """The run's blobs."""
        return self.files.blobs

    def is_written(self) -> bool:
        """Whether a process that writes the run still lives."""
        return self.files.is_written()

    def records(self) -> Iterator[Located]:
        """All its records, in order."""
        return self.files.records() if self._held is None else iter(self._held)

    def hold(self) -> None:
        """Hold all records, so that they are the same objects each time."""
        self._held = list(self.files.records())

    def directory(self) -> AbstractContextManager[RunFiles]:
        """The run as a directory."""
        return nullcontext(self.files)


class FileRun:
    """A run in a file that is no store's; it can be read as often as is needed while it is open."""

    def __init__(self, run: ForeignRun, source: SourceFile, form: str) -> None:
        self.run = run
        self._held: list[Located] | None = None
        self.source = source.name
        self.damage: Sequence[str] = run.damage
        origin = {IMPORT_FORMAT: form, IMPORT_SOURCE: source.name, IMPORT_SHA256: source.sha256}
        self.header = RunHeader(
            run_id=usable_id(run, source),
            name=run.name,
            started_ns=run.started_ns,
            ended_ns=run.ended_ns,
            trace_id=run.trace_id,
            span_id=run.span_id,
            attributes={**run.attributes, **origin},
            status=run.status,
            message=run.message,
            writer=WRITER,
        )
        # What the file itself calls it, also where no directory could be called so.
        self.run_id = run.wanted_id or self.header.run_id
        self.name, self.started_ns, self.message = run.name, run.started_ns, run.message
        self.status: RunStatus = status_of(run)

    @cached_property
    def blobs(self) -> Blobs:
        """No blobs: files of others have none."""
        return Blobs(Path(os.devnull) / "blobs")

    def is_written(self) -> bool:
        """Whether somebody writes it still; nobody can say."""
        return False

    def records(self) -> Iterator[Located]:
        """All its records, in order; last of all what of the file could not be read."""
        return self._records() if self._held is None else iter(self._held)

    def hold(self) -> None:
        """As that of a stored run."""
        self._held = list(self._records())

    def _records(self) -> Iterator[Located]:
        yield from merged(self.run)
        for reason in self.damage:
            bad = BadLine(number=0, offset_bytes=0, size_bytes=0, reason=reason)
            yield Located(bad, self.source, 0)

    @contextmanager
    def directory(self) -> Iterator[RunFiles]:
        """The run as a directory, which is gone after the block."""
        with tempfile.TemporaryDirectory(prefix="otel-replay-") as place:
            store = Store(place)
            store.ensure()

            def fill(new: Path) -> None:
                for name, records in journals_of(self.header, self.run):
                    with (new / "journal" / name).open("wb") as stream:
                        stream.writelines(map(encode, records))

            yield RunFiles(store.create(self.header, fill))


OpenRun = StoredRun | FileRun


@contextmanager
def open_run(name: str, store: Store) -> Iterator[OpenRun]:
    """The one run that `name` means; it can be read inside of the block.

    Raises
    ------
    UsageError
        If there is no such run, or the file holds several; those are named then.
    StoreError, FormatError
        If it cannot be read.
    """
    with opened(name, store) as runs:
        found = list(runs)
        if len(found) > 1:
            raise several(name, [run.run_id for run in found])
        yield found[0]


def open_runs(name: str, store: Store) -> Iterator[OpenRun]:
    """All runs that `name` means, in their order; each can be read until the next one is asked for.

    Raises
    ------
    UsageError, StoreError, FormatError
        As :func:`open_run`.
    """
    with opened(name, store) as runs:
        yield from runs


def several(name: str, ids: Sequence[str]) -> UsageError:
    """The error that says that one run is needed, and how one is chosen."""
    told = ", ".join(f"`{one}`" for one in ids[:_SHOWN])
    more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
    file = "FILE" if name == STANDARD_INPUT else name
    return UsageError(
        f"{shown(name)} holds {len(ids):,} runs, and one is needed: {told}{more}",
        hint=f"say which: '{file}{_CHOICE}{ids[0]}', or a unique beginning of its id; "
        "`otel-replay import` takes them all into the store",
    )


@contextmanager
def opened(name: str, store: Store) -> Iterator[Sequence[OpenRun]]:
    """All runs that `name` means, which can be read inside of the block."""
    if name == STANDARD_INPUT:
        with _standard_input() as path, _of_path(path, "standard input") as runs:
            yield runs
        return
    place, choice = _place(name)
    if place is None:
        files = _of_store(name, store)
        if files is None:
            with _file(Path(name)) as runs:
                yield runs
        else:
            yield [StoredRun(files, files.run_id)]
        return
    with _of_path(place) as runs:
        yield runs if choice is None else [_chosen(runs, place, choice)]


def _place(name: str) -> tuple[Path | None, str | None]:
    """The path that a name is, and which of its runs is meant; none where it names a run of the store."""
    if "\0" in name or not name:
        return None, None
    if os.path.isfile(name) or _is_pipe(name) or looks_like_a_run(name):
        return Path(name), None
    front, sign, choice = name.rpartition(_CHOICE)
    if sign and choice and os.path.exists(front):
        return Path(front), choice
    return None, None


def _is_pipe(name: str) -> bool:
    return os.path.exists(name) and not os.path.isdir(name)


@contextmanager
def _of_path(path: Path, name: str = "") -> Iterator[Sequence[OpenRun]]:
    if path.is_dir() and looks_like_a_run(path):
        files = RunFiles(path)
        yield [StoredRun(files, files.run_id)]
    elif path.is_file() and is_pack(path):
        with unpacked(path) as files:
            yield [StoredRun(files, name or path.name)]
    elif _is_all_of_a_run(path):
        files = RunFiles(path.resolve().parent.parent)
        yield [StoredRun(files, files.run_id)]
    else:
        with _file(path, name) as runs:
            yield runs


def _is_all_of_a_run(path: Path) -> bool:
    """Whether a file is the one journal of a run that it stands in: then it is that run."""
    folder = path.resolve().parent
    if path.suffix != ".jsonl" or folder.name != "journal" or not looks_like_a_run(folder.parent):
        return False
    return [one.name for one in RunFiles(folder.parent).journals()] == [path.resolve().name]


@contextmanager
def _file(path: Path, name: str = "") -> Iterator[Sequence[OpenRun]]:
    with open_source(path, name=name) as (source, importer):
        found = [FileRun(run, source, importer.format) for run in read_runs(source, importer)]
        if len(found) > 1:
            for one in found:
                one.source = f"{source.name}{_CHOICE}{one.run_id}"
        yield found


def _chosen(runs: Sequence[OpenRun], path: Path, choice: str) -> OpenRun:
    exact = [run for run in runs if run.run_id == choice]
    found = exact or [run for run in runs if run.run_id.startswith(choice)]
    if choice == LATEST and not exact:
        found = [max(runs, key=lambda run: run.started_ns)]
    if len(found) == 1:
        return found[0]
    told = ", ".join(f"`{run.run_id}`" for run in (found or runs)[:_SHOWN])
    more = " …" if len(found or runs) > _SHOWN else ""
    what = (
        f"{len(found):,} runs in {shown(path)} begin with" if found else f"no run in {shown(path)} is called"
    )
    raise UsageError(f"{what} `{choice}`", hint=f"there are {told}{more}")


def _of_store(name: str, store: Store) -> RunFiles | None:
    """The run of the store; None where the name is that of a folder instead."""
    is_folder = "\0" not in name and os.path.isdir(name)
    if os.sep in name or FILE_SUFFIX.search(name):
        if is_folder:
            return None
        try:
            return store.resolve(name)
        except UsageError:
            raise UsageError(
                f"there is no file {shown(name)}", hint=f"what can be named: {NAMEABLE}"
            ) from None
    try:
        return store.resolve(name)
    except UsageError:
        if is_folder:
            return None
        raise


@contextmanager
def _standard_input() -> Iterator[Path]:
    """What comes by standard input, as a file: it is read more than once."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "`-` is what comes by standard input, and nothing comes", hint="such as `zcat FILE |`"
        )
    stream: BinaryIO = sys.stdin.buffer
    with tempfile.TemporaryDirectory(prefix="otel-replay-") as folder:
        path = Path(folder) / "stdin"
        with told_as_store_error("keep", path), path.open("wb") as target:
            shutil.copyfileobj(stream, target, 1 << 20)
        yield path
