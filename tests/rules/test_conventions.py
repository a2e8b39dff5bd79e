"""`log_decision(action, reason, values, cell)` is recorded without a rule, whoever defines it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rules.kit import notes, run_module
from store_kit import Store

import otel_replay

FORMS = {
    "function": """
        def log_decision(action, reason, values=None, cell=None):
            KEPT.append(action)
        call = log_decision
        """,
    "method": """
        class Log:
            def log_decision(self, action, reason, values=None, cell=None):
                KEPT.append(action)
        call = Log().log_decision
        """,
    "static method": """
        class Log:
            @staticmethod
            def log_decision(action, reason, *, values=None, cell=None):
                KEPT.append(action)
        call = lambda a, r, v, c: Log.log_decision(a, r, values=v, cell=c)
        """,
    "coroutine": """
        import asyncio
        async def log_decision(action, reason, values=None, cell=None):
            KEPT.append(action)
        call = lambda *given: asyncio.run(log_decision(*given))
        """,
    "inside a function": """
        def made():
            def log_decision(action, reason, values=None, cell=None):
                KEPT.append(action)
            return log_decision
        call = made()
        """,
    "parameters that it changes": """
        def log_decision(action, reason, values=None, cell=None):
            "With a text."
            action = action.lower()
            KEPT.append(action.upper())
        call = log_decision
        """,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_function_of_this_name_is_recorded(tmp_path: Path, store: Store, form: str) -> None:
    with otel_replay.start_run("convention"):
        module = run_module(tmp_path / "p", FORMS[form])
        module.KEPT = []
        module.call("CLAMP", "too high", {"before": 2.5, "after": 2.0}, {"rpm": 2000})
    assert module.KEPT == ["CLAMP"]
    (told,) = store.run().decisions
    assert (told.action, told.reason) == ("CLAMP", "too high")
    assert (told.values, told.cell) == ({"before": 2.5, "after": 2.0}, {"rpm": 2000})


def test_fewer_parameters_are_enough_and_other_names_are_not(tmp_path: Path, store: Store) -> None:
    program = """
        class Few:
            def log_decision(self, action, reason): pass
        class Other:
            def log_decision(self, message, level): pass
    """
    with otel_replay.start_run("few"):
        module = run_module(tmp_path / "p", program)
        module.Few().log_decision("A", "b")
        module.Other().log_decision("not", "one")
    assert [(one.action, one.values, one.cell) for one in store.run().decisions] == [("A", None, None)]


PASSES_ON = """
    def log_decision(action, reason, values=None, cell=None):
        KEPT.append(action)

    class Tuner:
        def log_decision(self, action, reason, values=None):
            if action != "QUIET":
                log_decision(action, reason, {**(values or {}), "by": "tuner"})
"""


def test_a_decision_that_is_passed_on_is_recorded_once(tmp_path: Path, store: Store) -> None:
    """By the innermost, which has it whole; by the outer one where nothing is passed on."""
    with otel_replay.start_run("once"):
        module = run_module(tmp_path / "p", PASSES_ON)
        module.KEPT = []
        tuner = module.Tuner()
        tuner.log_decision("ONE", "passed", {"x": 1})
        tuner.log_decision("QUIET", "kept", {"x": 2})
        module.log_decision("TWO", "direct")
    told = [(one.action, one.values) for one in store.run().decisions]
    assert told == [("ONE", {"x": 1, "by": "tuner"}), ("QUIET", {"x": 2}), ("TWO", None)]


def test_a_program_that_records_itself_is_not_recorded_twice(tmp_path: Path, store: Store) -> None:
    program = """
        import otel_replay
        def log_decision(action, reason, values=None, cell=None):
            otel_replay.decision(action, reason, values, cell)
    """
    with otel_replay.start_run("itself"):
        run_module(tmp_path / "p", program).log_decision("A", "once")
    assert len(store.run().decisions) == 1


def test_our_own_function_of_this_name_is_not_hooked(store: Store, python: object) -> None:
    """The one that stands in for the recorder that it replaces."""
    python(  # type: ignore[operator]  # the fixture
        """
        from otel_replay.rules.watching import watch
        watch()
        import otel_replay
        with otel_replay.start_run("ours"):
            from otel_replay.compat.session_replay import log_decision
            log_decision("A", "once")
        """
    )
    assert len(store.run().decisions) == 1


def test_a_rule_may_leave_it_alone(tmp_path: Path, store: Store) -> None:
    with otel_replay.start_run("ignored"):
        rules = '[[ignore]]\nfunction = "*:log_decision"\n'
        module = run_module(tmp_path / "p", FORMS["function"], rules)
        module.KEPT = []
        module.call("A", "not recorded")
    assert store.run().decisions == []
    assert notes(tmp_path / "p") == []


def test_nothing_happens_where_nothing_records(tmp_path: Path) -> None:
    module = run_module(tmp_path / "p", FORMS["function"])
    module.KEPT = []
    module.call("A", "b")
    assert module.KEPT == ["A"]
