"""Functions of a program that knows nothing of the recorder are recorded as its rules say."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import sys
import threading
from pathlib import Path
from types import FunctionType

import pytest
from rules.kit import notes, run_module
from store_kit import Store

import otel_replay
from otel_replay.rules.rewriting import NotHooked, Parts, rewritten

TUNER = '''
    import functools

    class Table:
        """A table."""

        def __init__(self):
            self.ve = [[1.0, 2.0], [3.0, 4.0]]

        def set(self, row, col, value, *, why="asked"):
            """Set a cell."""
            self.ve[row][col] = value
            return value

        @staticmethod
        def scaled(value, factor):
            return value * factor

        @classmethod
        def make(cls, size):
            return cls()

        @property
        def size(self):
            return len(self.ve)

        def __secret(self, __key):
            return super().__repr__()[:0] + __key

        def told(self, key):
            return self.__secret(key)

    @functools.lru_cache(maxsize=None)
    def cached(x):
        return x + 1

    def outer(k):
        def inner(x):
            return x + k
        return inner
'''


def test_a_method_is_a_decision_with_what_was_before_and_after(tmp_path: Path, store: Store) -> None:
    rules = """
        [[decision]]
        function = "tuner:Table.set"
        action = "SET_{why}"
        reason = "set to {value:.1f}"
        before = "self.ve[row][col]"
        after = "self.ve[row][col]"
        cell = ["row", "col"]
    """
    with otel_replay.start_run("set"):
        table = run_module(tmp_path / "p", TUNER, rules).Table()
        table.set(0, 1, 9.0)
        table.set(1, 1, value=7.5, why="limit")
    told = [(one.action, one.reason, one.values, one.cell) for one in store.run().decisions]
    assert told == [
        ("SET_asked", "set to 9.0", {"before": 2.0, "after": 9.0}, {"row": 0, "col": 1}),
        ("SET_limit", "set to 7.5", {"before": 4.0, "after": 7.5}, {"row": 1, "col": 1}),
    ]


def test_what_was_before_is_kept_though_the_call_changes_it(tmp_path: Path, store: Store) -> None:
    rules = '[[decision]]\nfunction = "tuner:Table.set"\nbefore = "self.ve"\nafter = "self.ve"\n'
    with otel_replay.start_run("kept"):
        run_module(tmp_path / "p", TUNER, rules).Table().set(0, 0, 5.0)
    (told,) = store.run().decisions
    assert (told.action, told.values) == (
        "Table.set",
        {"before": [[1.0, 2.0], [3.0, 4.0]], "after": [[5.0, 2.0], [3.0, 4.0]]},
    )


def test_a_condition_chooses_among_the_calls(tmp_path: Path, store: Store) -> None:
    rules = """
        [[decision]]
        function = "tuner:outer.inner"
        action = "ADD"
        values = { x = "x", sum = "result" }
        when = "result > 3 and abs(x) < 100"
    """
    with otel_replay.start_run("when"):
        inner = run_module(tmp_path / "p", TUNER, rules).outer(2)
        assert [inner(1), inner(2), inner(200)] == [3, 4, 202]
    assert [one.values for one in store.run().decisions] == [{"x": 2, "sum": 4}]


@pytest.mark.parametrize(
    ("function", "call", "expected"),
    [
        ("Table.scaled", "Table.scaled(2, factor=3)", {"value": 2, "factor": 3}),
        ("Table.make", "Table.make(4)", {"size": 4}),
        ("Table.size", "Table().size", {}),
        ("Table.__secret", "Table().told('k')", {"_Table__key": "k"}),
        ("cached", "[cached(1), cached(1)]", {"x": 1}),
        ("outer.<locals>.inner", "outer(1)(2)", {"x": 2}),
        ("outer.inner", "outer(1)(2)", {"x": 2}),
    ],
)
def test_a_function_of_any_sort_is_a_tool(
    tmp_path: Path, store: Store, function: str, call: str, expected: dict[str, object]
) -> None:
    """Static and class methods, properties, private ones, cached functions (each time they run), closures."""
    plain = run_module(tmp_path / "plain", TUNER)
    with otel_replay.start_run("tools"):
        hooked = run_module(tmp_path / "p", TUNER, f'[[tool]]\nfunction = "tuner:{function}"\n')
        given, wanted = eval(call, vars(hooked)), eval(call, vars(plain))
        assert given == wanted or type(given).__name__ == type(wanted).__name__ == "Table"
    (span,) = [span for span in store.run().spans if span.name.startswith("execute_tool")]
    assert span.name == f"execute_tool {function.rpartition('.')[2]}"
    assert span.attributes.get("gen_ai.tool.call.arguments", {}) == expected
    assert span.attributes["code.function.name"] == f"tuner.{function.replace('outer.i', 'outer.<locals>.i')}"


def test_a_hooked_function_stays_what_it_is(tmp_path: Path) -> None:
    """Signature, names, place in the file, local variables, pickling, documentation."""
    plain = run_module(tmp_path / "plain", TUNER)
    hooked = run_module(tmp_path / "p", TUNER, '[[tool]]\nfunction = "tuner:*"\n')
    for name in ("Table.set", "Table.scaled", "Table.told", "outer"):
        one, other = (eval(name, vars(module)) for module in (plain, hooked))
        assert one.__code__ != other.__code__
        assert inspect.signature(one) == inspect.signature(other)
        for attribute in ("__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__"):
            assert getattr(one, attribute) == getattr(other, attribute)
        for attribute in (
            "co_varnames",
            "co_freevars",
            "co_cellvars",
            "co_firstlineno",
            "co_flags",
            "co_name",
        ):
            assert getattr(one.__code__, attribute) == getattr(other.__code__, attribute)
        assert other.__code__.co_filename == hooked.__file__
    assert hooked.outer(1).__qualname__ == "outer.<locals>.inner"
    sys.modules["tuner"] = hooked
    try:
        assert pickle.loads(pickle.dumps(hooked.outer)) is hooked.outer
    finally:
        del sys.modules["tuner"]


STREAMS = """
    import asyncio

    def items(n):
        log("in")
        for number in range(n):
            sent = yield number
            if sent:
                log(f"sent {sent}")
        log("out")
        return "done"

    async def later(x):
        await asyncio.sleep(0)
        log("later")
        return x * 2

    async def each(n):
        for number in range(n):
            log(f"each {number}")
            yield number
            await asyncio.sleep(0)

    def log(text):
        otel_replay_decision(text, "")
