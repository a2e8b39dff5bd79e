"""Decisions as OpenTelemetry log records with an event name, beside the journal: a setting.

OpenTelemetry is moving from span events to log-based events; who collects those gets ours as well.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import _logs, context, trace

from otel_replay.attributes import ACTION, LOG_DECISION_EVENT, LOG_EVENT_NAMES, RUN_ID
from otel_replay.errors import told
from otel_replay.formats.event_shape import decision_attributes
from otel_replay.formats.journal_v1 import decode
from otel_replay.interruptions import let_through
from otel_replay.otel.provider import SCOPE_NAME
from otel_replay.records import Decision, Event
from otel_replay.storage.open_span import OpenSpan
from otel_replay.version import VERSION

__all__ = ["SCOPE_NAME", "emit_line"]


def emit_line(span: OpenSpan, line: bytes) -> None:
    """Emit a moment of `span`, as its journal line holds it, as a log record. Never raises."""
    try:
        record = decode(line)
        if isinstance(record, Decision):
            attributes = decision_attributes(record.action, record.reason, record.values, record.cell)
            _emit(span, LOG_DECISION_EVENT, attributes, record.time_ns)
        elif isinstance(record, Event):
            name = LOG_EVENT_NAMES.get(record.name, record.name)
            _emit(span, name, dict(record.attributes), record.time_ns)
    except Exception as error:
        let_through(error)
        span.writer.note_loss(f"log record: {told(error)}")


def _emit(span: OpenSpan, event_name: str, attributes: dict[str, Any], time_ns: int) -> None:
    attributes[RUN_ID] = span.writer.run_id
    parent = trace.NonRecordingSpan(
        trace.SpanContext(
            int(span.trace_id, 16), int(span.span_id, 16), False, trace.TraceFlags(trace.TraceFlags.SAMPLED)
        )
    )
    _logs.get_logger(SCOPE_NAME, VERSION).emit(
        timestamp=time_ns,
        context=trace.set_span_in_context(parent, context.Context()),
        severity_number=_logs.SeverityNumber.INFO,
        body=str(attributes.get(ACTION, event_name)),
        attributes=attributes,
        event_name=event_name,
    )
