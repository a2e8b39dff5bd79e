"""`task`, `tool`, `generation`, `agent`: as blocks, and around functions, which stay what they are."""

import asyncio
import functools
import gc
import inspect
import threading
import weakref

import pytest

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


def test_one_block_may_be_entered_again_and_in_several_threads_and_tasks_at_once(store):
    block = task("shared")
    barrier = threading.Barrier(4)

    def work(number):
        for step in range(20):
            barrier.wait(60)
            with block:
                barrier.wait(60)
                decision(f"T{number}", str(step))
                barrier.wait(60)
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


def test_a_decorated_function_is_not_kept_when_nobody_else_has_it(store):
    class Large:
        pass

    def call_once():
        large = Large()

        @tool
        def search(query):
            return large and query

        search("q")
        return weakref.ref(large)

    with start_run("r"):
        gone = call_once()
        gc.collect()
        assert gone() is None
