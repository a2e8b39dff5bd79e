"""The run of a command that has been started: made beside it, ended with how the command ended.

The run's own span is written without the OpenTelemetry SDK, which would take longer to load than many a
program to run. Its ids were given to the command when it was started.
"""

from __future__ import annotations

import gc
import os
import sys

from otel_replay.attributes import (
    PROCESS_EXIT_CODE,
    PROCESS_SIGNAL,
    RULE_PROBLEMS,
    RUN_NAME,
    SPAN_TYPE,
)
from otel_replay.errors import told
from otel_replay.hooks.guard import failed
from otel_replay.settings import read_settings
from otel_replay.storage.active_runs import end_process
from otel_replay.storage.first_span import begin_first_span, reported_name
from otel_replay.storage.last_sync import sync_soon
from otel_replay.storage.open_span import OpenSpan
from otel_replay.storage.run_opening import OpenedRun, end_run, name_root, open_run
from otel_replay.zero_code.leftovers import claim, clear, forget
from otel_replay.zero_code.own_span import export_span
from otel_replay.zero_code.started import Started
from otel_replay.zero_code.surroundings import attributes_at_start, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from otel_replay.zero_code.apart import Ended, Launcher

__all__ = ["record"]


def record(started: Started, launcher: Launcher) -> None:
    """Make the run of a command, wait until it has ended, and end the run. Never raises.

    Where the launcher is killed nobody sees how the command ends. It goes on, and records by itself; this
    process is gone then, as if it had been killed as well, and with it the folder of notes.
    """
    claim(started.notes)
    started.pid = launcher.pid()
    if not started.pid:
        forget(started.notes)
        return
    run = None
    try:
        run = _Recording(started)
    except Exception as error:
        failed("recording the run", error)
    started.end_turn()
    # All is loaded, and stays: what has a long run's end collect garbage need not look through it.
    gc.freeze()
    gc.enable()
    ended = launcher.ended()
    if ended is None:
        forget(started.notes)
        return
    try:
        if run is not None:
            run.end(ended)
    except Exception as error:
        failed("ending the run", error)
    _tell_end(started, run)
    writer = run.opened.writer if run is not None else None
    if writer is not None and writer.journal is not None:
        # Where it could not be closed, its run must not seem to go on while we force it to the disk.
        writer.journal.forget()
    launcher.all_is_written()
    # The program's caller does not wait for the disk, and neither have its processes.
    if writer is not None:
        sync_soon(writer.directory.glob("journal/*.jsonl"))
    clear(started.notes)  # nor for what others left
    end_process()


class _Recording:
    """The run of one command."""

    def __init__(self, started: Started) -> None:
        self.started = started
        self.rule_problems: list[str] = []
        settings = read_settings(_own_environment(), store=started.store)
        name = started.asked.name or name_of(started.asked.command)
        attributes = attributes_at_start(started.asked.command, started.pid, settings.environment)
        self.opened = open_run(
            name,
            settings=settings,
            run_id=started.run_id,
            joins=bool(started.parent),
            attributes=attributes,
            began_ns=started.started_ns,
        )
        started.end_turn()
        self.name = name
        self.span = _begin_span(self.opened, started, name, attributes)
        # The run is there: processes that wait for it go on. What else is to be known comes after.
        from otel_replay.zero_code.git_state import GitState

        git = GitState()
        self._load_the_rest()
        attributes = git.attributes()
        if attributes:
            self.span.update(attributes)
            self.span.start["attributes"].update(attributes)

    def _load_the_rest(self) -> None:
        # What the run's end needs is loaded while the program runs, and not when it has ended.
        import otel_replay.storage.finalise
        import otel_replay.zero_code.outcome  # noqa: F401 - for later

    def end(self, ended: Ended) -> None:
        """End the span and the run."""
        from otel_replay.zero_code.outcome import attributes_at_end, rule_problems

        code, number = ended.code, ended.number
        attributes: dict[str, Any] = {PROCESS_EXIT_CODE: code}
        message = f"exit code {code}" if code else ""
        if number:
            attributes[PROCESS_SIGNAL] = _signal_name(number)
            message = f"ended by {_signal_name(number)}"
        try:
            attributes.update(attributes_at_end(self.started.notes, self.started.asked.command))
            self.rule_problems = rule_problems(
                self.started.notes, self.started.asked.command, self.started.rules
            )
            if self.rule_problems:
                attributes[RULE_PROBLEMS] = self.rule_problems
            attributes.update(ended.tails)
        except Exception as error:
            failed("summing up what the program was", error)
        end: dict[str, Any] = {"attributes": attributes}
        if message:
            end.update(status="error", message=message)
        self.span.writer.span_ended(self.span, ended.time_ns, end)
        end_run(self.opened, ended_ns=ended.time_ns, failed=bool(code), message=message)
        export_span(self.opened.writer, self.span.start, end, reported_name(self.name), ended.time_ns)


def _own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "OTEL_REPLAY_RUN_ID"}


def _begin_span(opened: OpenedRun, started: Started, name: str, attributes: dict[str, Any]) -> OpenSpan:
    own = {SPAN_TYPE: "run", RUN_NAME: name} if not started.parent else {SPAN_TYPE: "process"}
    around = os.environ.get("TRACEPARENT", "").split("-")
    # A run is a trace of its own; the link leads to where it was started.
    linked = not started.parent and len(around) == 4
    span = begin_first_span(
        opened.writer,
        f"{own[SPAN_TYPE]} {name}",
        program=name,
        trace_id=started.trace_id,
        span_id=started.span_id,
        parent_id=started.parent.split("-")[2] if started.parent.count("-") == 3 else "",
        began_ns=started.started_ns,
        attributes={**own, **attributes},
        link=(around[1], around[2]) if linked else None,
    )
    if not started.parent:
        name_root(opened, started.trace_id, started.span_id)
    return span


def _signal_name(number: int) -> str:
    import signal  # one that was ended by a signal needs its name, and no other

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tell_end(started: Started, run: _Recording | None) -> None:
    """On a terminal one line says where the run is; what could not be recorded is said anywhere."""
    try:
        if started.asked.quiet:
            return
        from otel_replay.zero_code.outcome import not_recorded

        problems = [*not_recorded(started.notes), *(run.rule_problems if run is not None else [])]
        lines = [f"otel-replay: {line}" for line in problems]
        if run is not None and sys.stderr.isatty():
            lines.append(f"recorded {run.opened.writer.run_id} · otel-replay show latest")
        if lines:
            print("\n".join(lines), file=sys.stderr, flush=True)
    except Exception as error:
        failed("telling the run's end: " + told(error), error)
    finally:
        forget(started.notes)
