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
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload
from weakref import WeakKeyDictionary

from otel_replay.attributes import CODE_FUNCTION
from otel_replay.recording import shapes
from otel_replay.recording.answered import ANSWERERS
from otel_replay.recording.blocks import Block, GenerationBlock, ToolBlock, start_span
from otel_replay.recording.joining import join_if_invited
from otel_replay.recording.shapes import Shape
from otel_replay.recording.spans import Agent, Generation, RecordedSpan, Task, ToolCall
from otel_replay.recording.wrapped import Restore, wrapped
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
    name: str | None = None,
    arguments: Any = None,
    *,
    call_id: str | None = None,
    restore: Restore | None = None,
    **attributes: Any,
) -> ToolBlock: ...
def tool(
    name: Any = None,
    arguments: Any = None,
    *,
    call_id: str | None = None,
    restore: Restore | None = None,
    **attributes: Any,
) -> Any:
    """One call of a tool: `with tool("search", {"query": q}) as call:`, `@tool`, or `@tool("search")`.

    A decorated function's arguments and result are recorded. While its run is replayed it is not called: the
    recorded result comes back, in plain values, of which `restore` makes what the function would return.
    """

    def around(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Shape:
        given = name if isinstance(name, str) else _name(function).rpartition(".")[2]
        more = {CODE_FUNCTION: _qualified(function), **attributes}
        return shapes.tool_call_shape(given, _bound(function, args, kwargs), call_id, more)

    if callable(name) or isinstance(name, classmethod):
        return _decorated(name, ToolCall, around)

    def shape() -> Shape:
        return shapes.tool_call_shape(name or "", arguments, call_id, attributes)

    return ToolBlock(ToolCall, shape, _puts(ToolCall, around, restore))


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
    and what it returns as the output. While its run is replayed it is not called: the recorded output comes
    back, in plain values, of which `restore` makes what the function would return.
    """
    known = ("provider", "operation", "input_messages", "system_instructions", "tool_definitions")
    named = {key: request.pop(key) for key in known if key in request}
    more = request.pop("attributes", None)
    restore = request.pop("restore", None)

    def around(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Shape:
        given = model if isinstance(model, str) else _name(function).rpartition(".")[2]
        asked = {"input_messages": _bound(function, args, kwargs), **named}
        own = {CODE_FUNCTION: _qualified(function), **(more or {})}
        return shapes.generation_shape(given, **asked, request=request, more=own)

    if callable(model) or isinstance(model, classmethod):
        return _decorated(model, Generation, around)

    def shape() -> Shape:
        return shapes.generation_shape(model, **named, request=request, more=more)

    return GenerationBlock(Generation, shape, _puts(Generation, around, restore))


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


def _puts(kind: type[RecordedSpan], around: ShapeOf, restore: Restore | None = None) -> Callable[[Any], Any]:
    return functools.partial(_decorated, kind=kind, around=around, restore=restore)


def _decorated(function: _F, kind: type[RecordedSpan], around: ShapeOf, restore: Restore | None = None) -> _F:
    if isinstance(function, staticmethod | classmethod):
        return type(function)(_decorated(function.__func__, kind, around, restore))

    def start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> RecordedSpan | None:
        if not WRITERS and not ANSWERERS and not join_if_invited():
            return None
        return start_span(kind, lambda: around(function, args, kwargs))

    return wrapped(function, start, restore)
