"""What a span is - run, task, tool call, generation, agent - told from its attributes by one table.

The first row that fits says the kind: what a span says of itself, in whichever words, goes before what it
merely mentions. `docs/dialects.md` shows the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from otel_replay.attributes import (
    GEN_AI_AGENT_NAME,
    GEN_AI_OPERATION,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_TOOL_NAME,
    SPAN_TYPE,
)
from otel_replay.dialects.words import LLM_REQUEST_TYPE, MCP_METHOD, OPENINFERENCE_KIND, TRACELOOP_KIND

__all__ = ["KINDS", "MENTIONS", "SAYS", "Dialect", "SpanKind", "kind_of", "told_by"]

SpanKind = Literal["run", "process", "agent", "task", "tool call", "generation", "other"]
KINDS: tuple[SpanKind, ...] = get_args(SpanKind)

Dialect = Literal["", "otel-replay", "gen_ai", "openinference", "traceloop", "mcp"]
"""Whose words a span speaks; empty for a span that says nothing of agents and models."""

SAYS: tuple[tuple[str, Dialect, Mapping[str, SpanKind]], ...] = (
    (SPAN_TYPE, "otel-replay", {"run": "run", "task": "task", "process": "process"}),
    (
        GEN_AI_OPERATION,
        "gen_ai",
        {
            "execute_tool": "tool call",
            # A store of knowledge is asked and answers, as a tool does.
            "retrieval": "tool call",
            "search_memory": "tool call",
            "invoke_agent": "agent",
            "create_agent": "agent",
            "invoke_workflow": "agent",
            "plan": "task",
            "execute_task": "task",
            "execute_event_loop_cycle": "task",
            "chat": "generation",
            "generate_content": "generation",
            "text_completion": "generation",
            "embeddings": "generation",
        },
    ),
    (
        OPENINFERENCE_KIND,
        "openinference",
        {
            "LLM": "generation",
            "EMBEDDING": "generation",
            "DECISION": "generation",
            "TOOL": "tool call",
            "RETRIEVER": "tool call",
            "RERANKER": "tool call",
            "AGENT": "agent",
            "CHAIN": "task",
            "GUARDRAIL": "task",
            "EVALUATOR": "task",
            "PROMPT": "task",
        },
    ),
    (
        TRACELOOP_KIND,
        "traceloop",
        {"workflow": "task", "task": "task", "agent": "agent", "tool": "tool call"},
    ),
    (MCP_METHOD, "mcp", {"tools/call": "tool call"}),
    (
        LLM_REQUEST_TYPE,
        "traceloop",
        {"chat": "generation", "completion": "generation", "embedding": "generation", "rerank": "tool call"},
    ),
)
"""Attribute, whose word it is, and what its values say."""

MENTIONS: tuple[tuple[str, SpanKind], ...] = (
    (GEN_AI_TOOL_NAME, "tool call"),
    (GEN_AI_REQUEST_MODEL, "generation"),
    (GEN_AI_AGENT_NAME, "agent"),
)
"""Where nothing is said: attributes that only a span of this kind has."""


_INHERITING = ("traceloop.workflow.name", "traceloop.entity.path", "gen_ai.agent.call.id")
"""OpenLLMetry and pydantic-ai write the agent's name on whatever happens inside of it."""


def kind_of(attributes: Mapping[str, Any]) -> SpanKind:
    """What a span with these attributes is; `other` for what is not about agents and models."""
    return told_by(attributes)[0]


def told_by(attributes: Mapping[str, Any]) -> tuple[SpanKind, Dialect]:
    """What a span is, and in whose words it says so."""
    for name, dialect, kinds in SAYS:
        if name in attributes:
            value = attributes[name]
            if value.__class__ is str and value in kinds:
                return kinds[value], dialect
    for name, kind in MENTIONS:
        if name in attributes and not (kind == "agent" and _is_inherited(attributes)):
            return kind, "gen_ai"
    return "other", ""


def _is_inherited(attributes: Mapping[str, Any]) -> bool:
    return any(name in attributes for name in _INHERITING)
