"""Calls of which two libraries told: a framework and the SDK below it, each with a span of its own.

A call counts once, for the span that ended first, which is the one nearest to the model. Another span tells
of the same call again

- where the first one stands directly below it and comes from another library (of tool calls: with the same
  tool; or a server's span below its client's), or
- where both name the same answer of the model (`gen_ai.response.id`) and come from different libraries.

Spans of one library never tell of a call twice: a tool that calls itself is two calls.
"""

from __future__ import annotations

from dataclasses import dataclass

from otel_replay.analysis.kinds import SpanKind
from otel_replay.analysis.spans import TrackedSpan
from otel_replay.attributes import GEN_AI_RESPONSE_ID, GEN_AI_TOOL_NAME
from otel_replay.dialects.reading import read_span, usage_of
from otel_replay.dialects.usage import USAGE, Usage

__all__ = ["Repeat", "Repeats", "tool_of"]

_CLIENT, _SERVER = 3, 2
_MOST_ANSWERS = 10_000
_MOST_BELOW = 1_000
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Repeat:
    """A call that was told of before, and which of its tokens were told then (names of `Usage`)."""

    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Told:
    kind: SpanKind
    scope: str
    tool: str
    span_kind: int


class Repeats:
    """Takes spans in the order of their ends. Memory grows with open spans and different names, not calls."""

    def __init__(self) -> None:
        self._below: dict[str, dict[_Told, frozenset[str]]] = {}
        self._answers: dict[str, tuple[str, frozenset[str]]] = {}

    def take(self, span: TrackedSpan, kind: SpanKind, scope: str, parent_id: str | None) -> Repeat | None:
        """What a span tells again, or None where it is the first to tell.

        Parameters
        ----------
        scope:
            The name of the instrumentation scope: which library it is.
        parent_id:
            The span around it, None where that is not open (any more).
        """
        below = self._below.pop(span.span_id, None)
        if kind != "generation" and kind != "tool call":
            return None
        tool = tool_of(span) if kind == "tool call" else ""
        told = _Told(kind, scope, tool, span.start.span_kind)
        tokens = _NONE if kind == "tool call" else _told(usage_of(span.attributes))
        earlier = [found for one, found in below.items() if _is_same(told, one)] if below else []
        if kind == "generation":
            earlier += self._same_answer(span, scope, tokens)
        before = _NONE.union(*earlier)
        if parent_id is not None:
            beside = self._below.setdefault(parent_id, {})
            if len(beside) < _MOST_BELOW:
                beside[told] = beside.get(told, _NONE) | tokens | before
        return Repeat(before) if earlier else None

    def _same_answer(self, span: TrackedSpan, scope: str, tokens: frozenset[str]) -> list[frozenset[str]]:
        answer = span.attributes.get(GEN_AI_RESPONSE_ID)
        if answer is None and span.dialect == "openinference":
            answer = read_span(span.name, span.attributes).response_id
        if not isinstance(answer, str) or not answer:
            return []
        first = self._answers.get(answer)
        if first is None:
            if len(self._answers) >= _MOST_ANSWERS:
                del self._answers[next(iter(self._answers))]
            self._answers[answer] = (scope, tokens)
            return []
        return [first[1]] if first[0] != scope else []


def _told(usage: Usage) -> frozenset[str]:
    return frozenset(name for name in USAGE if getattr(usage, name) is not None) if usage else _NONE


def tool_of(span: TrackedSpan) -> str:
    """The tool that was called; the span's name where nobody says."""
    name = span.attributes.get(GEN_AI_TOOL_NAME)
    return name if isinstance(name, str) else read_span(span.name, span.attributes).tool_name or span.name


def _is_same(outer: _Told, inner: _Told) -> bool:
    if outer.kind != inner.kind or outer.tool != inner.tool:
        return False
    return outer.scope != inner.scope or (outer.span_kind == _CLIENT and inner.span_kind == _SERVER)
