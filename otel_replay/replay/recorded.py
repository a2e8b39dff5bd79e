"""The calls of a recorded run, in the order in which they began: what each asked for, and what came of it.

A damaged line of a journal is named and the run refused: nobody can say which call it held. A torn last line
is the death of the process, and what came before it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from otel_replay.analysis.kinds import kind_of
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.attributes import CHUNK, CHUNK_EVENT, ERROR_TYPE, EXCEPTION_EVENT
from otel_replay.dialects.current import in_current_words
from otel_replay.errors import FormatError
from otel_replay.records import BadLine, Event, Loss, SpanEnd, SpanStart, SpanUpdate
from otel_replay.replay.requests import ASKED, CallKind, Request, Requests
from otel_replay.storage.journal_reader import Located
from otel_replay.storage.run_files import RunFiles

__all__ = ["Outcome", "Recording", "RecordedCall", "read_recording", "recording_of"]

_FOREIGN = frozenset({"openinference", "traceloop", "mcp"})
_AROUND = ("task", "agent", "tool call", "generation")
"""Spans that say where a call stands; other libraries' need not be there when the run is replayed."""

_INTERRUPTED = "KeyboardInterrupt"
"""A person stopped the program: the call has no answer, as if the process had died."""

Outcome = Literal["answered", "failed", "open"]


@dataclass(slots=True, kw_only=True, eq=False)
class RecordedCall:
    """One call of a model or a tool.

    Attributes
    ----------
    step:
        Its number among the calls of the run, from 1, in the order in which they began.
    site:
        The names of the spans around it, outermost first.
    inside:
        The call inside which it was made, where there is one.
    attributes:
        What its span says in the end, but for the request.
    outcome:
        `open`: the recording ends before the call did.
    chunks:
        The items of an answer that came bit by bit.
    exception:
        The attributes of what it raised, where it was recorded.
    """

    request: Request
    span_id: str
    step: int = 0
    site: tuple[str, ...] = ()
    inside: int | None = None
    started_ns: int = 0
    ended_ns: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = "open"
    message: str = ""
    chunks: list[Any] = field(default_factory=list)
    exception: Mapping[str, Any] | None = None
    dropped_attributes: int = 0

    @property
    def kind(self) -> CallKind:
        """Generation or tool call."""
        return self.request.kind

    @property
    def name(self) -> str:
        """The model, or the tool."""
        return self.request.name


@dataclass(slots=True, kw_only=True, eq=False)
class Recording:
    """The calls of one run.

    Attributes
    ----------
    run_id:
        The run, or the name of the file that they come from.
    notes:
        What is not whole about it, in words.
    read_blob:
        Gives the bytes of a blob.
    """

    run_id: str
    calls: list[RecordedCall]
    notes: list[str] = field(default_factory=list)
    read_blob: Callable[[str], bytes] | None = None

    @property
    def unchecked(self) -> int:
        """How many calls were recorded without what they asked for."""
        return sum(not call.request.key for call in self.calls)


def read_recording(
    files: RunFiles, requests: Requests, *, damaged: Literal["refuse", "skip"] = "refuse"
) -> Recording:
    """The calls of a run in a store.

    Raises
    ------
    FormatError
        If a line of a journal is damaged, unless those are to be skipped.
    StoreError
        If the run cannot be read.
    """
    return recording_of(files.run_id, files.records(), requests, files.blobs.read, damaged=damaged)


def recording_of(
    run_id: str,
    records: Iterable[Located],
    requests: Requests,
    read_blob: Callable[[str], bytes] | None = None,
    *,
    damaged: Literal["refuse", "skip"] = "refuse",
) -> Recording:
    """The calls among records; see :func:`read_recording`."""
    reader = _Reader(run_id, requests, damaged)
    for located in records:
        reader.feed(located)
    return reader.finish(read_blob)


@dataclass(slots=True)
class _Known:
    """A span, as far as what stands in it must know it; and what happened in it that an answer is made of."""

    order: int
    parent_id: str
    label: str | None
    chunks: list[Any] = field(default_factory=list)
    exception: Mapping[str, Any] | None = None
    call: RecordedCall | None = None


