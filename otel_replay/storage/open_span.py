"""The write side of one open span: what a decision call reaches, and nothing else on the way.

A call appends one line to the journal and returns; what it returned from survives the process. Where
somebody else listens to the span too (an OTLP exporter), the lines are also kept in `pending`, from which
the span events are made when the span ends or when `event_limit` of them have gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from otel_replay.attributes import ACTION
from otel_replay.errors import told
from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.journal_v1 import encode
from otel_replay.redaction import SKELETON_DROPS
from otel_replay.values import ORJSON_OPTIONS

if TYPE_CHECKING:
    from otel_replay.storage.run_writer import RunWriter

__all__ = ["ROW_OFFSET", "OpenSpan"]

_DROPS = SKELETON_DROPS
_dumps = orjson.dumps

# Where the screen begins: behind the span's id, and well before the first text of the program, even where the
# clock has fewer digits than today. The digits of the time are no part of a skeleton.
_DECISION_OFFSET = len('{"kind":"decision","span":"1234567890123456","t":')
ROW_OFFSET = len('["decision","1234567890123456",')
_EVENT_OFFSET = len('{"kind":"event","span":"1234567890123456","t":')


class OpenSpan:
    """One span that has started and not ended, as the journal sees it.

    Parameters
    ----------
    writer:
        The run's writer in this process.
    span_id, trace_id:
        Lower-case hexadecimal.
    start_attributes:
        What the span's start record holds, so that its end record need not repeat it.
    """

    __slots__ = (
        "append",
        "away",
        "chunks",
        "flags",
        "foreign_events",
        "heard",
        "held",
        "known",
        "now",
        "on_full",
        "on_line",
        "pending",
        "room",
        "span_id",
        "start_attributes",
        "start_links",
        "start_name",
        "trace_id",
        "writer",
    )

    def __init__(
        self, writer: RunWriter, span_id: str, trace_id: str, name: str, start_attributes: dict[str, Any]
    ) -> None:
        self.writer = writer
        self.append = writer.append
        self.known = writer.known
        self.now = writer.clock
        self.span_id = span_id
        self.trace_id = trace_id
        self.start_name = name
        self.start_attributes = start_attributes
        self.start_links = 0
        self.away = False
        """Whether this process is the child of a fork, and the span stands in its parent's journal."""
        self.flags = 1
        """OpenTelemetry's trace flags: whether the span is sampled."""
        self.foreign_events = 0
        """Events that came by the OpenTelemetry API and are in the journal already."""
        self.pending: list[bytes] | None = None
        """Lines that others who listen have not seen yet; None where nobody else listens."""
        self.heard = False
        """Whether anybody but the journal listens; must be true for `pending` and `on_line` to be used."""
        self.on_line: Callable[[OpenSpan, bytes], None] | None = None
        """Called with each line of a moment, after it is in the journal."""
        self.held: list[bytes] | None = None
        """The first full chunk of `pending`, kept until the span ends."""
        self.room: int | None = None
        """How many moments went out with the span itself, where there was no room for more."""
        self.chunks = 0
        self.on_full: Callable[[OpenSpan, list[bytes], int], None] | None = None
        """Called with each further full chunk and its number, on the thread that filled it."""

    def decision(
        self, action: str, reason: str, values: Any = None, cell: Any = None, time_ns: int | None = None
    ) -> None:
        """Record a decision, made now or at `time_ns`. Never raises; what cannot be kept is counted."""
        if time_ns is None:
            time_ns = self.now()
        try:
            if values.__class__ is dict:
                if cell.__class__ is dict:
                    row: tuple[Any, ...] = ("decision", self.span_id, time_ns, action, reason, values, cell)
                elif cell is None:
                    row = ("decision", self.span_id, time_ns, action, reason, values)
                else:
                    row = ()
            elif values is None and cell is None:
                row = ("decision", self.span_id, time_ns, action, reason)
            else:
                row = ()
            line = _dumps(row, None, ORJSON_OPTIONS)
            if line[ROW_OFFSET:].translate(None, _DROPS) not in self.known:
                line = self._by_the_rules(time_ns, action, reason, values, cell, line if row else None)
        except Exception:
            try:
                line = self._by_the_rules(time_ns, action, reason, values, cell, None)
            except Exception as error:
                self.writer.note_loss(f"decision: {told(error)}")
                return
        if self.heard:
            self._append_and_hold(line)
            return
        try:
            # The map's own write(), without a lock where the interpreter has one: see `Journal.fast`.
            self.writer.journal.fast(line)  # type: ignore[union-attr]
        except Exception:
            self.writer.append(line)

    def _by_the_rules(
        self, time_ns: int, action: Any, reason: Any, values: Any, cell: Any, line: bytes | None
    ) -> bytes:
        """A decision that is not known to be harmless. `line`: how it was encoded, if it could be."""
        body = {"kind": "decision", "span": self.span_id, "t": time_ns, "action": action, "reason": reason}
        if values is not None:
            body["values"] = values
        if cell is not None:
            body["cell"] = cell
        if line is None:
            return self.writer.line(body, _DECISION_OFFSET)
        return self.writer.checked(line, body, ROW_OFFSET)

    def event(self, name: str, attributes: Any = None, time_ns: int | None = None) -> None:
        """Record an event of ours (file access, checkpoint, artifact, heartbeat). Never raises."""
        body = self._event(name, attributes, self.now() if time_ns is None else time_ns)
        if self.heard:
            self._append_and_hold(self.writer.line(body, _EVENT_OFFSET))
        else:
            self.writer.write(body, _EVENT_OFFSET)

    def foreign_event(self, name: str, attributes: Mapping[str, Any] | None, time_ns: int) -> None:
        """Record an event that came by the OpenTelemetry API, so that others see it anyway.

        With the attributes of a decision it is one, as for readers.
        """
        if attributes and ACTION in attributes:
            self.append(encode(event_to_record(time_ns, self.span_id, name, self.writer.clean(attributes))))
        else:
            self.writer.write(self._event(name, attributes, time_ns), _EVENT_OFFSET)
        self.foreign_events += 1

    def update(self, attributes: dict[str, Any]) -> None:
        """Record attributes that the open span has got, at once. Never raises."""
        head = b'{"kind":"update","t":%d,"span":"%b",' % (self.now(), self.span_id.encode())
        self.append(head + self.writer.line({"attributes": attributes}, 0)[1:])

    def _event(self, name: str, attributes: Mapping[str, Any] | None, time_ns: int) -> dict[str, Any]:
        body: dict[str, Any] = {"kind": "event", "span": self.span_id, "t": time_ns, "name": name}
        if attributes:
            body["attributes"] = attributes
        return body

    def take_pending(self) -> list[bytes]:
        """What others have not seen yet, for the last time: from now on lines go to the journal only."""
        with self.writer.pending_lock:
            pending, self.pending = self.pending, None
        return pending or []

    def _append_and_hold(self, line: bytes) -> None:
        chunk = None
        # One lock for both, so that others get the events in the journal's order.
        with self.writer.pending_lock:
            self.append(line)
            if self.pending is not None:
                self.pending.append(line)
            pending = self.pending
            full = pending is not None and len(pending) >= self.writer.event_limit
            # A signal handler may have come in between, and taken the chunk already.
            if full and pending is self.pending:
                chunk, self.pending = pending, []
                number = self.chunks
                self.chunks += 1
                if number == 0 and not self.away:
                    self.held, chunk = chunk, None
        if self.on_line is not None:
            self.on_line(self, line)
        if chunk is not None and self.on_full is not None:
            self.on_full(self, chunk, number)
