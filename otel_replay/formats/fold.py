"""Continuations folded back: the reading side's inverse of what OpenTelemetry's event limit asks for.

Takes the spans of one run from anywhere (a journal, a file of OTLP, Jaeger), in any order and more than once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter

from otel_replay.attributes import CONTINUATION_INDEX, CONTINUATION_OF, INTERRUPTED
from otel_replay.formats.continuation import is_continuation
from otel_replay.formats.spans import Moment, Span

__all__ = ["fold", "keep_one"]


def fold(spans: Iterable[Span]) -> list[Span]:
    """The spans without continuations, each with all its moments in the order of time.

    Moments of the same time stand as they were recorded. A continuation whose span is not there stays what it
    is. The same span twice is kept once (see :func:`keep_one`). Holds all spans in memory.
    """
    kept = keep_one(spans)
    by_id: dict[str, list[Span]] = {}
    for span in kept:
        by_id.setdefault(span.span_id, []).append(span)
    parts: dict[int, list[Span]] = {}
    roots: list[Span] = []
    for span in kept:
        owner = _owner(span, by_id)
        if owner is None:
            roots.append(span)
        else:
            parts.setdefault(id(owner), []).append(span)
    whole = [_whole(span, parts) for span in roots]
    # What is left are continuations that name each other in a ring: nobody's, and kept.
    return whole + [_whole(span, parts) for span in kept if id(span) in parts]


def keep_one(spans: Iterable[Span]) -> list[Span]:
    """Each span once, in the order of its first appearance.

    Two spans are the same when trace, id and start are. The one that ended is kept, rather than one that was
    sent as interrupted while it went on; of two such, the first.
    """
    kept: dict[tuple[str, str, int], Span] = {}
    for span in spans:
        key = (span.trace_id, span.span_id, span.start_ns)
        before = kept.get(key)
        if before is None or (INTERRUPTED in before.attributes and INTERRUPTED not in span.attributes):
            kept[key] = span
    return list(kept.values())


def _owner(span: Span, by_id: dict[str, list[Span]]) -> Span | None:
    if not is_continuation(span.attributes):
        return None
    owners = [owner for owner in by_id.get(span.attributes[CONTINUATION_OF], ()) if owner is not span]
    return next((owner for owner in owners if owner.trace_id == span.trace_id), owners[0] if owners else None)


def _order(span: Span) -> tuple[int, int, str]:
    index = span.attributes.get(CONTINUATION_INDEX)
    return (index if isinstance(index, int) else 0, span.start_ns, span.span_id)


def _whole(span: Span, parts: dict[int, list[Span]]) -> Span:
    pieces = _pieces(span, parts)
    moments: list[Moment] = [moment for piece in pieces for moment in piece.events]
    moments.sort(key=attrgetter("time_ns"))
    return replace(
        span,
        events=tuple(
            moment if moment.span_id == span.span_id else replace(moment, span_id=span.span_id)
            for moment in moments
        ),
        dropped_events=sum(piece.dropped_events for piece in pieces),
    )


def _pieces(span: Span, parts: dict[int, list[Span]]) -> list[Span]:
    pieces: dict[int, Span] = {}
    todo = [span]
    while todo:
        piece = todo.pop()
        if id(piece) not in pieces:
            pieces[id(piece)] = piece
            todo += sorted(parts.pop(id(piece), ()), key=_order, reverse=True)
    return list(pieces.values())
