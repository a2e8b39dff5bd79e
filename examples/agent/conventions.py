"""OpenAI's messages in the words of the OpenTelemetry GenAI conventions: a role, and parts with a type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from examples.agent.client import Answer

__all__ = ["input_messages", "output_messages"]


def input_messages(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the model is asked."""
    return [{"role": message["role"], "parts": _parts(message)} for message in messages]


def output_messages(answer: Answer) -> list[dict[str, Any]]:
    """What the model answered."""
    return [{"role": "assistant", "parts": _parts(answer.message), "finish_reason": answer.finish_reason}]


def _parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if message["role"] == "tool":
        return [{"type": "tool_call_response", "id": message["tool_call_id"], "response": content}]
    text = [{"type": "text", "content": content}] if content else []
    calls = [
        {
            "type": "tool_call",
            "id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
        }
        for call in message.get("tool_calls") or ()
    ]
    return text + calls
