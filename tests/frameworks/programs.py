"""The small conversation of `tests/dialects` as programs that know nothing of the recorder.

`python programs.py NAME URL` has it with the model at URL. The framework stands in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "dialects"))

from framework_agents import (
    BRIEF,
    NO_KEY,
    QUESTION,
    agno_agent,
    crewai_crew,
    langgraph_agent,
    llamaindex_agent,
)

_SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}


def dspy_agent(url: str) -> None:
    """A question to DSPy, and an agent of it that reasons and acts with one tool."""
    import dspy

    def distance(to: str) -> str:
        """How far it is to a place."""
        return '{"km": 1430}'

    model = dspy.LM("openai/small-1", api_base=url + "/v1", api_key="none", cache=False, num_retries=0)
    with dspy.context(lm=model, adapter=dspy.JSONAdapter()):
        agent = dspy.ReAct("question -> answer", tools=[distance], max_iters=3)
        print(agent(question=QUESTION).answer)


def bedrock_converse(url: str) -> None:
    """A loop around Amazon Bedrock's `converse` with one tool."""
    import boto3

    os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", AWS_DEFAULT_REGION="eu-west-1")
    client = boto3.client("bedrock-runtime", endpoint_url=url)
    tool = {"name": "distance", "description": "How far.", "inputSchema": {"json": _SCHEMA}}
    messages: list[Any] = [{"role": "user", "content": [{"text": QUESTION}]}]
    while True:
        answer = client.converse(
            modelId="small-1",
            system=[{"text": BRIEF}],
            messages=messages,
            toolConfig={"tools": [{"toolSpec": tool}]},
        )
        message = answer["output"]["message"]
        messages.append(message)
        if answer["stopReason"] != "tool_use":
            break
        results = [
            {"toolUseId": part["toolUse"]["toolUseId"], "content": [{"json": {"km": 1430}}]}
            for part in message["content"]
            if "toolUse" in part
        ]
        messages.append({"role": "user", "content": [{"toolResult": result} for result in results]})
    print(message["content"][0]["text"])


def anthropic_loop(url: str) -> None:
    """A loop around Anthropic's messages with one tool."""
    import anthropic

    client = anthropic.Anthropic(api_key=NO_KEY, base_url=url, max_retries=0)
    tools: Any = [{"name": "distance", "description": "How far.", "input_schema": _SCHEMA}]
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    while True:
        answer = client.messages.create(
            model="small-1", max_tokens=100, system=BRIEF, messages=messages, tools=tools
        )
        messages.append({"role": "assistant", "content": answer.content})
        if answer.stop_reason != "tool_use":
            break
        results = [
            {"type": "tool_result", "tool_use_id": part.id, "content": json.dumps({"km": 1430})}
            for part in answer.content
            if part.type == "tool_use"
        ]
        messages.append({"role": "user", "content": results})


PROGRAMS: dict[str, Callable[[str], None]] = {
    "agno": agno_agent,
    "bedrock": bedrock_converse,
    "crewai": crewai_crew,
    "dspy": dspy_agent,
    "llama-index": llamaindex_agent,
    "openllmetry-anthropic": anthropic_loop,
    "openllmetry-langchain": langgraph_agent,
}
"""By the name of the framework's file in `requirements/`."""

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2])
