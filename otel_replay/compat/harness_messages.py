"""A harness model's output in the words of the GenAI conventions (a role, parts with a type), and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from otel_replay.compat.harness_events import ModelOutput, ToolCall, Usage

__all__ = ["model_output", "output_messages"]


def output_messages(output: ModelOutput) -> list[dict[str, Any]]:
    """What a model answered, as one message."""
    parts: list[dict[str, Any]] = []
    if output.reasoning is not None:
        parts.append({"type": "reasoning", "content": output.reasoning})
    if output.text is not None:
        parts.append({"type": "text", "content": output.text})
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.args}
        for call in output.tool_calls
    ]
    return [{"role": "assistant", "parts": parts, "finish_reason": output.stop_reason}]


def model_output(messages: Any, response: Mapping[str, Any]) -> ModelOutput:
    """The same back, from recorded messages and what else is known of the answer.

    Messages of another shape become text: what was recorded by others is shown, and never guessed at.
    """
    parts = list(_parts(messages))
    usage = response.get("usage") or {}
    reasons = response.get("finish_reasons") or ["end-turn"]
    return ModelOutput(
        text=_joined(parts, "text"),
        tool_calls=[
            ToolCall(id=str(part.get("id", "")), name=str(part.get("name", "")), args=part.get("arguments"))
            for part in parts
            if part.get("type") == "tool_call"
        ],
        usage=Usage(
            input_tokens=_count(usage.get("input_tokens")),
            output_tokens=_count(usage.get("output_tokens")),
            cached_input_tokens=_count(usage.get("cache_read.input_tokens")),
        ),
        stop_reason=str(reasons[0]),
        reasoning=_joined(parts, "reasoning"),
    )


def _parts(messages: Any) -> Iterator[Mapping[str, Any]]:
    for message in messages if isinstance(messages, (list, tuple)) else [messages]:
        if isinstance(message, Mapping) and isinstance(message.get("parts"), (list, tuple)):
            yield from (part for part in message["parts"] if isinstance(part, Mapping))
        elif isinstance(message, Mapping) and isinstance(message.get("content"), str):
            yield {"type": "text", "content": message["content"]}
        elif message is not None:
            yield {"type": "text", "content": message if isinstance(message, str) else repr(message)}


def _joined(parts: list[Mapping[str, Any]], kind: str) -> str | None:
    found = [str(part.get("content", "")) for part in parts if part.get("type") == kind]
    return "".join(found) if found else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
