"""`task`, `tool`, `generation`, `agent`: as blocks, and around functions, which stay what they are."""

import asyncio
import functools
import inspect
import threading

import pytest

import otel_replay
from otel_replay import agent, decision, generation, start_run, task, tool

pytestmark = pytest.mark.usefixtures("fresh_opentelemetry")


def test_a_decorated_function_records_its_arguments_and_its_result(store):
    @tool
    def search(query, *, limit=3, **more):
        decision("SEARCHED", query)
        return [query, limit, more]

    with start_run("r"):
        assert search("afr", limit=2, order="up") == ["afr", 2, {"order": "up"}]
    span = store.run().span("execute_tool search")
    assert span.attributes["gen_ai.tool.call.arguments"] == {
        "query": "afr",
        "limit": 2,
        "more": {"order": "up"},
    }
    assert span.attributes["gen_ai.tool.call.result"] == ["afr", 2, {"order": "up"}]
    assert span.attributes["code.function.name"].endswith("search")
    assert store.run().owners() == {"SEARCHED": "execute_tool search"}


def test_names_and_attributes_may_be_given_to_decorators_and_blocks(store):
    @task("smooth", passes=2)
    def one():
        with agent("planner", team="red"), tool("search", {"q": 1}, call_id="c"):
            two()

    @generation("model-1", provider="local", temperature=0.5)
    def two():
        return [{"role": "assistant", "parts": []}]

    @agent("worker")
    def three():
        return None

    with start_run("r"):
        one()
        three()
    recorded = store.run()
    assert recorded.parents() == {
        "run r": "-",
        "task smooth": "run r",
        "invoke_agent planner": "task smooth",
        "execute_tool search": "invoke_agent planner",
        "chat model-1": "execute_tool search",
        "invoke_agent worker": "run r",
    }
    assert recorded.span("task smooth").attributes["passes"] == 2
    assert recorded.span("invoke_agent planner").attributes["team"] == "red"
    chat = recorded.span("chat model-1").attributes
    assert chat["gen_ai.request.temperature"] == 0.5
    assert chat["gen_ai.input.messages"] == {}
    assert chat["gen_ai.output.messages"] == [{"role": "assistant", "parts": []}]


def test_an_exception_of_the_function_passes_through_unchanged(store):
    error = ValueError("no")

    @task
    def fails():
        raise error

    with start_run("r"):
        with pytest.raises(ValueError, match="no") as caught:
            fails()
        assert caught.value is error
    span = next(span for span in store.run().spans if span.name.startswith("task"))
    assert (span.status, span.message) == ("error", "ValueError: no")


def test_a_decorated_function_keeps_its_name_its_signature_and_its_kind():
    def plain(a: int, b: str = "x") -> None:
        """Its words."""

    async def coroutine(a):
        """Its words."""

    def generator(a):
        """Its words."""
        yield a

    async def async_generator(a):
        """Its words."""
        yield a

    for decorator in (task, tool, generation, task("n"), tool("n"), generation("m"), agent("a")):
        for function in (plain, coroutine, generator, async_generator):
            wrapped = decorator(function)
            assert wrapped.__name__ == function.__name__
            assert wrapped.__qualname__ == function.__qualname__
            assert wrapped.__doc__ == "Its words."
            assert wrapped.__wrapped__ is function
            assert wrapped.__module__ == __name__
            assert inspect.signature(wrapped) == inspect.signature(function)
            for is_kind in (
                inspect.iscoroutinefunction,
                inspect.isgeneratorfunction,
                inspect.isasyncgenfunction,
            ):
                assert is_kind(wrapped) == is_kind(function)


class Tuner:
    """Methods of every kind, under the decorators."""

    @task
    def method(self, x):
        return x + 1

    @tool
    @classmethod
    def below(cls, x):
        return (cls.__name__, x)

    @classmethod
    @tool
    def above(cls, x):
        return (cls.__name__, x)

    @tool
    @staticmethod
    def still(x):
        return x * 2

    @property
    @task
    def prop(self):
        return 7


def test_methods_class_methods_static_methods_and_properties_may_be_decorated(store):
    def use():
        tuner = Tuner()
        assert tuner.method(1) == 2
        assert tuner.below(1) == Tuner.below(1) == Tuner.above(1) == ("Tuner", 1)
        assert tuner.still(2) == Tuner.still(2) == 4
        assert tuner.prop == 7

    use()
    with start_run("r"):
        use()
    spans = store.run().spans
    assert len(spans) == 1 + 1 + 3 + 2 + 1
    tools = [span for span in spans if span.name.startswith("execute_tool")]
    assert [span.attributes["gen_ai.tool.call.arguments"] for span in tools] == [{"x": 1}] * 3 + [
        {"x": 2}
    ] * 2


class Callable:
    """A callable without a name, which cannot be hashed either."""

    __hash__ = None

    def __eq__(self, other):
        return self is other

    def __call__(self, x):
        return x


