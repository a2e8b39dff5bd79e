"""What goes wrong in hooks stays in them: the program gets what it would get, and it is told once."""

from __future__ import annotations

import logging
import textwrap
import threading
from pathlib import Path
from types import ModuleType

import pytest
from rules.kit import run_module
from store_kit import Store

import otel_replay
from otel_replay.hooks.guard import FAILURES
from otel_replay.rules import calls, hooking, mapping, rewriting, spans, watching
from otel_replay.rules.reading import rule_texts
from otel_replay.storage.open_span import OpenSpan

PROGRAM = """
    class Odd:
        def __str__(self):
            raise RuntimeError("no text of this")
        __repr__ = __str__
        @property
        def broken(self):
            raise KeyError("no such thing")

    def log_decision(action, reason, values=None, cell=None):
        return action

    def decide(x, y=2):
        return x + y

    def tool(x):
        return [x]

    def items(n):
        yield from range(n)
        yield n

    class Loud:
        def __str__(self):
            return f"loud {decide(1)}"
"""
RULES = """
    [[decision]]
    function = "tuner:decide"
    before = "x"
    values = { after = "result" }

    [[tool]]
    function = ["tuner:tool", "tuner:items"]
"""


STEPS: dict[str, tuple[object, str]] = {
    "reading the module's names": (hooking, "module_names"),
    "compiling": (rewriting, "_put_in"),
    "placing": (hooking, "place"),
    "making hooks": (hooking, "parts_for"),
    "reading the source": (hooking, "lines_of"),
    "saying what was hooked": (hooking, "note"),
    "recording a decision": (OpenSpan, "decision"),
    "reading a decision": (mapping.DecisionMap, "made"),
    "keeping what was before": (mapping, "kept"),
    "starting a span": (spans, "started"),
    "ending a span": (spans, "ended"),
    "recording an item": (spans, "gave"),
    "shaping a span": (spans, "_shape"),
    "opening a call": (calls.DecisionHook, "begin"),
    "closing a call": (calls.SpanHook, "end"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_failing_step_changes_nothing_for_the_program(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Each step of ours fails each time, in the audit hook and in the calls."""
    told = []
    (tmp_path / "rules.toml").write_text(RULES)
    monkeypatch.setattr(watching, "_rules", rule_texts([tmp_path / "rules.toml"], tmp_path))
    monkeypatch.setattr(watching, "_notes", str(tmp_path))

    def broken(*given: object, **named: object) -> object:
        told.append(step)
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(*STEPS[step], broken)
    tuner = ModuleType("tuner")
    tuner.__file__ = str(tmp_path / "tuner.py")
    (tmp_path / "tuner.py").write_text(textwrap.dedent(PROGRAM))
    code = compile((tmp_path / "tuner.py").read_bytes(), tuner.__file__, "exec", dont_inherit=True)
    with otel_replay.start_run("broken"):
        watching._seen("exec", (code,))
        exec(code, vars(tuner))
        assert tuner.log_decision("A", "b") == "A"
        assert tuner.decide(1) == 3
        assert tuner.tool(1) == [1]
        assert list(tuner.items(2)) == [0, 1, 2]
        with pytest.raises(TypeError, match="unsupported operand"):
            tuner.decide(1, "x")
    assert told


def test_values_that_cannot_be_read_cost_their_record_only(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    rules = """
        [[decision]]
        function = "tuner:tool"
        action = "{x.broken}"
    """
    FAILURES.clear()
    with otel_replay.start_run("odd"), caplog.at_level(logging.WARNING, "otel_replay"):
        module = run_module(tmp_path / "p", PROGRAM, rules)
        odd = module.Odd()
        for _ in range(3):
            assert module.tool(odd) == [odd]
        assert module.log_decision(odd, odd, {"odd": odd}) is odd
    assert FAILURES["recording decisions of tool"] == 3
    told = [record.getMessage() for record in caplog.records if "decisions of tool" in record.getMessage()]
    assert len(told) == 1
    assert "KeyError: 'no such thing'" in told[0]


def test_a_hooked_function_that_is_called_while_values_are_read_is_no_call_of_the_program(
    tmp_path: Path, store: Store
) -> None:
    rules = RULES + '\n    [[task]]\n    function = "tuner:tool"\n    name = "{x}"\n'
    rules = rules.replace('"tuner:tool", ', "")
    with otel_replay.start_run("loud"):
        module = run_module(tmp_path / "p", PROGRAM, rules)
        module.tool(module.Loud())
    run = store.run()
    assert run.decisions == []
    assert [span.name for span in run.spans if span.name.startswith("task")] == ["task loud 3"]


def test_many_threads_in_one_hooked_function(tmp_path: Path, store: Store) -> None:
    with otel_replay.start_run("threads"):
        decide = run_module(tmp_path / "p", PROGRAM, RULES).decide
        threads = [
            threading.Thread(target=lambda start=start: [decide(start + n) for n in range(50)])
            for start in (0, 1000, 2000)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = store.run().decisions
    assert len(told) == 150
    assert all(
        one.values == {"before": one.values["after"] - 2, "after": one.values["after"]} for one in told
    )
