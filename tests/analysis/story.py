"""Tells what happened in a run, record by record, for tests that read it; ids and times count up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_replay.attributes import GEN_AI_OPERATION, GEN_AI_REQUEST_MODEL, GEN_AI_TOOL_NAME, SPAN_TYPE
from otel_replay.records import (
    BadLine,
    Decision,
    Event,
    JournalHeader,
    Record,
    SpanEnd,
    SpanStart,
    StatusCode,
)
from otel_replay.storage.run_files import Located

START_NS = 1_767_225_600_000_000_000
MS = 1_000_000
TRACE = "a" * 32


class Story:
    """A run as a list of records, each a millisecond after the one before unless `wait` says more."""

    def __init__(
        self, run_id: str = "story-1", *, journal: str = "home.jsonl", start_ns: int = START_NS
    ) -> None:
        self.run_id = run_id
        self.journal = journal
        self.now_ns = start_ns
        self.located: list[Located] = []
        self._spans = 0
        self.add(JournalHeader(version=1, run_id=run_id, time_ns=start_ns))

    def __iter__(self) -> Iterator[Located]:
        return iter(self.located)

    @property
    def records(self) -> list[Record | BadLine]:
        """The records alone."""
        return [item.record for item in self.located]

    def add(self, record: Record | BadLine, journal: str | None = None) -> None:
        """Any record."""
        self.located.append(Located(record, journal or self.journal, len(self.located) + 1))

    def wait(self, milliseconds: float) -> None:
        """Let time go by."""
        self.now_ns += round(milliseconds * MS)

    def _tick(self) -> int:
        self.wait(1)
        return self.now_ns

    def start(self, name: str, parent: str = "", *, journal: str | None = None, **attributes: Any) -> str:
        """A span starts; returns its id."""
        self._spans += 1
        span_id = f"{self._spans:016x}"
        self.add(
            SpanStart(
                time_ns=self._tick(),
                trace_id=TRACE,
                span_id=span_id,
                name=name,
                parent_id=parent,
                attributes=attributes,
            ),
            journal,
        )
        return span_id

    def run(self, name: str = "tuning", **attributes: Any) -> str:
        """The run's own span starts."""
        return self.start(f"run {name}", **{SPAN_TYPE: "run", **attributes})

    def task(self, name: str, parent: str) -> str:
        """A task starts."""
        return self.start(f"task {name}", parent, **{SPAN_TYPE: "task"})

    def tool_call(self, tool: str, parent: str) -> str:
        """A tool call starts."""
        attributes = {GEN_AI_OPERATION: "execute_tool", GEN_AI_TOOL_NAME: tool}
        return self.start(f"execute_tool {tool}", parent, **attributes)

    def generation(self, model: str, parent: str) -> str:
        """A generation starts."""
        return self.start(f"chat {model}", parent, **{GEN_AI_OPERATION: "chat", GEN_AI_REQUEST_MODEL: model})

    def end(
        self,
        span_id: str,
        status: StatusCode = "unset",
        message: str = "",
        *,
        journal: str | None = None,
        **attributes: Any,
    ) -> None:
        """A span ends."""
        self.add(
            SpanEnd(
                time_ns=self._tick(), span_id=span_id, status=status, message=message, attributes=attributes
            ),
            journal,
        )

    def decide(
        self, span_id: str, action: str = "CLAMPING", reason: str = "over the limit", **given: Any
    ) -> Decision:
        """A decision is made; `values` and `cell` may be given."""
        decision = Decision(time_ns=self._tick(), span_id=span_id, action=action, reason=reason, **given)
        self.add(decision)
        return decision

    def happen(self, span_id: str, name: str, **attributes: Any) -> None:
        """An event happens."""
        self.add(Event(time_ns=self._tick(), span_id=span_id, name=name, attributes=attributes))
