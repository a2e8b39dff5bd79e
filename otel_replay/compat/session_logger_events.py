"""The events of DEIA's session logger and its files: one line of JSON for each event, read in three shapes.

Read are the lines that `save_session` writes, the lines with a `type` that the original's `analyze_session`
asks for, and runs of ours, whoever recorded them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from otel_replay.analysis.bottlenecks import TaskTimes
from otel_replay.analysis.spans import SpanBook, TrackedSpan
from otel_replay.analysis.velocity import per_hour
from otel_replay.attributes import (
    FILE_LINES,
    FILE_PATH,
    FILE_READ_EVENT,
    FILE_SIZE,
    FILE_WRITE_EVENT,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_NAME,
    REPORTED_DURATION,
    TASK_METADATA,
)
from otel_replay.orjson_loading import orjson
from otel_replay.records import Event, SpanEnd, SpanStart, SpanUpdate
from otel_replay.storage.run_files import Located

__all__ = [
    "FileEvent",
    "LoggedEvent",
    "SessionAnalysis",
    "SessionSummary",
    "TaskEvent",
    "ToolEvent",
    "analysis_of",
    "events_in_file",
    "events_in_records",
    "is_duration",
]

_log = logging.getLogger("otel_replay")


@dataclass
class TaskEvent:
    """A task: times are seconds since the epoch, `end_time` is None until it is complete."""

    name: str
    start_time: float
    end_time: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class FileEvent:
    """A file that was read or written: `operation` is `read` or `write`."""

    path: str
    operation: str
    size_bytes: int | None = None
    lines: int | None = None


@dataclass
class ToolEvent:
    """A call of a tool that is over."""

    name: str
    params: dict[str, Any]
    duration_ms: int


@dataclass
class SessionSummary:
    """What a session came to; `velocity` is tasks completed per hour."""

    total_duration_ms: int
    tasks_completed: int
    files_read: int
    files_written: int
    tool_calls_count: int
    velocity: float


@dataclass
class SessionAnalysis:
    """What a log came to: milliseconds by task, the tasks above 30 %, rates per hour, counts by operation."""

    task_breakdown: dict[str, int]
    bottlenecks: list[str]
    velocity_metrics: dict[str, float]
    file_operation_stats: dict[str, int]


LoggedEvent: TypeAlias = TaskEvent | FileEvent | ToolEvent

_TYPES: dict[str, type[Any]] = {"TaskEvent": TaskEvent, "FileEvent": FileEvent, "ToolEvent": ToolEvent}
_TELLTALES = (("operation", FileEvent), ("params", ToolEvent), ("start_time", TaskEvent))
"""For a line that does not say its type: the key that only one of them has."""


def is_duration(value: object) -> TypeGuard[float]:
    """Whether this can be a number of milliseconds."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value < 1e15
    )


# -- what they come to -----------------------------------------------------------------------------


def analysis_of(events: Iterable[LoggedEvent]) -> SessionAnalysis:
    """The analysis as the original defines it: shares and rates are of the sum of all task durations.

    Every completed task counts, also of two with one name. Rates are 0.0 where the tasks took less than a
    millisecond in all.
    """
    times = TaskTimes()
    breakdown: dict[str, int] = {}
    files: dict[str, int] = {}
    calls = 0
    for event in events:
        if isinstance(event, TaskEvent):
            if event.end_time is not None:
                duration_ms = _whole_ms(event.end_time - event.start_time)
                breakdown[event.name] = breakdown.get(event.name, 0) + duration_ms
                times.end(event.name, 0, duration_ms * 1_000_000)
        elif isinstance(event, FileEvent):
            files[event.operation] = files.get(event.operation, 0) + 1
        else:
            calls += 1
    counts = {
        "tasks_per_hour": times.ended,
        "files_read_per_hour": files.get("read", 0),
        "files_written_per_hour": files.get("write", 0),
        "tool_calls_per_hour": calls,
    }
    return SessionAnalysis(
        task_breakdown=breakdown,
        bottlenecks=times.bottlenecks(),
        velocity_metrics={name: per_hour(count, times.total_ns) for name, count in counts.items()},
        file_operation_stats=files,
    )


