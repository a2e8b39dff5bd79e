"""What tests of `otel-replay run` share: starting it as a person does, and reading what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from otel_replay.records import SpanEnd, SpanStart
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store

RUN = [sys.executable, "-I", "-m", "otel_replay", "run"]  # PYTHONPATH is for the program
PYTHON = sys.executable
LONGEST_SECONDS = 120


def environment(store: Path, **more: str) -> dict[str, str]:
    """This process's environment without what OpenTelemetry or a run around the tests has put there."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "TRACEPARENT"))
    }
    # What a program has printed is there even where a signal ends it, in the order in which it was said.
    return {**kept, "PYTHONUNBUFFERED": "1", "OTEL_REPLAY_STORE": str(store), **more}


class Recorded:
    """A store, commands that are run into it, and the runs that they left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"

    def script(self, text: str, name: str = "program.py") -> str:
        """Write a program into the folder; gives its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def start(
        self, *command: str, options: tuple[str, ...] = (), env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        """Start `otel-replay run OPTIONS -- COMMAND`."""
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more}
        return subprocess.Popen(
            [*RUN, *options, "--", *command],
            cwd=self.folder,
            env=environment(self.store, **(env or {})),
            **given,
        )

    def run(
        self, *command: str, options: tuple[str, ...] = (), env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        with self.start(*command, options=options, env=env, **more) as process:
            out, err = process.communicate(timeout=LONGEST_SECONDS)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def plain(
        self, *command: str, env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """The same command without us."""
        given = {"capture_output": True, "text": True, "timeout": LONGEST_SECONDS, **more}
        return subprocess.run(
            command, cwd=self.folder, env=environment(self.store, **(env or {})), check=False, **given
        )

    def files(self) -> RunFiles:
        """The one run that there is."""
        (run,) = Store(self.store).runs()
        return Store(self.store).resolve(run.run_id)

    def records(self) -> list[Any]:
        """Its records."""
        return [located.record for located in self.files().records()]

    def attributes(self) -> dict[str, Any]:
        """The attributes of its own span, at its end."""
        told: dict[str, Any] = {}
        spans = [one for one in self.records() if isinstance(one, SpanStart) and not one.parent_id]
        for record in self.records():
            if getattr(record, "span_id", None) == spans[0].span_id:
                told.update(getattr(record, "attributes", {}) or {})
        return told

    def spans(self) -> dict[str, SpanStart]:
        """Its spans by their names."""
        return {one.name: one for one in self.records() if isinstance(one, SpanStart)}

    def ends(self) -> set[str]:
        """Ids of the spans that have ended."""
        return {one.span_id for one in self.records() if isinstance(one, SpanEnd)}

    def decisions(self) -> list[str]:
        """The actions of its decisions, in their order."""
        return [one.action for one in self.records() if type(one).__name__ == "Decision"]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Where programs of a test are recorded."""
    return Recorded(tmp_path)
