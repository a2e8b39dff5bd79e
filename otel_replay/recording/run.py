"""A run: started by `start_run`, ended by leaving its block, and what can be recorded in it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

from opentelemetry import context as otel_context
from opentelemetry import trace

from otel_replay.clock import SYSTEM_CLOCK, Clock
from otel_replay.errors import told
from otel_replay.interruptions import let_through
from otel_replay.otel import offers
from otel_replay.otel.keys import RUN_KEY
from otel_replay.program import program_name
from otel_replay.recording import moments, shapes
from otel_replay.recording.current import open_span_of, writer_around
from otel_replay.recording.shapes import Shape
from otel_replay.recording.spans import Agent, Generation, RecordedSpan, Task, ToolCall, context_of
from otel_replay.recording.threads import carry_context_into_threads
from otel_replay.settings import Settings, read_settings
from otel_replay.storage import active_runs
from otel_replay.storage.run_header import RunHeader
from otel_replay.storage.run_opening import OpenedRun, end_run, name_root, open_run
from otel_replay.storage.run_writer import RunWriter

__all__ = ["Run", "join_run", "start_run"]

_log = logging.getLogger("otel_replay")
_S = TypeVar("_S", bound=RecordedSpan)


class Run(RecordedSpan):
    """A run that is being recorded; also the span of the run itself. Made by :func:`start_run`."""

    def __init__(
        self,
        opened: OpenedRun | None,
        shape: Shape,
        *,
        parent: otel_context.Context | None = None,
        links: list[trace.Link] | None = None,
        nested: bool = False,
        current: bool = True,
        start_ns: int | None = None,
    ) -> None:
        self._opened = opened
        self._ended = False
        self._tracer = _tracer() if opened is not None else None
        writer = opened.writer if opened is not None and self._tracer is not None else None
        super().__init__(
            writer,
            self._tracer,
            shape.name,
            kind=shape.kind,
            attributes=shape.attributes,
            parent=parent,
            links=links,
            start_ns=start_ns,
        )
        if writer is None or self._open is None:
            return
        writer.root = self._open
        if self._opened is not None:
            name_root(self._opened, self.trace_id, self.span_id)
        offers.offer(id(self), self._open, nested=nested)
        active_runs.at_exit(self._end_at_exit)
        if current:
            self.attach()

    @property
    def run_id(self) -> str:
        """The run's id; empty where nothing is recorded."""
        return self._writer.run_id if self._writer is not None else ""

    @property
    def directory(self) -> str:
        """The run's directory; empty where nothing is recorded."""
        return str(self._writer.directory) if self._writer is not None else ""

    @property
    def header(self) -> RunHeader | None:
        """What is known of the run, and how it ended once it has; None where nothing is recorded."""
        return self._opened.header if self._opened is not None else None

    @property
    def lost(self) -> Mapping[str, int]:
        """Records that could not be kept, by reason."""
        return dict(self._writer.losses.by_reason) if self._writer is not None else {}

    # -- its life --------------------------------------------------------------------------------------------

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is not None:
            self.fail(error)
        self.end()

    def end(self) -> None:
        """End the run: close its journal and sum it up. Ending twice does nothing; it never raises."""
        if self._ended:
            return
        self._ended = True
        try:
            self.detach()
            super().end()
            offers.withdraw(id(self))
            self._end_run()
            active_runs.not_at_exit(self._end_at_exit)
        except BaseException:
            self._ended = False  # interrupted: the next call, or the end of the process, does what is left
            raise

    def _end_run(self) -> None:
        if (run := self._opened) is None:
            return
        try:
            ended_ns = getattr(run.writer.span_clock or self._span, "end_time", None) or run.writer.clock()
            end_run(run, ended_ns=ended_ns, failed=self._failed, message=self._message)
        except Exception as error:
            let_through(error)
            _log.warning("run %s was not ended: %s", self.run_id, told(error))
            active_runs.remove(run.writer)
            run.writer.close("exit")

    def _end_at_exit(self) -> None:
        # In a forked child the run belongs to the parent: only this process's journal is closed.
        if self._writer is not None and os.getpid() == self._writer.home_pid:
            self.end()

    # -- spans in it -----------------------------------------------------------------------------------------

    def task(self, name: str, **attributes: Any) -> Task:
        """A named stretch of work, as a context manager."""
        return self._start(Task, lambda: shapes.task_shape(name, attributes))

    def agent(self, name: str, **attributes: Any) -> Agent:
        """The work of an agent, as a context manager."""
        return self._start(Agent, lambda: shapes.agent_shape(name, attributes))

    def tool_call(
        self,
        name: str,
        arguments: Any = None,
        *,
        call_id: str | None = None,
        start_ns: int | None = None,
        **attributes: Any,
    ) -> ToolCall:
        """One call of a tool, as a context manager; say what it answered with `result()`.

        A call that is over already is told with the time at which it began, `start_ns`, and `end()` at once.
        """
        return self._start(
            ToolCall, lambda: shapes.tool_call_shape(name, arguments, call_id, attributes), start_ns=start_ns
        )

    def generation(
        self,
        model: str,
        *,
        provider: str | None = None,
        operation: str = "chat",
        input_messages: Any = None,
        system_instructions: Any = None,
        tool_definitions: Any = None,
        attributes: Mapping[str, Any] | None = None,
        **request: Any,
    ) -> Generation:
        """One call of a model, as a context manager; say what it answered with `output()`.

        Parameters
        ----------
        model, provider:
            The model that is asked, and who serves it, e.g. `openai`.
        operation:
            `chat`, `generate_content` (images), `text_completion`, … (GenAI conventions).
        input_messages:
            `[{role, parts: [{type: "text", content}]}]` (GenAI conventions), or anything else.
        request:
            Request parameters: `temperature`, `max_tokens`, `seed`, …
        """
        return self._start(
            Generation,
            lambda: shapes.generation_shape(
                model,
                provider=provider,
                operation=operation,
                input_messages=input_messages,
                system_instructions=system_instructions,
                tool_definitions=tool_definitions,
                request=request,
                more=attributes,
            ),
        )

    def _start(self, kind: type[_S], make: Callable[[], Shape], *, start_ns: int | None = None) -> _S:
        try:
            shape = make()
            span = kind(
                self._writer, self._tracer, **_arguments(shape), parent=self._parent(), start_ns=start_ns
            )
        except Exception as error:
            let_through(error)
            self._note(error)
            return kind(None, None, "")
        span.expect(shape.name, shape.attributes)
        return span

    def _parent(self) -> otel_context.Context | None:
        """The current context where it is one of this run, else the run's own."""
        if otel_context.get_value(RUN_KEY) is self._writer:
            return None
        return context_of(self)

    # -- moments in it ---------------------------------------------------------------------------------------

    def decision(self, action: str, reason: str, values: Any = None, cell: Any = None) -> None:
        """As :func:`otel_replay.decision`, in this run whatever the current one is."""
        if self._writer is not None:
            span = open_span_of(self._writer)
            if span is not None:
                span.decision(action, reason, values, cell)

    def checkpoint(self, name: str, state: Any) -> None:
        """As :func:`otel_replay.checkpoint`, in this run whatever the current one is."""
        with self._here():
            moments.checkpoint(name, state)

    def artifact(self, name: str, source: Any, *, media_type: str | None = None) -> None:
        """As :func:`otel_replay.artifact`, in this run whatever the current one is."""
        with self._here():
            moments.artifact(name, source, media_type=media_type)

    def file_read(
        self, path: str | os.PathLike[str], *, lines: int | None = None, size_bytes: int | None = None
    ) -> None:
        """As :func:`otel_replay.file_read`, in this run whatever the current one is."""
        with self._here():
            moments.file_read(path, lines=lines, size_bytes=size_bytes)

    def file_write(
        self, path: str | os.PathLike[str], *, lines: int | None = None, size_bytes: int | None = None
    ) -> None:
        """As :func:`otel_replay.file_write`, in this run whatever the current one is."""
        with self._here():
            moments.file_write(path, lines=lines, size_bytes=size_bytes)

    def heartbeat(self, **attributes: Any) -> None:
        """As :func:`otel_replay.heartbeat`, in this run whatever the current one is."""
        with self._here():
            moments.heartbeat(**attributes)

    @contextmanager
    def _here(self) -> Iterator[None]:
        """Where the current span is none of this run's, the run's own is it for a moment."""
        elsewhere = self._parent() is not None
        if elsewhere:
            self.attach()
        try:
            yield
        finally:
            if elsewhere:
                self.detach()


