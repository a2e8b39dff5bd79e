"""A watched function is called as it was, gives what it gave, and nobody sees that it is watched."""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from otel_replay.hooks import guard
from otel_replay.hooks.wrapping import put_back, watch


class Tuner:
    """Somebody's class."""

    def fit(self, cells: int, *, limit: int = 1) -> int:
        """Fits."""
        return cells // limit

    async def fit_later(self, cells: int, *, limit: int = 1) -> int:
        """Fits, later."""
        return cells // limit


class Seen:
    """What is told of a call."""

    def __init__(self, told: list[Any], **keywords: Any) -> None:
        self.told = told
        self.keywords = keywords or None

    def returned(self, value: Any) -> None:
        """It has returned."""
        self.told.append(value)

    def raised(self, error: BaseException) -> None:
        """It has raised."""
        self.told.append(type(error))


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Nothing is left watched."""
    yield
    put_back()
    guard.FAILURES.clear()


def both(cells: int, **more: int) -> tuple[Any, Any]:
    """What the function gives, and what its asynchronous twin gives."""
    return Tuner().fit(cells, **more), asyncio.run(Tuner().fit_later(cells, **more))


def watched(begin: Any) -> None:
    """Watch both."""
    watch(Tuner, "fit", begin, "watching")
    watch(Tuner, "fit_later", begin, "watching")


def test_the_watcher_is_told_the_arguments_and_the_end() -> None:
    told: list[Any] = []

    def begin(tuner: Tuner, cells: int, *, limit: int = 1) -> Seen:
        told.append((cells, limit))
        return Seen(told)

    watched(begin)
    assert both(8, limit=2) == (4, 4)
    with pytest.raises(ZeroDivisionError):
        Tuner().fit(8, limit=0)
    assert told == [(8, 2), 4, (8, 2), 4, (8, 0), ZeroDivisionError]


def test_a_watcher_may_give_other_keywords() -> None:
    watched(lambda *_, **__: Seen([], limit=4))
    assert both(8) == (2, 2)


def test_what_is_not_watched_this_time_is_called_straight() -> None:
    watched(lambda *_, **__: None)
    assert both(8) == (8, 8)


@pytest.mark.parametrize("call", [Seen([]), None], ids=["watched", "not this time"])
@pytest.mark.parametrize("name", ["fit", "fit_later"])
def test_a_traceback_has_no_line_of_ours(name: str, call: Seen | None) -> None:
    """From Python 3.11 on: before, each function that catches stays in it."""
    watched(lambda *_, **__: call)
    try:
        result = getattr(Tuner(), name)(8, limit=0)
        if inspect.isawaitable(result):
            asyncio.run(result)  # type: ignore[arg-type]  # a coroutine
    except ZeroDivisionError as error:
        lines = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
    assert bool(lines & {"called", "awaited"}) == (sys.version_info < (3, 11))


def test_it_looks_as_before() -> None:
    plain = inspect.signature(Tuner.fit), Tuner.fit.__doc__, Tuner.fit.__qualname__
    watched(lambda *_, **__: None)
    assert (inspect.signature(Tuner.fit), Tuner.fit.__doc__, Tuner.fit.__qualname__) == plain
    assert inspect.iscoroutinefunction(Tuner.fit_later)


def test_watching_twice_is_watching_once() -> None:
    told: list[Any] = []
    for _ in range(2):
        watch(Tuner, "fit", lambda *_, **__: Seen(told), "watching")
    Tuner().fit(8)
    assert told == [8]


def test_what_is_put_back_is_the_function_itself() -> None:
    plain = Tuner.__dict__["fit"]
    watch(Tuner, "fit", lambda *_, **__: None, "watching")
    assert Tuner.__dict__["fit"] is not plain
    put_back()
    assert Tuner.__dict__["fit"] is plain


def test_a_function_that_is_not_there_is_another_version() -> None:
    with pytest.raises(AttributeError):
        watch(Tuner, "no_such", lambda: None, "watching")


@pytest.mark.parametrize("where", ["begin", "returned", "raised"])
def test_a_watcher_that_fails_is_counted_and_the_call_goes_on(where: str) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("injected")

    call = SimpleNamespace(keywords=None, returned=lambda _: None, raised=lambda _: None)
    if where != "begin":
        setattr(call, where, broken)
    watched(broken if where == "begin" else lambda *_, **__: call)
    assert both(8) == (8, 8)
    with pytest.raises(ZeroDivisionError):
        Tuner().fit(8, limit=0)
    assert guard.FAILURES["watching"] >= 1
