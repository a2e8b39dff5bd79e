"""DEIA's session logger as its agents know it: every call is on the disk when it returns.

A session is a run of its own, begun by the first thing that is logged: tasks are spans in it, tool calls
spans in these, file accesses events. `logger.events` and the saved file are what they always were.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from otel_replay.analysis.velocity import per_hour
from otel_replay.attributes import GEN_AI_AGENT_NAME, REPORTED_DURATION, SESSION_ID, TASK_METADATA
from otel_replay.compat.session_logger_events import (
    FileEvent,
    LoggedEvent,
    SessionAnalysis,
    SessionSummary,
    TaskEvent,
    ToolEvent,
    analysis_of,
    events_in_file,
    events_in_records,
    is_duration,
)
from otel_replay.errors import OtelReplayError, UsageError, told
from otel_replay.orjson_loading import orjson
from otel_replay.recording.run import Run, start_run
from otel_replay.recording.spans import Task
from otel_replay.redaction import redactor_for
from otel_replay.settings import read_settings
from otel_replay.storage.atomic import open_atomically
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store, looks_like_a_run, validate_run_id
from otel_replay.values import normalise
from otel_replay.values_json import to_json

__all__ = [
    "FileEvent",
    "SessionAnalysis",
    "SessionLogger",
    "SessionSummary",
    "TaskEvent",
    "ToolEvent",
]

_log = logging.getLogger("otel_replay")
_F = TypeVar("_F", bound=Callable[..., Any])

_LONGEST_ID = 128
_beginning = threading.RLock()
_open_here: contextvars.ContextVar[tuple[_OpenTask, ...]] = contextvars.ContextVar("open_tasks", default=())
"""The tasks that this thread or asyncio task has started, the innermost last."""


class _OpenTask:
    """A task that goes on: its event, and the span that records it."""

    def __init__(self, event: TaskEvent, span: Task) -> None:
        self.event = event
        self.span = span
        self.ended = False


class SessionLogger:
    """Logs the tasks, file operations and tool calls of one agent.

    Parameters
    ----------
    agent_id:
        Identifier of the agent, e.g. `CLAUDE-CODE-002`.
    session_id:
        Identifier of the session; made up by default. Both become part of a file's name.

    Raises
    ------
    UsageError
        If an id could lead out of a directory.
    """

    def __init__(self, agent_id: str, session_id: str | None = None) -> None:
        self.agent_id = _checked("agent_id", agent_id)
        self.session_id = _checked("session_id", session_id or str(uuid.uuid4()))
        self.start_time = time.time()
        self.events: list[LoggedEvent] = []
        self._began_ns = time.monotonic_ns()
        self._run: Run | None = None
        self._open: dict[int, _OpenTask] = {}

    # -- logging -------------------------------------------------------------------------------------

    def log_task_start(self, task_name: str, metadata: Mapping[str, Any] | None = None) -> TaskEvent:
        """Log the start of a task. What it returns may be given to :meth:`log_task_complete`."""
        event = TaskEvent(name=task_name, start_time=time.time(), metadata=_map(metadata))
        self.events.append(event)
        given = {TASK_METADATA: event.metadata} if event.metadata else {}
        span = self._recorded().task(task_name, **given)
        self._open[id(event)] = task = _OpenTask(event, span)
        span.attach()
        _open_here.set((*_open_here.get(), task))
        return event

    def log_task_complete(
        self,
        task_name: str | TaskEvent,
        duration_ms: float,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Mark a task as complete: the latest open one of that name in this thread, else in any.

        Parameters
        ----------
        task_name:
            The name that it was started with, or what :meth:`log_task_start` has returned.
        duration_ms:
            How long it took; `end_time` is its start plus that.
        metadata:
            What else is to be said; added to the metadata of its start.
        """
        task = self._taken(task_name)
        if task is None:
            name = task_name.name if isinstance(task_name, TaskEvent) else task_name
            _log.warning("Task complete event logged without corresponding start event: %s", name)
            return
        event = task.event
        took_s = duration_ms / 1_000 if is_duration(duration_ms) else max(0.0, time.time() - event.start_time)
        said: dict[str, Any] = {REPORTED_DURATION: took_s * 1_000}
        if metadata:
            event.metadata = {**event.metadata, **_map(metadata)}
            said[TASK_METADATA] = event.metadata
        event.end_time = round(event.start_time + took_s, 6)  # sums of floats end in noise
        task.span.set_all(said)
        task.span.end()
        task.ended = True
        _leave_ended()

    def log_file_read(self, path: str, size_bytes: int | None = None) -> None:
        """Log that a file was read."""
        self.events.append(FileEvent(path=path, operation="read", size_bytes=size_bytes))
        self._recorded().file_read(path, size_bytes=size_bytes)

    def log_file_write(self, path: str, size_bytes: int, lines: int | None = None) -> None:
        """Log that a file was written."""
        self.events.append(FileEvent(path=path, operation="write", size_bytes=size_bytes, lines=lines))
        self._recorded().file_write(path, size_bytes=size_bytes, lines=lines)

    def log_tool_call(self, tool_name: str, params: dict[str, Any], duration_ms: int) -> None:
        """Log a call of a tool or function that has just ended."""
        self.events.append(ToolEvent(name=tool_name, params=params, duration_ms=duration_ms))
        took_ms = duration_ms if is_duration(duration_ms) else 0
        given: dict[str, Any] = {REPORTED_DURATION: float(took_ms)}
        start_ns = time.time_ns() - int(took_ms * 1_000_000)
        self._recorded().tool_call(tool_name, params, start_ns=start_ns, **given).end()

    @contextmanager
    def _task_block(
        self, name: str, metadata: Mapping[str, Any] | None, save_to: str | None
    ) -> Iterator[TaskEvent]:
        event = self.log_task_start(name, metadata)
        began_ns = time.monotonic_ns()
        outcome: dict[str, Any] = {"result": "success"}
        try:
            yield event
        except BaseException as error:
            outcome = {"result": "failed", "error": told(error).partition(": ")[2]}
            task = self._open.get(id(event))
            if task is not None:
                task.span.fail(error)
            raise
        finally:
            self.log_task_complete(event, (time.monotonic_ns() - began_ns) // 1_000_000, outcome)
            if save_to is not None:
                self._save_quietly(save_to)

    def _save_quietly(self, output_dir: str) -> None:
        try:
            self.save_session(output_dir)
        except (OtelReplayError, OSError) as error:
            # The task must not fail for it, and nothing is lost: the run has it all.
            _log.warning("the session was not saved: %s", told(error))

    def task(
        self, name: str, metadata: Mapping[str, Any] | None = None, *, save_to: str | None = None
    ) -> LoggedTask:
        """A task as a block, or around a function: started, timed and completed with how it came out.

        Parameters
        ----------
        name:
            The task's name.
        metadata:
            Of its start; `result` (`success` or `failed`) and `error` are added.
        save_to:
            Directory to save the session to whenever the task ends.
        """
        return LoggedTask(lambda: self._task_block(name, metadata, save_to))

    # -- looking at it -------------------------------------------------------------------------------

    def get_session_summary(self) -> SessionSummary:
        """What was logged so far, and tasks completed per hour; 0.0 below a millisecond."""
        events = list(self.events)
        total_ns = max(0, time.monotonic_ns() - self._began_ns)
        completed = sum(isinstance(event, TaskEvent) and event.end_time is not None for event in events)
        operations = [event.operation for event in events if isinstance(event, FileEvent)]
        return SessionSummary(
            total_duration_ms=total_ns // 1_000_000,
            tasks_completed=completed,
            files_read=operations.count("read"),
            files_written=operations.count("write"),
            tool_calls_count=sum(isinstance(event, ToolEvent) for event in events),
            velocity=per_hour(completed, total_ns),
        )

    def analyze_session(self, session_path: str | os.PathLike[str]) -> SessionAnalysis:
        """Analyze a saved session, a log in the original's other shape, or a run.

        Parameters
        ----------
        session_path:
            A `.jsonl` file, a run's directory, or a run of the store: its id, a prefix of it, `latest`.

        Raises
        ------
        FileNotFoundError
            If there is none of these.
        """
        path = Path(session_path)
        if path.is_dir():
            if not looks_like_a_run(path):
                raise FileNotFoundError(2, "this folder is no run, and no saved session", str(path))
            return analysis_of(events_in_records(RunFiles(path).records()))
        if not path.exists():
            try:
                files = Store(read_settings().store).resolve(os.fspath(session_path))
            except OtelReplayError:
                raise FileNotFoundError(2, "there is no such file, and no such run", str(path)) from None
            return analysis_of(events_in_records(files.records()))
        return analysis_of(events_in_file(path))

    def save_session(self, output_dir: str | os.PathLike[str]) -> None:
        """Write the events to `{agent_id}_{session_id}.jsonl` in `output_dir`, which is made if need be.

        The file is there whole or not at all. Secrets are taken out of it as they are out of the run.
        """
        os.makedirs(output_dir, exist_ok=True)
        path = Path(output_dir, f"{self.agent_id}_{self.session_id}.jsonl")
        settings = read_settings()
        redactor = redactor_for(settings.redact, settings.redact_keys)
        with open_atomically(path, durable=False) as stream:
            for event in list(self.events):
                clean, _ = redactor.redact(normalise(vars(event)))
                stream.write(orjson.dumps(to_json(clean), option=orjson.OPT_APPEND_NEWLINE))
        _log.info("Session log saved to %s", path)

    # -- its run -------------------------------------------------------------------------------------

    @property
    def run_id(self) -> str:
        """The run that records the session; empty until something was logged."""
        return self._run.run_id if self._run is not None else ""

    def close(self) -> None:
        """End the session's run now; otherwise it ends with the process."""
        with _beginning:
            run, self._run = self._run, None
        if run is not None:
            run.end()

    def __enter__(self) -> SessionLogger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _recorded(self) -> Run:
        _leave_ended()
        if self._run is None:
            with _beginning:
                if self._run is None:
                    # In a context of its own: the run must not become the current one of whoever logs first.
                    self._run = contextvars.copy_context().run(self._begin)
        return self._run

    def _begin(self) -> Run:
        run_id: str | None = f"{self.agent_id}_{self.session_id}"
        try:
            validate_run_id(str(run_id))
        except UsageError:
            run_id = None  # a file may be called what a run may not
        names = {GEN_AI_AGENT_NAME: self.agent_id, SESSION_ID: self.session_id}
        return start_run(self.agent_id, run_id=run_id, attributes=names)

    def _taken(self, task: str | TaskEvent) -> _OpenTask | None:
        """The open task that is meant, which is not open any more then."""
        if isinstance(task, TaskEvent):
            return self._open.pop(id(task), None)
        for one in (*reversed(_open_here.get()), *reversed(list(self._open.values()))):
            # pop() decides where two threads complete tasks of one name at the same moment.
            if one.event.name == task and self._open.get(id(one.event)) is one:
                taken = self._open.pop(id(one.event), None)
                if taken is not None:
                    return taken
        return None


def _leave_ended() -> None:
    """Make the span around the ended tasks of this thread the current one again, whoever has ended them."""
    mine = list(_open_here.get())
    while mine and mine[-1].ended:
        mine.pop().span.detach()
    _open_here.set(tuple(mine))


class LoggedTask:
    """A task of :meth:`SessionLogger.task`, entered as a block or put on a function, also an async one."""

    def __init__(self, block: Callable[[], Any]) -> None:
        self._block = block
        self._entered: list[Any] = []

    def __enter__(self) -> TaskEvent:
        block = self._block()
        event: TaskEvent = block.__enter__()
        self._entered.append(block)
        return event

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._entered.pop().__exit__(kind, error, where)

    def __call__(self, function: _F) -> _F:
        block = self._block
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def logged_async(*args: Any, **kwargs: Any) -> Any:
                with block():
                    return await function(*args, **kwargs)

            return logged_async  # type: ignore[return-value]  # wraps() forgets the type

        @functools.wraps(function)
        def logged(*args: Any, **kwargs: Any) -> Any:
            with block():
                return function(*args, **kwargs)

        return logged  # type: ignore[return-value]  # as above


def _checked(name: str, text: str) -> str:
    plain = isinstance(text, str) and text.isprintable() and not set(text) & set('/\\:*?"<>|')
    if not plain or not text.strip() or text.startswith(".") or len(text.encode()) > _LONGEST_ID:
        raise UsageError(
            f"{name} {text!r:.200} cannot be part of a file's name",
            hint="take letters, digits, `.`, `_`, `-` and blanks, at most 128, and no dot at the beginning",
        )
    return text


def _map(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        return dict(metadata or {})
    except Exception as error:
        _log.warning("the metadata of a task is not a map: %s", told(error))
        return {"metadata": metadata}


def _after_fork_in_child() -> None:
    global _beginning
    _beginning = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
