"""The models of `tests/dialects`, and those that its small conversation does not need: Bedrock's, DSPy's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "dialects"))

from fake_models import ANSWER, ROUTES, Body, FakeModels, chat

__all__ = ["models"]


def converse(body: Body) -> tuple[Body, list[Body]]:
    """Amazon Bedrock's `converse`."""
    done = any("toolResult" in part for message in body["messages"] for part in message["content"])
    use: Body = {"toolUse": {"toolUseId": "tooluse_1", "name": "distance", "input": {"to": "Rome"}}}
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": ANSWER} if done else use]}},
        "stopReason": "end_turn" if done else "tool_use",
        "usage": {"inputTokens": 40, "outputTokens": 12, "totalTokens": 52},
        "metrics": {"latencyMs": 1},
    }, []


def chat_in_json(body: Body) -> tuple[Body, list[Body]]:
    """OpenAI's chat; with DSPy's agent, which asks for tools in the fields of a JSON text."""
    told = json.dumps(body["messages"])
    if "next_tool_name" not in told and '"reasoning"' not in told.replace("\\", ""):
        return chat(body)
    whole, chunks = chat({**body, "messages": [{"role": "tool"}]})
    fields: Body
    if "next_tool_name" in str(body["messages"][0]):
        is_done = "1430" in told
        fields = {
            "next_thought": "I look it up." if not is_done else "I know it.",
            "next_tool_name": "finish" if is_done else "distance",
            "next_tool_args": {} if is_done else {"to": "Rome"},
        }
    else:
        fields = {"reasoning": "It was looked up.", "answer": ANSWER}
    whole["choices"][0]["message"]["content"] = json.dumps(fields)
    return whole, chunks


def models() -> FakeModels:
    """The server."""
    ROUTES["/model/small-1/converse"] = converse
    ROUTES["/v1/chat/completions"] = chat_in_json
    return FakeModels()
