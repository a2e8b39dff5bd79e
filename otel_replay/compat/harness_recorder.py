"""`SessionRecorder`: the events of an agent loop, as lines of a session log and as a run of otel-replay.

Each event is in the file when `fire` returns. The run has a span for each model call and each tool call, with
what was asked and answered, so that it can be shown, sent and replayed like any other.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from otel_replay.compat.harness_events import (
    Action,
    End,
    Heartbeat,
    ModelOutput,
    PostCompact,
    PostModel,
    PostTool,
    PreCompact,
    PreModel,
    PreTool,
    Sensor,
    SessionEvent,
    Start,
    ToolResult,
    encode_event,
    plain,
)
from otel_replay.compat.harness_messages import output_messages
from otel_replay.errors import told
from otel_replay.recording.run import Run, start_run
from otel_replay.recording.spans import Generation, ToolCall
from otel_replay.redaction import redactor_for
from otel_replay.settings import read_settings
from otel_replay.storage.refusals import could_not
from otel_replay.values import normalise, to_json

__all__ = ["Context", "Event", "SessionRecorder"]

_log = logging.getLogger("otel_replay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the model is asked: the loop's history and tools, and whatever else goes into the request."""

    history: Sequence[Any] = ()
    tools: Sequence[Any] = ()
    system: Any = None
    task: Any = None
    model: str = "model"
    parameters: dict[str, Any] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """All of it but the model, as a replay compares it."""
        named = {"system": self.system, "task": self.task, "history": self.history, "tools": self.tools}
        request = {name: value for name, value in named.items() if value is not None}
        return {**request, **({"parameters": self.parameters} if self.parameters else {})}


class Event:
    """The events of a loop's life that are recorded, by the names of the original."""

    @dataclass(frozen=True, slots=True)
    class SessionStart:
        """The loop begins."""

        source: str = "Startup"

    @dataclass(frozen=True, slots=True)
    class PreModel:
        """The model is about to be asked."""

        ctx: Context

    @dataclass(frozen=True, slots=True)
    class PostModel:
        """The model has answered."""

        out: ModelOutput

    @dataclass(frozen=True, slots=True)
    class PreToolUse:
        """A tool is about to be called."""

        action: Action

    @dataclass(frozen=True, slots=True)
    class PostToolUse:
        """A tool has answered."""

        action: Action
        result: ToolResult

    @dataclass(frozen=True, slots=True)
    class PostSensor:
        """A sensor has given signals."""

        sensor: str
        signals: Sequence[Any]

    @dataclass(frozen=True, slots=True)
    class PreCompact:
        """The history is about to be compacted."""

        stage: str

    @dataclass(frozen=True, slots=True)
    class PostCompact:
        """The history has been compacted."""

        stage: str

    @dataclass(frozen=True, slots=True)
    class Heartbeat:
        """The loop goes round once more."""

        iter: int

    @dataclass(frozen=True, slots=True)
    class SessionEnd:
        """The loop is over."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class SessionRecorder:
    """Records a loop's events. Recording never raises into the loop: what cannot be kept is logged.

    Parameters
    ----------
    path:
        The session log; appended to, made with its folder if it is not there.
    run:
        The run that the spans go into; None: one of the recorder's own, from the session's start to its end.
        False: the log only.
    name:
        What its own run is called.
    clock_ms:
        Milliseconds since the epoch, for the log.

    Raises
    ------
    StoreError
        If the file cannot be opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        run: Run | Literal[False] | None = None,
        name: str = "agent loop",
        clock_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self._path = Path(path)
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        settings = read_settings()
        self._redactor = redactor_for(settings.redact, settings.redact_keys)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise could_not("write", self._path, error) from error
        self._spans = _Spans(run, name)

    def name(self) -> str:
        """As a hook of the original is called."""
        return "session-recorder"

    def matches(self, event: object) -> bool:  # noqa: ARG002 - the original's signature
        """A recorder wants every event."""
        return True

    def fire(self, event: object, world: object = None) -> str:  # noqa: ARG002 - the original's signature
        """Record an event, if it is one of :class:`Event`; always `allow`."""
        try:
            kept = _kept(event, self._clock_ms())
            if kept is not None:
                self._write(kept)
                self._spans.record(kept, event)
        except Exception as error:
            _log.warning("an event of the session was not recorded: %s", told(error))
        return "allow"

    def close(self) -> None:
        """Close the file, and the run where the session has not ended it."""
        self._spans.end()
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def __enter__(self) -> SessionRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, event: SessionEvent) -> None:
        clean, _ = self._redactor.redact(normalise(plain(event)))
        line = encode_event(event) if clean == plain(event) else _as_line(clean)
        with self._lock:
            # One write for a line: what is there is whole, whoever else appends to the file.
            if self._file >= 0:
                os.write(self._file, line)


def _as_line(document: Any) -> bytes:
    from otel_replay.orjson_loading import orjson

    return orjson.dumps(to_json(document), option=orjson.OPT_APPEND_NEWLINE)


