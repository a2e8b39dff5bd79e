"""OpenAI's messages in the words of the OpenTelemetry GenAI conventions: a role, and parts with a type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from examples.agent.client import Answer, ToolRequest

if TYPE_CHECKING:
    from otel_replay.answering import Answer as RecordedAnswer

__all__ = ["input_messages", "output_messages", "recorded_answer"]


def input_messages(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the model is asked."""
    return [{"role": message["role"], "parts": _parts(message)} for message in messages]


def output_messages(answer: Answer) -> list[dict[str, Any]]:
    """What the model answered."""
    return [{"role": "assistant", "parts": _parts(answer.message), "finish_reason": answer.finish_reason}]


def recorded_answer(recorded: RecordedAnswer) -> Answer:
    """What the model answered when it was recorded."""
    (message,), response = recorded.value, recorded.response
    return Answer(
        id=response["response_id"],
        model=response["response_model"],
        text="".join(part["content"] for part in message["parts"] if part["type"] == "text"),
        tool_requests=[
            ToolRequest(id=part["id"], name=part["name"], arguments=part["arguments"])
            for part in message["parts"]
            if part["type"] == "tool_call"
        ],
        finish_reason=message["finish_reason"],
        input_tokens=response["usage"]["input_tokens"],
        output_tokens=response["usage"]["output_tokens"],
    )


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
