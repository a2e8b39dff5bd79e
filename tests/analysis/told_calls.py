"""A run of agents, generations and tool calls, told span by span, for tests of what asked for what."""

from __future__ import annotations

import json
from typing import Any

from analysis.story import START_NS, TRACE
from otel_replay.analysis.causes import causes_of, causes_of_items
from otel_replay.analysis.items_builder import build_items
from otel_replay.records import LogEntry, Record, Scope, SpanEnd, SpanStart
from otel_replay.storage.run_files import Located


class Told:
    """A run of spans that are named by words; each may stand in another one, and has its library."""

    def __init__(self) -> None:
        self._records: list[tuple[int, int, Record]] = []
        self._ids: dict[str, str] = {}
        self._libraries: dict[str, int] = {}
        self._clock = 0

    def span(
        self,
        name: str,
        attributes: dict[str, Any],
        *,
        within: str = "",
        at: tuple[int, int | None] | None = None,
        library: str = "lib",
        kind: int = 1,
    ) -> None:
        """A span from one moment to another; without `at` it comes after those that were told before."""
        begin, end = at or (self._clock + 1, self._clock + 2)
        self._clock = max(self._clock, end or begin)
        scope = self._libraries.setdefault(library, len(self._libraries) + 1)
        start = SpanStart(
            time_ns=START_NS + begin,
            trace_id=TRACE,
            span_id=self._id(name),
            parent_id=self._id(within) if within else "",
            name=name,
            span_kind=kind,
            scope=scope,
            attributes=attributes,
        )
        self._add(begin, start)
        if end is not None:
            self._add(end, SpanEnd(time_ns=START_NS + end, span_id=self._id(name)))

    def agent(self, name: str, at: tuple[int, int], within: str = "") -> None:
        """An agent."""
        self.span(name, {"gen_ai.operation.name": "invoke_agent"}, at=at, within=within)

    def asks(self, name: str, *asked: tuple[str, Any, str | None], **more: Any) -> None:
        """A generation that asks for tools: their names, arguments and ids."""
        parts = [
            {"type": "tool_call", "name": tool, "arguments": given, **({} if one is None else {"id": one})}
            for tool, given, one in asked
        ]
        self.says(name, parts, **more)

    def says(self, name: str, parts: list[dict[str, Any]], **more: Any) -> None:
        """A generation that answers with these parts."""
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}]),
        }
        answer = more.pop("answer", None)
        self.span(name, attributes | ({"gen_ai.response.id": answer} if answer else {}), **more)

    def call(self, name: str, tool: str, given: Any, call_id: str | None = None, **more: Any) -> None:
        """A call of a tool; without arguments (None) nobody recorded them."""
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
        if given is not None:
            attributes["gen_ai.tool.call.arguments"] = given
        if call_id is not None:
            attributes["gen_ai.tool.call.id"] = call_id
        self.span(name, attributes, **more)

    def message(self, name: str, asked: dict[str, Any]) -> None:
        """A log record of a span's, as older conventions tell an answer."""
        body = {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {"role": "assistant", "tool_calls": [asked]},
        }
        entry = LogEntry(
            time_ns=START_NS + self._clock,
            observed_ns=START_NS + self._clock,
            span_id=self._id(name),
            trace_id=TRACE,
            event_name="gen_ai.choice",
            body=body,
        )
        self._add(self._clock - 1, entry)

    def causes(self) -> dict[str, tuple[str, str]]:
        """The causes by name: as the records tell them, and so do the items."""
        names = {span_id: name for name, span_id in self._ids.items()}
        scopes: list[Record] = [Scope(id=number, name=name) for name, number in self._libraries.items()]
        records = scopes + [record for _, _, record in sorted(self._records, key=lambda one: one[:2])]
        located = [Located(record=one, journal="j", line=line) for line, one in enumerate(records, 1)]
        found = causes_of(located)
        items = build_items(located)
        assert causes_of_items(items) == found
        assert {item.span_id: item.cause for item in items if item.is_span and item.cause} == found
        return {names[one]: (names[cause.span_id], cause.by) for one, cause in found.items()}

    def _id(self, name: str) -> str:
        return self._ids.setdefault(name, f"{len(self._ids) + 1:016x}")

    def _add(self, at: int, record: Record) -> None:
        self._records.append((at, len(self._records), record))
