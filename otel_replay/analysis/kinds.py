"""What a span is - run, task, tool call, generation, agent - told from its attributes by one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from otel_replay.attributes import (
    CONTINUATION_OF,
    GEN_AI_AGENT_NAME,
    GEN_AI_OPERATION,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_TOOL_NAME,
    SPAN_TYPE,
)

__all__ = ["KINDS", "SpanKind", "continued_span", "kind_of"]

SpanKind = Literal["run", "process", "agent", "task", "tool call", "generation", "other"]
KINDS: tuple[SpanKind, ...] = get_args(SpanKind)

_ANYTHING = object()

# The first row that fits says the kind: what a span says of itself goes before what it merely mentions.
_TABLE: tuple[tuple[str, Any, SpanKind], ...] = (
    (SPAN_TYPE, "run", "run"),
    (SPAN_TYPE, "task", "task"),
    (SPAN_TYPE, "process", "process"),
    (GEN_AI_OPERATION, "execute_tool", "tool call"),
    (GEN_AI_OPERATION, "invoke_agent", "agent"),
    (GEN_AI_OPERATION, "create_agent", "agent"),
    (GEN_AI_OPERATION, "invoke_workflow", "agent"),
    (GEN_AI_OPERATION, "chat", "generation"),
    (GEN_AI_OPERATION, "generate_content", "generation"),
    (GEN_AI_OPERATION, "text_completion", "generation"),
    (GEN_AI_OPERATION, "embeddings", "generation"),
    (GEN_AI_TOOL_NAME, _ANYTHING, "tool call"),
    (GEN_AI_REQUEST_MODEL, _ANYTHING, "generation"),
    (GEN_AI_AGENT_NAME, _ANYTHING, "agent"),
)


def kind_of(attributes: Mapping[str, Any]) -> SpanKind:
    """What a span with these attributes is; `other` for spans of other libraries."""
    for name, wanted, kind in _TABLE:
        if name in attributes and (wanted is _ANYTHING or attributes[name] == wanted):
            return kind
    return "other"


def continued_span(attributes: Mapping[str, Any]) -> str | None:
    """The id of the span that a continuation carries on, or None for a span of its own."""
    span_id = attributes.get(CONTINUATION_OF)
    return span_id if isinstance(span_id, str) and span_id else None
