"""Continuation spans: where the moments stand that one span cannot hold, under ids that anybody can derive.

OpenTelemetry keeps 128 events per span and drops the oldest beyond that. So a span's moments are numbered,
and number n stands in continuation n // limit; continuation 0 is the span itself. Events that came by
OpenTelemetry's own API are numbered apart, for an exporter sees those in the span only. Whoever makes one (a
live exporter, a reader of the journal, `send` after a crash) gives it the same id: receivers keep one.

======================================  ===================================================================
moments                                 key of the continuation's id
======================================  ===================================================================
of the span, in its own journal         `{span_id}/{k}`, k from 1
of the first ones, without room there   `{span_id}/0`, where the end says how many had room (`room`)
events of OpenTelemetry's API, there    `{span_id}/foreign/{k}`, k from 0
of the span, in another journal         `{span_id}/{journal}/{k}`, k from 0 (a forked or attached process)
of a span whose start is not there      `{span_id}/{journal}/line {n}`, n the line of the first moment
split off because of their size         `{span_id}/part/{first}-{last}`, numbers of the moments
======================================  ===================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from otel_replay.attributes import CONTINUATION_INDEX, CONTINUATION_OF, LOG_EVENT_NAMES, RUN_ID
from otel_replay.formats.spans import Moment, Span
from otel_replay.records import AnyMap, Decision, Resource, Scope

__all__ = [
    "EVENT_LIMIT",
    "continuation_attributes",
    "continuation_id",
    "continuation_name",
    "continuation_of",
    "continuation_times",
    "is_continuation",
    "is_own",
    "key_of_foreign",
    "key_of_lost",
    "key_of_other_journal",
    "key_of_own_journal",
    "lost_trace_id",
    "split",
]

EVENT_LIMIT = 128
"""OpenTelemetry's default for the number of events on a span (`OTEL_SPAN_EVENT_COUNT_LIMIT`)."""

LOST_NAME = "span without a start"
"""Stands for the name of a span whose start record is not there, though its moments are."""


def continuation_id(span_id: str, key: str) -> str:
    """The span id of a continuation of `span_id`: 16 hexadecimal digits, the same wherever it is derived.

    `key` tells the continuations of a span apart; the module's table lists the keys.
    """
    return hashlib.sha256(f"{span_id}/{key}".encode()).hexdigest()[:16]


def key_of_own_journal(index: int) -> str:
    """The key of continuation `index` (from 1) of a span whose moments stand in the journal of its start.

    0 is what had no room in the span itself, of its first moments.
    """
    return str(index)


def key_of_foreign(index: int) -> str:
    """The key of continuation `index` (from 0) of the events that came by OpenTelemetry's own API."""
    return f"foreign/{index}"


def is_own(moment: Moment) -> bool:
    """Whether a moment is one of the recording API's: a decision, or an event by a name of ours."""
    return isinstance(moment, Decision) or moment.name in LOG_EVENT_NAMES


def key_of_other_journal(journal: str, index: int) -> str:
    """The key of continuation `index` (from 0) of what another journal than the start's says of a span."""
    return f"{journal}/{index}"


def key_of_lost(journal: str, line: int) -> str:
    """The key of a continuation whose span has no start; `line` is where its first moment stands."""
    return f"{journal}/line {line}"


def lost_trace_id(run_id: str) -> str:
    """The trace of moments without any span, in a run of which no span start is left."""
    return hashlib.sha256(f"otel-replay/{run_id}".encode()).hexdigest()[:32]


def continuation_name(name: str) -> str:
    """The name of a continuation, for a person who looks at a timeline."""
    return f"{name or LOST_NAME} (continued)"


def continuation_attributes(span_id: str, index: int, run_id: str) -> dict[str, str | int]:
    """The attributes of a continuation; readers fold it back by them."""
    attributes: dict[str, str | int] = {CONTINUATION_OF: span_id, CONTINUATION_INDEX: index}
    if run_id:
        attributes[RUN_ID] = run_id
    return attributes


def continuation_times(moments: Sequence[Moment]) -> tuple[int, int]:
    """Start and end of a continuation: its first and last moment, never ending before it starts."""
    first, last = moments[0].time_ns, moments[-1].time_ns
    return first, max(first, last)


def continuation_of(
    moments: Sequence[Moment],
    *,
    trace_id: str,
    span_id: str,
    name: str,
    key: str,
    index: int,
    run_id: str,
    resource: Resource,
    scope: Scope,
    trace_state: str = "",
    flags: int = 0,
) -> Span:
    """The continuation span that holds `moments` of the span `span_id`, which is its parent."""
    start_ns, end_ns = continuation_times(moments)
    return Span(
        trace_id=trace_id,
        span_id=continuation_id(span_id, key),
        name=continuation_name(name),
        start_ns=start_ns,
        end_ns=end_ns,
        parent_id=span_id,
        attributes=continuation_attributes(span_id, index, run_id),
        events=tuple(moments),
        trace_state=trace_state,
        flags=flags,
        resource=resource,
        scope=scope,
    )


def is_continuation(attributes: AnyMap) -> bool:
    """Whether a span with these attributes carries on another one."""
    return isinstance(attributes.get(CONTINUATION_OF), str)


def split(span: Span, size_bytes: Callable[[Span], int], limit_bytes: int) -> Iterator[Span]:
    """`span`, or where it is larger than `limit_bytes`, the span and parts that hold the rest of its moments.

    Parts are continuations of `span` with indexes below zero, so that they fold back before all others. What
    cannot be split (one moment, or attributes of that size) stays whole: nothing is cut off.
    """
    if size_bytes(span) <= limit_bytes or len(span.events) < 2:
        yield span
        return
    groups = _halves(span, 0, len(span.events), size_bytes, limit_bytes)
    (_, first_end), *rest = groups
    yield replace(span, events=span.events[:first_end])
    for number, (start, end) in enumerate(rest):
        yield _part(span, start, end, number - len(rest))


def _part(span: Span, start: int, end: int, index: int) -> Span:
    return continuation_of(
        span.events[start:end],
        trace_id=span.trace_id,
        span_id=span.span_id,
        name=span.name.removesuffix(" (continued)"),
        key=f"part/{start}-{end - 1}",
        index=index,
        run_id=str(span.attributes.get(RUN_ID, "")),
        resource=span.resource,
        scope=span.scope,
        trace_state=span.trace_state,
        flags=span.flags,
    )


def _halves(
    span: Span, start: int, end: int, size_bytes: Callable[[Span], int], limit_bytes: int
) -> list[tuple[int, int]]:
    # Only the first group stands in the span itself, beside its attributes.
    piece = replace(span, events=span.events[:end]) if start == 0 else _part(span, start, end, 0)
    if end - start < 2 or size_bytes(piece) <= limit_bytes:
        return [(start, end)]
    middle = (start + end) // 2
    return [
        *_halves(span, start, middle, size_bytes, limit_bytes),
        *_halves(span, middle, end, size_bytes, limit_bytes),
    ]
