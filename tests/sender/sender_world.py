"""What the sender's tests share: a run on the disk that is written line by line, targets, and patience."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fake_receiver import Received

from otel_replay.formats.journal_v1 import encode
from otel_replay.records import Close, Decision, JournalHeader, LogEntry, Resource, SpanEnd, SpanStart
from otel_replay.sender.box import Limits
from otel_replay.sender.courier import Patience
from otel_replay.sender.target import Target, parse_target
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import RunHeader
from otel_replay.storage.store import Store

TRACE = "5b8efff798038103d269b633813fc60c"

SMALL = Limits(max_items=3)


def span_id(number: int) -> str:
    return f"{number:016x}"


def ids(first: int, last: int) -> list[str]:
    return [span_id(number) for number in range(first, last + 1)]


class WrittenRun:
    """A run whose journals a test writes line by line, as a recording process would."""

    def __init__(self, root: Path) -> None:
        header = RunHeader(run_id="r1", name="tuning", started_ns=1)
        self.directory = Store(root).create(header)
        self.time_ns = 1_000

    @property
    def files(self) -> RunFiles:
        """The run, opened as anybody would."""
        return RunFiles(self.directory)

    def journal(self, name: str = "home.jsonl") -> Path:
        return self.directory / "journal" / name

    def write(self, *records: Any, name: str = "home.jsonl") -> None:
        path = self.journal(name)
        fresh = not path.exists()
        with path.open("ab") as stream:
            if fresh:
                stream.write(encode(JournalHeader(version=1, run_id="r1", time_ns=1, event_limit=4)))
                stream.write(encode(Resource(id=1, attributes={"service.name": "tuner"})))
            for record in records:
                stream.write(encode(record))

    def start(self, number: int, **fields: Any) -> SpanStart:
        self.time_ns += 1
        given = {
            "trace_id": TRACE,
            "span_id": span_id(number),
            "name": f"task {number}",
            "resource": 1,
            **fields,
        }
        return SpanStart(time_ns=self.time_ns, **given)

    def end(self, number: int, **fields: Any) -> SpanEnd:
        self.time_ns += 1
        return SpanEnd(time_ns=self.time_ns, span_id=span_id(number), **fields)

    def decision(self, number: int, action: str = "CLAMP") -> Decision:
        self.time_ns += 1
        return Decision(time_ns=self.time_ns, span_id=span_id(number), action=action, reason="high")

    def log(self, name: str) -> LogEntry:
        self.time_ns += 1
        return LogEntry(time_ns=self.time_ns, event_name=name, resource=1)

    def close(self, name: str = "home.jsonl") -> None:
        self.time_ns += 1
        self.write(Close(time_ns=self.time_ns, how="exit"), name=name)

    def spans(self, first: int, last: int, **fields: Any) -> None:
        """Whole spans, one after another."""
        for number in range(first, last + 1):
            self.write(self.start(number, **fields), self.end(number))

    @contextmanager
    def being_written(self, name: str = "home.jsonl") -> Iterator[None]:
        """As while a process records: it holds the lock of its journal."""
        with self.journal(name).open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


@dataclass
class Receiver:
    """A running fake and the target that names it."""

    received: Received
    target: Target
    protocol: str
    port: int


def a_target(protocol: str, port: int, **fields: Any) -> Target:
    return parse_target(f"http://127.0.0.1:{port}", protocol=protocol, environ={}, **fields)


@dataclass
class Waits:
    """Patience that notes how long it would have waited."""

    seconds: list[float] = field(default_factory=list)

    def patience(self, **fields: Any) -> Patience:
        return Patience(sleep=self.seconds.append, chance=lambda: 1.0, **fields)
