"""Ids of a trace and its spans that are the same each time, for one run and for nobody else's spans."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace

from otel_replay.otel.provider import recording_tracer

__all__ = ["stable_ids"]

_KEY = otel_context.create_key("otel_replay.stable_ids")
_MARK = "_otel_replay_stable"
_Make = Callable[[str, int], int]


@contextmanager
def stable_ids(name: str) -> Iterator[None]:
    """Spans that begin in this block, and in what takes over its context, get ids made of `name`.

    They differ from those of blocks of other names, for spans of both may be open in one process.
    """
    tracer = recording_tracer()
    for generator in {id(one): one for one in _generators(tracer)}.values():
        _teach(generator)
    token = otel_context.attach(otel_context.set_value(_KEY, _maker(name)))
    try:
        yield
    finally:
        otel_context.detach(token)


def _generators(tracer: trace.Tracer | None) -> Iterator[Any]:
    for one in (tracer, trace.get_tracer_provider()):
        generator = getattr(one, "id_generator", None)
        if generator is not None:
            yield generator


def _maker(name: str) -> _Make:
    numbers = itertools.count(1)

    def make(kind: str, size: int) -> int:
        text = f"{name} {kind} {next(numbers)}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "big")

    return make


def _teach(generator: Any) -> None:
    """Let this generator ask the current context first. Outside of such blocks it does what it did."""
    if getattr(generator, _MARK, False):
        return
    span_id, trace_id = generator.generate_span_id, generator.generate_trace_id

    def make_span_id() -> int:
        make = cast("_Make | None", otel_context.get_value(_KEY))
        return int(make("span", 8) if make is not None else span_id())

    def make_trace_id() -> int:
        make = cast("_Make | None", otel_context.get_value(_KEY))
        return int(make("trace", 16) if make is not None else trace_id())

    generator.generate_span_id, generator.generate_trace_id = make_span_id, make_trace_id
    setattr(generator, _MARK, True)
