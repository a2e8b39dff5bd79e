"""Real stores with real journals, and the command line called as the console script calls it."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from analysis.story import START_NS, Story

from otel_replay.cli.main import main
from otel_replay.formats.journal_v1 import encode
from otel_replay.records import BadLine, Close
from otel_replay.storage.finalise import finalise
from otel_replay.storage.run_header import RunHeader
from otel_replay.storage.store import Store


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.raw)

    @property
    def plain(self) -> list[str]:
        """The lines of standard output without colours."""
        return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in self.lines]

    @property
    def lines(self) -> list[str]:
        """Standard output, line by line."""
        return self.out.splitlines()


class FakeTerminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in ("OTEL_REPLAY_STORE", "OTEL_REPLAY_DEBUG", "NO_COLOR", "COLUMNS", "OTEL_REPLAY_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    store = Store(tmp_path / "store")
    store.ensure()
    return store


Call = Callable[..., Result]


@pytest.fixture
def call(store: Store, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a command on the store. `columns` makes standard output a terminal of that width."""

    def call(
        *arguments: str, columns: int | None = None, encoding: str = "utf-8", use_store: bool = True
    ) -> Result:
        kind = FakeTerminal if columns else io.TextIOWrapper
        out, err = (kind(io.BytesIO(), encoding=encoding, newline="\n") for _ in range(2))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setenv("COLUMNS", str(columns or ""))
            code = main(["--store", str(store.root), *arguments] if use_store else list(arguments))
        for stream in (out, err):
            stream.flush()
        raw = out.buffer.getvalue()
        told = err.buffer.getvalue()
        return Result(code, raw.decode(encoding), told.decode(encoding), raw)

    return call


Keep = Callable[..., Path]


@pytest.fixture
def keep(store: Store) -> Keep:
    """Writes a story into the store, as the process that recorded it would have left it."""

    return lambda story, **options: keep_in(store, story, **options)


def keep_in(
    store: Store, story: Story, *, name: str = "tuning", how: str = "finished", message: str = ""
) -> Path:
    """Write a story into a store; gives the run's directory."""
    header = RunHeader(run_id=story.run_id, name=name, started_ns=story.located[0].record.time_ns)
    directory = store.create(header)
    for item in story:
        assert not isinstance(item.record, BadLine)
        with open(directory / "journal" / item.journal, "ab") as journal:
            journal.write(encode(item.record))
    if how == "interrupted":
        return directory
    with open(directory / "journal" / story.journal, "ab") as journal:
        journal.write(encode(Close(time_ns=story.now_ns, how="ended")))
    status = "ok" if how == "finished" else "error"
    finalise(directory, ended_ns=story.now_ns, status=status, message=message)
    return directory


@pytest.fixture
def tuning() -> Story:
    """A small tuning run: 12 decisions in two tasks."""
    return tuning_story()


def tuning_story(
    run_id: str = "2026-01-01T00-00-00Z-aaaaaa", *, later_ns: int = 0, **attributes: object
) -> Story:
    """A small tuning run under any id."""
    story = Story(run_id, start_ns=START_NS + later_ns)
    run = story.run(clamp=10.0, **attributes)
    task = story.task("bin samples", run)
    for number in range(8):
        story.decide(
            task,
            "AFR_CORRECTION",
            "Accepted AFR error sample",
            values={"afr_error_pct": 0.5 * number, "weight": 73.3},
            cell={"rpm": 1500 + 500 * number, "kpa": 65, "cylinder": "f"},
        )
    story.end(task)
    task = story.task("clamp", run)
    story.decide(task, "CLAMPING_START", "Clamping to +/- 10%", values={"limit": 10.0})
    for kpa in (65, 80, 95):
        story.decide(
            task,
            "CLAMPING_APPLIED",
            "Over the limit",
            values={"before": 12.4, "after": 10.0},
            cell={"rpm": 3500, "kpa": kpa},
        )
    story.end(task)
    story.end(run, "ok")
    return story
