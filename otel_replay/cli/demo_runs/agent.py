"""A small agent: it asks a model which cell of a fuel table is worst, and calls the tools that it wants."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import otel_replay
from otel_replay.cli.demo_runs.model_server import ModelServer

__all__ = ["answer"]

MODEL = "scripted-1"
QUESTION = "Which cell of the fuel table should I look at first?"
TABLE = {(3000, 95): -0.4, (3500, 95): -9.1, (4000, 95): -8.2, (4500, 95): -1.1}

Message = dict[str, Any]


class Busy(Exception):
    """The model has too much to do."""


class NoSuchCell(Exception):
    """The table has no cell there."""


def answer(store: str) -> str:
    """Record one agent run into `store`; returns its run id."""
    with (
        ModelServer() as server,
        otel_replay.start_run("fuel table agent", store=store, attributes={"question": QUESTION}) as run,
        otel_replay.agent("tuning assistant"),
    ):
        messages: list[Message] = [{"role": "user", "content": QUESTION}]
        while True:
            message = generate(server.url, messages)
            messages.append(message)
            requests = message.get("tool_calls", [])
            if not requests:
                otel_replay.decision("STOP", "The model answered", values={"answer": message["content"]})
                return run.run_id
            names = [request["function"]["name"] for request in requests]
            otel_replay.decision(
                "CALL_TOOLS", "The model asked for tools", values={"chosen": names, "offered": list(TOOLS)}
            )
            messages += [call_tool(request) for request in requests]


def generate(url: str, messages: list[Message]) -> Message:
    """One answer of the model; asks a second time if it is busy."""
    for attempt in (1, 2):
        try:
            return generate_once(url, messages)
        except Busy:
            otel_replay.decision("RETRY", "The model is busy", values={"attempt": attempt, "of": 2})
    raise Busy("the model is busy, try again later")


def generate_once(url: str, messages: list[Message]) -> Message:
    """One request to the model, as the OpenAI chat protocol has it."""
    with otel_replay.generation(
        MODEL, provider="openai", input_messages=[in_parts(one) for one in messages]
    ) as generation:
        body = json.dumps({"model": MODEL, "messages": messages, "tools": list(TOOLS)}).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10) as response:
                document = json.load(response)
        except urllib.error.HTTPError as error:
            error.close()
            raise Busy("429 Rate limit reached") from None
        choice, usage = document["choices"][0], document["usage"]
        generation.output(
            messages=[in_parts(choice["message"])],
            finish_reasons=[choice["finish_reason"]],
            usage={"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]},
            response_id=document["id"],
            response_model=document["model"],
        )
        message: Message = choice["message"]
        return message


def call_tool(request: Message) -> Message:
    """Do what the model asked for; an error is an answer too, and the model decides what to make of it."""
    name, arguments = request["function"]["name"], json.loads(request["function"]["arguments"])
    try:
        with otel_replay.tool(name, arguments, call_id=request["id"]) as call:
            result = TOOLS[name](**arguments)
            call.result(result)
    except NoSuchCell as error:
        result = {"error": str(error)}
    return {"role": "tool", "tool_call_id": request["id"], "content": json.dumps(result)}


def worst_cell() -> dict[str, Any]:
    """The cell with the largest correction."""
    (rpm, kpa), percent = max(TABLE.items(), key=lambda item: abs(item[1]))
    return {"rpm": rpm, "kpa": kpa, "percent": percent}


def correction(rpm: int, kpa: int) -> dict[str, Any]:
    """The correction of one cell."""
    if (rpm, kpa) not in TABLE:
        raise NoSuchCell(f"the table has no cell at {rpm} rpm, {kpa} kPa")
    return {"rpm": rpm, "kpa": kpa, "percent": TABLE[rpm, kpa]}


TOOLS: dict[str, Callable[..., dict[str, Any]]] = {"worst_cell": worst_cell, "correction": correction}


def in_parts(message: Message) -> Message:
    """A message in the words of the OpenTelemetry GenAI conventions: a role, and parts with a type."""
    if message["role"] == "tool":
        part = {"type": "tool_call_response", "id": message["tool_call_id"], "response": message["content"]}
        return {"role": "tool", "parts": [part]}
    parts: list[Message] = [{"type": "text", "content": message["content"]}] if message["content"] else []
    for call in message.get("tool_calls", ()):
        parts.append({"type": "tool_call", "id": call["id"], **call["function"]})
    return {"role": message["role"], "parts": parts}
