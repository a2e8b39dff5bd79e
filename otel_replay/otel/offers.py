"""What child processes find in the environment: which run they are to join, and below which span.

A run puts its id, its store and its span (`TRACEPARENT`, W3C Trace Context) into `os.environ` while it is
the only one of the process. With several runs side by side the environment cannot say which one a child
belongs to, so it says none. The process's own run, under `opentelemetry-instrument`, is what there is where
no other run is; its span is the outermost one that is open.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_replay.settings import RUN_ID_VARIABLE, STORE_VARIABLE
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_writer import RunWriter

__all__ = [
    "inherited_parent",
    "inherited_run_id",
    "offer",
    "offer_process_run",
    "outermost_ended",
    "outermost_started",
    "own_environment",
    "variables_of",
    "withdraw",
    "withdraw_process_run",
]

_TRACEPARENT = "TRACEPARENT"
_TRACESTATE = "TRACESTATE"
_NAMES = (RUN_ID_VARIABLE, STORE_VARIABLE, _TRACEPARENT, _TRACESTATE)
_PROCESS = 0  # no id() of a run

_lock = threading.RLock()
_offers: dict[int, dict[str, str]] = {}
_before: dict[str, str | None] = {}
_ours_in_pid = 0

outermost = 0
"""The span that the process's own run offers, by its number; 0: none."""


def variables_of(span: OpenSpan) -> dict[str, str]:
    """The variables by which a child process joins the run of `span`, below it."""
    parent = _traceparent(span.trace_id, span.span_id, span.flags)
    return {**_run_variables(span.writer), _TRACEPARENT: parent}


def _run_variables(writer: RunWriter) -> dict[str, str]:
    return {RUN_ID_VARIABLE: writer.run_id, STORE_VARIABLE: str(writer.directory.parent.parent)}


def _traceparent(trace_id: str, span_id: str, flags: int) -> str:
    return f"00-{trace_id}-{span_id}-{flags & 1:02x}"


def offer(key: int, root: OpenSpan, *, nested: bool) -> None:
    """Put a run into the environment. `nested`: it began inside the one that stands there."""
    alone = not set(_offers) - {_PROCESS}
    # Side by side, nobody can tell whose a child is.
    _offer(key, variables_of(root) if nested or alone else {})


def offer_process_run(writer: RunWriter) -> None:
    """Put the process's own run into the environment, for as long as no other one stands there."""
    _offer(_PROCESS, _run_variables(writer))


def outermost_started(span: trace.SpanContext) -> None:
    """A span of the process's own run has started that has no parent in this process."""
    global outermost
    with _lock:
        if _PROCESS in _offers:
            outermost = span.span_id
            trace_id, span_id = format(span.trace_id, "032x"), format(outermost, "016x")
            _offers[_PROCESS][_TRACEPARENT] = _traceparent(trace_id, span_id, span.trace_flags)
            _put(_last())


def outermost_ended() -> None:
    """The span `outermost` has ended."""
    global outermost
    with _lock:
        outermost = 0
        if _PROCESS in _offers:
            _offers[_PROCESS].pop(_TRACEPARENT, None)
            _put(_last())


def _offer(key: int, variables: dict[str, str]) -> None:
    global _ours_in_pid
    with _lock:
        if not _offers:
            _before.update({name: os.environ.get(name) for name in _NAMES})
        _offers[key] = variables
        _ours_in_pid = os.getpid()
        _put(_last())


def _last() -> Mapping[str, str]:
    """What stands in the environment: the last run's, and the process's own where there is no other."""
    keys = [key for key in _offers if key != _PROCESS] or [_PROCESS]
    return _offers[keys[-1]]


def withdraw_process_run() -> None:
    """Take the process's own run out of the environment again."""
    withdraw(_PROCESS)


def withdraw(key: int) -> None:
    """Take a run out of the environment again; what was there before it returns."""
    with _lock:
        if _offers.pop(key, None) is None:
            return
        if not _offers:
            _put({name: value for name, value in _before.items() if value is not None})
            _before.clear()
        else:
            _put(_last())


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
    if _ours_in_pid == os.getpid() and set(_offers) - {_PROCESS}:
        return None
    return own_environment().get(RUN_ID_VARIABLE) or None


def inherited_parent() -> otel_context.Context:
    """The context of the parent process's span, from `TRACEPARENT`; an empty one without it."""
    environ = own_environment()
    carrier = {name.lower(): environ[name] for name in (_TRACEPARENT, _TRACESTATE) if environ.get(name)}
    return TraceContextTextMapPropagator().extract(
        carrier, context=trace.set_span_in_context(trace.INVALID_SPAN, otel_context.Context())
    )


def _after_fork_in_child() -> None:
    global _lock, outermost
    _lock = threading.RLock()
    outermost = 0
    # What stands in the environment now comes from a parent.
    _offers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
