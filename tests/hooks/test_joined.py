"""Spans of others without a parent lie below the process, however their makers say that there is none."""

from __future__ import annotations

from contextvars import Context

import pytest
from opentelemetry import baggage, context, trace
from store_kit import Store

import otel_replay
from otel_replay.hooks import joined


@pytest.mark.parametrize("given", ["none", "current", "with baggage"])
def test_a_span_where_nothing_is_current_lies_below_the_run(
    store: Store, fresh_opentelemetry: None, given: str
) -> None:
    """OpenLLMetry hands over the current context, which is empty there; what else is in it stays."""
    seen: list[object] = []

    def begin() -> None:
        contexts = {
            "none": None,
            "current": context.get_current(),
            "with baggage": baggage.set_baggage("user", "ann"),
        }
        span = trace.get_tracer("somebody").start_span("chat", context=contexts[given])
        seen.append(span)
        span.end()

    with otel_replay.start_run("joined", store=store.root):
        joined.let_spans_in()
        Context().run(begin)
    run = store.run()
    assert run.span("chat").parent_id == run.span("run joined").span_id
    assert len(seen) == 1


def test_a_root_that_a_program_asks_for_within_a_span_stays_one(
    store: Store, fresh_opentelemetry: None
) -> None:
    """An empty context beside a current span is no accident."""
    with otel_replay.start_run("joined", store=store.root):
        joined.let_spans_in()
        span = trace.get_tracer("somebody").start_span("apart", context=context.Context())
        assert getattr(span, "parent", None) is None
        span.end()
