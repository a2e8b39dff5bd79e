"""`task`, `tool` and `generation`: spans of the current run, as a block or around a function.

    with otel_replay.task("smooth"):            @otel_replay.tool
        ...                                     def search(query): ...

Functions may be plain, async, generators or async generators. A generator's span lasts from its first to
its last item, and is the current span only while the generator itself runs. Where nothing records, a
decorated function is called straight.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import nullcontext
from types import TracebackType
from typing import Any, TypeVar, overload
from weakref import WeakKeyDictionary

from typing_extensions import Self

from otel_replay.attributes import CODE_FUNCTION
from otel_replay.recording import shapes
from otel_replay.recording.blocks import Block, GenerationBlock, ToolBlock, start_span
from otel_replay.recording.joining import join_if_invited
from otel_replay.recording.shapes import Shape
from otel_replay.recording.spans import Agent, Generation, RecordedSpan, Task, ToolCall
from otel_replay.storage.active_runs import WRITERS

__all__ = ["agent", "generation", "task", "tool"]

_F = TypeVar("_F", bound=Callable[..., Any])
ShapeOf = Callable[[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]], Shape]


@overload
def task(name: _F) -> _F: ...
@overload
def task(name: str | None = None, **attributes: Any) -> Block[Task]: ...
def task(name: Any = None, **attributes: Any) -> Any:
    """A named stretch of work: `with task("smooth"):`, `@task`, or `@task("smooth")`."""

    def around(function: Callable[..., Any], _args: Any, _kwargs: Any) -> Shape:
        given = name if isinstance(name, str) else _name(function)
        return shapes.task_shape(given, {CODE_FUNCTION: _qualified(function), **attributes})

    if callable(name) or isinstance(name, classmethod):
        return _decorated(name, Task, around)
    return Block(Task, lambda: shapes.task_shape(name or "", attributes), _puts(Task, around))


@overload
def tool(name: _F) -> _F: ...
@overload
def tool(
    name: str | None = None, arguments: Any = None, *, call_id: str | None = None, **attributes: Any
) -> ToolBlock: ...
def tool(name: Any = None, arguments: Any = None, *, call_id: str | None = None, **attributes: Any) -> Any:
    """One call of a tool: `with tool("search", {"query": q}) as call:`, `@tool`, or `@tool("search")`.

    A decorated function's arguments and result are recorded.
    """

    def around(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Shape:
        given = name if isinstance(name, str) else _name(function).rpartition(".")[2]
        more = {CODE_FUNCTION: _qualified(function), **attributes}
        return shapes.tool_call_shape(given, _bound(function, args, kwargs), call_id, more)

    if callable(name) or isinstance(name, classmethod):
        return _decorated(name, ToolCall, around)

    def shape() -> Shape:
        return shapes.tool_call_shape(name or "", arguments, call_id, attributes)

    return ToolBlock(ToolCall, shape, _puts(ToolCall, around))


def agent(name: str, **attributes: Any) -> Block[Agent]:
    """The work of an agent: `with agent("planner"):`, or `@agent("planner")`."""

    def around(function: Callable[..., Any], _args: Any, _kwargs: Any) -> Shape:
        return shapes.agent_shape(name, {CODE_FUNCTION: _qualified(function), **attributes})

    return Block(Agent, lambda: shapes.agent_shape(name, attributes), _puts(Agent, around))


@overload
def generation(model: _F) -> _F: ...
@overload
def generation(model: str, **request: Any) -> GenerationBlock: ...
def generation(model: Any, **request: Any) -> Any:
    """One call of a model: `with generation("gpt-x", input_messages=…) as g:`, or `@generation("gpt-x")`.

    Keywords are those of :meth:`Run.generation`. A decorated function's arguments are recorded as the input
    and what it returns as the output.
    """
    known = ("provider", "operation", "input_messages", "system_instructions", "tool_definitions")
    named = {key: request.pop(key) for key in known if key in request}
    more = request.pop("attributes", None)

    def around(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Shape:
        given = model if isinstance(model, str) else _name(function).rpartition(".")[2]
        asked = {"input_messages": _bound(function, args, kwargs), **named}
        own = {CODE_FUNCTION: _qualified(function), **(more or {})}
        return shapes.generation_shape(given, **asked, request=request, more=own)

    if callable(model) or isinstance(model, classmethod):
        return _decorated(model, Generation, around)

    def shape() -> Shape:
        return shapes.generation_shape(model, **named, request=request, more=more)

    return GenerationBlock(Generation, shape, _puts(Generation, around))


# -- inside --------------------------------------------------------------------------------------------------


def _name(function: Callable[..., Any]) -> str:
    """What a function is called; something that can be called without being one goes by its class."""
    inner = getattr(function, "func", function)  # of a functools.partial
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def _qualified(function: Callable[..., Any]) -> str:
    inner = getattr(function, "func", function)
    module = getattr(inner, "__module__", None)
    return f"{module}.{_name(function)}" if module else _name(function)


# Weak, so that a function that was defined inside another one goes when it is done, with what it holds.
_signatures: WeakKeyDictionary[Callable[..., Any], inspect.Signature] = WeakKeyDictionary()


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    known = _signatures.get(function)
    if known is None:
        known = _signatures[function] = inspect.signature(function)
    return known


def _bound(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their names, as the function will see them; `self` and `cls` left out."""
    try:
        named = dict(_signature(function).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):
        # Without a signature, or hash; or a call that does not fit, which raises in the function itself.
        return {**{str(place): value for place, value in enumerate(args)}, **kwargs}
    first = next(iter(named), None)
    if first in {"self", "cls"}:
        named.pop(first)
    return named


