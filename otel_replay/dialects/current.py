"""A span of others in the current words of the GenAI conventions, for readers that know no other.

Values that were written as JSON text become structures, flattened messages become messages, older names the
current ones. What a span says besides stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_replay.attributes import (
    GEN_AI_AGENT_NAME,
    GEN_AI_CONVERSATION_ID,
    GEN_AI_FINISH_REASONS,
    GEN_AI_INPUT_MESSAGES,
    GEN_AI_INPUT_TOKENS,
    GEN_AI_OPERATION,
    GEN_AI_OUTPUT_MESSAGES,
    GEN_AI_OUTPUT_TOKENS,
    GEN_AI_PROVIDER,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_ID,
    GEN_AI_RESPONSE_MODEL,
    GEN_AI_SYSTEM_INSTRUCTIONS,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_CALL_ID,
    GEN_AI_TOOL_DEFINITIONS,
    GEN_AI_TOOL_NAME,
    GEN_AI_TOOL_RESULT,
)
from otel_replay.dialects.kinds import SpanKind, told_by
from otel_replay.dialects.reading import Meaning, read_span
from otel_replay.dialects.usage import USAGE

__all__ = ["NAMES", "current_words", "in_current_words", "is_current"]

NAMES: Mapping[str, str] = {
    "operation": GEN_AI_OPERATION,
    "provider": GEN_AI_PROVIDER,
    "model": GEN_AI_REQUEST_MODEL,
    "response_model": GEN_AI_RESPONSE_MODEL,
    "response_id": GEN_AI_RESPONSE_ID,
    "agent_name": GEN_AI_AGENT_NAME,
    "conversation_id": GEN_AI_CONVERSATION_ID,
    "tool_name": GEN_AI_TOOL_NAME,
    "tool_call_id": GEN_AI_TOOL_CALL_ID,
    "tool_arguments": GEN_AI_TOOL_ARGUMENTS,
    "tool_result": GEN_AI_TOOL_RESULT,
    "system_instructions": GEN_AI_SYSTEM_INSTRUCTIONS,
    "input_messages": GEN_AI_INPUT_MESSAGES,
    "output_messages": GEN_AI_OUTPUT_MESSAGES,
    "tool_definitions": GEN_AI_TOOL_DEFINITIONS,
    "finish_reasons": GEN_AI_FINISH_REASONS,
    "input_tokens": GEN_AI_INPUT_TOKENS,
    "output_tokens": GEN_AI_OUTPUT_TOKENS,
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}
"""Part of a meaning -> the current name for it."""

_OPERATIONS: Mapping[SpanKind, str] = {"tool call": "execute_tool", "agent": "invoke_agent"}

_MEANINGFUL: frozenset[SpanKind] = frozenset({"generation", "tool call", "agent"})
_STRUCTURED = tuple(
    NAMES[part]
    for part in (
        *("tool_arguments", "tool_result", "input_messages", "output_messages"),
        *("system_instructions", "tool_definitions"),
    )
)
_OLDER = (
    *("gen_ai.system", "gen_ai.usage.prompt_tokens", "anthropic.tool_result.content", "tool_arguments"),
    "gcp.vertex.agent.tool_call_args",
)
_FOREIGN = (
    *("llm.", "openinference.", "input.", "output.", "embedding.", "tool.", "retrieval.", "reranker."),
    *("traceloop.", "gen_ai.prompt.", "gen_ai.completion.", "gen_ai.usage.", "gen_ai.system", "gen_ai.task."),
    *("logfire.", "pydantic_ai.", "anthropic.tool_result.", "model_request_parameters"),
    *("tool_arguments", "tool_response"),
)


def is_current(attributes: Mapping[str, Any]) -> bool:
    """Whether there is nothing to translate: our own spans, and those that are not about models at all."""
    kind, dialect = told_by(attributes)
    if kind == "task":
        return dialect not in ("openinference", "traceloop")
    if kind not in _MEANINGFUL:
        return True
    if dialect != "gen_ai" or any(name in attributes for name in _OLDER):
        return False
    return not any(attributes.get(name).__class__ is str for name in _STRUCTURED)


def current_words(meaning: Meaning) -> dict[str, Any]:
    """All that a span means, under the current names."""
    found = {}
    for part, name in NAMES.items():
        value = getattr(meaning.usage, part) if part in USAGE else getattr(meaning, part)
        if value is not None:
            found[name] = list(value) if part == "finish_reasons" else value
    if GEN_AI_OPERATION not in found and meaning.kind in _OPERATIONS:
        found = {GEN_AI_OPERATION: _OPERATIONS[meaning.kind], **found}
    return found


def in_current_words(
    name: str, attributes: Mapping[str, Any], *, events: Sequence[Any] = ()
) -> Mapping[str, Any]:
    """The attributes of a span with all it means under the current names; the same map where they are those.

    What the other dialects said under their own names is left out: it is there in other words.
    """
    if is_current(attributes) and not events:
        return attributes
    said = current_words(read_span(name, attributes, events=events))
    rest = {
        key: value for key, value in attributes.items() if key not in said and not key.startswith(_FOREIGN)
    }
    return {**said, **rest}
