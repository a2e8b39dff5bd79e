"""The spans of hooked functions: tasks, tool calls, generations, agents, from what their rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_replay.attributes import CHUNKS, CODE_FUNCTION
from otel_replay.recording import shapes
from otel_replay.recording.blocks import start_span
from otel_replay.recording.shapes import Shape
from otel_replay.recording.spans import Agent, Generation, RecordedSpan, Task, ToolCall
from otel_replay.recording.wrapped import MOST_CHUNKS
from otel_replay.rules.mapping import SpanMap
from otel_replay.rules.rule import RESULT

if TYPE_CHECKING:
    from otel_replay.rules.calls import Call

__all__ = ["ended", "gave", "started"]

_KINDS: dict[str, type[RecordedSpan]] = {
    "task": Task,
    "agent": Agent,
    "tool": ToolCall,
    "generation": Generation,
}


def started(rule: SpanMap, names: dict[str, Any], function: str) -> RecordedSpan | None:
    """The span of a call with these parameters; None where nothing records."""
    span = start_span(_KINDS[rule.kind], lambda: _shape(rule, names, function))
    return span if span.recording else None


def _shape(rule: SpanMap, names: dict[str, Any], function: str) -> Shape:
    name = rule.name.run(names)
    more: dict[str, Any] = {CODE_FUNCTION: function}
    if rule.attributes is not None:
        given = rule.attributes.run(names)
        more.update({str(key): value for key, value in given.items()})
    arguments = rule.arguments.run(names) if rule.arguments is not None else None
    if rule.kind == "tool":
        call_id = rule.call_id.run(names) if rule.call_id is not None else None
        return shapes.tool_call_shape(name, arguments, call_id, more)
    if rule.kind == "generation":
        provider = rule.provider.run(names) if rule.provider is not None else None
        return shapes.generation_shape(name, provider=provider, input_messages=arguments, more=more)
    return (shapes.task_shape if rule.kind == "task" else shapes.agent_shape)(name, more)


def gave(call: Call, item: Any) -> None:
    """A generator gave an item: recorded at once where it is a call's answer."""
    if isinstance(call.span, ToolCall | Generation):
        call.chunks += 1
        if call.chunks <= MOST_CHUNKS:
            call.span.chunk(item)


def ended(rule: SpanMap, call: Call, error: BaseException | None) -> None:
    """The call is over: record what it gave, or what it raised, and end its span."""
    span = call.span
    try:
        if error is not None:
            span.fail(error)
        else:
            _finish(rule, call)
    finally:
        span.end()


def _finish(rule: SpanMap, call: Call) -> None:
    span, names = call.span, {**call.names, RESULT: call.result}
    if call.chunks:
        span.set(CHUNKS, call.chunks)
        if call.result is None:
            return
    output = rule.output.run(names) if rule.output is not None else call.result
    if isinstance(span, ToolCall):
        span.result(output)
    elif isinstance(span, Generation):
        usage = rule.usage.run(names) if rule.usage is not None else None
        reasons = rule.finish_reasons.run(names) if rule.finish_reasons is not None else None
        span.output(output, usage=usage, finish_reasons=reasons)
