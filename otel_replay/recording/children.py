"""How child processes find the run: by the environment, which they inherit.

A run puts its id, its store and its span (`TRACEPARENT`, W3C Trace Context) into `os.environ` while it is
the only one of the process. With several runs side by side the environment cannot say which one a child
belongs to, so it says none; `child_environment()` names the current one for a given child.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_replay.recording.current import current_open_span
from otel_replay.settings import RUN_ID_VARIABLE, STORE_VARIABLE
from otel_replay.storage.open_span import OpenSpan

__all__ = [
    "child_environment",
    "inherited_parent",
    "inherited_run_id",
    "offer",
    "own_environment",
    "withdraw",
]

_TRACEPARENT = "TRACEPARENT"
_TRACESTATE = "TRACESTATE"
_NAMES = (RUN_ID_VARIABLE, STORE_VARIABLE, _TRACEPARENT, _TRACESTATE)

_lock = threading.RLock()
_offers: dict[int, dict[str, str]] = {}
_before: dict[str, str | None] = {}
_ours_in_pid = 0


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which a child process joins the current run, below the current span.

    Parameters
    ----------
    environ:
        The environment to start from; `os.environ` by default.
    """
    made = dict(os.environ if environ is None else environ)
    open_span = current_open_span()
    if open_span is not None:
        made.update(_variables(open_span))
    return made


def _variables(span: OpenSpan) -> dict[str, str]:
    return {
        RUN_ID_VARIABLE: span.writer.run_id,
        STORE_VARIABLE: str(span.writer.directory.parent.parent),
        _TRACEPARENT: f"00-{span.trace_id}-{span.span_id}-{span.flags & 1:02x}",
    }


def offer(key: int, root: OpenSpan, *, nested: bool) -> None:
    """Put a run into the environment. `nested`: it began inside the one that stands there."""
    global _ours_in_pid
    with _lock:
        if not _offers:
            _before.update({name: os.environ.get(name) for name in _NAMES})
        variables = _variables(root)
        if not nested and _offers:
            variables = {}  # side by side: nobody can tell whose a child is
        _offers[key] = variables
        _ours_in_pid = os.getpid()
        _put(variables)


def withdraw(key: int) -> None:
    """Take a run out of the environment again; what was there before it returns."""
    with _lock:
        if _offers.pop(key, None) is None:
            return
        if not _offers:
            _put({name: value for name, value in _before.items() if value is not None})
            _before.clear()
        else:
            _put(list(_offers.values())[-1])


def _put(variables: Mapping[str, str]) -> None:
    for name in _NAMES:
        if name in variables:
            os.environ[name] = variables[name]
        elif name == STORE_VARIABLE and _before.get(name) is not None:
            os.environ[name] = str(_before[name])
        else:
            os.environ.pop(name, None)


def own_environment() -> dict[str, str]:
    """The environment without what this process itself has put into it for its children."""
    with _lock:
        before = dict(_before) if _offers else {}
    environ = dict(os.environ)
    for name, value in before.items():
        environ.pop(name, None)
        if value is not None:
            environ[name] = value
    return environ


def inherited_run_id() -> str | None:
    """The run that a parent process wants this one to join; None if there is none, or it is our own."""
    if _offers and _ours_in_pid == os.getpid():
        return None
    return os.environ.get(RUN_ID_VARIABLE) or None


def inherited_parent() -> otel_context.Context:
    """The context of the parent process's span, from `TRACEPARENT`; an empty one without it."""
    carrier = {
        name.lower(): value for name in (_TRACEPARENT, _TRACESTATE) if (value := os.environ.get(name, ""))
    }
    return TraceContextTextMapPropagator().extract(
        carrier, context=trace.set_span_in_context(trace.INVALID_SPAN, otel_context.Context())
    )


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    # What stands in the environment now comes from a parent.
    _offers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
