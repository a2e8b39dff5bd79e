"""Lets spans of others into the run that this process joins: those without a parent lie below its span.

Libraries start spans by OpenTelemetry's API, which knows nothing of runs. In a process that was started by a
recorded one, a span that would begin a trace of its own belongs below the process's span. A provider that the
program sets later is listened to from its first span on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from otel_replay.hooks.guard import failed

__all__ = ["let_spans_in", "put_back"]

_MARK = "_otel_replay_below"


def let_spans_in() -> bool:
    """Make this process ready for spans of libraries: it joins its run now. Whether they are recorded."""
    from otel_replay.otel.provider import recording_tracer
    from otel_replay.recording.joining import join_if_invited
    from otel_replay.settings import read_settings

    if read_settings().disabled or recording_tracer() is None:
        return False
    join_if_invited()
    from opentelemetry.sdk.trace import Tracer

    if not hasattr(Tracer.start_span, _MARK):
        Tracer.start_span = _below(Tracer.start_span)  # type: ignore[method-assign]  # on purpose
    return True


def put_back() -> None:
    """Spans begin as without us again."""
    from opentelemetry.sdk.trace import Tracer

    plain = getattr(Tracer.start_span, _MARK, None)
    if plain is not None:
        Tracer.start_span = plain  # type: ignore[method-assign]  # as above


def _below(start_span: Callable[..., Any]) -> Callable[..., Any]:
    from opentelemetry import trace

    from otel_replay.otel.provider import recording_tracer
    from otel_replay.recording.current import parent_context
    from otel_replay.storage.active_runs import fallback_span

    @wraps(start_span)
    def around(self: Any, name: str, context: Any = None, *args: Any, **kwargs: Any) -> Any:
        try:
            recording_tracer()  # the program may have set a provider of its own since
            # Instrumentors may hand over the current context, in which there is nothing either.
            if not any(trace.get_current_span(one).get_span_context().is_valid for one in (None, context)):
                around_all = fallback_span()
                below = parent_context(around_all) if around_all is not None else None
                if below is not None:
                    context = trace.set_span_in_context(trace.get_current_span(below), context)
        except Exception as error:
            failed("finding the parent of a span", error)
        return start_span(self, name, context, *args, **kwargs)

    setattr(around, _MARK, start_span)
    return around