_MAKE: dict[type, Callable[[Any, int], SessionEvent]] = {
    Event.SessionStart: lambda event, ts_ms: Start(ts_ms=ts_ms, source=event.source),
    Event.PreModel: lambda event, ts_ms: PreModel(
        ts_ms=ts_ms,
        history_len=len(event.ctx.history),
        tools_count=len(event.ctx.tools),
        request=to_json(normalise({"model": event.ctx.model, **event.ctx.request()})),
    ),
    Event.PostModel: lambda event, ts_ms: PostModel(ts_ms=ts_ms, output=event.out),
    Event.PreToolUse: lambda event, ts_ms: PreTool(ts_ms=ts_ms, action=event.action),
    Event.PostToolUse: lambda event, ts_ms: PostTool(
        ts_ms=ts_ms, call_id=event.action.call_id, result=event.result
    ),
    Event.PostSensor: lambda event, ts_ms: Sensor(ts_ms=ts_ms, id=event.sensor, signals=len(event.signals)),
    Event.PreCompact: lambda event, ts_ms: PreCompact(ts_ms=ts_ms, stage=event.stage),
    Event.PostCompact: lambda event, ts_ms: PostCompact(ts_ms=ts_ms, stage=event.stage),
    Event.Heartbeat: lambda event, ts_ms: Heartbeat(ts_ms=ts_ms, iter=event.iter),
    Event.SessionEnd: lambda event, ts_ms: End(ts_ms=ts_ms),  # noqa: ARG005 - the table's signature
}


def _kept(event: object, ts_ms: int) -> SessionEvent | None:
    make = _MAKE.get(type(event))
    return None if make is None else make(event, ts_ms)


class _Spans:
    """The same events as spans and decisions of a run."""

    def __init__(self, run: Run | Literal[False] | None, name: str) -> None:
        self._given = run if isinstance(run, Run) else None
        self._wanted = run is not False
        self._name = name
        self._run: Run | None = self._given
        self._models: list[Generation] = []
        self._tools: dict[str, ToolCall] = {}

    _ACTS: ClassVar[dict[type[SessionEvent], str]] = {
        PreModel: "_pre_model",
        PostModel: "_post_model",
        PreTool: "_pre_tool",
        PostTool: "_post_tool",
        Sensor: "_sensor",
        PreCompact: "_compact",
        PostCompact: "_compact",
        Heartbeat: "_heartbeat",
    }

    def record(self, event: SessionEvent, given: Any) -> None:
        """One event; `given` is what the loop fired."""
        if not self._wanted:
            return
        if isinstance(event, End):
            self.end()
            return
        if self._run is None:
            source = event.source if isinstance(event, Start) else ""
            self._run = start_run(self._name, attributes={"source": source} if source else None)
        act = self._ACTS.get(type(event))
        if act is not None:
            getattr(self, act)(self._run, event, given)

    def end(self) -> None:
        """The session is over: so are the spans that are still open, and the recorder's own run."""
        for span in [*self._models, *self._tools.values()]:
            span.end()
        self._models.clear()
        self._tools.clear()
        if self._run is not None and self._given is None:
            self._run.end()
            self._run = None

    def _pre_model(self, run: Run, _: PreModel, given: Event.PreModel) -> None:
        context = given.ctx
        span = run.generation(
            context.model,
            input_messages=list(context.history),
            system_instructions=context.system,
            tool_definitions=list(context.tools) or None,
            **{**({"task": context.task} if context.task is not None else {}), **context.parameters},
        )
        self._models.append(span)

    def _post_model(self, run: Run, event: PostModel, _: Any) -> None:
        span = self._models.pop() if self._models else run.generation("model")
        usage = event.output.usage
        counted = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        if usage.cached_input_tokens:
            counted["cache_read.input_tokens"] = usage.cached_input_tokens
        span.output(output_messages(event.output), finish_reasons=[event.output.stop_reason], usage=counted)
        span.end()

    def _pre_tool(self, run: Run, event: PreTool, _: Any) -> None:
        action = event.action
        self._tools[action.call_id] = run.tool_call(action.tool, action.args, call_id=action.call_id)

    def _post_tool(self, run: Run, event: PostTool, given: Event.PostToolUse) -> None:
        span = self._tools.pop(event.call_id, None)
        if span is None:
            span = run.tool_call(given.action.tool, given.action.args, call_id=event.call_id)
        span.result(plain(event.result))
        span.end()

    def _sensor(self, run: Run, event: Sensor, _: Any) -> None:
        run.decision("SENSOR", f"{event.signals} signals", values={"id": event.id, "signals": event.signals})

    def _compact(self, run: Run, event: PreCompact | PostCompact, _: Any) -> None:
        run.decision(event.kind.upper(), f"the history is compacted: {event.stage}", {"stage": event.stage})

    def _heartbeat(self, run: Run, event: Heartbeat, _: Any) -> None:
        run.heartbeat(iter=event.iter)
