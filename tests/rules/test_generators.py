"""Generators of a program that knows nothing of the recorder: what runs in them is inside their span."""

from __future__ import annotations

import asyncio
import gc
import sys
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rules.kit import run_module
from store_kit import Store

import otel_replay

PROGRAM = """
    import contextlib, types

    def inner(n):
        try:
            for number in range(n):
                sent = yield number
                log(f"inner {sent}")
        except KeyError:
            log("inner caught")
            yield "instead"
        finally:
            log("inner end")
        return "gave"

    def outer(n):
        log("begin")
        try:
            got = yield from inner(n)
            log(got)
        except ValueError:
            log("outer caught")
            yield "saved"
        finally:
            log("outer end")
        return "all"

    @contextlib.contextmanager
    def kept():
        try:
            yield
        finally:
            log("kept")

    def walk(n):
        with kept():
            try:
                yield n
            except KeyError:
                log("caught")
                try:
                    yield "again"
                finally:
                    log("cleaned")

    def plain(things):
        yield from things

    async def each(n):
        try:
            for number in range(n):
                try:
                    yield number
                except KeyError:
                    log("thrown")
        finally:
            log("each end")

    def tree(depth):
        log(f"at {depth}")
        if depth:
            yield from tree(depth - 1)
        yield depth

    def lower(n):
        log("lower")
        return (yield from plain([n]))
"""
ALL = '[[task]]\nfunction = ["*:outer", "*:walk", "*:each", "*:tree", "*:plain"]\nname = "it"\n'


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], ModuleType]:
    """The program, hooked as rules say; without any, plain."""

    def make(rules: str) -> ModuleType:
        module = run_module(tmp_path / "p", PROGRAM, rules)
        module.__dict__["log"] = lambda text: otel_replay.decision(text, "")
        return module

    return make


def shown(steps: Callable[[Any], object], generator: Any) -> list[str]:
    """What somebody sees who works with a generator: items, returns, and tracebacks line by line."""
    seen: list[str] = []
    try:
        seen.append(repr(steps(generator)))
    except BaseException as error:
        seen += [type(error).__name__, repr(error.args), repr(getattr(error, "value", None))]
        lines = traceback.extract_tb(error.__traceback__)[2:]
        seen += [f"{line.name} {line.lineno}" for line in lines]
        context = error.__context__
        seen.append(
            f"{type(context).__name__} {len(traceback.extract_tb(context.__traceback__)) if context else 0}"
        )
    return seen


