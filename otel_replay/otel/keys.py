"""How a span and a context name the run they belong to. Apart, because asking must not import the SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from opentelemetry import context

__all__ = ["OPEN_SPAN", "RUN_KEY", "SITE_KEY", "get_context"]

RUN_KEY = context.create_key("otel-replay-run")
"""Where an OpenTelemetry context holds the `RunWriter` of the run that it belongs to."""

SITE_KEY = context.create_key("otel-replay-site")
"""Where a context holds the names of the spans around, outermost first, while a replay is active."""

OPEN_SPAN = "_otel_replay"
"""The attribute of an SDK span object that holds its `OpenSpan`."""


def _context_getter() -> Callable[[], context.Context]:
    # The public get_current() looks the implementation up each time; the context variable behind it is ten
    # times as fast. Another implementation than the usual one is asked the public way.
    context.get_current()
    variable = getattr(getattr(context, "_RUNTIME_CONTEXT", None), "_current_context", None)
    return cast("Callable[[], context.Context]", getattr(variable, "get", context.get_current))


get_context = _context_getter()
"""The current context."""
