"""Decisions as OpenTelemetry log records with an event name, beside the journal: a setting.

OpenTelemetry is moving from span events to log-based events; who collects those gets ours as well.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import _logs, context, trace

from otel_replay.attributes import ACTION, LOG_DECISION_EVENT, LOG_EVENT_NAMES, RUN_ID
from otel_replay.formats.event_shape import decision_attributes
from otel_replay.otel.provider import SCOPE_NAME
from otel_replay.storage.open_span import OpenSpan
from otel_replay.version import VERSION

__all__ = ["SCOPE_NAME", "emit_decision", "emit_event"]


def emit_decision(span: OpenSpan, action: str, reason: str, values: Any, cell: Any, time_ns: int) -> None:
    """Emit a decision of `span` as a log record `otel_replay.decision`."""
    attributes = decision_attributes(action, reason, values, cell)
    _emit(span, LOG_DECISION_EVENT, attributes, time_ns)


def emit_event(span: OpenSpan, name: str, attributes: dict[str, Any], time_ns: int) -> None:
    """Emit an event of ours as a log record of the name that belongs to it."""
    _emit(span, LOG_EVENT_NAMES.get(name, name), attributes, time_ns)


def _emit(span: OpenSpan, event_name: str, attributes: dict[str, Any], time_ns: int) -> None:
    clean = span.writer.clean(attributes)
    clean[RUN_ID] = span.writer.run_id
    parent = trace.NonRecordingSpan(
        trace.SpanContext(
            int(span.trace_id, 16), int(span.span_id, 16), False, trace.TraceFlags(trace.TraceFlags.SAMPLED)
        )
    )
    _logs.get_logger(SCOPE_NAME, VERSION).emit(
        timestamp=time_ns,
        context=trace.set_span_in_context(parent, context.Context()),
        severity_number=_logs.SeverityNumber.INFO,
        body=str(clean.get(ACTION, event_name)),
        attributes=clean,
        event_name=event_name,
    )
