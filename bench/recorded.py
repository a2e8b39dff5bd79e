"""A run to measure in: a store of its own that goes away, and a look whether everything is in the journal."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import otel_replay
from otel_replay.recording.run import Run
from otel_replay.settings import read_settings

__all__ = ["bench_run", "count_decisions", "journal_of", "temporary_directory"]


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory that is gone afterwards; where, says `TMPDIR`, as it does everywhere."""
    path = Path(tempfile.mkdtemp(prefix="otel-replay-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def bench_run(**settings: Any) -> Iterator[Run]:
    """A run that is being recorded with the default settings, except for those that are given.

    Only the summing up at its end is left out, which `tuning_run` measures by itself.
    """
    with temporary_directory() as place:
        chosen = read_settings({}, store=place / "store", projections=False, **settings)
        with otel_replay.start_run("bench", settings=chosen) as run:
            if not run.recording:
                raise RuntimeError("nothing is recorded: there is nothing to measure")
            yield run


def journal_of(run_directory: str | os.PathLike[str]) -> Path:
    """The only journal of a run."""
    (path,) = Path(run_directory, "journal").glob("*.jsonl")
    return path


def count_decisions(run_directory: str | os.PathLike[str]) -> int:
    """Decisions that stand in the journal by now, written out as lines."""
    with open(journal_of(run_directory), "rb") as lines:
        return sum(1 for line in lines if line.startswith(b'["decision"') and line.endswith(b"\n"))
