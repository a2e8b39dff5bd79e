"""A run of otel-replay as a session log: what its generations and tool calls would have been there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from otel_replay.analysis.kinds import kind_of
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.attributes import (
    GEN_AI_FINISH_REASONS,
    GEN_AI_INPUT_MESSAGES,
    GEN_AI_OUTPUT_MESSAGES,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_CALL_ID,
    GEN_AI_TOOL_DEFINITIONS,
    GEN_AI_TOOL_NAME,
    GEN_AI_TOOL_RESULT,
    GEN_AI_USAGE_PREFIX,
    HEARTBEAT_EVENT,
    RUN_NAME,
)
from otel_replay.compat.harness_events import (
    Action,
    End,
    Heartbeat,
    PostCompact,
    PostModel,
    PostTool,
    PreCompact,
    PreModel,
    PreTool,
    Sensor,
    Session,
    SessionEvent,
    SkippedLine,
    Start,
    ToolResult,
)
from otel_replay.compat.harness_messages import model_output
from otel_replay.records import BadLine, Decision, Event, SpanEnd, SpanStart, SpanUpdate
from otel_replay.storage.journal_reader import Located
from otel_replay.values import to_json

__all__ = ["session_of_run"]


def session_of_run(records: Iterable[Located], name: str) -> Session:
    """The events that a recorder of harness-rs would have written of a run; its damaged lines as skipped."""
    return _Reader(name).read(records)


class _Reader:
    def __init__(self, name: str) -> None:
        self._book = SpanBook()
        self._session = Session(name=name)
        self._root = ""
        self._act: dict[type, Callable[[Any, str], None]] = {
            SpanStart: self._start,
            SpanUpdate: lambda record, _: self._book.update(record),
            SpanEnd: self._end,
            Event: self._event,
            Decision: self._decision,
            BadLine: self._bad,
        }

    def read(self, records: Iterable[Located]) -> Session:
        """All of it."""
        for located in records:
            act = self._act.get(type(located.record))
            if act is not None:
                act(located.record, located.journal)
        return self._session

    def _add(self, event: SessionEvent) -> None:
        self._session.append(event)

    def _start(self, record: SpanStart, journal: str) -> None:
        if self._book.begin(record, journal) is None:
            return
        kind, ts_ms = kind_of(record.attributes), _ms(record.time_ns)
        if kind == "run" and not self._root:
            self._root = record.span_id
            name = record.attributes.get("source") or record.attributes.get(RUN_NAME, "")
            self._add(Start(ts_ms=ts_ms, source=str(name)))
        elif kind == "generation":
            history, tools = (
                _length(record.attributes.get(key))
                for key in (GEN_AI_INPUT_MESSAGES, GEN_AI_TOOL_DEFINITIONS)
            )
            self._add(PreModel(ts_ms=ts_ms, history_len=history, tools_count=tools))
        elif kind == "tool call":
            action = Action(
                tool=str(record.attributes.get(GEN_AI_TOOL_NAME, "")),
                call_id=_call_id(record.attributes, record.span_id),
                args=to_json(record.attributes.get(GEN_AI_TOOL_ARGUMENTS)),
            )
            self._add(PreTool(ts_ms=ts_ms, action=action))

    def _end(self, record: SpanEnd, journal: str) -> None:
        span = self._book.finish(record, journal)
        if span is None:
            return
        ts_ms = _ms(record.time_ns)
        if span.kind == "generation" and span.status != "error":
            self._add(PostModel(ts_ms=ts_ms, output=_output(span)))
        elif span.kind == "tool call":
            call_id = _call_id(span.attributes, span.span_id)
            self._add(PostTool(ts_ms=ts_ms, call_id=call_id, result=_result(span)))
        elif span.span_id == self._root:
            self._add(End(ts_ms=ts_ms))

    def _event(self, record: Event, _: str) -> None:
        turn = record.attributes.get("iter")
        if record.name == HEARTBEAT_EVENT and isinstance(turn, int):
            self._add(Heartbeat(ts_ms=_ms(record.time_ns), iter=turn))

    def _decision(self, record: Decision, _: str) -> None:
        ts_ms = _ms(record.time_ns)
        values = record.values if isinstance(record.values, Mapping) else {}
        if record.action == "SENSOR":
            signals = values.get("signals")
            count = signals if isinstance(signals, int) else 0
            self._add(Sensor(ts_ms=ts_ms, id=str(values.get("id", "")), signals=count))
        elif record.action in _COMPACTIONS:
            self._add(_COMPACTIONS[record.action](ts_ms=ts_ms, stage=str(values.get("stage", ""))))

    def _bad(self, record: BadLine, journal: str) -> None:
        reason = f"{record.reason} (journal/{journal})"
        self._session.skipped.append(SkippedLine(number=record.number, reason=reason))


_COMPACTIONS: dict[str, Callable[..., SessionEvent]] = {
    "PRE_COMPACT": PreCompact,
    "POST_COMPACT": PostCompact,
}


def _ms(time_ns: int) -> int:
    return time_ns // 1_000_000


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (list, tuple)) else int(value is not None)


def _call_id(attributes: Mapping[str, Any], span_id: str) -> str:
    return str(attributes.get(GEN_AI_TOOL_CALL_ID) or span_id)


def _output(span: TrackedSpan) -> Any:
    usage = {
        name[len(GEN_AI_USAGE_PREFIX) :]: value
        for name, value in span.attributes.items()
        if name.startswith(GEN_AI_USAGE_PREFIX)
    }
    response = {"usage": usage, "finish_reasons": span.attributes.get(GEN_AI_FINISH_REASONS)}
    return model_output(to_json(span.attributes.get(GEN_AI_OUTPUT_MESSAGES)), response)


def _result(span: TrackedSpan) -> ToolResult:
    value = to_json(span.attributes.get(GEN_AI_TOOL_RESULT))
    if span.status == "error":
        return ToolResult(ok=False, content=span.end.message if span.end is not None else None)
    if isinstance(value, dict) and set(value) == {"ok", "content", "trace"} and isinstance(value["ok"], bool):
        return ToolResult(**value)
    return ToolResult(ok=True, content=value)
