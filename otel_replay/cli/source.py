"""What a RUN argument means: a run of the store, or somebody's `session_replay.json`, read the same way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from otel_replay.cli.options import find_run
from otel_replay.errors import FormatError

if TYPE_CHECKING:
    from otel_replay.storage.run_files import Located, RunFiles, RunStatus

__all__ = ["ReplayFile", "Source", "StoredRun", "find_source"]


@dataclass(slots=True)
class StoredRun:
    """A run of the store, with what its header says."""

    files: RunFiles

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.files.run_id

    @property
    def name(self) -> str:
        """The name that it was started with."""
        return self.files.header.name

    @property
    def status(self) -> RunStatus:
        """`finished`, `failed`, `running` or `interrupted`."""
        return self.files.status()

    @property
    def started_ns(self) -> int:
        """When it began."""
        return self.files.header.started_ns

    @property
    def message(self) -> str:
        """Why it failed, where it did."""
        return self.files.header.message

    @property
    def recovered(self) -> bool:
        """Whether it was closed for a process that died."""
        return self.files.header.recovered

    def records(self) -> Iterator[Located]:
        """All its records, in order."""
        return self.files.records()


@dataclass(slots=True)
class ReplayFile:
    """A `session_replay.json` outside any store: decisions, and nothing else is known."""

    path: Path
    run_id: str
    generated_ns: int
    decisions: list[Located]
    status: Literal["finished"] = "finished"
    name: str = ""
    message: str = ""
    recovered: bool = False

    @property
    def started_ns(self) -> int:
        """When the first decision was made."""
        first = self.decisions[0].record if self.decisions else None
        return getattr(first, "time_ns", self.generated_ns)

    def records(self) -> Iterator[Located]:
        """Its decisions, in order."""
        return iter(self.decisions)


Source = StoredRun | ReplayFile


def find_source(context: click.Context, name: str) -> Source:
    """The run that `name` means: id, prefix, `latest`, a run's directory, a pack, or a `session_replay.json`.

    Raises
    ------
    UsageError, StoreError, FormatError
        If there is none, or it cannot be read.
    """
    path = Path(name)
    if path.suffix == ".json" and "\0" not in name and path.is_file():
        return _read_file(path)
    return StoredRun(find_run(context, name))


def _read_file(path: Path) -> ReplayFile:
    from otel_replay.formats import session_replay
    from otel_replay.storage.refusals import could_not
    from otel_replay.storage.run_files import Located

    try:
        with path.open("rb") as stream:
            document = session_replay.read(stream)
    except OSError as error:
        raise could_not("read", path, error) from error
    except FormatError as error:
        raise FormatError(f"`{path}`: {error.message}", hint=error.hint) from None
    return ReplayFile(
        path=path,
        run_id=document.run_id,
        generated_ns=document.generated_ns,
        decisions=[
            Located(decision, path.name, number) for number, decision in enumerate(document.decisions, 1)
        ],
    )
