"""Decorated generators and async generators: what they do stays the same, and their spans end."""

import asyncio

import pytest

from otel_replay import decision, start_run, task
from otel_replay.records import SpanEnd

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


def counted(log):
    """A generator that uses everything that a generator can do."""
    try:
        received = yield 1
        while received is not None:
            decision("RECEIVED", str(received))
            try:
                received = yield received * 2
            except KeyError as error:
                received = yield f"caught {error}"
        return "done"
    finally:
        log.append("closed")


GENERATOR_USES = {
    "all": lambda g: [*g],
    "send": lambda g: [next(g), g.send(5), g.send(6)],
    "throw": lambda g: [next(g), g.send(5), g.throw(KeyError("k"))],
    "close": lambda g: [next(g), g.close()],
    "return": lambda g: _returned(g),
    "break": lambda g: [next(iter(g))],
}


def _returned(generator):
    def outer():
        return (yield from generator)

    around = outer()
    items = [next(around)]
    try:
        around.send(None)
    except StopIteration as stop:
        items.append(stop.value)
    return items


@pytest.mark.parametrize("use", GENERATOR_USES.values(), ids=GENERATOR_USES)
def test_a_generator_behaves_as_without_the_decorator_and_its_span_ends(store, use):
    plain_log, recorded_log = [], []
    expected = use(counted(plain_log))
    with start_run("r"):
        assert use(task("g")(counted)(recorded_log)) == expected
    assert recorded_log == plain_log == ["closed"]
    span = store.run().span("task g")
    assert span.status == "unset"
    assert all(event.action == "RECEIVED" for event in span.events)


def test_an_exception_in_a_generator_passes_through_and_fails_its_span(store):
    @task("g")
    def fails():
        yield 1
        raise ValueError("no")

    @task("thrown")
    def thrown():
        yield 1

    with start_run("r"):
        with pytest.raises(ValueError, match="no"):
            list(fails())
        generator = thrown()
        next(generator)
        with pytest.raises(OSError, match="given"):
            generator.throw(OSError("given"))
    recorded = store.run()
    assert recorded.span("task g").message == "ValueError: no"
    assert recorded.span("task thrown").message == "OSError: given"


def test_a_block_in_a_generator_that_is_not_asked_for_more_has_not_failed(store):
    def stream():
        with task("stream"):
            yield 1
            yield 2

    async def async_stream():
        with task("async stream"):
            yield 1
            yield 2

    with start_run("r"):
        for _ in stream():
            break
        asyncio.run(_break(async_stream()))
    recorded = store.run()
    assert {recorded.span(f"task {name}").status for name in ("stream", "async stream")} == {"unset"}


def test_between_its_items_a_generators_span_is_not_the_current_one(store):
    @task("g")
    def items():
        decision("INSIDE", "1")
        yield 1
        decision("INSIDE2", "2")

    with start_run("r"):
        for _ in items():
            decision("OUTSIDE", "")
        generators = [items(), items()]
        for _ in zip(*generators, strict=True):
            decision("OUTSIDE", "")
        decision("AFTER", "")
    assert store.run().owners() == {
        "INSIDE": "task g",
        "INSIDE2": "task g",
        "OUTSIDE": "run r",
        "AFTER": "run r",
    }


async def counted_async(log):
    try:
        received = yield 1
        while received is not None:
            await asyncio.sleep(0)
            try:
                received = yield received * 2
            except KeyError as error:
                received = yield f"caught {error}"
    finally:
        await asyncio.sleep(0)
        log.append("closed")


async def _all(g):
    return [item async for item in g]


async def _send(g):
    return [await g.__anext__(), await g.asend(5), await g.asend(6), await g.aclose()]


async def _throw(g):
    return [await g.__anext__(), await g.asend(5), await g.athrow(KeyError("k")), await g.aclose()]


async def _break(g):
    async for item in g:  # noqa: B007 - used behind the loop
        break
    await g.aclose()
    return item


async def _dropped(g):
    item = await g.__anext__()
    del g
    await asyncio.sleep(0)
    return item


@pytest.mark.parametrize("recording", [True, False])
@pytest.mark.parametrize("use", [_all, _send, _throw, _break, _dropped])
def test_an_async_generator_behaves_as_without_the_decorator_and_its_span_ends(store, use, recording):
    async def main(function):
        log = []
        result = await use(function(log))
        for _ in range(10):
            await asyncio.sleep(0)
        return result, log

    expected = asyncio.run(main(counted_async))
    decorated = task("g")(counted_async)
    if not recording:
        assert asyncio.run(main(decorated)) == expected
        return
    with start_run("r"):
        assert asyncio.run(main(decorated)) == expected
    assert store.run().span("task g").status == "unset"


def test_an_exception_and_a_cancellation_in_an_async_generator_fail_its_span(store):
    @task("fails")
    async def fails():
        yield 1
        raise ValueError("no")

    @task("waits")
    async def waits():
        yield 1
        await asyncio.Event().wait()

    async def consume(generator, reached):
        async for _ in generator:
            reached.set()

    async def main():
        with pytest.raises(ValueError, match="no"):
            await consume(fails(), asyncio.Event())
        reached = asyncio.Event()
        work = asyncio.create_task(consume(waits(), reached))
        await reached.wait()
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    with start_run("r"):
        asyncio.run(main())
    recorded = store.run()
    assert recorded.span("task fails").message == "ValueError: no"
    assert recorded.span("task waits").message == "asyncio.exceptions.CancelledError"


def test_a_generator_that_is_called_wrongly_fails_its_span_and_ends_it(store):
    @task("plain")
    def plain(a):
        yield a

    @task("async")
    async def asynchronous(a):
        yield a

    with start_run("r"):
        with pytest.raises(TypeError, match="missing 1 required"):
            list(plain())
        with pytest.raises(TypeError, match="missing 1 required"):
            asyncio.run(_all(asynchronous()))
    recorded = store.run()
    assert len(recorded.of(SpanEnd)) == 3
    assert {recorded.span(f"task {name}").status for name in ("plain", "async")} == {"error"}


def test_what_an_async_generator_does_while_it_is_closed_is_in_its_span(store):
    @task("g")
    async def closing():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            decision("CLOSING", "")

    with start_run("r"):
        asyncio.run(_break(closing()))
        decision("AFTER", "")
    assert store.run().owners() == {"CLOSING": "task g", "AFTER": "run r"}
