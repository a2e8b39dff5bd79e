"""Writing an ended span (6 attributes, 1 event) to the journal, against the official encoders of OTLP.

Ours is what recording adds to the SDK: start, event and end of a span with our processor, less the same
without any processor. That is three records, each of them in the kernel's hands at once, redaction on. Theirs
is the encoding alone, of a batch of the same spans, before anything is sent or written. For information the
end alone, that is the one record that is written when a span has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from bench.official import Listener, json_encoder, protobuf_bytes
from bench.recorded import bench_run
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Slice, difference, interleaved, timed

__all__ = ["NAME", "make_spans", "measure"]

NAME = "span_write"
_BAR = 0.2


def measure(scale: Scale) -> list[Row]:
    """A row for each official encoder."""
    spans = max(10, scale.calls // 20)
    silent = TracerProvider(shutdown_on_exit=False)
    with bench_run():
        with_us = trace.get_tracer_provider().get_tracer("bench")
        without = silent.get_tracer("bench")
        batch = _batch(spans)
        encoders: dict[str, Callable[[Sequence[ReadableSpan]], bytes]] = {"protobuf": protobuf_bytes}
        as_json = json_encoder()
        if as_json is not None:
            encoders["JSON"] = as_json
        sides: dict[str, Slice] = {
            "recorded": timed(lambda: make_spans(with_us, spans)),
            "unrecorded": timed(lambda: make_spans(without, spans)),
            "recorded end": lambda: _ends(with_us, spans),
            "unrecorded end": lambda: _ends(without, spans),
        }
        for name, encode in encoders.items():
            sides[name] = timed(lambda encode=encode: encode(batch))  # type: ignore[misc]  # bound now
        times = interleaved(sides, scale.rounds * 2)
    rows = [_compared(times, "", name, spans) for name in encoders]
    return [*rows, _compared(times, " end", "protobuf", spans)]


def _compared(times: dict[str, list[int]], part: str, encoder: str, spans: int) -> Row:
    on, off, theirs = times[f"recorded{part}"], times[f"unrecorded{part}"], times[encoder]
    fastest = min(on) - min(off)
    ratios = difference(
        [(mine - other) / whole for mine, other, whole in zip(on, off, theirs, strict=True)],
        best=fastest / min(theirs),
    )
    us = 1e-3 / spans
    note = f"fastest: ours {fastest * us:.1f} us, theirs {min(theirs) * us:.1f} us a span"
    what = f"span{part} into the journal / official OTLP {encoder} encoder"
    return row(NAME, f"  {what}" if part else what, ratios, bar=None if part else _BAR, note=note)


def make_spans(tracer: trace.Tracer, count: int) -> None:
    """Start and end spans as an instrumented program does."""
    for number in range(count):
        _started(tracer, number).end()


def _started(tracer: trace.Tracer, number: int) -> trace.Span:
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
    return span


def _ends(tracer: trace.Tracer, count: int) -> int:
    """The nanoseconds of ending spans, without those of starting them."""
    spans = [_started(tracer, number) for number in range(count)]
    begin = perf_counter_ns()
    for span in spans:
        span.end()
    return perf_counter_ns() - begin


def _batch(count: int) -> list[ReadableSpan]:
    provider = TracerProvider(shutdown_on_exit=False)
    listener = Listener()
    provider.add_span_processor(listener)
    make_spans(provider.get_tracer("bench"), count)
    return listener.take()
