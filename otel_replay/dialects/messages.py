"""Messages in the shape of the GenAI conventions: `{"role", "parts": [{"type", ...}], "finish_reason"?}`.

What others write - OpenAI's chat and responses, Anthropic's blocks, Bedrock's and Gemini's parts - has the
same few kinds of parts under other names; one table turns a block into a part. A block of a kind that is not
known is kept as it is: nothing that was recorded is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from otel_replay.dialects.plain import as_list, as_text, as_value

__all__ = ["Message", "as_messages", "as_parts", "call_part", "message", "parts_of", "text_part", "unblocked"]

Message = dict[str, Any]
Part = dict[str, Any]


def text_part(content: Any) -> Part:
    """Words."""
    return {"type": "text", "content": content}


def call_part(name: Any, arguments: Any, call_id: Any = None) -> Part:
    """A tool that the model asks for; arguments that are JSON text become what they say."""
    part: Part = {"type": "tool_call"}
    if call_id is not None:
        part["id"] = call_id
    return {**part, "name": name, "arguments": as_value(arguments)}


def _response_part(response: Any, call_id: Any = None) -> Part:
    part: Part = {"type": "tool_call_response"}
    if call_id is not None:
        part["id"] = call_id
    return {**part, "response": unblocked(as_value(response))}


def unblocked(response: Any) -> Any:
    """What a tool answered: Anthropic's and MCP's answer with a list of blocks, mostly one of text."""
    if isinstance(response, (list, tuple)) and len(response) == 1 and isinstance(response[0], Mapping):
        block = response[0]
        if _type(block) in ("text", "") and isinstance(block.get("text"), str):
            return as_value(block["text"])
    return response


def as_messages(value: Any) -> list[Message] | None:
    """A list of messages, given as such or as JSON, in whatever shape; None for what holds no message."""
    found = as_list(value)
    if found is None:
        return None
    return [message(one) for one in found if isinstance(one, (Mapping, str))] or None


def message(given: Mapping[str, Any] | str, role: str = "user") -> Message:
    """One message of any shape that is known. `role` is for one that does not say whose it is."""
    if isinstance(given, str):
        return {"role": role, "parts": [text_part(given)]}
    role = as_text(given.get("role")) or role
    parts = given.get("parts")
    # A message of the conventions has its parts with types; Gemini's parts have none.
    if isinstance(parts, (list, tuple)):
        made: Message = {"role": role, "parts": [part for one in parts for part in parts_of(one)]}
    else:
        made = {"role": role, "parts": _loose_parts(given, role)}
    for name in ("name", "finish_reason"):
        if as_text(given.get(name)):
            made[name] = given[name]
    return made


def _loose_parts(given: Mapping[str, Any], role: str) -> list[Part]:
    """The parts of a message that has its content, its tool calls and its reasoning side by side."""
    call_id = given.get("tool_call_id", given.get("id") if role == "tool" else None)
    content = as_value(given.get("content"))
    if role == "tool" and not _is_response(content):
        return [_response_part(content, call_id)]
    if _type(given) in _BLOCKS and "role" not in given:
        return parts_of(given)
    parts: list[Part] = []
    if as_text(given.get("reasoning_content")):
        parts.append({"type": "reasoning", "content": given["reasoning_content"]})
    if content is not None and content != "":
        parts += as_parts(given.get("content") if not isinstance(content, (list, tuple)) else content)
    if as_text(given.get("refusal")):
        parts.append({"type": "refusal", "content": given["refusal"]})
    for call in as_list(given.get("tool_calls")) or ():
        parts += parts_of(call) if isinstance(call, Mapping) else ()
    return parts


def _is_response(content: Any) -> bool:
    return (
        isinstance(content, (list, tuple))
        and bool(content)
        and all(
            isinstance(one, Mapping) and ("toolResult" in one or _type(one) in _RESPONSES) for one in content
        )
    )


def as_parts(content: Any) -> list[Part]:
    """The parts of a content: a text, a block, or a list of them."""
    blocks = content if isinstance(content, (list, tuple)) else [content]
    return [part for block in blocks for part in parts_of(block)]


def parts_of(block: Any) -> list[Part]:
    """The parts that a block stands for: one as a rule."""
    if not isinstance(block, Mapping):
        return [] if block is None else [text_part(block)]
    make = _BLOCKS.get(_type(block))
    if make is not None:
        return [make(block)]
    for name, read in _BY_KEY:
        if name in block and "type" not in block:
            return [read(block[name], block)]
    return [dict(block)]


def _type(block: Mapping[str, Any]) -> str:
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""


def _text(block: Mapping[str, Any]) -> Part:
    # The conventions say `content`, OpenAI and Anthropic `text`. What the conventions' shape has stays whole.
    return dict(block) if "content" in block else text_part(block.get("text"))


def _reasoning(block: Mapping[str, Any]) -> Part:
    if "content" in block:
        return dict(block)
    said = block.get("content", block.get("thinking", block.get("text", block.get("summary"))))
    return {"type": "reasoning", "content": said}


def _call(block: Mapping[str, Any]) -> Part:
    if block.get("type") == "tool_call" and "arguments" in block and "name" in block:
        return {**block, "arguments": as_value(block["arguments"])}
    function = block.get("function")
    inner = function if isinstance(function, Mapping) else block
    arguments = inner.get("arguments", inner.get("input", inner.get("args")))
    name = inner.get("name", inner.get("tool_name"))
    return call_part(name, arguments, block.get("id", block.get("call_id", block.get("tool_call_id"))))


def _responses_call(block: Mapping[str, Any]) -> Part:
    return call_part(block.get("name"), block.get("arguments"), block.get("call_id", block.get("id")))


def _response(block: Mapping[str, Any]) -> Part:
    if block.get("type") == "tool_call_response" and "response" in block:
        return {**block, "response": unblocked(as_value(block["response"]))}
    said = block.get("response", block.get("result", block.get("content", block.get("output"))))
    call_id = block.get("id", block.get("tool_use_id", block.get("call_id", block.get("tool_call_id"))))
    return _response_part(said, call_id)


def _inner(name: str, read: Callable[[Mapping[str, Any]], Part]) -> tuple[str, Callable[[Any, Any], Part]]:
    return name, lambda inner, block: read(inner) if isinstance(inner, Mapping) else dict(block)


_RESPONSES = ("tool_call_response", "tool_result", "function_call_output", "tool_return")

_BLOCKS: dict[str, Callable[[Mapping[str, Any]], Part]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "reasoning": _reasoning,
    "thinking": _reasoning,
    "tool_call": _call,
    "tool_use": _call,
    "function": _call,
    "function_call": _responses_call,
    **dict.fromkeys(_RESPONSES, _response),
}
"""Blocks that say their type: the conventions, OpenAI's chat and responses, Anthropic's messages."""

_BY_KEY: tuple[tuple[str, Callable[[Any, Any], Part]], ...] = (
    _inner("function", lambda inner: _call(inner)),
    _inner("toolUse", lambda use: call_part(use.get("name"), use.get("input"), use.get("toolUseId"))),
    _inner("toolResult", lambda got: _response_part(got.get("content"), got.get("toolUseId"))),
    _inner("functionCall", lambda call: call_part(call.get("name"), call.get("args"), call.get("id"))),
    _inner("function_call", lambda call: call_part(call.get("name"), call.get("args"), call.get("id"))),
    _inner("functionResponse", lambda got: _response_part(got.get("response"), got.get("id"))),
    _inner("function_response", lambda got: _response_part(got.get("response"), got.get("id"))),
    ("text", lambda text, _: text_part(text)),
    ("content", lambda content, _: text_part(content)),
)
"""Blocks that are named by their only key: Bedrock's and Gemini's."""
