"""Calls of which two libraries told: a framework and the SDK below it, each with a span of its own.

A call counts once, for the span that ended first, which is the one nearest to the model. Another span tells
of the same call again

- where the first one stands directly below it and comes from another library (of tool calls: with the same
  tool; or a server's span below its client's), or
- where both name the same answer of the model (`gen_ai.response.id`) and come from different libraries.

Spans of one library never tell of a call twice: a tool that calls itself is two calls.
"""

from __future__ import annotations

from typing import NamedTuple

from otel_replay.analysis.spans import TrackedSpan
from otel_replay.attributes import GEN_AI_RESPONSE_ID, GEN_AI_TOOL_NAME
from otel_replay.dialects.reading import read_span
from otel_replay.dialects.usage import NO_USAGE, Usage

__all__ = ["Repeats", "Teller", "Told", "is_same_call", "tool_of"]

_CLIENT, _SERVER = 3, 2
_MOST_ANSWERS = 10_000
_MOST_BELOW = 1_000

Teller = tuple[str, str, int]
"""The tool (empty: a generation), the library, and the kind of span (OTLP's number)."""


class Told(NamedTuple):
    """A generation as a span tells of it: the number of the call, and the tokens that were told of it before;
    None where it is the first to tell."""

    call: int
    before: Usage | None


class Repeats:
    """Takes spans in the order of their ends. Memory grows with open spans and different names, not calls."""

    def __init__(self) -> None:
        self._below: dict[str, dict[Teller, tuple[int, Usage]]] = {}
        self._answers: dict[str, tuple[str, int, Usage]] = {}
        self._calls = 0

    def other(self, span_id: str) -> None:
        """A span that is no call has ended."""
        self._below.pop(span_id, None)

    def tool_call(self, span: TrackedSpan, tool: str, scope: str, parent_id: str | None) -> bool:
        """Whether a tool call was told before. For the parameters see :meth:`generation`."""
        teller = (tool, scope, span.start.span_kind)
        earlier = self._inside(span.span_id, teller)
        if parent_id is not None:
            self._note(parent_id, teller, 0, NO_USAGE)
        return bool(earlier)

    def generation(self, span: TrackedSpan, usage: Usage, scope: str, parent_id: str | None) -> Told:
        """Which call this span tells of, and the tokens that were told of it before.

        Parameters
        ----------
        scope:
            The name of the instrumentation scope: which library it is.
        parent_id:
            The span around it, None where that is not open (any more).
        """
        teller = ("", scope, span.start.span_kind)
        earlier = self._inside(span.span_id, teller)
        answer = self._answer_of(span)
        first = self._answers.get(answer)
        if first is not None and first[0] != scope:
            earlier.append(first[1:])
        self._calls += not earlier
        call = earlier[0][0] if earlier else self._calls
        for _, before in earlier:
            usage = before.together(usage)
        if answer and first is None:
            if len(self._answers) >= _MOST_ANSWERS:
                del self._answers[next(iter(self._answers))]
            self._answers[answer] = (scope, call, usage)
        if parent_id is not None:
            self._note(parent_id, teller, call, usage)
        if not earlier:
            return Told(call, None)
        known = earlier[0][1]
        for _, before in earlier[1:]:
            known = known.together(before)
        return Told(call, known)

    def _inside(self, span_id: str, teller: Teller) -> list[tuple[int, Usage]]:
        below = self._below.pop(span_id, None)
        return [told for one, told in below.items() if is_same_call(teller, one)] if below else []

    def _note(self, parent_id: str, teller: Teller, call: int, usage: Usage) -> None:
        beside = self._below.get(parent_id)
        if beside is None:
            self._below[parent_id] = {teller: (call, usage)}
        elif teller not in beside and len(beside) < _MOST_BELOW:
            beside[teller] = (call, usage)

    def _answer_of(self, span: TrackedSpan) -> str:
        answer = span.attributes.get(GEN_AI_RESPONSE_ID)
        if answer is None and span.dialect == "openinference":
            answer = read_span(span.name, span.attributes).response_id
        return answer if isinstance(answer, str) else ""


def tool_of(span: TrackedSpan) -> str:
    """The tool that was called; the span's name where nobody says."""
    name = span.attributes.get(GEN_AI_TOOL_NAME)
    return name if isinstance(name, str) else read_span(span.name, span.attributes).tool_name or span.name


def is_same_call(outer: Teller, inner: Teller) -> bool:
    """Whether a span tells of the same call as the one directly below it, by who tells of them."""
    if outer[0] != inner[0]:
        return False
    return outer[1] != inner[1] or (outer[2] == _CLIENT and inner[2] == _SERVER)