def steps(*asked: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda generator: [ask(generator) for ask in asked]


def throws(kind: type[Exception], *given: object) -> Callable[[Any], Any]:
    return lambda generator: generator.throw(kind(*given))


WAYS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "to the end": ("outer(2)", list),
    "sent": ("outer(2)", steps(next, lambda one: one.send("a"), lambda one: one.send("b"))),
    "caught inside": ("outer(2)", steps(next, throws(KeyError), next)),
    "caught outside": ("outer(2)", steps(next, throws(ValueError, "x"), next)),
    "caught nowhere": ("outer(2)", steps(next, throws(LookupError, "x"))),
    "thrown as a class": ("outer(2)", steps(next, lambda one: one.throw(TypeError))),
    "thrown before the start": ("outer(2)", steps(throws(KeyError, "early"))),
    "closed": ("outer(2)", steps(next, lambda one: one.close(), next)),
    "with a block": ("walk(1)", steps(next, throws(KeyError), throws(LookupError))),
    "in a handler": ("walk(1)", steps(next, throws(KeyError), lambda one: one.close())),
    "of a list": ("plain([1, 2])", list),
    "sent to a list": ("plain([1, 2])", steps(next, lambda one: one.send("a"))),
    "thrown into a list": ("plain([1, 2])", steps(next, throws(OSError, "x"))),
    "of no iterable": ("plain(5)", list),
    "down a tree": ("tree(5)", list),
    "thrown in far down": ("tree(40)", steps(next, throws(KeyError, "x"))),
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_works_with_a_generator_sees_what_is_to_be_seen_without_us(
    store: Store, made: Callable[[str], ModuleType], way: str
) -> None:
    """And all that runs in it stands in its span, also what is called when something is thrown in."""
    call, asked = WAYS[way]
    plain = made("")
    expected = shown(asked, eval(call, vars(plain)))
    hooked = made(ALL)
    with otel_replay.start_run("generators"):
        found = shown(asked, eval(call, vars(hooked)))
        otel_replay.decision("outside", "")
    if sys.version_info >= (3, 11):
        assert found == expected
    run = store.run()
    owners = run.owners()
    assert owners.pop("outside") == "run generators"
    assert set(owners.values()) <= {"task it"}
    assert all(span.end_ns is not None for span in run.spans)


def test_what_is_handed_over_to_lies_below_what_hands_over(
    store: Store, made: Callable[[str], ModuleType]
) -> None:
    hooked = made('[[tool]]\nfunction = "tuner:tree"\n')
    with otel_replay.start_run("tree"):
        walk = hooked.tree(2)
        assert next(walk) == 0
        otel_replay.decision("between", "")
        assert list(walk) == [1, 2]
    run = store.run()
    assert run.owners()["between"] == "run tree"
    calls = sorted(
        (span for span in run.spans if span.name == "execute_tool tree"), key=lambda one: one.start_ns
    )
    assert [one.parent_id for one in calls[1:]] == [one.span_id for one in calls[:-1]]
    chunks = [event.attributes["otel_replay.chunk"] for event in run.events if event.name == "chunk"]
    assert sorted(chunks) == [0, 0, 0, 1, 1, 2]


def test_a_generator_that_calls_itself_goes_as_deep_as_without_us(
    store: Store, made: Callable[[str], ModuleType]
) -> None:
    hooked = made('[[task]]\nfunction = "tuner:tree"\n')
    deep = sys.getrecursionlimit() * 3 // 4
    with otel_replay.start_run("deep"):
        assert list(hooked.tree(deep)) == list(range(deep + 1))
        otel_replay.decision("outside", "")
    run = store.run()
    assert run.owners()["outside"] == "run deep"
    assert sum(span.name == "task tuner.tree" for span in run.spans) == deep + 1
    assert len({decision.span_id for decision in run.decisions}) == deep + 2


def test_a_generator_that_is_left_ends_its_span_when_it_is_collected(
    store: Store, made: Callable[[str], ModuleType]
) -> None:
    """Also one that what it was called with holds on to."""

    class Holder:
        generator: Any = None

    hooked = made('[[task]]\nfunction = "tuner:plain"\n')
    with otel_replay.start_run("left"):
        holder = Holder()
        things = [holder, 1]
        holder.generator = hooked.plain(things)
        assert next(holder.generator) is holder
        del holder, things
        gc.collect()
        otel_replay.decision("after", "")
    run = store.run()
    task = run.span("task tuner.plain")
    assert task.status != "error"
    (decision,) = run.decisions
    assert task.end_ns is not None
    assert task.end_ns <= decision.time_ns


def test_async_generators_deal_with_what_is_thrown_in_inside_their_span(
    store: Store, made: Callable[[str], ModuleType]
) -> None:
    hooked = made(ALL)

    async def main() -> list[object]:
        each = hooked.each(3)
        seen = [await each.asend(None), await each.athrow(KeyError())]
        otel_replay.decision("outside", "")
        await each.aclose()
        return seen

    with otel_replay.start_run("async"):
        assert asyncio.run(main()) == [0, 1]
    run = store.run()
    assert run.owners() == {"thrown": "task it", "outside": "run async", "each end": "task it"}
    assert {span.status for span in run.spans} == {"unset"}


def test_decisions_that_wait_for_the_result_of_a_generator_are_told_apart(
    store: Store, made: Callable[[str], ModuleType]
) -> None:
    """Two of them take turns, and each has its own result."""
    hooked = made('[[decision]]\nfunction = "tuner:lower"\nvalues = { n = "n", given = "result" }\n')
    with otel_replay.start_run("turns"):
        hooked.__dict__["plain"] = _returning
        both = [hooked.lower(1), hooked.lower(2)]
        assert [next(one) for one in both] == [[1], [2]]
        for one in both:
            assert next(one, "end") == "end"
    told = [one.values for one in store.run().decisions if one.values]
    assert told == [{"n": 1, "given": 10}, {"n": 2, "given": 20}]


def _returning(things: list[int]) -> Generator[Any, None, int]:
    yield things
    return things[0] * 10