class _Reader:
    def __init__(self, run_id: str, requests: Requests, damaged: str) -> None:
        self._requests = requests
        self._damaged = damaged
        self._book = SpanBook()
        self._known: dict[str, _Known] = {}
        self._recording = Recording(run_id=run_id, calls=[])
        self._act: dict[type, Callable[[Any, Located], None]] = {
            SpanStart: self._start,
            SpanUpdate: lambda record, _: self._book.update(record),
            SpanEnd: self._end,
            Event: self._event,
            BadLine: self._bad,
            Loss: self._loss,
        }

    def feed(self, located: Located) -> None:
        """Take in one record."""
        act = self._act.get(type(located.record))
        if act is not None:
            act(located.record, located)

    def finish(self, read_blob: Callable[[str], bytes] | None) -> Recording:
        """What there is when there are no more records."""
        for span in [*self._book.ended_elsewhere(), *self._book.open.values()]:
            self._finish(span)
        made = sorted((one for one in self._known.values() if one.call), key=lambda one: one.order)
        for step, known in enumerate(made, 1):
            if known.call is not None:
                known.call.step = step
                self._recording.calls.append(known.call)
        for known in made:
            if known.call is not None:
                known.call.site, known.call.inside = self._surroundings(known.parent_id)
        self._recording.read_blob = read_blob
        return self._recording

    def _start(self, record: SpanStart, located: Located) -> None:
        if self._book.begin(record, located.journal) is not None:
            label = record.name if kind_of(record.attributes) in _AROUND else None
            self._known.setdefault(record.span_id, _Known(len(self._known), record.parent_id, label))

    def _surroundings(self, span_id: str) -> tuple[tuple[str, ...], int | None]:
        site: list[str] = []
        inside: int | None = None
        seen: set[str] = set()
        while span_id in self._known and span_id not in seen:
            seen.add(span_id)
            known = self._known[span_id]
            if known.label is not None:
                site.append(known.label)
            if inside is None and known.call is not None:
                inside = known.call.step
            span_id = known.parent_id
        return tuple(reversed(site)), inside

    def _end(self, record: SpanEnd, located: Located) -> None:
        span = self._book.finish(record, located.journal)
        if span is not None:
            self._finish(span)

    def _finish(self, span: TrackedSpan) -> None:
        # Now and not at its start: a span may learn later what was asked.
        attributes: Mapping[str, Any] = span.attributes
        if span.dialect in _FOREIGN:  # the conventions' own words are compared as they were recorded
            attributes = in_current_words(span.name, attributes)
        request = self._requests.recorded(attributes)
        known = self._known.get(span.span_id)
        if request is None or known is None or known.call is not None:
            return
        call = RecordedCall(
            request=request,
            span_id=span.span_id,
            started_ns=span.start.time_ns,
            attributes=_given(attributes),
            chunks=known.chunks,
            exception=known.exception,
        )
        if span.end is not None and span.attributes.get(ERROR_TYPE) != _INTERRUPTED:
            call.ended_ns = span.end.time_ns
            call.outcome = "failed" if span.status == "error" else "answered"
            call.message = span.end.message
            call.dropped_attributes = span.end.dropped_attributes
        known.call = call
        known.chunks = []

    def _event(self, record: Event, _: Located) -> None:
        known = self._known.get(self._book.owner(record.span_id))
        if known is None:
            return
        if record.name == CHUNK_EVENT:
            known.chunks.append(record.attributes.get(CHUNK))
        elif record.name == EXCEPTION_EVENT:
            known.exception = record.attributes
            if known.call is not None:
                known.call.exception = record.attributes

    def _bad(self, record: BadLine, located: Located) -> None:
        place = f"line {record.number} of journal/{located.journal}"
        if record.torn:
            self._recording.notes.append(f"{place} is torn: the process died while it wrote it")
            return
        if self._damaged == "refuse":
            raise FormatError(
                f"run {self._recording.run_id} cannot be replayed: {place} is damaged ({record.reason})",
                hint="record it anew; or accept that the calls in that line are missing (--damaged skip)",
            )
        self._recording.notes.append(f"{place} is damaged and was skipped: {record.reason}")

    def _loss(self, record: Loss, _: Located) -> None:
        self._recording.notes.append(f"{record.records} records were lost: {record.reason}")


def _given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in ASKED}
