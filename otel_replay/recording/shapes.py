"""What the spans of each kind look like in OpenTelemetry: name, kind, attributes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from opentelemetry.trace import SpanKind

from otel_replay.attributes import (
    GEN_AI_AGENT_NAME,
    GEN_AI_INPUT_MESSAGES,
    GEN_AI_OPERATION,
    GEN_AI_PROVIDER,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_REQUEST_PREFIX,
    GEN_AI_SYSTEM_INSTRUCTIONS,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_CALL_ID,
    GEN_AI_TOOL_DEFINITIONS,
    GEN_AI_TOOL_NAME,
    RUN_NAME,
    RUN_PARENT_ID,
    SPAN_TYPE,
)
from otel_replay.program import process_attributes

__all__ = [
    "Shape",
    "agent_shape",
    "generation_shape",
    "process_shape",
    "run_shape",
    "task_shape",
    "tool_call_shape",
]


class Shape(NamedTuple):
    """A span before it starts."""

    name: str
    kind: SpanKind
    attributes: dict[str, Any]


def _given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def run_shape(name: str, parent_run_id: str | None, more: Mapping[str, Any] | None) -> Shape:
    """The span of a run: `run {name}`."""
    own = _given({SPAN_TYPE: "run", RUN_NAME: name, RUN_PARENT_ID: parent_run_id})
    return Shape(f"run {name}", SpanKind.INTERNAL, {**own, **(more or {})})


def process_shape(name: str) -> Shape:
    """The span of a child process that joined its parent's run: `process {name}`."""
    return Shape(f"process {name}", SpanKind.INTERNAL, {SPAN_TYPE: "process", **process_attributes()})


def task_shape(name: str, more: Mapping[str, Any] | None = None) -> Shape:
    """The span of a task: `task {name}`."""
    return Shape(f"task {name}", SpanKind.INTERNAL, {SPAN_TYPE: "task", **(more or {})})


def agent_shape(name: str, more: Mapping[str, Any] | None = None) -> Shape:
    """The span of an agent's work: `invoke_agent {name}` (GenAI conventions)."""
    own = {GEN_AI_OPERATION: "invoke_agent", GEN_AI_AGENT_NAME: name}
    return Shape(f"invoke_agent {name}", SpanKind.INTERNAL, {**own, **(more or {})})


def tool_call_shape(
    name: str, arguments: Any = None, call_id: str | None = None, more: Mapping[str, Any] | None = None
) -> Shape:
    """The span of a tool call: `execute_tool {name}` (GenAI conventions)."""
    own = _given(
        {
            GEN_AI_OPERATION: "execute_tool",
            GEN_AI_TOOL_NAME: name,
            GEN_AI_TOOL_ARGUMENTS: arguments,
            GEN_AI_TOOL_CALL_ID: call_id,
        }
    )
    return Shape(f"execute_tool {name}", SpanKind.INTERNAL, {**own, **(more or {})})


def generation_shape(
    model: str,
    *,
    provider: str | None = None,
    operation: str = "chat",
    input_messages: Any = None,
    system_instructions: Any = None,
    tool_definitions: Any = None,
    request: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Shape:
    """The span of a generation: `{operation} {model}` (GenAI conventions)."""
    own = _given(
        {
            GEN_AI_OPERATION: operation,
            GEN_AI_PROVIDER: provider,
            GEN_AI_REQUEST_MODEL: model,
            GEN_AI_INPUT_MESSAGES: input_messages,
            GEN_AI_SYSTEM_INSTRUCTIONS: system_instructions,
            GEN_AI_TOOL_DEFINITIONS: tool_definitions,
        }
    )
    asked = _given({GEN_AI_REQUEST_PREFIX + name: value for name, value in (request or {}).items()})
    return Shape(f"{operation} {model}", SpanKind.CLIENT, {**own, **asked, **(more or {})})
