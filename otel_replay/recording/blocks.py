"""A span of the current run that is not started yet: entered as a block, put on a function, or begun by hand.

with otel_replay.task("smooth"):        call = otel_replay.tool("search", {"query": q})
    ...                                 call.result(found); call.end()
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from time import time_ns
from types import TracebackType
from typing import Any, Generic, TypeVar

from opentelemetry import context as otel_context

from otel_replay.answering import Answer
from otel_replay.errors import told
from otel_replay.interruptions import let_through
from otel_replay.recording.answered import ANSWERERS
from otel_replay.recording.current import get_context, parent_context
from otel_replay.recording.joining import join_if_invited
from otel_replay.recording.orphans import open_span_here
from otel_replay.recording.shapes import Shape
from otel_replay.recording.spans import Generation, RecordedSpan, ToolCall
from otel_replay.storage.active_runs import WRITERS

__all__ = ["Block", "GenerationBlock", "ToolBlock", "start_span"]

_log = logging.getLogger("otel_replay")
_F = TypeVar("_F", bound=Callable[..., Any])
_S = TypeVar("_S", bound=RecordedSpan)
_entered: ContextVar[tuple[RecordedSpan, ...]] = ContextVar("otel_replay_entered", default=())
"""The spans of blocks that this thread or task is inside of."""


class Block(Generic[_S]):
    """A span that is not started yet.

    As a block it begins where it is entered, each time anew. Used without one, the first of its methods
    begins it, as of where it was made: in the span that was current there, and at that time.

    Parameters
    ----------
    kind:
        What is started.
    shape:
        Gives name and attributes of the span.
    decorate:
        Puts spans of this kind around a function.
    """

    def __init__(self, kind: type[_S], shape: Callable[[], Shape], decorate: Callable[[Any], Any]) -> None:
        self._kind = kind
        self._shape = shape
        self._decorate = decorate
        self._spans: list[_S] = []
        self._made: tuple[int, otel_context.Context] | None = (time_ns(), get_context()) if WRITERS else None
        self._by_hand: _S | None = None

    def __call__(self, function: _F) -> _F:
        decorated: _F = self._decorate(function)
        return decorated

    def __enter__(self) -> _S:
        span = start_span(self._kind, self._shape).__enter__()
        self._spans.append(span)
        _entered.set((*_entered.get(), span))
        return span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        entered = _entered.get()
        # The last one that this thread or task entered: others may be inside the same block.
        mine = [span for span in entered if span in self._spans] or self._spans
        span = mine[-1]
        self._spans.remove(span)
        _entered.set(tuple(other for other in entered if other is not span))
        span.__exit__(kind, error, where)

    async def __aenter__(self) -> _S:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, where)

    # -- by hand ---------------------------------------------------------------------------------------------

    def start(self) -> _S:
        """The span, begun now if none of its methods has been called yet."""
        if self._by_hand is None:
            self._by_hand = start_span(self._kind, self._shape, self._made)
            self._by_hand.ask()
        return self._by_hand

    def attach(self) -> None:
        """As :meth:`RecordedSpan.attach`."""
        self.start().attach()

    def detach(self) -> None:
        """As :meth:`RecordedSpan.detach`."""
        self.start().detach()

    def end(self) -> None:
        """As :meth:`RecordedSpan.end`."""
        span = self.start()
        span.end()
        span.settle()

    def fail(self, error: BaseException | str) -> None:
        """As :meth:`RecordedSpan.fail`."""
        self.start().fail(error)

    def set(self, key: str, value: Any) -> None:
        """As :meth:`RecordedSpan.set`."""
        self.start().set(key, value)

    def set_all(self, attributes: Mapping[str, Any]) -> None:
        """As :meth:`RecordedSpan.set_all`."""
        self.start().set_all(attributes)

    def decision(self, action: str, reason: str, values: Any = None, cell: Any = None) -> None:
        """As :meth:`RecordedSpan.decision`."""
        self.start().decision(action, reason, values, cell)

    @property
    def recording(self) -> bool:
        """Whether anything is recorded here."""
        return self.start().recording

    @property
    def trace_id(self) -> str:
        """As :attr:`RecordedSpan.trace_id`."""
        return self.start().trace_id

    @property
    def span_id(self) -> str:
        """As :attr:`RecordedSpan.span_id`."""
        return self.start().span_id


class ToolBlock(Block[ToolCall]):
    """One call of a tool that is not started yet."""

    def result(self, value: Any) -> None:
        """As :meth:`ToolCall.result`."""
        self.start().result(value)

    def perform(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """As :meth:`ToolCall.perform`."""
        return self.start().perform(function, *args, **kwargs)

    def recorded(self) -> Answer | None:
        """As :meth:`Call.recorded`."""
        return self.start().recorded()

    def chunk(self, value: Any) -> None:
        """As :meth:`Call.chunk`."""
        self.start().chunk(value)


class GenerationBlock(Block[Generation]):
    """One call of a model that is not started yet."""

    def output(self, messages: Any = None, **answer: Any) -> None:
        """As :meth:`Generation.output`."""
        self.start().output(messages, **answer)

    def recorded(self) -> Answer | None:
        """As :meth:`Call.recorded`."""
        return self.start().recorded()

    def chunk(self, value: Any) -> None:
        """As :meth:`Call.chunk`."""
        self.start().chunk(value)


def start_span(
    kind: type[_S], shape: Callable[[], Shape], since: tuple[int, otel_context.Context] | None = None
) -> _S:
    """A span of the current run; one that records nothing where there is no run.

    `since` says when it began and in which context, if not here and now. Where a replay is active the span
    will ask it.
    """
    span = _recorded(kind, shape, since)
    if ANSWERERS:
        made = shape()
        span.expect(made.name, made.attributes)
    return span


def _recorded(
    kind: type[_S], shape: Callable[[], Shape], since: tuple[int, otel_context.Context] | None
) -> _S:
    if WRITERS or join_if_invited():
        try:
            if since is None:
                return _started(kind, shape, None)
            token = otel_context.attach(since[1])
            try:
                return _started(kind, shape, since[0])
            finally:
                otel_context.detach(token)
        except Exception as error:
            let_through(error)
            _log.warning("a span was not recorded: %s", told(error))
            for writer in WRITERS[:1]:
                writer.note_loss(f"span: {told(error)}")
    return kind(None, None, "")


def _started(kind: type[_S], shape: Callable[[], Shape], start_ns: int | None) -> _S:
    span = open_span_here()
    if span is None:
        return kind(None, None, "")
    from otel_replay.otel.provider import recording_tracer  # the SDK is there already

    made, tracer, parent = shape(), recording_tracer(), parent_context(span)
    return kind(
        span.writer,
        tracer,
        made.name,
        kind=made.kind,
        attributes=made.attributes,
        parent=parent,
        start_ns=start_ns,
    )
