"""A decision until an OTLP exporter has its bytes: by us, and by the SDK alone.

Ours: `otel_replay.task`, `otel_replay.decision` (journaled at once), events made when the span ends, encoded
by the official encoder. Theirs: a span of the SDK, `span.add_event` with the same attributes, that encoder.
So ours does all that theirs does and the journal besides. Once with a span that has room for its decisions,
once with 1,000 decisions in a span, of which the SDK keeps all only because its limit is raised here.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

from opentelemetry import trace
from opentelemetry.sdk.trace import Span, SpanLimits, TracerProvider

import otel_replay
from bench.official import Listener, count_events
from bench.recorded import bench_run
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Measured, compared, interleaved, spread
from bench.workloads import plain

__all__ = ["NAME", "measure"]

NAME = "all_told"
_LONG = 1_000

Encoded = Callable[[int], bytes]
"""Makes so many decisions in one span; returns the bytes for an exporter."""


def measure(scale: Scale) -> list[Row]:
    """One row for a span with room, one for a long span."""
    heard = Listener()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(heard)
    trace.set_tracer_provider(provider)  # the program's own: `start_run` adds itself to it
    with bench_run():

        def ours(decisions: int) -> bytes:
            with otel_replay.task("bin front samples"):
                plain(otel_replay.decision, decisions)
            return heard.encoded()

        small = _compare(ours, _sdk_alone(128), min(100, scale.calls), scale.rounds)
        long = _compare(ours, _sdk_alone(_LONG), min(_LONG, scale.calls * 4), max(2, scale.rounds // 8))
    what = "100 decisions in a span / SDK add_event + official encoder"
    return [
        row(NAME, what, small[0], bar=1.0, note=small[1]),
        row(NAME, "1,000 decisions in a span / the same, SDK limit raised", long[0], bar=1.0, note=long[1]),
    ]


def _compare(ours: Encoded, theirs: Encoded, decisions: int, rounds: int) -> tuple[Measured, str]:
    for side in (ours, theirs):
        found = count_events(side(decisions))
        if found != decisions:
            raise RuntimeError(f"{decisions} decisions were made and {found} reached the exporter")

    def timed(side: Encoded) -> int:
        begin = perf_counter_ns()
        side(decisions)
        return perf_counter_ns() - begin

    times = interleaved({"ours": lambda: timed(ours), "sdk": lambda: timed(theirs)}, rounds)
    each = {name: spread(values).times(1e-3 / decisions).best for name, values in times.items()}
    note = f"fastest: ours {each['ours']:.2f} us, the SDK's {each['sdk']:.2f} us a decision"
    return compared(times["ours"], times["sdk"]), note


def _sdk_alone(most_events: int) -> Encoded:
    heard = Listener()
    provider = TracerProvider(shutdown_on_exit=False, span_limits=SpanLimits(max_events=most_events))
    provider.add_span_processor(heard)
    tracer = provider.get_tracer("bench")

    def encoded(decisions: int) -> bytes:
        with tracer.start_as_current_span("task bin front samples") as span:
            _add_events(span, decisions)
        return heard.encoded()

    return encoded


def _add_events(span: trace.Span, decisions: int) -> None:
    """As `workloads.plain`, in OpenTelemetry's words: what a program without us would write."""
    assert isinstance(span, Span)
    for _ in range(decisions):
        span.add_event(
            "decision AFR_CORRECTION",
            {
                "otel_replay.action": "AFR_CORRECTION",
                "otel_replay.reason": "Accepted AFR error sample for f cylinder",
                "otel_replay.values.afr_error_pct": 0.73,
                "otel_replay.values.weight": 73.3,
                "otel_replay.values.afr_commanded": 12.5,
                "otel_replay.values.afr_measured": 12.41,
                "otel_replay.cell.rpm": 2000,
                "otel_replay.cell.kpa": 65,
                "otel_replay.cell.cylinder": "f",
            },
        )
