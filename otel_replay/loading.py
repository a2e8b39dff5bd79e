"""Whatever a person names as a run - a run of the store, a pack, a file of somebody else - as its items."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items, items_of
from otel_replay.attributes import CHECKPOINT_SHA256
from otel_replay.errors import OtelReplayError, StoreError, UsageError
from otel_replay.importing.foreign_run import ForeignRun, made_run_id
from otel_replay.importing.keep import open_source, read_runs
from otel_replay.settings import read_settings
from otel_replay.storage.pack_stream import is_pack
from otel_replay.storage.refusals import shown
from otel_replay.storage.run_files import Located, RunFiles, RunStatus
from otel_replay.storage.store import Store, looks_like_a_run
from otel_replay.storage.unpack import unpacked

__all__ = ["LOADABLE", "RecordedRun", "RunRecords", "load_items", "load_runs", "stream_runs"]

LOADABLE = (
    "a run's id, a unique beginning of it, `latest`, a run's directory, a packed run, "
    "or a file of OTLP JSON, Jaeger JSON or session_replay JSON"
)


class RecordedRun(Protocol):
    """A run that a program has recorded, as `otel_replay.start_run` gives it."""

    @property
    def directory(self) -> str:
        """Where it is."""


def load_items(
    source: str | os.PathLike[str] | RunFiles | RecordedRun | Items,
    *,
    store: Store | None = None,
    lines: DecisionLines | None = None,
) -> Items:
    """All items of one run.

    Parameters
    ----------
    source:
        The name of a run in the store, or a path: a run's directory, a packed run, a file of OTLP JSON (ours,
        the Collector's, Jaeger's), of Jaeger's own JSON, or a `session_replay.json`. Or a run itself.
    store:
        Where names are looked up; None: the store of the settings.
    lines:
        What reads the decisions, where several runs are read to be compared: it is the same for all of them.

    Raises
    ------
    UsageError
        If there is no such run, or the file holds several.
    StoreError, FormatError
        If it cannot be read.
    """
    found = list(load_runs(source, store=store, lines=lines))
    if len(found) > 1:
        names = ", ".join(f"`{one.run_id}`" for one in found[:5])
        raise UsageError(
            f"{source} holds {len(found)} runs ({names}{' …' if len(found) > 5 else ''}), and one is needed",
            hint="`otel-replay import` takes them all into the store, where each has its id",
        )
    return found[0]


def load_runs(
    source: str | os.PathLike[str] | RunFiles | RecordedRun | Items,
    *,
    store: Store | None = None,
    lines: DecisionLines | None = None,
) -> Iterator[Items]:
    """As :func:`load_items`, but all the runs that a file holds, in their order."""
    if isinstance(source, Items):
        yield source
    elif isinstance(source, RunFiles):
        yield items_of(source, lines)
    elif isinstance(source, (str, os.PathLike)):
        yield from _named(os.fspath(source), store, lines)
    else:
        directory: Any = getattr(source, "directory", None)
        if not isinstance(directory, (str, os.PathLike)):
            raise UsageError(f"{source!r:.80} is no run", hint=f"what can be named: {LOADABLE}")
        yield items_of(RunFiles(Path(directory)), lines)


def _named(name: str, store: Store | None, lines: DecisionLines | None) -> Iterator[Items]:
    path = Path(name)
    if "\0" not in name and path.is_file():
        if is_pack(path):
            with unpacked(path) as files:
                items = items_of(files, lines)
                items.read_blob = _kept_snapshots(items)
            items.source = path.name
            yield items
            return
        source, importer = open_source(path)
        for run in read_runs(source, importer, path):
            yield _of_foreign(run, path, source.sha256)
        return
    if "\0" not in name and looks_like_a_run(name):
        yield items_of(RunFiles(path), lines)
        return
    yield items_of(_of_store(name, store or Store(read_settings().store)), lines)


def _of_store(name: str, store: Store) -> RunFiles:
    path = Path(name)
    if path.suffix and os.sep in name:
        raise UsageError(f"there is no file {shown(path)}", hint=f"what can be named: {LOADABLE}")
    return store.resolve(name)


def _kept_snapshots(items: Items) -> Callable[[str], bytes]:
    """The snapshots of checkpoints, read before the unpacked run is gone."""
    kept: dict[str, bytes] = {}
    missing: dict[str, OtelReplayError] = {}
    assert items.read_blob is not None
    for item in items:
        sha256 = item.attributes.get(CHECKPOINT_SHA256) if item.kind == "event" else None
        if isinstance(sha256, str) and sha256 not in kept:
            try:
                kept[sha256] = items.read_blob(sha256)
            except OtelReplayError as error:
                missing[sha256] = error

    def read(sha256: str) -> bytes:
        if sha256 in kept:
            return kept[sha256]
        raise missing.get(sha256) or StoreError(f"blob {sha256} is no checkpoint's")

    return read


def _of_foreign(run: ForeignRun, path: Path, sha256: str) -> Items:
    items = build_items(_merged(run), status=_status(run))
    items.run_id = run.wanted_id or made_run_id(run.started_ns, sha256)
    items.name, items.message, items.source = run.name, run.message, path.name
    items.attributes, items.damage = run.attributes, run.damage
    return items


def _status(run: ForeignRun) -> RunStatus:
    return "interrupted" if run.status is None else "finished" if run.status == "ok" else "failed"


def _merged(run: ForeignRun) -> Iterator[Located]:
    """The records of all journals by time; the order inside a journal stays."""

    def timed(number: int) -> Iterator[tuple[int, int, Located]]:
        reached = 0
        for line, record in enumerate(run.journals[number], 1):
            reached = max(reached, getattr(record, "time_ns", 0))
            yield reached, number, Located(record, f"imported-{number + 1}", line)

    merged = heapq.merge(*(timed(number) for number in range(len(run.journals))), key=lambda one: one[:2])
    return (item[2] for item in merged)


@dataclass(slots=True, kw_only=True)
class RunRecords:
    """A run as the stream of its records, for whoever takes them in one by one; `started_ns` may be 0.

    `source` is where it was read from, as of :class:`~otel_replay.analysis.items.Items`; `damage` says what
    of a file of somebody else could not be read.
    """

    run_id: str
    name: str
    status: str
    message: str
    started_ns: int
    records: Iterator[Located]
    source: str
    damage: Sequence[str] = ()


def stream_runs(name: str, *, store: Store) -> Iterator[RunRecords]:
    """As :func:`load_runs`, but as streams: a run of the store or a packed one is never held in memory.

    A stream is read before the next run is asked for. Parameters and errors are those of :func:`load_items`;
    what cannot be read inside of a run is raised while its records are read.
    """
    path = Path(name)
    if "\0" not in name and path.is_file():
        yield from _streams_of_file(path)
    elif "\0" not in name and looks_like_a_run(name):
        yield _stream(RunFiles(path))
    else:
        yield _stream(_of_store(name, store))


def _stream(files: RunFiles, source: str = "") -> RunRecords:
    header = files.header
    return RunRecords(
        run_id=files.run_id,
        name=header.name,
        status=files.status(),
        message=header.message,
        started_ns=header.started_ns,
        records=files.records(),
        source=source or files.run_id,
    )


def _streams_of_file(path: Path) -> Iterator[RunRecords]:
    if is_pack(path):
        with unpacked(path) as files:
            yield _stream(files, path.name)
        return
    source, importer = open_source(path)
    for run in read_runs(source, importer, path):
        yield RunRecords(
            run_id=run.wanted_id or made_run_id(run.started_ns, source.sha256),
            name=run.name,
            status=_status(run),
            message=run.message,
            started_ns=run.started_ns,
            records=_merged(run),
            source=path.name,
            damage=run.damage,
        )