def _finish(span: RecordedSpan, result: Any) -> None:
    if isinstance(span, ToolCall):
        span.result(result)
    elif isinstance(span, Generation):
        span.output(result)


def _puts(kind: type[RecordedSpan], around: ShapeOf) -> Callable[[Any], Any]:
    return functools.partial(_decorated, kind=kind, around=around)


def _decorated(function: _F, kind: type[RecordedSpan], around: ShapeOf) -> _F:
    if isinstance(function, staticmethod | classmethod):
        return type(function)(_decorated(function.__func__, kind, around))

    def start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> RecordedSpan | None:
        if not WRITERS and not join_if_invited():
            return None
        return start_span(kind, lambda: around(function, args, kwargs))

    if inspect.isasyncgenfunction(function):
        wrapper: Callable[..., Any] = _around_async_generator(function, start)
    elif inspect.isgeneratorfunction(function):
        wrapper = _around_generator(function, start)
    elif inspect.iscoroutinefunction(function):
        wrapper = _around_coroutine(function, start)
    else:
        wrapper = _around_function(function, start)
    return functools.wraps(function)(wrapper)  # type: ignore[return-value]  # wraps() forgets the type


Start = Callable[[tuple[Any, ...], Mapping[str, Any]], "RecordedSpan | None"]


def _around_function(function: Callable[..., Any], start: Start) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        span = start(args, kwargs)
        if span is None:
            return function(*args, **kwargs)
        with span:
            result = function(*args, **kwargs)
            _finish(span, result)
            return result

    return called


def _around_coroutine(function: Callable[..., Any], start: Start) -> Callable[..., Any]:
    async def called(*args: Any, **kwargs: Any) -> Any:
        span = start(args, kwargs)
        if span is None:
            return await function(*args, **kwargs)
        with span:
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


def _around_generator(function: Callable[..., Any], start: Start) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        span = start(args, kwargs)
        if span is None:
            return (yield from function(*args, **kwargs))
        try:
            with _Step(span):
                inner = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, inner)
            while True:
                try:
                    with _Step(span):
                        item = resume()
                except StopIteration as stop:
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


def _around_async_generator(function: Callable[..., Any], start: Start) -> Callable[..., Any]:
    async def called(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        span = start(args, kwargs)
        step = _Step(span) if span is not None else nullcontext()
        try:
            with step:
                inner: AsyncGenerator[Any, Any] = function(*args, **kwargs)
            resume: Callable[[], Any] = inner.__anext__
            while True:
                try:
                    with step:
                        item = await resume()
                except StopAsyncIteration:
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