@pytest.mark.parametrize("decorator", [task, tool, generation, tool("n"), agent("a")])
@pytest.mark.parametrize(
    "callee", [functools.partial(max, 3), Callable(), Callable().__call__, int, abs, [].append, lambda x: x]
)
def test_anything_that_can_be_called_may_be_decorated(store, decorator, callee):
    wrapped = decorator(callee)
    expected = wrapped(7)
    with start_run("r"):
        assert wrapped(7) == expected
    assert len(store.run().spans) == 2


def test_a_call_that_does_not_fit_raises_what_the_function_raises(store):
    @tool
    def takes_one(x):
        return x

    with start_run("r"), pytest.raises(TypeError, match="positional argument"):
        takes_one(1, 2, 3)
    assert store.run().span("execute_tool takes_one").status == "error"


def test_a_coroutine_is_recorded_from_its_start_to_its_end(store):
    @task("async")
    async def work(x):
        decision("BEFORE", "")
        await asyncio.sleep(0)
        decision("AFTER", "")
        return x

    async def main():
        assert await asyncio.gather(work(1), work(2)) == [1, 2]

    with start_run("r"):
        asyncio.run(main())
    recorded = store.run()
    assert len([span for span in recorded.spans if span.name == "task async"]) == 2
    assert recorded.owners() == {"BEFORE": "task async", "AFTER": "task async"}
    assert sorted(len(span.events) for span in recorded.spans) == [0, 2, 2]


def test_a_cancelled_coroutine_ends_its_span_as_failed(store):
    started = asyncio.Event()

    @task("slow")
    async def slow():
        started.set()
        await asyncio.Event().wait()

    async def main():
        work = asyncio.create_task(slow())
        await started.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    with start_run("r"):
        asyncio.run(main())
    span = store.run().span("task slow")
    assert (span.status, span.message) == ("error", "asyncio.exceptions.CancelledError")


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


def test_one_block_may_be_entered_again_and_in_several_threads_and_tasks_at_once(store):
    block = task("shared")
    barrier = threading.Barrier(4)

    def work(number):
        for step in range(20):
            barrier.wait(10)
            with block:
                barrier.wait(10)
                decision(f"T{number}", str(step))
                barrier.wait(10)
            decision(f"OUT{number}", str(step))

    async def work_async(number):
        for step in range(20):
            async with block:
                await asyncio.sleep(0)
                decision(f"A{number}", str(step))
                await asyncio.sleep(0)
            decision(f"AOUT{number}", str(step))

    async def main():
        await asyncio.gather(*map(work_async, range(4)))

    with start_run("r"):
        with block, block:
            decision("TWICE", "")
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(main())
        decision("END", "")
    recorded = store.run()
    assert len(recorded.spans) == 1 + 2 + 80 + 80
    owners = recorded.owners()
    for number in range(4):
        assert owners[f"T{number}"] == owners[f"A{number}"] == "task shared"
        assert owners[f"OUT{number}"] == owners[f"AOUT{number}"] == owners["END"] == "run r"
    assert all(len(span.events) <= 1 for span in recorded.spans if span.name == "task shared")


def test_where_nothing_records_a_decorated_function_is_called_straight():
    depths = []

    @task
    def function():
        depths.append(len(inspect.stack(0)))

    function()
    function.__wrapped__()
    assert depths[0] <= depths[1] + 2


NOTHING = """
    import sys
    import otel_replay

    @otel_replay.task
    def plain(x): return x

    @otel_replay.tool("t")
    async def coroutine(x): return x

    @otel_replay.generation
    def generator(x): yield x

    @otel_replay.agent("a")
    async def async_generator(x): yield x

    async def main():
        assert await coroutine(1) == 1
        assert [item async for item in async_generator(1)] == [1]

    import asyncio
    for _ in range(3):
        assert plain(1) == 1
        assert list(generator(1)) == [1]
        asyncio.run(main())
        with otel_replay.task("b") as block:
            block.set("a", 1)
        otel_replay.decision("A", "r", values={"a": 1}, cell=object())
        otel_replay.checkpoint("c", object())
        otel_replay.artifact("a", "/nowhere")
        otel_replay.file_read("/nowhere")
        otel_replay.file_write("/nowhere")
        otel_replay.heartbeat(a=1)
        assert otel_replay.child_environment({"A": "b"}) == {"A": "b"}
    loaded = [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
    assert not loaded, loaded
    """


def test_where_nothing_records_the_sdk_is_not_imported_and_nothing_is_written(python, tmp_path):
    python(NOTHING)
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


@pytest.mark.parametrize("variable", ["OTEL_REPLAY_DISABLED", "OTEL_SDK_DISABLED"])
def test_where_recording_is_switched_off_nothing_is_written_even_with_a_run(python, tmp_path, variable):
    program = NOTHING.replace("import asyncio\n", "import asyncio\n    run = otel_replay.start_run('off')\n")
    if variable == "OTEL_SDK_DISABLED":
        program = program.replace("assert not loaded, loaded", "")
    python(program, env={variable: "true"})
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


def test_the_package_is_imported_without_opentelemetry(python):
    python("import sys, otel_replay; assert not [n for n in sys.modules if n.startswith('opentelemetry')]")


def test_public_names_are_there_and_no_others():
    for name in otel_replay.__all__:
        assert getattr(otel_replay, name) is not None