"""


def test_a_generators_span_is_current_only_while_it_runs(tmp_path: Path, store: Store) -> None:
    with otel_replay.start_run("streams"):
        module = run_module(tmp_path / "p", STREAMS, '[[tool]]\nfunction = "tuner:items"\n')
        module.otel_replay_decision = otel_replay.decision
        walk = module.items(2)
        assert next(walk) == 0
        otel_replay.decision("between", "")
        assert walk.send("it") == 1
        with pytest.raises(StopIteration) as stop:
            next(walk)
        assert stop.value.value == "done"
        otel_replay.decision("after", "")
    run = store.run()
    tool = "execute_tool items"
    assert run.owners() == {
        "in": tool,
        "between": "run streams",
        "sent it": tool,
        "out": tool,
        "after": "run streams",
    }
    assert run.span(tool).attributes["gen_ai.tool.call.result"] == "done"
    assert [event.attributes["otel_replay.chunk"] for event in run.events if event.name == "chunk"] == [0, 1]


def test_two_generators_may_take_turns(tmp_path: Path, store: Store) -> None:
    with otel_replay.start_run("turns"):
        module = run_module(tmp_path / "p", STREAMS, '[[task]]\nfunction = "tuner:items"\nname = "of {n}"\n')
        module.otel_replay_decision = otel_replay.decision
        one, other = module.items(3), module.items(4)
        assert [next(one), next(other), one.send("a"), other.send("b")] == [0, 0, 1, 1]
        one.close()
        assert list(other) == [2, 3]
    owners = store.run().owners()
    assert (owners["sent a"], owners["sent b"], owners["out"]) == ("task of 3", "task of 4", "task of 4")


def test_coroutines_and_async_generators_have_spans(tmp_path: Path, store: Store) -> None:
    with otel_replay.start_run("later"):
        module = run_module(tmp_path / "p", STREAMS, '[[task]]\nfunction = ["tuner:later", "tuner:each"]\n')
        module.otel_replay_decision = otel_replay.decision

        async def main() -> list[int]:
            both = await asyncio.gather(module.later(1), module.later(2))
            return both + [number async for number in module.each(2)]

        assert asyncio.run(main()) == [2, 4, 0, 1]
    run = store.run()
    assert run.owners() == {
        "later": "task tuner.later",
        "each 0": "task tuner.each",
        "each 1": "task tuner.each",
    }
    assert sorted(run.parents().items()) == [
        ("run later", "-"),
        ("task tuner.each", "run later"),
        ("task tuner.later", "run later"),
    ]


def test_an_error_is_recorded_and_passes_through(tmp_path: Path, store: Store) -> None:
    program = "def share(x):\n    return 1 / x\n"
    with otel_replay.start_run("error"), pytest.raises(ZeroDivisionError) as caught:
        run_module(tmp_path / "p", program, '[[tool]]\nfunction = "*:share"\n').share(0)
    assert [step.name for step in caught.traceback][1:] == ["share"]
    assert store.run().span("execute_tool share").status == "error"


def test_recursion_and_threads_keep_their_own_calls(tmp_path: Path, store: Store) -> None:
    program = "def down(n):\n    return 0 if n == 0 else 1 + down(n - 1)\n"
    with otel_replay.start_run("deep"):
        down = run_module(tmp_path / "p", program, '[[tool]]\nfunction = "*:down"\n').down
        threads = [threading.Thread(target=down, args=(depth,)) for depth in (3, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    calls = [span for span in store.run().spans if span.name == "execute_tool down"]
    assert len(calls) == 4 + 6
    for call in calls:
        asked = call.attributes["gen_ai.tool.call.arguments"]["n"]
        assert call.attributes["gen_ai.tool.call.result"] == asked


def test_a_generation_has_its_model_messages_and_usage(tmp_path: Path, store: Store) -> None:
    program = """
        def ask(model, messages, temperature=1.0):
            return {"text": "hello", "usage": {"in": 3, "out": 1}}
    """
    rules = """
        [[generation]]
        function = "tuner:ask"
        provider = "ours"
        input = "messages"
        output = "result['text']"
        usage = { input_tokens = "result['usage']['in']", output_tokens = "result['usage']['out']" }
    """
    with otel_replay.start_run("model"):
        run_module(tmp_path / "p", program, rules).ask("small-1", [{"role": "user", "content": "hi"}])
    attributes = store.run().span("chat small-1").attributes
    assert attributes["gen_ai.provider.name"] == "ours"
    assert attributes["gen_ai.input.messages"] == [{"role": "user", "content": "hi"}]
    assert attributes["gen_ai.output.messages"] == "hello"
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (3, 1)


def test_a_decision_and_a_span_may_be_the_same_functions(tmp_path: Path, store: Store) -> None:
    rules = '[[task]]\nfunction = "*:f"\nname = "all"\n[[decision]]\nfunction = "*:f"\naction = "F"\n'
    with otel_replay.start_run("both"):
        assert run_module(tmp_path / "p", "def f(x):\n    return x\n", rules).f(1) == 1
    run = store.run()
    assert run.owners() == {"F": "task all"}
    assert run.decisions[0].values == {"x": 1}


def test_the_first_rule_counts_and_ignore_leaves_alone(tmp_path: Path, store: Store) -> None:
    rules = """
        [[decision]]
        function = "tuner:apply_*"
        action = "FIRST"
        [[decision]]
        function = "tuner:*"
        action = "SECOND"
        [[ignore]]
        function = "tuner:*_quietly"
    """
    program = """
        def apply_ve(x): pass
        def other(x): pass
        def apply_quietly(x): pass
    """
    with otel_replay.start_run("first"):
        module = run_module(tmp_path / "p", program, rules)
        module.apply_ve(1), module.other(2), module.apply_quietly(3)
    assert [one.action for one in store.run().decisions] == ["FIRST", "SECOND"]


def test_a_rule_that_names_no_parameter_of_the_function_is_told(tmp_path: Path) -> None:
    rules = '[[decision]]\nfunction = "*:f"\nvalues = ["delta"]\n'
    assert run_module(tmp_path / "p", "def f(a, b): return a + b\n", rules).f(1, 2) == 3
    (told,) = notes(tmp_path / "p")
    assert (told.what, told.function, told.text) == (
        "problem",
        "tuner:f",
        "no parameter `delta`: it has a, b",
    )


def test_a_file_that_was_edited_since_is_left_alone() -> None:
    """Its lines are not what the code was made from: guessing would run what nobody asked for."""
    program = "def f(x):\n    return 'same'\n"
    code = compile(program, "tuner.py", "exec", dont_inherit=True).co_consts[0]
    with pytest.raises(NotHooked, match="not what its source says"):
        rewritten(code, "f", program.replace("same", "other").split("\n"), Parts())


def test_a_function_that_is_sent_by_value_takes_its_rule_along(tmp_path: Path, store: Store) -> None:
    """As cloudpickle sends the functions of a script: by the constants of their code."""
    rules = '[[tool]]\nfunction = "*:f"\nname = "sent {x}"\n[[decision]]\nfunction = "*:f"\naction = "F"\n'
    program = "def f(x):\n    return 2 * x\ndef log_decision(action, reason): pass\n"
    module = run_module(tmp_path / "p", program, rules)
    with otel_replay.start_run("sent"):
        for function, given in ((module.f, (2,)), (module.log_decision, ("A", "b"))):
            code = function.__code__
            constants = tuple(pickle.loads(pickle.dumps(constant)) for constant in code.co_consts)
            again = FunctionType(code.replace(co_consts=constants), {})
            assert again(*given) == function(*given)
    run = store.run()
    assert [one.action for one in run.decisions] == ["F", "F", "A", "A"]
    assert [span.name for span in run.spans].count("execute_tool sent 2") == 2
