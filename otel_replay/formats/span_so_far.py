"""What is known of a journal and of a span while its records are still coming, and the spans made of it.

Which record counts is not decided here (but in `formats.assemble`), only how what counts becomes a span.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from otel_replay.attributes import INTERRUPTED, RUN_ID
from otel_replay.formats.continuation import (
    EVENT_LIMIT,
    continuation_of,
    is_own,
    key_of_foreign,
    key_of_lost,
    key_of_other_journal,
    key_of_own_journal,
    lost_trace_id,
)
from otel_replay.formats.spans import NO_RESOURCE, NO_SCOPE, Log, Moment, Span
from otel_replay.records import LogEntry, Resource, Scope, SpanEnd, SpanStart

__all__ = ["Aside", "JournalSoFar", "SpanSoFar", "continue_aside", "continue_lost", "interruption"]


@dataclass(slots=True)
class Aside:
    """Moments that do not go into their span: it has ended, is another journal's, or is not known."""

    first_line: int
    moments: list[Moment] = field(default_factory=list)


class JournalSoFar:
    """What a journal said so far that its later records refer to."""

    __slots__ = ("aside", "event_limit", "line", "name", "repeated", "resources", "run_id", "scopes", "spans")

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = 0
        self.run_id = ""
        self.event_limit = EVENT_LIMIT
        self.resources: dict[int, Resource] = {}
        self.scopes: dict[int, Scope] = {}
        self.spans: dict[str, SpanSoFar] = {}
        self.aside: OrderedDict[str, Aside] = OrderedDict()
        self.repeated: set[str] = set()

    def log(self, entry: LogEntry) -> Log:
        """A log entry with the resource and the scope that it names by number."""
        return Log(
            entry=entry,
            resource=self.resources.get(entry.resource, NO_RESOURCE),
            scope=self.scopes.get(entry.scope, NO_SCOPE),
        )


