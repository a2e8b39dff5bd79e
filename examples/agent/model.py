"""A model without weights: it reads the conversation, asks for the tools that it needs, and answers.

It is a function of the messages and the tools on offer, so the same conversation gives the same reply. Each
skill looks for its kind of question; it asks for a tool or, with the results in hand, has a sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Call", "Reply", "reply_to"]

Message = Mapping[str, Any]
ATTEMPTS = 2
NUMBER = r"(\d+(?:\.\d+)?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool that the model wants to have called."""

    id: str = ""
    name: str
    arguments: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """What tells one call from another, whatever its id."""
        return self.name, json.dumps(self.arguments, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model says, or what it wants to know first."""

    text: str = ""
    calls: Sequence[Call] = ()
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class _Conversation:
    """The question, the tools on offer, and what each call so far came back with."""

    question: str
    offered: frozenset[str]
    results: dict[tuple[str, str], list[Mapping[str, Any]]] = field(default_factory=dict)
    calls_made: int = 0


@dataclass(frozen=True, slots=True)
class _Failed:
    """A call that there is no sense in repeating, and why."""

    reason: str


Skill = Callable[["re.Match[str]", _Conversation], "Call | str"]


def reply_to(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> Reply:
    """The reply of the model; without tools on offer it is a plan, one step on each line."""
    conversation = _read(messages, tools)
    steps = [skill(match, conversation) for match, skill in _skills_for(conversation.question)]
    if not conversation.offered:
        plan = [_plan_line(number, step) for number, step in enumerate(steps or ["answer"], start=1)]
        return Reply(text="\n".join(plan))
    wanted = {step.key: step for step in steps if isinstance(step, Call)}
    if wanted:
        calls = [
            Call(id=f"call_{number}", name=call.name, arguments=call.arguments)
            for number, call in enumerate(wanted.values(), start=conversation.calls_made + 1)
        ]
        return Reply(calls=calls, finish_reason="tool_calls")
    sentences = [step for step in steps if isinstance(step, str)]
    return Reply(text=" ".join(sentences) or "I can calculate, convert units, read notes and look up prices.")


def _read(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> _Conversation:
    asked: dict[str, Call] = {}
    results: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    question = ""
    for message in messages:
        if message.get("role") == "user":
            question = str(message.get("content") or "")
        for call in message.get("tool_calls") or ():
            function = call["function"]
            asked[call["id"]] = Call(name=function["name"], arguments=json.loads(function["arguments"]))
        if message.get("role") == "tool" and message.get("tool_call_id") in asked:
            results.setdefault(asked[message["tool_call_id"]].key, []).append(json.loads(message["content"]))
    offered = frozenset(str(tool["function"]["name"]) for tool in tools)
    return _Conversation(question, offered, results, len(asked))


def _plan_line(number: int, step: Call | str) -> str:
    if isinstance(step, str):
        return f"{number}. answer"
    return f"{number}. {step.name}({', '.join(f'{name}={value}' for name, value in step.arguments.items())})"


def _skills_for(question: str) -> Iterator[tuple[re.Match[str], Skill]]:
    found = [(match, skill) for pattern, skill in SKILLS for match in pattern.finditer(question)]
    yield from sorted(found, key=lambda one: one[0].start())


def _ask(conversation: _Conversation, name: str, **arguments: Any) -> Call | _Failed | Mapping[str, Any]:
    """The result of a call if there is one, the call if it is to be made (again), else why it failed."""
    call = Call(name=name, arguments=arguments)
    results = conversation.results.get(call.key, [])
    if results and "error" not in results[-1]:
        return results[-1]
    if conversation.offered and name not in conversation.offered:
        return _Failed(f"I have no tool {name}")
    return call if len(results) < ATTEMPTS else _Failed(str(results[-1]["error"]))


def _percentage(match: re.Match[str], conversation: _Conversation) -> Call | str:
    share, whole = match.groups()
    answer = _ask(conversation, "calculator", expression=f"{share} / 100 * {whole}")
    return _sentence(answer, lambda result: f"{share}% of {whole} is {result['result']:g}.")


def _arithmetic(match: re.Match[str], conversation: _Conversation) -> Call | str:
    expression = match.group().strip()
    answer = _ask(conversation, "calculator", expression=expression)
    return _sentence(answer, lambda result: f"{expression} is {result['result']:g}.")


def _conversion(match: re.Match[str], conversation: _Conversation) -> Call | str:
    value, unit, target = match.groups()
    return _convert(conversation, float(value), unit, target, f"{value} {unit}")


def _note_in_units(match: re.Match[str], conversation: _Conversation) -> Call | str:
    target, subject = match.groups()
    answer = _ask(conversation, "search_notes", words=subject)
    if isinstance(answer, Mapping):
        for line in answer["result"]:
            if quantity := re.search(rf"{NUMBER} (\w+)", line["text"]):
                value, unit = quantity.groups()
                return _convert(conversation, float(value), unit, target, f"The {subject}, {value} {unit},")
        return f"The notes give no quantity for {subject}."
    return _sentence(answer, str)


def _note(match: re.Match[str], conversation: _Conversation) -> Call | str:
    subject = match.group(1)
    answer = _ask(conversation, "search_notes", words=subject)

    def quote(result: Mapping[str, Any]) -> str:
        lines = "; ".join(f"{line['text']} ({line['file']})" for line in result["result"])
        return f"The notes say: {lines}." if lines else f"The notes say nothing about {subject}."

    return _sentence(answer, quote)


def _price(match: re.Match[str], conversation: _Conversation) -> Call | str:
    fuel = match.group(1)
    answer = _ask(conversation, "fuel_price", fuel=fuel)
    return _sentence(answer, lambda result: f"A litre of {fuel} costs {result['result']:.2f}.")


def _convert(conversation: _Conversation, value: float, unit: str, target: str, subject: str) -> Call | str:
    answer = _ask(conversation, "convert_units", value=value, from_unit=unit, to_unit=target)
    return _sentence(answer, lambda result: f"{subject} is {result['result']:.4g} {target}.")


def _sentence(
    answer: Call | _Failed | Mapping[str, Any], tell: Callable[[Mapping[str, Any]], str]
) -> Call | str:
    if isinstance(answer, _Failed):
        return f"I could not find out: {answer.reason}."
    return answer if isinstance(answer, Call) else tell(answer)


SKILLS: tuple[tuple[re.Pattern[str], Skill], ...] = (
    (re.compile(rf"{NUMBER}\s*% of {NUMBER}"), _percentage),
    (re.compile(rf"{NUMBER}(?:\s*[-+*/]\s*{NUMBER})+"), _arithmetic),
    (re.compile(rf"{NUMBER} (\w+) (?:in|to|into) (\w+)"), _conversion),
    (re.compile(r"how many (\w+) is the ([\w ]+?) in the notes", re.IGNORECASE), _note_in_units),
    (re.compile(r"what do the notes say about ([\w ]+)", re.IGNORECASE), _note),
    (re.compile(r"price of (\w+)", re.IGNORECASE), _price),
)
