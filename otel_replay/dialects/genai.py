"""The GenAI conventions: the current names, and the older ones that packages still write.

Versions up to 1.36 told messages as events (`gen_ai.user.message`, `gen_ai.choice`), on the span or as log
records; before 1.28 as `gen_ai.content.prompt` and `gen_ai.content.completion`. Since then they are
attributes, or attributes of the one event `gen_ai.client.inference.operation.details`.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from otel_replay.dialects.messages import Message, as_messages, message
from otel_replay.dialects.plain import as_value
from otel_replay.dialects.table import Said, Source, Table

__all__ = ["GENAI", "in_details", "tells_messages"]

_DETAILS = "gen_ai.client.inference.operation.details"
_CHOICE = "gen_ai.choice"
_ASKING = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_TELLING = frozenset({_DETAILS, _CHOICE, "gen_ai.content.prompt", "gen_ai.content.completion"})
_ANSWERING = ("generation", "agent")


def tells_messages(moment: str) -> bool:
    """Whether an event or a log record of this name holds messages of the call that it belongs to."""
    return moment in _ASKING or moment in _TELLING


def in_details(name: str) -> Source:
    """The attribute of the event that tells the details of a call."""

    def read(said: Said) -> Any:
        for moment, content in said.moments:
            if moment == _DETAILS and content.get(name) is not None:
                return content[name]
        return None

    return read


def _asked(said: Said) -> list[Message] | None:
    if said.kind not in _ANSWERING:
        return None
    found: list[Message] = []
    for name, content in said.moments:
        if name in _ASKING:
            found.append(message(content, _ASKING[name]))
        elif name == "gen_ai.content.prompt":
            found += as_messages(content.get("gen_ai.prompt")) or ()
    return found or None


def _answered(said: Said) -> list[Message] | None:
    if said.kind not in _ANSWERING:
        return None
    found: list[Message] = []
    for name, content in said.moments:
        if name == _CHOICE:
            found.append(_choice(content))
        elif name == "gen_ai.content.completion":
            found += as_messages(content.get("gen_ai.completion")) or ()
    return found or None


def _choice(content: Mapping[str, Any]) -> Message:
    inner = as_value(content.get("message"))
    if isinstance(inner, Mapping):
        made = message({"tool_calls": content.get("tool_calls"), **inner}, "assistant")
    elif inner is not None:
        made = message({"content": inner, "tool_calls": content.get("tool_calls")}, "assistant")
    else:
        made = message({**content, "name": None}, "assistant")
    reason = content.get("finish_reason")
    return {**made, "finish_reason": reason} if isinstance(reason, str) and reason else made


def _reasons(said: Said) -> list[str] | None:
    found = [content.get("finish_reason") for name, content in said.moments if name == _CHOICE]
    return [reason for reason in found if isinstance(reason, str)] or None


def _tool_asked(said: Said) -> Any:
    """Strands tells a tool's arguments as a tool message, and its result as a choice."""
    return _first_content(said, "gen_ai.tool.message", ("content",))


def _tool_answered(said: Said) -> Any:
    return _first_content(said, _CHOICE, ("message", "content"))


def _first_content(said: Said, wanted: str, keys: tuple[str, ...]) -> Any:
    if said.kind != "tool call":
        return None
    for name, content in said.moments:
        if name == wanted:
            for key in keys:
                if content.get(key) is not None:
                    return content[key]
    return None


def _query(said: Said) -> Any:
    query = said.attributes.get(
        "gen_ai.retrieval.query.text", said.attributes.get("gen_ai.memory.query.text")
    )
    return None if query is None else {"query": query}


GENAI = Table(
    name="gen_ai",
    parts={
        "operation": (GEN_AI_OPERATION,),
        "provider": (GEN_AI_PROVIDER, "gen_ai.system"),
        "model": (GEN_AI_REQUEST_MODEL,),
        "response_model": (GEN_AI_RESPONSE_MODEL,),
        "response_id": (GEN_AI_RESPONSE_ID,),
        "input_messages": (GEN_AI_INPUT_MESSAGES, in_details(GEN_AI_INPUT_MESSAGES), _asked),
        "output_messages": (GEN_AI_OUTPUT_MESSAGES, in_details(GEN_AI_OUTPUT_MESSAGES), _answered),
        "system_instructions": (GEN_AI_SYSTEM_INSTRUCTIONS, in_details(GEN_AI_SYSTEM_INSTRUCTIONS)),
        "tool_definitions": (GEN_AI_TOOL_DEFINITIONS, in_details(GEN_AI_TOOL_DEFINITIONS)),
        "tool_name": (GEN_AI_TOOL_NAME, "gen_ai.data_source.id"),
        "tool_call_id": (GEN_AI_TOOL_CALL_ID,),
        "tool_arguments": (GEN_AI_TOOL_ARGUMENTS, _query, _tool_asked),
        "tool_result": (
            GEN_AI_TOOL_RESULT,
            "gen_ai.retrieval.documents",
            "gen_ai.memory.records",
            _tool_answered,
        ),
        "agent_name": (GEN_AI_AGENT_NAME,),
        "conversation_id": (GEN_AI_CONVERSATION_ID,),
        "finish_reasons": (GEN_AI_FINISH_REASONS, _reasons),
        "input_tokens": (GEN_AI_INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
        "output_tokens": (GEN_AI_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
        "cache_read_tokens": (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
        ),
        "cache_write_tokens": (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
        ),
        "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    },
)
"""The table. Older names stand behind the current ones."""
