"""What frameworks say beside the conventions: Anthropic's SDK, pydantic-ai, LangChain, Google's ADK.

Only what the conventions have no words for, or what a package says in words of its own instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.dialects.messages import text_part, unblocked
from otel_replay.dialects.plain import as_value
from otel_replay.dialects.table import Said, Source, Table, of_kind

__all__ = ["FRAMEWORKS", "unwrapped_arguments", "unwrapped_result"]


def _final_result(said: Said) -> Any:
    result = said.attributes.get("final_result") if said.kind == "agent" else None
    return None if result is None else [{"role": "assistant", "parts": [text_part(as_value(result))]}]


def unwrapped_arguments(value: Any) -> Any:
    """The arguments of a tool without what LangChain, LlamaIndex and OpenLLMetry's decorators put around."""
    found = as_value(value)
    if isinstance(found, Mapping):
        if "input_str" in found and isinstance(found.get("inputs"), Mapping):
            return found["inputs"]
        if found.keys() == {"args", "kwargs"} and not found["args"]:
            return found["kwargs"]
        if found.keys() == {"kwargs"} and isinstance(found["kwargs"], Mapping):
            return found["kwargs"]
    return found


def unwrapped_result(value: Any) -> Any:
    """The result of a tool without what LangChain, LlamaIndex or a block of text put around."""
    found = as_value(value)
    if isinstance(found, Mapping) and found.keys() >= {"tool_name", "raw_input", "raw_output"}:
        return as_value(found["raw_output"])
    message = _tool_message(found)
    if message is not None:
        found = as_value(message["content"])
    return unblocked(found)


def _tool_message(value: Any) -> Mapping[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("output"), Mapping):
        value = value["output"]
    for name in ("data", "kwargs"):
        inner = value.get(name)
        if isinstance(inner, Mapping) and inner.get("type") == "tool" and "content" in inner:
            return inner
    return None


def _call_id_of_result(said: Said) -> Any:
    if said.kind != "tool call":
        return None
    for name in ("gen_ai.tool.call.result", "output.value", "traceloop.entity.output"):
        message = _tool_message(as_value(said.attributes.get(name)))
        if message is not None:
            return message.get("tool_call_id")
    return None


def _of_adk(name: str, *path: str) -> Source:
    """A part of what Google's ADK writes whole as JSON. `{}` and `N/A` say that it was not to be recorded."""

    def read(said: Said) -> Any:
        found = as_value(said.attributes.get(name))
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return None if found == {} or found == "N/A" else found

    return read


_ADK_REQUEST = "gcp.vertex.agent.llm_request"
_ADK_RESPONSE = "gcp.vertex.agent.llm_response"


def _adk_answer(said: Said) -> Any:
    answer = as_value(said.attributes.get(_ADK_RESPONSE))
    content = answer.get("content") if isinstance(answer, Mapping) else None
    # Gemini calls the model's own role `model`.
    return [{**content, "role": "assistant"}] if isinstance(content, Mapping) else None


FRAMEWORKS = Table(
    name="frameworks",
    parts={
        "model": (of_kind("agent", "model_name"),),
        "input_messages": (_of_adk(_ADK_REQUEST, "contents"),),
        "output_messages": (_final_result, _adk_answer),
        "system_instructions": (_of_adk(_ADK_REQUEST, "config", "system_instruction"),),
        "finish_reasons": ("anthropic.message.stop_reason",),
        "agent_name": (of_kind("agent", "agent_name"),),
        "tool_arguments": (
            of_kind("tool call", "tool_arguments"),
            _of_adk("gcp.vertex.agent.tool_call_args"),
        ),
        "tool_result": (
            of_kind("tool call", "tool_response"),
            "anthropic.tool_result.content",
            _of_adk("gcp.vertex.agent.tool_response"),
        ),
        "tool_call_id": (_call_id_of_result,),
        "input_tokens": (of_kind("agent", "gen_ai.aggregated_usage.input_tokens"),),
        "output_tokens": (of_kind("agent", "gen_ai.aggregated_usage.output_tokens"),),
        "cache_read_tokens": (of_kind("agent", "gen_ai.aggregated_usage.cache_read.input_tokens"),),
        "cache_write_tokens": (of_kind("agent", "gen_ai.aggregated_usage.cache_write.input_tokens"),),
        "reasoning_tokens": (
            "gen_ai.usage.details.reasoning_tokens",
            of_kind("agent", "gen_ai.aggregated_usage.details.reasoning_tokens"),
        ),
        "cost_usd": ("operation.cost",),
    },
)
"""The table."""