def _whole_ms(seconds: float) -> int:
    # Times are floats: a task of 1,500 ms must not come out as 1,499.
    return max(0, int(round(seconds * 1e6) // 1_000))


# -- from a file -----------------------------------------------------------------------------------


def events_in_file(path: Path) -> Iterator[LoggedEvent]:
    """The events in a log; a line that is none is told in the log of this program, and left out."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield _event(orjson.loads(line))
            except (ValueError, TypeError) as error:
                _log.warning("line %d of %s is not an event, and is left out: %s", number, path, error)


def _event(values: Any) -> LoggedEvent:
    if not isinstance(values, dict):
        raise TypeError("it is not an object")
    kind = _TYPES.get(values.pop("type", ""))
    if kind is None:
        kind = next((kind for key, kind in _TELLTALES if key in values), None)
    if kind is None:
        raise ValueError("it is no task, file or tool event")
    names = kind.__dataclass_fields__
    event: LoggedEvent = kind(**{name: value for name, value in values.items() if name in names})
    if isinstance(event, TaskEvent):
        if not is_duration(event.start_time) or not (event.end_time is None or is_duration(event.end_time)):
            raise ValueError("its times are no numbers")
        event.end_time = event.end_time or None
    return event


# -- from a run ------------------------------------------------------------------------------------


def events_in_records(records: Iterable[Located]) -> list[LoggedEvent]:
    """The tasks, file accesses and tool calls of a run, in the order in which they would have been logged."""
    book = SpanBook()
    events: list[LoggedEvent] = []
    tasks: dict[str, TaskEvent] = {}
    calls: dict[str, ToolEvent] = {}
    for item in records:
        record = item.record
        if isinstance(record, SpanStart):
            span = book.begin(record, item.journal)
            if span is not None and span.kind == "task":
                name = record.name.removeprefix("task ")
                tasks[span.span_id] = TaskEvent(name=name, start_time=record.time_ns / 1e9)
                events.append(tasks[span.span_id])
                _describe(tasks[span.span_id], span)
            elif span is not None and span.kind == "tool call":
                name = str(span.attributes.get(GEN_AI_TOOL_NAME, record.name))
                calls[span.span_id] = ToolEvent(name=name, params={}, duration_ms=0)
        elif isinstance(record, SpanUpdate):
            book.update(record)
        elif isinstance(record, SpanEnd):
            ended = book.finish(record, item.journal)
            if ended is not None:
                _complete(ended, events, tasks, calls)
        elif isinstance(record, Event) and record.name in (FILE_READ_EVENT, FILE_WRITE_EVENT):
            events.append(_file_event(record))
    for ended in list(book.ended_elsewhere()):
        _complete(ended, events, tasks, calls)
    return events


def _complete(
    span: TrackedSpan,
    events: list[LoggedEvent],
    tasks: dict[str, TaskEvent],
    calls: dict[str, ToolEvent],
) -> None:
    reported = span.attributes.get(REPORTED_DURATION)
    duration_ms = reported if is_duration(reported) else span.duration_ns / 1e6
    task, call = tasks.pop(span.span_id, None), calls.pop(span.span_id, None)
    if task is not None:
        task.end_time = round(task.start_time + duration_ms / 1e3, 6)
        _describe(task, span)
    elif call is not None:
        params = span.attributes.get(GEN_AI_TOOL_ARGUMENTS)
        call.params = params if isinstance(params, dict) else {} if params is None else {"params": params}
        call.duration_ms = int(duration_ms)
        events.append(call)


def _describe(task: TaskEvent, span: TrackedSpan) -> None:
    metadata = span.attributes.get(TASK_METADATA)
    task.metadata = dict(metadata) if isinstance(metadata, dict) else {}


def _file_event(record: Event) -> FileEvent:
    given = record.attributes
    return FileEvent(
        path=str(given.get(FILE_PATH, "")),
        operation="read" if record.name == FILE_READ_EVENT else "write",
        size_bytes=given.get(FILE_SIZE),
        lines=given.get(FILE_LINES),
    )
