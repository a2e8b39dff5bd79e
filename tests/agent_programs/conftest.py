"""Agents that know nothing of the recorder, run as recorded programs against a scripted model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from model_server import Answer, ModelServer, Request
from store_kit import Recorded, Store

from otel_replay.analysis.causes import causes_of
from otel_replay.dialects.reading import Meaning, read_span
from otel_replay.formats.spans import Span

PROGRAMS = Path(__file__).parent / "programs"
_SEEN_BY_PROGRAMS = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class RecordedAgent:
    """What became of a program: its run, its output, and what the model was asked."""

    run: Recorded
    said: str
    complained: str
    code: int
    requests: list[Request]

    @property
    def lost(self) -> int:
        """Records that could not be kept, by what the journals say."""
        return self.run.lost

    def of(self, kind: str, name: str = "") -> list[tuple[Span, Meaning]]:
        """Spans of one kind by what they mean, in the order of their start; only those of `name`."""
        spans = sorted(self.run.spans, key=lambda span: span.start_ns)
        read = [(span, meaning_of(span)) for span in spans]
        return [(span, means) for span, means in read if means.kind == kind and name in ("", span.name)]

    def causes(self) -> list[tuple[str, str]]:
        """Of each tool call, in order of their starts, how its cause is known, and what is around that."""
        by_id = {span.span_id: span for span in self.run.spans}
        found = causes_of(self.run.located, self.run.files.blobs.read)
        told = []
        for span, _ in self.of("tool call"):
            cause = found.get(span.span_id)
            told.append(("", "") if cause is None else (cause.by, self._outer(by_id[cause.span_id])))
        return told

    def _outer(self, generation: Span) -> str:
        """What stands around a generation; the spans of two libraries count as one."""
        return next(name for name in self.lineage(generation) if name != generation.name)

    def lineage(self, span: Span) -> list[str]:
        """The names of the spans around `span`, from the innermost."""
        by_id = {one.span_id: one for one in self.run.spans}
        names: list[str] = []
        while span.parent_id in by_id:
            span = by_id[span.parent_id]
            names.append(span.name)
        return names


def meaning_of(span: Span) -> Meaning:
    """What a span means, whoever wrote it."""
    return read_span(span.name, span.attributes, scope=span.scope.name if span.scope else "")


Script = Callable[[Request], Answer] | Iterable[Answer]
Recording = Callable[..., RecordedAgent]


@pytest.fixture(scope="module")
def record_agent(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Runs one of `programs/` under `otel-replay run`, with a model that follows a script."""

    def record(
        program: str,
        script: Script,
        *,
        env: Mapping[str, str] | None = None,
        recorded: bool = True,
        expect: int = 0,
    ) -> RecordedAgent:
        folder = tmp_path_factory.mktemp(program.removesuffix(".py"))
        with ModelServer(script) as model:
            environment = {name: os.environ[name] for name in _SEEN_BY_PROGRAMS if name in os.environ}
            environment |= {**model.environment, "OTEL_REPLAY_STORE": str(folder / "store"), **(env or {})}
            command = [sys.executable, str(PROGRAMS / program)]
            if recorded:
                command = [sys.executable, "-m", "otel_replay", "run", "--name", program, "--", *command]
            done = subprocess.run(
                command,
                env=environment,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
        assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        run: Any = Store(folder / "store").run() if recorded else None
        return RecordedAgent(run, done.stdout, done.stderr, done.returncode, model.requests)

    return record