class SpanSoFar:
    """A span that was started: open, or ended and remembered for what may still come."""

    __slots__ = (
        "attributes",
        "continuations",
        "elsewhere",
        "foreign",
        "foreign_continuations",
        "foreign_end",
        "foreign_rest",
        "foreign_updates",
        "home",
        "moments",
        "open",
        "own",
        "rest",
        "start",
    )

    def __init__(self, start: SpanStart, home: JournalSoFar) -> None:
        self.start = start
        self.home = home
        self.open = True
        self.moments: list[Moment] = []
        self.own = 0  # how many of them are the recording API's, and how many OpenTelemetry's
        self.foreign = 0
        self.rest: list[Moment] = []  # beyond the limit: the continuation that is being filled
        self.foreign_rest: list[Moment] = []
        self.continuations = 0
        self.foreign_continuations = 0
        self.elsewhere: dict[str, int] = {}  # continuations made of other journals' moments
        self.attributes: dict[str, Any] = {}
        self.foreign_end: tuple[str, SpanEnd] | None = None
        self.foreign_updates: dict[str, dict[str, Any]] = {}

    def take(self, moment: Moment, limit: int) -> Span | None:
        """Put a moment where it belongs; a continuation that it filled.

        Moments of the recording API and events of OpenTelemetry's are counted apart: while a program runs,
        its exporters see only the first in continuations, and ids must not depend on who tells the story.
        """
        if is_own(moment):
            if self.own < limit:
                self.own += 1
                self.moments.append(moment)
                return None
            self.rest.append(moment)
            return self.continue_rest() if len(self.rest) == limit else None
        if self.foreign < limit:
            self.foreign += 1
            self.moments.append(moment)
            return None
        self.foreign_rest.append(moment)
        return self.continue_foreign() if len(self.foreign_rest) == limit else None

    def end(self, end: SpanEnd, updates: dict[str, Any]) -> list[Span]:
        """The span, and the continuation that was not full; then only what a late moment needs is kept."""
        start, home = self.start, self.home
        without_room = self._take_out(end.room) if end.room is not None else []
        span = Span(
            trace_id=start.trace_id,
            span_id=start.span_id,
            name=start.name if end.name is None else end.name,
            start_ns=start.time_ns,
            end_ns=max(start.time_ns, end.time_ns),
            parent_id=start.parent_id,
            span_kind=start.span_kind,
            attributes={**start.attributes, **updates, **end.attributes},
            events=tuple(self.moments),
            links=start.links + end.links,
            status=end.status,
            message=end.message,
            trace_state=start.trace_state,
            flags=start.flags,
            dropped_attributes=end.dropped_attributes,
            dropped_events=end.dropped_events,
            dropped_links=end.dropped_links,
            resource=home.resources.get(start.resource, NO_RESOURCE),
            scope=home.scopes.get(start.scope, NO_SCOPE),
        )
        spans = [span]
        if without_room:
            spans.append(self._continue(without_room, key_of_own_journal(0), 0))
        if self.rest:
            spans.append(self.continue_rest())
        if self.foreign_rest:
            spans.append(self.continue_foreign())
        self.open = False
        self.start = replace(start, name=span.name, attributes={}, links=())
        self.moments, self.attributes, self.foreign_updates, self.foreign_end = [], {}, {}, None
        return spans

    def _take_out(self, room: int) -> list[Moment]:
        """Take the recording API's moments from number `room` on out of the span."""
        own = [moment for moment in self.moments if is_own(moment)]
        out = {id(moment) for moment in own[max(0, room) :]}
        self.moments = [moment for moment in self.moments if id(moment) not in out]
        return own[max(0, room) :]

    def continue_rest(self) -> Span:
        """The continuation that is being filled, as it is."""
        moments, self.rest = self.rest, []
        return self.continue_own(moments)

    def continue_foreign(self) -> Span:
        """The continuation of OpenTelemetry's own events that is being filled, as it is."""
        moments, self.foreign_rest = self.foreign_rest, []
        index = self.foreign_continuations
        self.foreign_continuations += 1
        return self._continue(moments, key_of_foreign(index), index)

    def continue_own(self, moments: list[Moment]) -> Span:
        """The next continuation, of moments from the journal of the start."""
        self.continuations += 1
        return self._continue(moments, key_of_own_journal(self.continuations), self.continuations)

    def continue_elsewhere(self, moments: list[Moment], journal: str) -> Span:
        """The next continuation of moments from another journal."""
        index = self.elsewhere.get(journal, 0)
        self.elsewhere[journal] = index + 1
        return self._continue(moments, key_of_other_journal(journal, index), index)

    def _continue(self, moments: list[Moment], key: str, index: int) -> Span:
        start, home = self.start, self.home
        return continuation_of(
            moments,
            trace_id=start.trace_id,
            span_id=start.span_id,
            name=start.name,
            key=key,
            index=index,
            run_id=home.run_id or str(start.attributes.get(RUN_ID, "")),
            resource=home.resources.get(start.resource, NO_RESOURCE),
            scope=home.scopes.get(start.scope, NO_SCOPE),
            trace_state=start.trace_state,
            flags=start.flags,
        )


def continue_aside(known: SpanSoFar, aside: Aside, journal: JournalSoFar) -> Span:
    """The continuation of a known span that holds what was put aside in `journal`."""
    if known.home is journal:
        return known.continue_own(aside.moments)
    return known.continue_elsewhere(aside.moments, journal.name)


def continue_lost(span_id: str, aside: Aside, journal: JournalSoFar, trace_id: str) -> Span:
    """The continuation of a span whose start is not there: in `trace_id`, or in a trace of the run's own."""
    return continuation_of(
        aside.moments,
        trace_id=trace_id or lost_trace_id(journal.run_id),
        span_id=span_id,
        name="",
        key=key_of_lost(journal.name, aside.first_line),
        index=0,
        run_id=journal.run_id,
        resource=next(iter(journal.resources.values()), NO_RESOURCE),
        scope=NO_SCOPE,
    )


def interruption(span_id: str, time_ns: int) -> SpanEnd:
    """The end of a span that nobody ended: the last sign of life, and an error that says so."""
    return SpanEnd(
        time_ns=time_ns,
        span_id=span_id,
        status="error",
        message="interrupted",
        attributes={INTERRUPTED: True},
    )