def _arguments(shape: Shape) -> dict[str, Any]:
    return {"name": shape.name, "kind": shape.kind, "attributes": shape.attributes}


def _tracer() -> trace.Tracer | None:
    from otel_replay.otel.provider import recording_tracer  # the SDK is not cheap, and only needed here

    return recording_tracer()


def start_run(
    name: str,
    *,
    run_id: str | None = None,
    store: str | os.PathLike[str] | None = None,
    attributes: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Run:
    """Start recording a run. Use it as a context manager, or call `end()` on what it returns.

    It never raises: where a run cannot be recorded, the log says why and the program goes on. In a process
    whose parent is being recorded (`OTEL_REPLAY_RUN_ID`) it joins the parent's run, unless `run_id` is given.

    Parameters
    ----------
    name:
        What this run is called, for a person.
    run_id:
        The run's id (`[A-Za-z0-9][A-Za-z0-9._-]{0,127}`); made from the time by default.
    store:
        Folder of the store; `OTEL_REPLAY_STORE` or `.otel-replay` by default.
    attributes:
        Anything worth knowing about the run: parameters, versions.
    settings:
        All settings at once, instead of those of the environment.
    clock:
        Nanoseconds since the epoch; for tests. Spans take the SDK's own clock, unless it has `spans`.
    """
    try:
        return _started(name, run_id, store, attributes, settings, clock)
    except Exception as error:
        let_through(error)
        _log.warning("the run is not recorded: %s (the program goes on)", told(error))
        return Run(None, shapes.run_shape("", None, None))


def _started(
    name: str,
    run_id: str | None,
    store: str | os.PathLike[str] | None,
    attributes: Mapping[str, Any] | None,
    settings: Settings | None,
    clock: Clock,
) -> Run:
    outer = writer_around()
    if store is None and outer is not None:
        store = outer.directory.parent.parent
    given = settings or read_settings(offers.own_environment(), store=store)
    if given.disabled or _tracer() is None:
        return Run(None, shapes.run_shape("", None, None))
    try:
        attributes = {} if attributes is None else dict(attributes)
    except Exception as raised:
        let_through(raised)
        attributes = {"attributes": attributes}
    # A forked child has its parent's context, and any child its environment: both join the parent's run.
    forked = outer is not None and outer.home_pid != os.getpid()
    joined = None
    if not run_id:
        joined = outer.run_id if outer is not None and forked else None
        joined = joined or (offers.inherited_run_id() if outer is None else None)
    opened = open_run(
        name,
        settings=given,
        run_id=run_id or joined,
        joins=joined is not None,
        attributes=attributes,
        parent_run_id=outer.run_id if outer is not None else "",
        clock=clock,
    )
    if getattr(clock, "spans", False):
        opened.writer.span_clock = opened.writer.clock
    carry_context_into_threads()
    try:
        return _begun(opened, name, attributes, outer, clock, joined=joined is not None, forked=forked)
    except Exception:
        active_runs.remove(opened.writer)
        raise


def _begun(
    opened: OpenedRun,
    name: str,
    attributes: Mapping[str, Any] | None,
    outer: RunWriter | None,
    clock: Clock,
    *,
    joined: bool,
    forked: bool,
) -> Run:
    if joined:
        parent = None if forked else offers.inherited_parent()
        return Run(opened, shapes.run_shape(name, None, attributes), parent=parent)
    shape = shapes.run_shape(name, outer.run_id if outer is not None else None, attributes)
    # A run is a trace of its own; the link leads to where it was started.
    around = trace.get_current_span().get_span_context()
    links = [trace.Link(around)] if around.is_valid else None
    root = trace.set_span_in_context(trace.INVALID_SPAN)
    # It began when the run did, unless somebody else's clock says when that was.
    began_ns = opened.header.started_ns if clock is SYSTEM_CLOCK else None
    return Run(opened, shape, parent=root, links=links, nested=outer is not None, start_ns=began_ns)


def join_run() -> bool:
    """Join the run that the environment names, for as long as this process lives; whether it did."""
    settings = read_settings()
    inherited = offers.inherited_run_id()
    if settings.disabled or inherited is None:
        return False
    name = program_name()
    opened = open_run(name, settings=settings, run_id=inherited, joins=True)
    carry_context_into_threads()
    run = Run(opened, shapes.process_shape(name), parent=offers.inherited_parent(), current=False)
    return run.recording
