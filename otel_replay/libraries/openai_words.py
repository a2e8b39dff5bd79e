"""What OpenAI's APIs are asked and answer, in the words of the GenAI conventions. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["asked", "chat_answer", "joined_chunks", "plain", "response_answer"]

Message = dict[str, Any]

_REQUEST = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop_sequences",
    "n": "choice.count",
    "stream": "stream",
}


def plain(value: Any) -> Any:
    """A model of the SDK as plain values; plain values as they are."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(exclude_unset=True, warnings=False)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def asked(request: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `create` as keywords of a generation's shape; what was not given is not there."""
    given = request.get("messages", request.get("input"))
    instructions, tools = request.get("instructions"), request.get("tools")
    said = {name: request.get(key) for key, name in _REQUEST.items()}
    return {
        "input_messages": _messages(given),
        "system_instructions": _text(instructions) if isinstance(instructions, str) else None,
        "tool_definitions": plain(tools) if isinstance(tools, list | tuple) else None,
        "request": {
            name: value for name, value in said.items() if isinstance(value, str | int | float | list)
        },
    }


def chat_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion as keywords of `Generation.output`."""
    choices = [
        {**_message(choice.get("message") or {}), "finish_reason": choice.get("finish_reason")}
        for choice in answer.get("choices") or ()
    ]
    usage = answer.get("usage") or {}
    return {
        "messages": choices,
        "finish_reasons": [choice["finish_reason"] for choice in choices if choice["finish_reason"]],
        "usage": _usage(
            usage, "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"
        ),
        "response_id": answer.get("id"),
        "response_model": answer.get("model"),
    }


def response_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer of the Responses API as keywords of `Generation.output`."""
    parts = [part for item in answer.get("output") or () for part in _message(item)["parts"]]
    reason = (answer.get("incomplete_details") or {}).get("reason") or answer.get("status")
    usage = answer.get("usage") or {}
    return {
        "messages": [{"role": "assistant", "parts": parts, "finish_reason": reason}],
        "finish_reasons": [reason] if reason else None,
        "usage": _usage(
            usage, "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"
        ),
        "response_id": answer.get("id"),
        "response_model": answer.get("model"),
    }


def joined_chunks(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The chat completion that the chunks of a stream add up to."""
    answer: dict[str, Any] = {}
    choices: dict[int, Message] = {}
    for chunk in chunks:
        answer.update({key: chunk[key] for key in ("id", "model", "usage") if chunk.get(key)})
        for piece in chunk.get("choices") or ():
            choice = choices.setdefault(piece.get("index", 0), {"message": {"content": ""}, "calls": {}})
            delta = piece.get("delta") or {}
            choice["message"]["content"] += delta.get("content") or ""
            choice["message"].setdefault("role", delta.get("role") or "assistant")
            choice["finish_reason"] = piece.get("finish_reason") or choice.get("finish_reason")
            for call in delta.get("tool_calls") or ():
                whole = choice["calls"].setdefault(call.get("index", 0), {"function": {"arguments": ""}})
                function = call.get("function") or {}
                whole.update({"id": call["id"]} if call.get("id") else {})
                whole["function"].update({"name": function["name"]} if function.get("name") else {})
                whole["function"]["arguments"] += function.get("arguments") or ""
    for choice in choices.values():
        choice["message"]["tool_calls"] = list(choice["calls"].values())
    return {**answer, "choices": [choices[index] for index in sorted(choices)]}


def _usage(usage: Mapping[str, Any], given: str, made: str, of_given: str, of_made: str) -> dict[str, Any]:
    counts = {
        "input_tokens": usage.get(given),
        "output_tokens": usage.get(made),
        "cache_read.input_tokens": (usage.get(of_given) or {}).get("cached_tokens"),
        "reasoning.output_tokens": (usage.get(of_made) or {}).get("reasoning_tokens"),
    }
    return {name: count for name, count in counts.items() if count is not None}


def _messages(given: Any) -> list[Message] | None:
    if isinstance(given, str):
        return [{"role": "user", "parts": _text(given)}]
    if isinstance(given, list | tuple):
        return [_message(plain(item)) for item in given]
    return None


def _message(item: Mapping[str, Any]) -> Message:
    kind = item.get("type")
    if kind == "function_call":
        called = {"name": item.get("name"), "arguments": item.get("arguments")}
        return {"role": "assistant", "parts": [_call(item.get("call_id"), called)]}
    if kind == "function_call_output":
        return {"role": "tool", "parts": [_result(item.get("call_id"), item.get("output"))]}
    role = item.get("role") or "assistant"
    if role == "tool":
        return {"role": role, "parts": [_result(item.get("tool_call_id"), item.get("content"))]}
    if "content" not in item and kind is not None:
        return {"role": role, "parts": [dict(item)]}  # reasoning, searches, …: as they are
    calls = [_call(call.get("id"), call.get("function") or {}) for call in item.get("tool_calls") or ()]
    return {"role": role, "parts": [*_text(item.get("content")), *calls]}


def _text(content: Any) -> list[Message]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    parts = []
    for part in content or ():
        text = part.get("text") if isinstance(part, Mapping) else None
        parts.append({"type": "text", "content": text} if isinstance(text, str) else part)
    return parts


def _call(id: Any, function: Mapping[str, Any]) -> Message:
    arguments = function.get("arguments")
    try:
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        pass  # the model has written what is no JSON: as it is
    return {"type": "tool_call", "id": id, "name": function.get("name"), "arguments": arguments}


def _result(id: Any, content: Any) -> Message:
    return {"type": "tool_call_response", "id": id, "response": content}
