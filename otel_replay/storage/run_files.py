"""The files of one run, opened for reading: its header, its journals merged into one stream, its blobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from otel_replay.errors import OtelReplayError
from otel_replay.storage.blobs import Blobs
from otel_replay.storage.inside import check_relative, open_inside
from otel_replay.storage.journal_reader import JournalTail, Located, Take, read_journal
from otel_replay.storage.liveness import is_alive
from otel_replay.storage.refusals import could_not
from otel_replay.storage.run_header import RunHeader, read_header

__all__ = ["Located", "RunFiles", "RunStatus", "RunTail"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    RunStatus = Literal["finished", "failed", "running", "interrupted"]
else:
    RunStatus = str

_BLOCK_BYTES = 256 * 1024
_ALL_BLOCKS_BYTES = 8 << 20


class RunFiles:
    """One run's directory. Making the object does not touch the disk.

    Parameters
    ----------
    directory:
        The run's directory, in a store or anywhere else.
    header:
        What its `run.json` says, for a caller who has read it.
    """

    def __init__(self, directory: Path, header: RunHeader | None = None) -> None:
        self.directory = directory
        if header is not None:
            self.__dict__["header"] = header

    @property
    def run_id(self) -> str:
        """The run's id, as its header says it."""
        return self.header.run_id

    @cached_property
    def header(self) -> RunHeader:
        """What `run.json` says; read once.

        Raises
        ------
        StoreError, FormatError
            If it cannot be read, or is of a newer version.
        """
        return read_header(self.directory)

    @cached_property
    def blobs(self) -> Blobs:
        """The run's blobs."""
        return Blobs(self.directory / "blobs")

    def journals(self) -> list[Path]:
        """The run's journals, one for each process that wrote one, by name, which is by age.

        Raises
        ------
        StoreError
            If the directory cannot be read.
        """
        directory = self.directory / "journal"
        try:
            if directory.is_symlink():
                return []
            with os.scandir(directory) as entries:
                names = [
                    entry.name
                    for entry in entries
                    if entry.name.endswith(".jsonl") and entry.is_file(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise could_not("read", directory, error) from error
        return [directory / name for name in sorted(names)]

    def is_written(self) -> bool:
        """Whether a process that writes the run still lives."""
        try:
            process = self.header.process
        except OtelReplayError:
            process = {}
        return any(is_alive(path, process) for path in self.journals())

    def status(self) -> RunStatus:
        """How the run stands: `interrupted` when its processes died before its end, recovered or not."""
        header = self.header
        if header.status is not None:
            return "finished" if header.status == "ok" else "failed"
        return "running" if header.ended_ns is None and self.is_written() else "interrupted"

    def records(self, take: Take | None = None) -> Iterator[Located]:
        """Every record of the run, in the order in which things happened. Memory does not grow with the run.

        The order of a journal's lines is kept, also where its clock was set back; several journals are merged
        by the latest time that each has reached. Of a run with one journal, `take` is offered them first.

        Raises
        ------
        StoreError, FormatError
            If a journal cannot be read, or is of a newer version.
        """
        journals = self.journals()
        if len(journals) == 1:
            return read_journal(journals[0], take=take)
        block_bytes = max(16_384, min(_BLOCK_BYTES, _ALL_BLOCKS_BYTES // (len(journals) or 1)))
        from heapq import merge  # the end of most runs reads their journals one after the other

        merged = merge(*(_timed(path, block_bytes) for path in journals))
        return (item[2] for item in merged)

    def read_file(self, relative: str) -> bytes:
        """The content of a file of the run; no link is followed out of it.

        Raises
        ------
        FormatError
            If `relative` does not name a file inside the run.
        StoreError
            If it cannot be read.
        """
        try:
            with open(open_inside(self.directory, check_relative(relative)), "rb") as stream:
                return stream.read()
        except OSError as error:
            raise could_not("read", self.directory / relative, error) from error

    def tail(self) -> RunTail:
        """A reader that can be asked again for what was added since."""
        return RunTail(self)


def _timed(path: Path, block_bytes: int) -> Iterator[tuple[int, str, Located]]:
    # Two items of one journal are never compared with each other, so the Located need no order.
    reached = 0
    for located in read_journal(path, block_bytes=block_bytes):
        time_ns = getattr(located.record, "time_ns", 0)
        if time_ns > reached:
            reached = time_ns
        yield reached, located.journal, located


class RunTail:
    """Follows a run while it is written: new records of all its journals, also of those that appear later."""

    def __init__(self, files: RunFiles) -> None:
        self._files = files
        self._tails: dict[str, JournalTail] = {}

    def new_records(self) -> Iterator[Located]:
        """What was added since the last call; everything, the first time."""
        for path in self._files.journals():
            tail = self._tails.get(path.name)
            if tail is None:
                tail = self._tails[path.name] = JournalTail(path)
            yield from tail.new_records()
