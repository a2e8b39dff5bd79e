"""The write side of one open span: what a decision call reaches, and nothing else on the way.

A call appends one line to the journal and returns; what it returned from survives the process. Where
somebody else listens to the span too (an OTLP exporter), the lines are also kept in `pending`, from which
the span events are made when the span ends or when `event_limit` of them have gathered.
"""

from __future__ import annotations

from otel_replay import json_bytes
from otel_replay.attributes import ACTION
from otel_replay.errors import told
from otel_replay.interruptions import let_through
from otel_replay.redaction import SKELETON_DROPS
from otel_replay.values import ORJSON_OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from otel_replay.storage.run_writer import RunWriter

__all__ = ["ROW_OFFSET", "OpenSpan"]

_DROPS = SKELETON_DROPS

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
    start:
        Its start record, with the keys of docs/format.md; the end record need not repeat what stands there.
    """

    # What most spans never change stands here, and not in each of them: it need not be written then.
    links = 0
    """How many links its start record holds."""
    away = False
    """Whether this process is the child of a fork, and the span stands in its parent's journal."""
    pending: list[bytes] | None = None
    """Lines that others who listen have not seen yet; None where nobody else listens."""
    on_line: Callable[[OpenSpan, bytes], None] | None = None
    """Called with each line of a moment, after it is in the journal."""
    held: list[bytes] | None = None
    """The first full chunk of `pending`, kept until the span ends."""
    of: Callable[[], object] | None = None
    """Gives OpenTelemetry's span for as long as it is there: a weak reference."""
    room: int | None = None
    """How many moments went out with the span itself, where there was no room for more."""
    chunks = 0
    on_full: Callable[[OpenSpan, list[bytes], int], None] | None = None
    """Called with each further full chunk and its number, on the thread that filled it."""

    def __init__(self, writer: RunWriter, start: dict[str, Any]) -> None:
        self.writer = writer
        self.start = start
        self.span_id: str = start["span"]
        self.known = writer.screen.known_decisions
        self.now = writer.clock
        self.foreign_events = 0
        """Events that came by the OpenTelemetry API and are in the journal already."""
        self.heard = False
        """Whether anybody but the journal listens; must be true for `pending` and `on_line` to be used."""

    @property
    def trace_id(self) -> str:
        """Lower-case hexadecimal, as `span_id`."""
        return str(self.start["trace"])

    @property
    def flags(self) -> int:
        """OpenTelemetry's trace flags: whether the span is sampled."""
        return int(self.start["flags"])

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
            line = json_bytes.dumps(row, None, ORJSON_OPTIONS)
            if line[ROW_OFFSET:].translate(None, _DROPS) not in self.known:
                line = self._by_the_rules(time_ns, action, reason, values, cell, line if row else None)
        except Exception as raised:
            let_through(raised)
            try:
                line = self._by_the_rules(time_ns, action, reason, values, cell, None)
            except Exception as error:
                let_through(error)
                self.writer.note_loss(f"decision: {told(error)}")
                return
        if self.heard:
            self._append_and_hold(line)
            return
        try:
            # The map's own write(), without a lock where the interpreter has one: see `Journal.fast`.
            self.writer.journal.fast(line)  # type: ignore[union-attr]
        except Exception as raised:
            let_through(raised)
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
        if self.writer.screen.meter is not None:
            body["extra"] = self.writer.screen.meter.read()
            line = None
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
        body: dict[str, Any] = {"kind": "event", "span": self.span_id, "t": time_ns, "name": name}
        if attributes:
            body["attributes"] = attributes
            if ACTION in attributes:
                self._foreign_decision(name, attributes, time_ns)
                return
        self.writer.write(body, _EVENT_OFFSET)
        self.foreign_events += 1

    def _foreign_decision(self, name: str, attributes: Mapping[str, Any], time_ns: int) -> None:
        from otel_replay.formats.event_shape import event_to_record  # few programs have any
        from otel_replay.formats.journal_v1 import encode

        record = event_to_record(time_ns, self.span_id, name, self.writer.clean(attributes))
        self.writer.append(encode(record))
        self.foreign_events += 1

    def update(self, attributes: dict[str, Any]) -> None:
        """Record attributes that the open span has got, at once. Never raises."""
        head = b'{"kind":"update","t":%d,"span":"%b",' % (self.now(), self.span_id.encode())
        self.writer.append(head + self.writer.line({"attributes": attributes}, 0)[1:])

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
            self.writer.append(line)
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
