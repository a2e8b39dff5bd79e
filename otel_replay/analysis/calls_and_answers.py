"""What a run tells of its tool calls and of what its models asked for, taken from its spans as they end.

Kept small: of a generation only what it asked for, of a call its tool and a hash of its arguments, and of the
spans above them where they stand. See :mod:`otel_replay.analysis.causes` for what is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from otel_replay.analysis.repeats import Repeats, Teller, tool_of
from otel_replay.analysis.spans import TrackedSpan
from otel_replay.dialects.kinds import SpanKind
from otel_replay.dialects.reading import Meaning, read_span
from otel_replay.dialects.requested import Requested, requested
from otel_replay.dialects.usage import NO_USAGE
from otel_replay.errors import OtelReplayError
from otel_replay.formats.journal_v1 import sorted_json
from otel_replay.storage.whole_values import whole

__all__ = ["Answer", "Asked", "Called", "Place", "Seen", "arguments_hash"]

MOST = 200_000
"""Generations and tool calls of a run of which causes are told; in a run with more, none are."""

_NO_ARGUMENTS: Any = {}


@dataclass(slots=True, eq=False)
class Asked:
    """One request of an answer, the ids that it has in each library, and whether a call is known to be it."""

    name: str
    arguments: bytes | None
    ids: set[str]
    used: bool = False


@dataclass(slots=True, eq=False)
class Answer:
    """A generation that asked for tools, however many libraries told of it.

    Attributes
    ----------
    span_id, name, start_ns:
        Of a span that tells what was asked for: of two libraries' the one nearest to the model.
    first_ns, end_ns:
        From when on it ran, and when its answer was there; None for one without an end.
    spans:
        The ids of all spans that tell of it.
    """

    span_id: str
    name: str
    start_ns: int
    first_ns: int
    end_ns: int | None
    spans: set[str]
    asked: list[Asked]


@dataclass(slots=True, eq=False)
class Called:
    """A tool call's span: `arguments` is None where nobody recorded any, `teller` who told of it, and `named`
    whether the tool's name was told."""

    span_id: str
    tool: str
    arguments: bytes | None
    call_id: str | None
    start_ns: int
    parent_id: str
    teller: Teller
    named: bool


@dataclass(slots=True, eq=False)
class Place:
    """A call, a generation, or a span around one: its own parent, what it is, who made it, name and start."""

    parent_id: str
    kind: SpanKind
    scope: str = ""
    name: str = ""
    start_ns: int = 0


@dataclass(slots=True, eq=False)
class Seen:
    """Takes the spans of a run in the order of their ends; `answers` by the number of the call."""

    read_blob: Callable[[str], bytes] | None = None
    answers: dict[int, Answer] = field(default_factory=dict)
    calls: list[Called] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    full: bool = False
    _repeats: Repeats = field(default_factory=Repeats)
    _beside: dict[tuple[str, tuple[str, ...]], tuple[str, int]] = field(default_factory=dict)

    def take(
        self, span: TrackedSpan, kind: SpanKind, scope: str, parent_id: str, moments: Sequence[Any] = ()
    ) -> None:
        """Take up a span that has ended, or that never will.

        Parameters
        ----------
        kind:
            What it is.
        scope:
            The name of the instrumentation scope.
        parent_id:
            The span around it, empty at the top.
        moments:
            Events and log records of it: older conventions told messages so.
        """
        if self.full or kind not in ("generation", "tool call"):
            self._repeats.other(span.span_id)
            return
        if kind == "tool call":
            self._call(span, scope, parent_id, moments)
        else:
            self._answer(span, scope, parent_id, moments)
        if len(self.calls) + len(self.answers) > MOST:
            self.full = True
            self.calls, self.answers, self.places, self._beside = [], {}, {}, {}

    def _meaning(self, span: TrackedSpan, moments: Sequence[Any]) -> Meaning:
        attributes: Mapping[str, Any] = span.attributes
        if self.read_blob is not None:
            try:
                attributes = whole(attributes, self.read_blob)
            except OtelReplayError:
                pass  # a blob that is lost: what is left is told
        return read_span(span.name, attributes, events=moments)

    def _call(self, span: TrackedSpan, scope: str, parent_id: str, moments: Sequence[Any]) -> None:
        meaning = self._meaning(span, moments)
        given = meaning.tool_arguments
        tool = tool_of(span)
        self.calls.append(
            Called(
                span_id=span.span_id,
                tool=tool,
                arguments=None if given is None else arguments_hash(given),
                call_id=meaning.tool_call_id,
                start_ns=span.start.time_ns,
                parent_id=parent_id,
                teller=(tool, scope, span.start.span_kind),
                named=meaning.tool_name is not None,
            )
        )
        self._repeats.tool_call(span, tool, scope, parent_id or None)

    def _answer(self, span: TrackedSpan, scope: str, parent_id: str, moments: Sequence[Any]) -> None:
        number = self._repeats.generation(span, NO_USAGE, scope, parent_id or None).call
        asked = requested(self._meaning(span, moments))
        ids = tuple(one.call_id for one in asked if one.call_id is not None)
        beside = self._beside.setdefault((parent_id, ids), (scope, number)) if ids else (scope, number)
        if (
            ids and beside[0] == scope
        ):  # some models count anew in each answer: what is beside is beside this one
            self._beside[parent_id, ids] = scope, number
        # A framework's span of a stream may end before the SDK's begins: both then tell of the same ids.
        known = self.answers.get(number if beside[0] == scope else beside[1])
        end_ns = None if span.end is None else span.end.time_ns
        if known is not None:
            known.spans.add(span.span_id)
            if asked and span.start.time_ns > known.start_ns:
                known.span_id, known.name, known.start_ns = span.span_id, span.name, span.start.time_ns
            known.first_ns = min(known.first_ns, span.start.time_ns)
            _join(known.asked, asked)
        elif asked:
            start_ns, spans = span.start.time_ns, {span.span_id}
            self.answers[number] = Answer(
                span.span_id, span.name, start_ns, start_ns, end_ns, spans, list(map(_made, asked))
            )


def _made(one: Requested) -> Asked:
    given = _NO_ARGUMENTS if one.arguments in (None, "") else one.arguments
    return Asked(one.name, arguments_hash(given), set() if one.call_id is None else {one.call_id})


def _join(known: list[Asked], again: Iterable[Requested]) -> None:
    """Take in the ids that another one has for the same requests."""
    told = list(again)
    if [one.name for one in told] == [one.name for one in known]:
        for one, other in zip(known, told, strict=True):
            if other.call_id is not None:
                one.ids.add(other.call_id)


def arguments_hash(given: Any) -> bytes | None:
    """A hash that is the same for equal arguments, in any order and with 3 for 3.0; None for what is odd.

    A text is not the number that it says, and true is not 1.
    """
    try:
        text = sorted_json(_plain(given))
    except (TypeError, RecursionError):
        return None
    return sha256(text).digest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if abs(value) < 2**53 and value == int(value) else value
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
