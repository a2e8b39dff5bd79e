"""A function with a span around each of its calls; where a replay has the answer, the function is not called.

Plain, async, generators and async generators. A generator's span lasts from its first to its last item, and
is the current span only while the generator itself runs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import nullcontext
from types import TracebackType
from typing import Any, TypeVar

from typing_extensions import Self

from otel_replay.answering import Answer
from otel_replay.attributes import CHUNKS
from otel_replay.recording.answered import Asking
from otel_replay.recording.spans import Call, Generation, RecordedSpan, ToolCall

__all__ = ["Restore", "wrapped"]

_F = TypeVar("_F", bound=Callable[..., Any])
Start = Callable[[tuple[Any, ...], Mapping[str, Any]], "RecordedSpan | None"]
"""Starts the span of a call with these arguments; None where nothing asks for one."""
Restore = Callable[[Any], Any]
"""Makes of a recorded value what the function would return."""

MOST_CHUNKS = 10_000
"""Items of one stream that are recorded: a replay needs all, and a tool may give millions."""


def wrapped(function: _F, start: Start, restore: Restore | None) -> _F:
    """`function` with a span around each call."""
    if inspect.isasyncgenfunction(function):
        wrapper: Callable[..., Any] = _around_async_generator(function, start, restore)
    elif inspect.isgeneratorfunction(function):
        wrapper = _around_generator(function, start, restore)
    elif inspect.iscoroutinefunction(function):
        wrapper = _around_coroutine(function, start, restore)
    else:
        wrapper = _around_function(function, start, restore)
    return functools.wraps(function)(wrapper)  # type: ignore[return-value]  # wraps() forgets the type


def _finish(span: RecordedSpan, result: Any) -> None:
    if isinstance(span, ToolCall):
        span.result(result)
    elif isinstance(span, Generation):
        span.output(result)
        span.compare(result)


def _finish_with(span: RecordedSpan, answer: Answer, restore: Restore | None) -> Any:
    """Record a recorded answer, and give what the program is to have of it."""
    if isinstance(span, Generation):
        span.output(answer.value, **answer.response)
    else:
        _finish(span, answer.value)
    return answer.value if restore is None else restore(answer.value)


def _around_function(
    function: Callable[..., Any], start: Start, restore: Restore | None
) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        span = start(args, kwargs)
        if span is None:
            return function(*args, **kwargs)
        with span:
            answer = span.recorded() if isinstance(span, Call) else None
            if answer is not None:
                return _finish_with(span, answer, restore)
            result = function(*args, **kwargs)
            _finish(span, result)
            return result

    return called


def _around_coroutine(
    function: Callable[..., Any], start: Start, restore: Restore | None
) -> Callable[..., Any]:
    async def called(*args: Any, **kwargs: Any) -> Any:
        span = start(args, kwargs)
        if span is None:
            return await function(*args, **kwargs)
        with span:
            answer = await span.recorded_later() if isinstance(span, Call) else None
            if answer is not None:
                return _finish_with(span, answer, restore)
            result = await function(*args, **kwargs)
            _finish(span, result)
            return result

    return called


class _Step:
    """One step of a generator: its span is the current one inside; an error ends the span with it."""

    def __init__(self, span: RecordedSpan) -> None:
        self._span = span

    def __enter__(self) -> Self:
        self._span.attach()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._span.detach()
        if error is not None and not isinstance(error, StopIteration | StopAsyncIteration | GeneratorExit):
            self._span.fail(error)


class _Items:
    """What a generator gives, recorded item by item where it is the answer of a call."""

    def __init__(self, span: RecordedSpan) -> None:
        self._call = span if isinstance(span, Call) and span.recording else None
        self._count = 0

    def add(self, item: Any) -> None:
        """One item."""
        if self._call is not None:
            self._count += 1
            if self._count <= MOST_CHUNKS:
                self._call.chunk(item)

    def end(self) -> None:
        """There are no more."""
        if self._call is not None:
            self._call.set(CHUNKS, self._count)


def _recorded_items(asking: Asking, restore: Restore | None) -> Generator[Any, Any, Any]:
    answer = asking.answer
    assert answer is not None
    for item in answer.chunks:
        yield item if restore is None else restore(item)
    asking.beyond()
    return answer.value


async def _recorded_items_later(asking: Asking, restore: Restore | None) -> AsyncGenerator[Any, Any]:
    answer = asking.answer
    assert answer is not None
    for item in answer.chunks:
        yield item if restore is None else restore(item)
    asking.beyond()


def _stream(span: RecordedSpan | None) -> Asking | None:
    """What a replay answers this generator with; None where it is to run."""
    if span is None:
        return None
    span.ask()
    return span.stream() if isinstance(span, Call) else None


def _around_generator(
    function: Callable[..., Any], start: Start, restore: Restore | None
) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        span = start(args, kwargs)
        if span is None:
            return (yield from function(*args, **kwargs))
        try:
            stream, items = _stream(span), _Items(span)
            with _Step(span):
                inner = function(*args, **kwargs) if stream is None else _recorded_items(stream, restore)
            resume: Callable[[], Any] = functools.partial(next, inner)
            while True:
                try:
                    with _Step(span):
                        item = resume()
                        items.add(item)
                except StopIteration as stop:
                    items.end()
                    if stop.value is not None:
                        _finish(span, stop.value)
                    return stop.value
                try:
                    sent = yield item
                    resume = functools.partial(inner.send, sent)
                except GeneratorExit:
                    with _Step(span):
                        inner.close()
                    raise
                except BaseException as thrown:
                    resume = functools.partial(inner.throw, thrown)
        finally:
            span.end()

    return called


def _around_async_generator(
    function: Callable[..., Any], start: Start, restore: Restore | None
) -> Callable[..., Any]:
    async def called(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        span = start(args, kwargs)
        step = _Step(span) if span is not None else nullcontext()
        try:
            stream, items = _stream(span), _Items(span) if span is not None else None
            with step:
                inner: AsyncGenerator[Any, Any] = (
                    function(*args, **kwargs) if stream is None else _recorded_items_later(stream, restore)
                )
            resume: Callable[[], Any] = inner.__anext__
            while True:
                try:
                    with step:
                        item = await resume()
                        if items is not None:
                            items.add(item)
                except StopAsyncIteration:
                    if items is not None:
                        items.end()
                    return
                try:
                    sent = yield item
                    resume = functools.partial(inner.asend, sent)
                except GeneratorExit:
                    with step:
                        await inner.aclose()
                    raise
                except BaseException as thrown:
                    resume = functools.partial(inner.athrow, thrown)
        finally:
            if span is not None:
                span.end()

    return called
