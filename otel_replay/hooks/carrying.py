"""Work that is handed to a pool is recorded below the span that it was handed over in.

A pool's workers outlive the call that started them, so where a worker was started says nothing of what it
does later. The place travels with the work: to a thread as the context itself, to a process as `traceparent`.
There a task is begun with the first thing that is recorded; work that records nothing leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_replay.hooks.guard import failed
from otel_replay.hooks.wrapping import take_out_this_line
from otel_replay.otel.keys import RUN_KEY
from otel_replay.otel.offers import variables_of
from otel_replay.recording import shapes
from otel_replay.recording.blocks import start_span
from otel_replay.recording.current import current_open_span, get_context
from otel_replay.recording.joining import join_if_invited
from otel_replay.recording.spans import Task
from otel_replay.storage.active_runs import WRITERS
from otel_replay.storage.open_span import OpenSpan

__all__ = ["Carried", "Inside", "Place", "carried", "place_here", "traceparent_here"]

DOING = "recording work of a pool"


class Place:
    """Where work was handed over: the context, and how another process names it."""

    def __init__(self, traceparent: str, context: otel_context.Context | None = None) -> None:
        self.traceparent = traceparent
        self.context = context

    def __reduce__(self) -> tuple[Any, ...]:
        return Place, (self.traceparent,)


def traceparent_here() -> str:
    """The current span's `traceparent`; empty where nothing records."""
    span = current_open_span() if WRITERS or join_if_invited() else None
    return variables_of(span)["TRACEPARENT"] if span is not None else ""


def place_here() -> Place | None:
    """The place of what is handed over now; None where nothing records."""
    traceparent = traceparent_here()
    return Place(traceparent, get_context()) if traceparent else None


class Inside:
    """Makes a place the current one, in a worker, until `leave`."""

    def __init__(self, place: Place, title: str) -> None:
        self._lazy: _Lazy | None = None
        if place.context is None:
            self._lazy = _Lazy(_remote(place.traceparent), title)
            context = trace.set_span_in_context(self._lazy, otel_context.Context())
        else:
            context = place.context
        self._token = otel_context.attach(context)

    def leave(self, error: BaseException | None = None) -> None:
        """The work is done."""
        otel_context.detach(self._token)
        if self._lazy is not None:
            self._lazy.finish(error)


def _remote(traceparent: str) -> trace.SpanContext:
    found = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, otel_context.Context())
    return trace.get_current_span(found).get_span_context()


class _Lazy(trace.NonRecordingSpan):
    """The task of a worker, begun when somebody asks for it: by recording in it, or starting a span in it."""

    def __init__(self, remote: trace.SpanContext, title: str) -> None:
        super().__init__(remote)
        self._remote = remote
        self._title = title
        self._task: Task | None = None
        self._beginning = False

    @property
    def _otel_replay(self) -> OpenSpan | None:
        task = self._begun()
        return task._open if task is not None else None

    def get_span_context(self) -> trace.SpanContext:
        """The task's, once it is begun."""
        task = self._begun()
        return task._span.get_span_context() if task is not None and task.recording else self._remote

    def _begun(self) -> Task | None:
        if self._task is None and not self._beginning:
            self._beginning = True
            try:
                if WRITERS or join_if_invited():
                    above = trace.set_span_in_context(
                        trace.NonRecordingSpan(self._remote), otel_context.Context()
                    )
                    token = otel_context.attach(otel_context.set_value(RUN_KEY, WRITERS[0], above))
                    try:
                        self._task = start_span(Task, lambda: shapes.task_shape(self._title))
                    finally:
                        otel_context.detach(token)
            finally:
                self._beginning = False
        return self._task

    def finish(self, error: BaseException | None) -> None:
        """End the task, if there is one."""
        if self._task is not None:
            if error is not None:
                self._task.fail(error)
            self._task.end()


class Carried:
    """A function with the place that it is to be called in. It is pickled as the two."""

    def __init__(self, function: Callable[..., Any], place: Place) -> None:
        self.function = function
        self.place = place

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            inside: Inside | None = Inside(self.place, title_of(self.function))
        except Exception as error:
            failed(DOING, error)
            inside = None
        try:
            value = self.function(*args, **kwargs)
        except BaseException as error:
            take_out_this_line(error)
            _leave(inside, error)
            raise
        _leave(inside, None)
        return value


def _leave(inside: Inside | None, error: BaseException | None) -> None:
    if inside is not None:
        try:
            inside.leave(error)
        except Exception as second:
            failed(DOING, second)


def title_of(function: Any) -> str:
    """What a function's work is called."""
    inner = getattr(function, "func", function)  # of a functools.partial
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def carried(function: Any) -> Any:
    """`function` with the place that it is handed over in; as it is where nothing records. Never raises."""
    try:
        place = place_here()
        return function if place is None else Carried(function, place)
    except Exception as error:
        failed(DOING, error)
        return function
