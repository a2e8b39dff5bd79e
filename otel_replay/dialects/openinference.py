"""OpenInference: one kind for each span, messages and tool calls flattened with numbers in their names.

`llm.input_messages.0.message.role`, `llm.output_messages.0.message.tool_calls.0.tool_call.function.name`, …
(OpenInference semantic conventions 0.1.42). Its `llm.token_count.prompt` includes what came from a cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.dialects.messages import Message, call_part, message, text_part
from otel_replay.dialects.plain import as_text, as_value, indexed
from otel_replay.dialects.table import Said, Source, Table, of_kind
from otel_replay.dialects.words import OPENINFERENCE_KIND

__all__ = ["OPENINFERENCE"]

Part = dict[str, Any]


def _messages(prefix: str) -> Source:
    def read(said: Said) -> list[Message] | None:
        return [_message(one) for one in indexed(said.attributes, prefix)] or None

    return read


def _message(flat: Mapping[str, Any]) -> Message:
    role = as_text(flat.get("message.role")) or "user"
    call_id = flat.get("message.tool_call_id")
    content = flat.get("message.content")
    if role == "tool" or call_id is not None:
        shape: dict[str, Any] = {"role": "tool", "content": content, "tool_call_id": call_id}
        return message({**shape, "name": flat.get("message.name")})
    contents = indexed(flat, "message.contents")
    # What a message says may be told twice: whole, and as contents.
    texts = [one.get("message_content.text") for one in contents]
    told = content in (None, "") or content == "".join(text for text in texts if isinstance(text, str))
    parts: list[Part] = [] if told else [text_part(content)]
    calls = indexed(flat, "message.tool_calls")
    # So may Anthropic's tool calls: as contents, and once more.
    parts += [_content(one) for one in contents if not calls or one.get("message_content.type") != "tool_use"]
    parts += [_call(one) for one in calls]
    if flat.get("message.function_call_name") is not None:
        parts.append(
            call_part(flat["message.function_call_name"], flat.get("message.function_call_arguments_json"))
        )
    return {"role": role, "parts": parts}


def _content(flat: Mapping[str, Any]) -> Part:
    kind = flat.get("message_content.type")
    text = flat.get("message_content.text")
    if kind == "tool_use":
        return _call(flat)
    if kind == "reasoning" or kind == "thinking":
        return {"type": "reasoning", "content": text}
    if text is not None:
        return text_part(text)
    rest = {name.removeprefix("message_content."): value for name, value in flat.items()}
    return {**rest, "type": kind if isinstance(kind, str) else "unknown"}


def _call(flat: Mapping[str, Any]) -> Part:
    return call_part(
        flat.get("tool_call.function.name"),
        flat.get("tool_call.function.arguments"),
        flat.get("tool_call.id"),
    )


def _prompts(prefix: str, key: str, role: str) -> Source:
    def read(said: Said) -> list[Message] | None:
        texts = [one[key] for one in indexed(said.attributes, prefix) if key in one]
        return [{"role": role, "parts": [text_part(text)]} for text in texts] or None

    return read


def _tools(said: Said) -> list[Any] | None:
    found = [as_value(one.get("tool.json_schema")) for one in indexed(said.attributes, "llm.tools")]
    return [one for one in found if one is not None] or None


def _response_id(said: Said) -> str | None:
    """The id of the answer, which OpenInference leaves in the whole answer: OpenAI's own, or LangChain's."""
    if said.kind != "generation" or OPENINFERENCE_KIND not in said.attributes:
        return None
    answer = as_value(said.attributes.get("output.value"))
    if not isinstance(answer, Mapping):
        return None
    output = answer.get("llm_output")
    return as_text(answer.get("id")) or (as_text(output.get("id")) if isinstance(output, Mapping) else None)


def _asked_for(said: Said) -> str | None:
    """The model that was asked for, among the parameters of the call."""
    if OPENINFERENCE_KIND not in said.attributes:
        return None
    for name in ("llm.invocation_parameters", "embedding.invocation_parameters"):
        parameters = as_value(said.attributes.get(name))
        if isinstance(parameters, Mapping) and as_text(parameters.get("model")):
            return as_text(parameters["model"])
    return None


def _documents(said: Said) -> list[Any] | None:
    found = indexed(said.attributes, "retrieval.documents") or indexed(
        said.attributes, "reranker.output_documents"
    )
    return [
        {name.removeprefix("document."): as_value(value) for name, value in one.items()} for one in found
    ] or None


OPENINFERENCE = Table(
    name="openinference",
    parts={
        "provider": ("llm.provider", "llm.system", "decision.provider", "decision.system"),
        "model": (
            "llm.request.model_name",
            _asked_for,
            "embedding.model_name",
            "reranker.model_name",
            "decision.request.model_name",
        ),
        # It is the model that answered where there is an answer.
        "response_model": (
            "llm.response.model_name",
            "llm.model_name",
            "decision.response.model_name",
            "decision.model_name",
        ),
        "response_id": (_response_id,),
        "input_messages": (
            _messages("llm.input_messages"),
            _prompts("llm.prompts", "prompt.text", "user"),
        ),
        "output_messages": (
            _messages("llm.output_messages"),
            _prompts("llm.choices", "completion.text", "assistant"),
        ),
        "tool_definitions": (_tools,),
        "tool_name": ("tool.name",),
        "tool_call_id": ("tool_call.id", "tool.id"),
        "tool_arguments": (
            of_kind("tool call", "input.value", OPENINFERENCE_KIND),
            of_kind("tool call", "tool.parameters", OPENINFERENCE_KIND),
        ),
        "tool_result": (of_kind("tool call", "output.value", OPENINFERENCE_KIND), _documents),
        "agent_name": ("agent.name",),
        "conversation_id": (of_kind("generation", "session.id", OPENINFERENCE_KIND),),
        "finish_reasons": ("llm.finish_reason",),
        "input_tokens": ("llm.token_count.prompt", "decision.token_count.input"),
        "output_tokens": ("llm.token_count.completion", "decision.token_count.output"),
        "cache_read_tokens": ("llm.token_count.prompt_details.cache_read",),
        "cache_write_tokens": ("llm.token_count.prompt_details.cache_write",),
        "reasoning_tokens": ("llm.token_count.completion_details.reasoning",),
        "cost_usd": ("llm.cost.total",),
    },
)
"""The table."""
