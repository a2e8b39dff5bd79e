"""How a span and a context name the run they belong to. Apart, because asking must not import the SDK."""

from __future__ import annotations

from opentelemetry import context

__all__ = ["OPEN_SPAN", "RUN_KEY"]

RUN_KEY = context.create_key("otel-replay-run")
"""Where an OpenTelemetry context holds the `RunWriter` of the run that it belongs to."""

OPEN_SPAN = "_otel_replay"
"""The attribute of an SDK span object that holds its `OpenSpan`."""
