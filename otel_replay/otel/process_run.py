"""The run of a process that nobody started a run in: it takes the spans that belong to none.

That is what happens under `opentelemetry-instrument`, or where only the exporter is set up. The run is
named after the program, is made with the first span, and ends with the process.
"""

from __future__ import annotations

import os
import threading

from opentelemetry.sdk.trace import ReadableSpan

from otel_replay.otel import offers
from otel_replay.program import program_name
from otel_replay.settings import read_settings
from otel_replay.storage import active_runs
from otel_replay.storage.run_opening import OpenedRun, end_run, open_run
from otel_replay.storage.run_writer import RunWriter

__all__ = ["end_again", "process_run", "writer_for_orphan", "writer_of_nobodys"]

_lock = threading.RLock()
_run: OpenedRun | None = None


def writer_for_orphan(span: ReadableSpan) -> RunWriter | None:
    """The run that takes a span which has just started and which no run claims."""
    writer = writer_of_nobodys()
    if _run is not None and writer is _run.writer:
        offers.outermost_started(span.context)
    return writer


def writer_of_nobodys() -> RunWriter | None:
    """The run that takes what no run claims: the oldest active one, else the process's own.

    None where recording is switched off.
    """
    if active_runs.WRITERS:
        return active_runs.WRITERS[0]
    run = process_run()
    return run.writer if run is not None else None


def process_run() -> OpenedRun | None:
    """The process's own run, opened if need be; None where recording is switched off."""
    global _run
    with _lock:
        if _run is None:
            settings = read_settings(offers.own_environment())
            if settings.disabled:
                return None
            _run = open_run(
                program_name(), settings=settings, run_id=settings.run_id, joins=bool(settings.run_id)
            )
            offers.offer_process_run(_run.writer)
            active_runs.at_exit(_end)
        return _run


def _end() -> None:
    if _run is not None:
        offers.withdraw_process_run()
        end_run(_run, ended_ns=_run.writer.clock())


def end_again() -> None:
    """End what nobody else will: something came when its run, or the process, had ended already.

    What OpenTelemetry holds back reaches an exporter when the provider is shut down, which at the end of a
    process may be after everything else. Never raises.
    """
    if _run is not None and _run.writer not in active_runs.WRITERS:
        journal = _run.writer.journal
        if journal is not None and not journal.closed:
            _end()
    if not threading.main_thread().is_alive():
        active_runs.end_process()


def _forget() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
