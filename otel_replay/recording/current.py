"""Which span is the current one: asked with every decision, so it takes the short way."""

from __future__ import annotations

from typing import cast

from opentelemetry import context, trace

from otel_replay.otel.keys import OPEN_SPAN, RUN_KEY, get_context
from otel_replay.storage.active_runs import WRITERS, fallback_span
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_writer import RunWriter

__all__ = [
    "SPAN_KEY",
    "current_open_span",
    "get_context",
    "open_span_of",
    "parent_context",
    "span_context",
    "writer_around",
]


SPAN_KEY: str = getattr(trace.propagation, "_SPAN_KEY", "")


def current_open_span() -> OpenSpan | None:
    """The open span that something belongs to which happens now; None where nothing records.

    That is the current OpenTelemetry span, whoever started it; else the run of the context; else, in a
    thread without context, the oldest run of the process.
    """
    current = get_context()
    open_span = getattr(current.get(SPAN_KEY), OPEN_SPAN, None)
    if open_span is not None:
        return cast(OpenSpan, open_span)
    writer = current.get(RUN_KEY)
    if isinstance(writer, RunWriter) and writer.root is not None:
        return writer.root
    return fallback_span()


def writer_around() -> RunWriter | None:
    """The writer of the run that the current context is inside of, if that run is not over."""
    current = get_context()
    open_span = getattr(current.get(SPAN_KEY), OPEN_SPAN, None)
    writer = open_span.writer if open_span is not None else current.get(RUN_KEY)
    return writer if isinstance(writer, RunWriter) and writer in WRITERS else None


def parent_context(open_span: OpenSpan) -> context.Context | None:
    """The context to start a span in, below `open_span`; None where the current one will do."""
    current = get_context()
    if getattr(current.get(SPAN_KEY), OPEN_SPAN, None) is not None or current.get(RUN_KEY) is not None:
        return None
    # A thread without a context: the run is known, and says where the span belongs.
    return trace.set_span_in_context(trace.NonRecordingSpan(span_context(open_span)), current)


def span_context(open_span: OpenSpan) -> trace.SpanContext:
    """How OpenTelemetry names an open span."""
    return trace.SpanContext(
        int(open_span.trace_id, 16), int(open_span.span_id, 16), False, trace.TraceFlags(open_span.flags)
    )


def open_span_of(writer: RunWriter) -> OpenSpan | None:
    """The current span, if it belongs to the run of `writer`; else the run's own span."""
    open_span = getattr(get_context().get(SPAN_KEY), OPEN_SPAN, None)
    if open_span is not None and open_span.writer is writer:
        return cast(OpenSpan, open_span)
    return writer.root
