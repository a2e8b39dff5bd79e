"""What the model says to the programs: it looks after cells, and each conversation tells what it is about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from model_protocols import Usage
from model_server import Answer, Request, asks, fails, says

__all__ = ["Cells"]

Telling = Callable[[Request, int], Answer]
"""Answers a request of a conversation, the first with 1."""


class Cells:
    """One model for all programs: a function of the request, so that conversations may run side by side."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()

    def __call__(self, request: Request) -> Answer:
        """The answer to one request."""
        told = json.dumps({name: value for name, value in request.body.items() if name != "tools"})
        for about, answer in _ANSWERS.items():
            if about in told:
                self._asked[about] += 1
                return answer if isinstance(answer, Answer) else answer(request, self._asked[about])
        return says("I do not know what this is about")


def _cells(first: int) -> Telling:
    def answer(request: Request, _: int) -> Answer:
        if request.says("You find who can help."):  # the first of two agents, and its handover
            return asks(("transfer_to_keeper", {}))
        if f"cell {first + 1}: " not in str(request.body):
            return asks(("temperature", {"cell": first}), ("temperature", {"cell": first + 1}))
        return says(f"Cell {first + 1} is warmer.", usage=Usage(input=50, output=6, cached=40))

    return answer


def _expert(request: Request, times: int) -> Answer:
    if request.says("You know everything"):
        return says("Heat is fine.")
    if times <= 2:
        return asks(("ask_expert", {"question": "hot?" if times == 1 else "Is it hot, expert?"}))
    return says("The expert says: fine.")


def _busy(_: Request, times: int) -> Answer:
    return fails(529, message="overloaded", retry_after=0.01) if times == 1 else says("at last")


def _no_such_cell(request: Request, _: int) -> Answer:
    return says("There is no such cell.") if request.results else asks(("temperature", {"cell": 99}))


_ANSWERS: dict[str, Answer | Telling] = {
    "refuse": fails(400, message="no such thing"),
    "busy": _busy,
    "stream a story": says("Once upon a time"),
    "break off": says("one two three", breaks_after=2),
    "break it": asks(("explode", {})),
    "expert": _expert,
    "cell 99": _no_such_cell,
    "question 0": says("answer 0"),
    "question 1": says("answer 1"),
    "question 2": says("answer 2"),
    "cells 3 and 4": _cells(3),
    "cells 5 and 6": _cells(5),
    "cell 4: ": _cells(3),  # a client that sends what is new, and not the conversation
}
