"""A small agent whose every call counts how often it was really made."""

from __future__ import annotations

from collections import Counter
from typing import Any

import otel_replay

__all__ = ["Busy", "answer", "ask", "look_up", "made", "search"]

made: Counter[str] = Counter()
"""Calls that were made, by the name of the function."""


class Busy(Exception):
    """The model is busy, and says for how long."""

    def __init__(self, message: str, *, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@otel_replay.generation("gpt-x", provider="openai")
def ask(messages: list[dict[str, Any]], temperature: float = 0.0) -> list[dict[str, Any]]:
    """A model: busy at first, then it counts the messages."""
    made["ask"] += 1
    if made["ask"] == 1:
        raise Busy("too many requests", wait_s=1.5)
    return [{"role": "assistant", "content": f"answer to {len(messages)} messages"}]


@otel_replay.tool
def look_up(key: str) -> dict[str, Any]:
    """A tool that does not know everything."""
    made["look_up"] += 1
    if key == "nowhere":
        raise KeyError(key)
    return {"key": key, "value": made["look_up"]}


@otel_replay.tool
def search(query: str) -> str:
    """A tool that asks the model itself."""
    made["search"] += 1
    return str(ask([{"role": "user", "content": query}])[0]["content"])


def answer(question: str = "How rich?", rounds: int = 3) -> list[Any]:
    """The agent: asks again when the model is busy, looks something up in each round."""
    messages = [{"role": "user", "content": question}]
    log: list[Any] = []
    for number in range(rounds):
        with otel_replay.agent("worker"):
            try:
                reply = ask(messages)
            except Busy as busy:
                log.append((str(busy), busy.wait_s))
                reply = ask(messages)
            found = look_up(f"key {number}")
            messages += [*reply, {"role": "tool", "content": str(found["value"])}]
            log.append((reply, found))
    try:
        look_up("nowhere")
    except KeyError as error:
        log.append(repr(error))
    return log
