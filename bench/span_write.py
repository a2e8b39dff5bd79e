"""Writing an ended span (6 attributes, 1 event) to the journal, against the official encoders of OTLP.

Ours is what recording adds to the SDK: start, event and end of a span with our processor, less the same
without any processor. That is three records, each of them in the kernel's hands at once, redaction on. Theirs
is the encoding alone, of a batch of the same spans, before anything is sent or written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from bench.official import Listener, json_encoder, protobuf_bytes
from bench.recorded import bench_run
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import interleaved, spread, timed

__all__ = ["NAME", "make_spans", "measure"]

NAME = "span_write"
_BAR = 0.2


def measure(scale: Scale) -> list[Row]:
    """A row for each official encoder."""
    spans = max(10, scale.calls // 6)
    silent = TracerProvider(shutdown_on_exit=False)
    with bench_run():
        with_us = trace.get_tracer_provider().get_tracer("bench")
        without = silent.get_tracer("bench")
        batch = _batch(spans)
        encoders: dict[str, Callable[[Sequence[ReadableSpan]], bytes]] = {"protobuf": protobuf_bytes}
        as_json = json_encoder()
        if as_json is not None:
            encoders["JSON"] = as_json
        sides = {
            "recorded": timed(lambda: make_spans(with_us, spans)),
            "unrecorded": timed(lambda: make_spans(without, spans)),
        }
        for name, encode in encoders.items():
            sides[name] = timed(lambda encode=encode: encode(batch))  # type: ignore[misc]  # bound now
        times = interleaved(sides, scale.rounds)
    ours = [mine - other for mine, other in zip(times["recorded"], times["unrecorded"], strict=True)]
    fastest = min(times["recorded"]) - min(times["unrecorded"])
    return [_compared(name, ours, fastest, times[name], spans) for name in encoders]


def _compared(name: str, ours: Sequence[float], fastest: float, theirs: Sequence[int], spans: int) -> Row:
    ratios = spread(
        [mine / other for mine, other in zip(ours, theirs, strict=True)], best=fastest / min(theirs)
    )
    us = 1e-3 / spans
    note = f"fastest: ours {fastest * us:.1f} us, theirs {min(theirs) * us:.1f} us a span"
    return row(NAME, f"span into the journal / official OTLP {name} encoder", ratios, bar=_BAR, note=note)


def make_spans(tracer: trace.Tracer, count: int) -> None:
    """Start and end spans as an instrumented program does."""
    for number in range(count):
        span = tracer.start_span(
            "GET /tables/{id}",
            attributes={
                "http.request.method": "GET",
                "http.route": "/tables/{id}",
                "http.response.status_code": 200,
                "server.address": "tables.example",
                "table.cells": 110,
                "table.coverage": 0.85,
            },
        )
        span.add_event("cache lookup", {"cache.key": "front", "cache.hit": number % 2 == 0})
        span.end()


def _batch(count: int) -> list[ReadableSpan]:
    provider = TracerProvider(shutdown_on_exit=False)
    listener = Listener()
    provider.add_span_processor(listener)
    make_spans(provider.get_tracer("bench"), count)
    return listener.take()
