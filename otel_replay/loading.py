"""Whatever a person names as a run - a run of the store, a pack, a file of somebody else - as its items."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items, items_of
from otel_replay.analysis.unmade_items import but_decisions
from otel_replay.attributes import CHECKPOINT_SHA256
from otel_replay.errors import OtelReplayError, StoreError, UsageError
from otel_replay.importing.reading import merged
from otel_replay.opening import NAMEABLE, OpenRun, StoredRun, open_runs, several
from otel_replay.settings import read_settings
from otel_replay.storage.run_files import Located, RunFiles
from otel_replay.storage.store import Store

__all__ = ["RecordedRun", "RunRecords", "load_items", "load_runs", "stream_runs"]


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
        The name of a run in the store, or a path: a run's directory, a packed run, a file or a folder of OTLP
        (ours, the Collector's, Jaeger's), Jaeger's own JSON, a `session_replay.json`, a journal; with `#` and
        an id behind it one of the runs of a file. Or a run itself.
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
        raise several(str(source), [one.run_id for one in found])
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
            raise UsageError(f"{source!r:.80} is no run", hint=f"what can be named: {NAMEABLE}")
        yield items_of(RunFiles(Path(directory)), lines)


def _named(name: str, store: Store | None, lines: DecisionLines | None) -> Iterator[Items]:
    for run in open_runs(name, store or Store(read_settings().store)):
        yield _items(run, lines)


def _items(run: OpenRun, lines: DecisionLines | None) -> Items:
    if isinstance(run, StoredRun):
        items = items_of(run.files, lines)
        if run.source != run.run_id:  # what was unpacked is gone soon
            items.read_blob = _kept_snapshots(items)
            items.source = run.source
        return items
    items = build_items(merged(run.run), status=run.status)
    items.run_id, items.source = run.run_id, run.source
    items.name, items.message = run.name, run.message
    items.attributes, items.damage = run.run.attributes, run.damage
    return items


def _kept_snapshots(items: Items) -> Callable[[str], bytes]:
    """The snapshots of checkpoints, read before the unpacked run is gone."""
    kept: dict[str, bytes] = {}
    missing: dict[str, OtelReplayError] = {}
    assert items.read_blob is not None
    for item in but_decisions(items.items):
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
    for run in open_runs(name, store):
        records = run.records() if isinstance(run, StoredRun) else merged(run.run)
        yield RunRecords(
            run_id=run.run_id,
            name=run.name,
            status=run.status,
            message=run.message,
            started_ns=run.started_ns,
            records=records,
            source=run.source,
            damage=run.damage,
        )
