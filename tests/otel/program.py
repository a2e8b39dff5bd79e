"""A program's own OpenTelemetry, and what its exporter has got."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_replay.attributes import CONTINUATION_INDEX, CONTINUATION_OF
from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.fold import fold
from otel_replay.formats.spans import Moment, Span


def folded(spans: list[ReadableSpan]) -> dict[str, Span]:
    """What another exporter has got, continuations folded back, by name."""
    whole = fold(
        Span(
            trace_id=format(span.context.trace_id, "032x"),
            span_id=format(span.context.span_id, "016x"),
            parent_id=format(span.parent.span_id, "016x") if span.parent else "",
            name=span.name,
            start_ns=span.start_time,
            end_ns=span.end_time,
            attributes=dict(span.attributes),
            events=_moments(span),
            dropped_events=span.dropped_events,
        )
        for span in spans
    )
    return {span.name: span for span in whole}


def _moments(span: ReadableSpan) -> tuple[Moment, ...]:
    owner = str(span.attributes.get(CONTINUATION_OF, format(span.context.span_id, "016x")))
    return tuple(
        event_to_record(event.timestamp, owner, event.name, dict(event.attributes or {}))
        for event in span.events
    )


class Program:
    """A program's own OpenTelemetry: its provider, a tracer of its own, and what its exporter has got."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("program", "1.0")

    @property
    def exported(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def names(self) -> list[str]:
        return [span.name for span in self.exported]

    def folded(self) -> dict[str, Span]:
        return folded(self.exported)

    def continuations(self) -> list[ReadableSpan]:
        found = [span for span in self.exported if CONTINUATION_OF in span.attributes]
        return sorted(found, key=lambda span: int(span.attributes[CONTINUATION_INDEX]))
