"""OpenLLMetry (Traceloop): spans of functions with `traceloop.*`, and flattened `gen_ai.prompt.0.content`.

From 0.5x on its model calls speak the GenAI conventions; what it wrote before is still in people's archives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.dialects.messages import Message, message
from otel_replay.dialects.plain import as_value, indexed
from otel_replay.dialects.table import Said, Source, Table, of_kind
from otel_replay.dialects.words import TRACELOOP_KIND

__all__ = ["TRACELOOP"]


def _messages(prefix: str, role: str) -> Source:
    def read(said: Said) -> list[Message] | None:
        return [_message(one, role) for one in indexed(said.attributes, prefix)] or None

    return read


def _message(flat: Mapping[str, Any], role: str) -> Message:
    calls = [dict(one, type="tool_call") for one in indexed(flat, "tool_calls")]
    given = {name: value for name, value in flat.items() if not name.startswith("tool_calls")}
    return message({**given, "tool_calls": calls}, role)


def _functions(said: Said) -> list[Any] | None:
    found = indexed(said.attributes, "llm.request.functions")
    return [{name: as_value(value) for name, value in one.items()} for one in found] or None


def _reasons(said: Said) -> list[Any] | None:
    found = [one.get("finish_reason") for one in indexed(said.attributes, "gen_ai.completion")]
    return [reason for reason in found if isinstance(reason, str)] or None


TRACELOOP = Table(
    name="traceloop",
    parts={
        "model": ("llm.request.model",),
        "response_model": ("llm.response.model",),
        "provider": ("llm.vendor",),
        "input_messages": (_messages("gen_ai.prompt", "user"), _messages("llm.prompts", "user")),
        "output_messages": (
            _messages("gen_ai.completion", "assistant"),
            _messages("llm.completions", "assistant"),
        ),
        "tool_definitions": (_functions,),
        "tool_name": (of_kind("tool call", "traceloop.entity.name", TRACELOOP_KIND),),
        "tool_arguments": (of_kind("tool call", "traceloop.entity.input", TRACELOOP_KIND),),
        "tool_result": (of_kind("tool call", "traceloop.entity.output", TRACELOOP_KIND),),
        "agent_name": (of_kind("agent", "traceloop.entity.name", TRACELOOP_KIND),),
        "finish_reasons": (_reasons, "llm.response.finish_reason", "llm.response.stop_reason"),
        "input_tokens": ("llm.usage.prompt_tokens",),
        "output_tokens": ("llm.usage.completion_tokens",),
        "cache_read_tokens": ("llm.usage.cache_read_input_tokens",),
        "cache_write_tokens": ("llm.usage.cache_creation_input_tokens",),
        "reasoning_tokens": ("llm.usage.reasoning_tokens",),
    },
)
"""The table."""
