"""All runs of a store in one look: the catalog where it holds, `run.json` where it does not."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from otel_replay.errors import OtelReplayError
from otel_replay.storage.catalog import Catalog, Line
from otel_replay.storage.refusals import told_as_store_error
from otel_replay.storage.run_files import RunFiles, RunStatus
from otel_replay.storage.run_header import RunHeader

__all__ = ["RUNS_NAME", "RunSummary", "list_runs", "record_end"]

RUNS_NAME = "runs"

_MOST_DEAD_LINES = 1_000


class RunSummary(NamedTuple):
    """A run as a list shows it. If `status` is `damaged`, `message` says what is wrong with `run.json`."""

    run_id: str
    name: str
    started_ns: int
    ended_ns: int | None
    status: RunStatus | Literal["damaged"]
    counts: Mapping[str, int]
    lost: int
    recovered: bool
    parent_run_id: str
    message: str


# The types of a catalog line's row: a RunSummary without its id.
_ENDED = (str, int, int, str, dict, int, bool, str, str)
_NOT_ENDED = (str, int, type(None), str, dict, int, bool, str, str)


def list_runs(root: Path) -> list[RunSummary]:
    """The runs of the store at `root`, newest first.

    Raises
    ------
    StoreError
        If the directory cannot be read.
    """
    catalog = Catalog(root)
    known = catalog.read()
    found: list[RunSummary] = []
    lines: list[Line] = []
    new: list[Line] = []
    with told_as_store_error("read", root / RUNS_NAME):
        for name, status in _directories(root / RUNS_NAME):
            line = known.get(name) if known else None
            if line is not None and line.get("mtime") == status.st_mtime_ns:
                summary = _of_line(name, line, root)
                if summary is not None:
                    found.append(summary)
                    lines.append(line)
                    continue
            summary = _of_directory(root / RUNS_NAME / name)
            found.append(summary)
            if summary.status not in {"running", "damaged"}:
                new.append(_line(root / RUNS_NAME / name, status.st_mtime_ns, summary))
    if known is not None:
        _keep(catalog, lines, new)
    found.sort(key=lambda summary: (-summary.started_ns, summary.run_id))
    return found


def record_end(directory: Path, header: RunHeader) -> None:
    """Note the end of the run in `directory` in the catalog of its store, if it lies in one."""
    if directory.parent.name != RUNS_NAME:
        return
    try:
        mtime_ns = os.stat(directory).st_mtime_ns
        summary = _summarise(directory, header, RunFiles(directory, header).status())
        Catalog(directory.parent.parent).append([_line(directory, mtime_ns, summary)])
    except OSError:
        pass  # the catalog is only a cache: listing reads run.json then


def _directories(runs: Path) -> list[tuple[str, os.stat_result]]:
    found = []
    try:
        with os.scandir(runs) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue  # deleted just now, or a link to nowhere
                if stat.S_ISDIR(status.st_mode):
                    found.append((entry.name, status))
    except FileNotFoundError:
        pass
    return found


def _of_line(name: str, line: Line, root: Path) -> RunSummary | None:
    row = line.get("row")
    if not isinstance(row, list) or tuple(map(type, row)) not in {_ENDED, _NOT_ENDED}:
        return None
    if row[2] is None and line.get("journals") != _journals_mtime(root / RUNS_NAME / name):
        return None  # it was interrupted, and another process has joined it since
    return RunSummary(name, *row)


def _of_directory(directory: Path) -> RunSummary:
    files = RunFiles(directory)
    try:
        return _summarise(directory, files.header, files.status())
    except OtelReplayError as error:
        return RunSummary(directory.name, "", 0, None, "damaged", {}, 0, False, "", error.message)


def _summarise(directory: Path, header: RunHeader, status: RunStatus) -> RunSummary:
    return RunSummary(
        run_id=directory.name,
        name=header.name,
        started_ns=header.started_ns,
        ended_ns=header.ended_ns,
        status=status,
        counts=dict(header.counts),
        lost=header.lost,
        recovered=header.recovered,
        parent_run_id=header.parent_run_id,
        message=header.message,
    )


def _line(directory: Path, mtime_ns: int, summary: RunSummary) -> Line:
    line: Line = {"run": directory.name, "mtime": mtime_ns, "row": list(summary[1:])}
    if summary.ended_ns is None:
        line["journals"] = _journals_mtime(directory)
    return line


def _journals_mtime(directory: Path) -> int | None:
    try:
        return os.stat(directory / "journal").st_mtime_ns
    except OSError:
        return None


def _keep(catalog: Catalog, lines: list[Line], new: list[Line]) -> None:
    dead = catalog.lines_read - len(lines)
    try:
        if dead > max(_MOST_DEAD_LINES, len(lines)) or (not lines and new):
            catalog.compact([*lines, *new])
        elif new:
            catalog.append(new)
    except (OSError, OtelReplayError):
        pass  # a store that may only be read is listed all the same
