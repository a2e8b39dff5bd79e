"""Work that is handed to another thread stays in the span that it was handed over from.

Python gives a new thread an empty context. Once a run has been started, `Thread.start` and
`ThreadPoolExecutor.submit` carry the OpenTelemetry context along, if it is one of a run; everything else is
as before. OpenTelemetry's own threading instrumentation does the same, and both together do no harm.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.thread
import functools
import threading
from collections.abc import Callable
from typing import Any

from opentelemetry import context as otel_context

from otel_replay.otel.keys import RUN_KEY, SITE_KEY

__all__ = ["carry_context_into_threads"]

_MARK = "_otel_replay_carries_context"
_POOL_WORKER = getattr(concurrent.futures.thread, "_worker", object())


def carry_context_into_threads() -> None:
    """Make threads inherit the context of a run from now on. Calling it again does nothing."""
    if not hasattr(threading.Thread.start, _MARK):
        setattr(threading.Thread, "start", _carrying_start(threading.Thread.start))  # noqa: B010 - a method
    submit = concurrent.futures.ThreadPoolExecutor.submit
    if not hasattr(submit, _MARK):
        pool = concurrent.futures.ThreadPoolExecutor
        setattr(pool, "submit", _carrying_submit(submit))  # noqa: B010 - a method


def _says_where(context: otel_context.Context) -> bool:
    """Whether the context is one of a run, or of a replay."""
    return context.get(RUN_KEY) is not None or context.get(SITE_KEY) is not None


def _carrying_start(start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    @functools.wraps(start)
    def carrying(self: threading.Thread) -> None:
        context = otel_context.get_current()
        # A pool's worker outlives the call that happened to start it; its work brings its own context.
        if not _says_where(context) or getattr(self, "_target", None) is _POOL_WORKER:
            start(self)
            return
        run, own = self.run, self.__dict__.get("run")

        def run_in_context() -> None:
            # A thread has a context of its own, which ends with it: nothing to detach.
            otel_context.attach(context)
            _put_back(self, own)
            run()

        self.run = run_in_context  # type: ignore[method-assign]  # on purpose
        try:
            start(self)
        except BaseException:
            _put_back(self, own)
            raise

    setattr(carrying, _MARK, True)
    return carrying


def _put_back(thread: threading.Thread, own: object) -> None:
    thread.__dict__.pop("run", None)
    if own is not None:
        thread.__dict__["run"] = own


def _carrying_submit(submit: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(submit)
    def carrying(self: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        context = otel_context.get_current()
        if not _says_where(context):
            return submit(self, function, *args, **kwargs)

        def call_in_context(*call_args: Any, **call_kwargs: Any) -> Any:
            token = otel_context.attach(context)
            try:
                return function(*call_args, **call_kwargs)
            finally:
                otel_context.detach(token)

        return submit(self, call_in_context, *args, **kwargs)

    setattr(carrying, _MARK, True)
    return carrying
