"""All runs of a store in one look: the catalog where it holds, `run.json` where it does not."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path

from otel_replay.errors import OtelReplayError
from otel_replay.light import NamedTuple
from otel_replay.storage.catalog import Catalog, Line
from otel_replay.storage.liveness import is_local
from otel_replay.storage.refusals import told_as_store_error
from otel_replay.storage.run_files import RunFiles, RunStatus
from otel_replay.storage.run_header import RunHeader
from otel_replay.storage.store import RUNS_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

__all__ = ["RunSummary", "list_runs", "record_end"]

_MOST_DEAD_LINES = 1_000
_ALL = ""
"""No run's id: the line that says when all runs had been looked at."""
_SETTLED_NS = 2_000_000_000
"""Clocks of file systems tick slowly: what changed so recently may change again without a trace."""


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
_ROWS = {
    (str, int, int, str, dict, int, bool, str, str),
    (str, int, type(None), str, dict, int, bool, str, str),
}


def list_runs(root: Path) -> list[RunSummary]:
    """The runs of the store at `root`, newest first.

    Raises
    ------
    StoreError
        If the directory cannot be read.
    """
    listing = _Listing(root)
    with told_as_store_error("read", root / RUNS_NAME):
        try:
            listing.read()
        except FileNotFoundError:
            return []
    listing.keep()
    found = listing.found
    found.sort(key=itemgetter(0))
    found.sort(key=itemgetter(2), reverse=True)
    return found


class _Listing:
    """One look at all runs, and what the catalog learns from it."""

    def __init__(self, root: Path) -> None:
        self.runs = root / RUNS_NAME
        self.catalog = Catalog(root)
        self.found: list[RunSummary] = []
        self.kept: list[Line] = []
        self.new: list[Line] = []

    def read(self) -> None:
        """Look at every run, by its line where that holds."""
        self.known = self.catalog.read()
        known = self.known or {}
        # While no directory has come or gone since all were looked at, their names are enough.
        changed_ns = os.stat(self.runs).st_mtime_ns
        looked_at = known.get(_ALL)
        unchanged = looked_at is not None and looked_at.get("mtime") == changed_ns
        for name, mtime_ns in _names(self.runs) if unchanged else _directories(self.runs):
            line = known.get(name)
            if line is not None and (mtime_ns is None or line.get("mtime") == mtime_ns):
                row = line.get("row")
                if type(row) is list and tuple(map(type, row)) in _ROWS and (row[2] or self._is_same(line)):
                    self.found.append(RunSummary(name, *row))
                    self.kept.append(line)
                    continue
            self._look_at(self.runs / name)
        if unchanged and looked_at is not None:
            self.kept.append(looked_at)
        elif time.time_ns() - changed_ns > _SETTLED_NS:
            self.new.append({"run": _ALL, "mtime": changed_ns})

    def _is_same(self, line: Line) -> bool:
        """Whether nobody has written to a run without an end since its line was made."""
        directory = self.runs / line["run"]
        return (line.get("mtime"), line.get("journals")) == (_mtime(directory), _mtime(directory / "journal"))

    def _look_at(self, directory: Path) -> None:
        files = RunFiles(directory)
        mtime_ns = _mtime(directory)
        try:
            header = files.header
            summary = _summarise(directory, header, files.status())
        except OtelReplayError as error:
            self.found.append(
                RunSummary(directory.name, "", 0, None, "damaged", {}, 0, False, "", error.message)
            )
            return
        self.found.append(summary)
        # That a process on another machine has died is never quite sure.
        settled = header.ended_ns is not None or (
            summary.status == "interrupted" and is_local(header.process)
        )
        if settled and _is_text(directory.name):
            self.new.append(_line(directory, mtime_ns, summary))

    def keep(self) -> None:
        """Tell the catalog what was found out, if it can be written and is not a newer version's."""
        dead = self.catalog.lines_read - len(self.kept)
        try:
            if self.known is None:
                return
            if dead > max(_MOST_DEAD_LINES, len(self.kept)):
                self.catalog.compact([*self.kept, *self.new])
            elif self.new:
                self.catalog.append(self.new)
        except (OSError, OtelReplayError):
            pass  # a store that may only be read is listed all the same


def record_end(directory: Path, header: RunHeader) -> None:
    """Note the end of the run in `directory` in the catalog of its store, if it lies in one."""
    if directory.parent.name != RUNS_NAME:
        return
    try:
        mtime_ns = _mtime(directory)
        summary = _summarise(directory, header, RunFiles(directory, header).status())
        Catalog(directory.parent.parent).append([_line(directory, mtime_ns, summary)])
    except OSError:
        pass  # the catalog is only a cache: listing reads run.json then


def _is_text(name: str) -> bool:
    """Whether a file's name is one that JSON can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _names(runs: Path) -> Iterator[tuple[str, None]]:
    with os.scandir(runs) as entries:
        for entry in entries:
            if entry.name[0] != "." and entry.is_dir():
                yield entry.name, None


def _directories(runs: Path) -> Iterator[tuple[str, int]]:
    """Names of the directories in `runs`, and when they were changed last."""
    with os.scandir(runs) as entries:
        for entry in entries:
            if entry.name[0] == ".":
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue  # deleted just now, or a link to nowhere
            if stat.S_ISDIR(status.st_mode):
                yield entry.name, status.st_mtime_ns


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


def _line(directory: Path, mtime_ns: int | None, summary: RunSummary) -> Line:
    line: Line = {"run": directory.name, "mtime": mtime_ns, "row": list(summary[1:])}
    if summary.ended_ns is None:
        line["journals"] = _mtime(directory / "journal")
    return line


def _mtime(directory: Path) -> int | None:
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return None
