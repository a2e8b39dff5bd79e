"""Programs that put others in the place of modules of Python's, as tests do, end as without us, and soon."""

from __future__ import annotations

import os
import sys
import types

import pytest

from otel_replay.hooks.guard import FAILURES, Attempts, failed

from .conftest import PYTHON, Recorded

PROGRAM = """
import sys, types
def log_decision(action, reason, values, cell): pass
def measure(cell): return cell
NAME, kind = sys.argv[1:]
sys.modules[NAME] = None if kind == "none" else types.ModuleType(NAME)
for number in range(1100):
    log_decision("KEEP", "why", {"number": number}, "cell")
    measure(number)
print("done")
guard = sys.modules.get("otel_" "replay.hooks.guard")  # a program that imports us would record by itself
print(getattr(guard, "FAILURES", {}))
"""


@pytest.mark.parametrize("kind", ["none", "stub"])
def test_a_stub_that_what_records_cannot_do_with_is_told_once_and_holds_nothing_up(
    recorded: Recorded, kind: str
) -> None:
    """It would have been looked for with each decision: half a minute for a thousand of them."""
    (recorded.folder / "rules.toml").write_text('[[task]]\nfunction = "__main__:measure"\n')
    program = recorded.script(PROGRAM)
    done = recorded.run(PYTHON, program, "datetime", kind, options=("--rules", "rules.toml"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "done"
    assert "'recording decisions': 1100" in done.stdout
    assert done.stderr.count("recording decisions failed: ") == 1


def test_a_stub_of_logging_lets_no_failure_through(recorded: Recorded) -> None:
    (recorded.folder / "rules.toml").write_text('[[task]]\nfunction = "__main__:measure"\n')
    program = recorded.script(PROGRAM)
    done = recorded.run(PYTHON, program, "logging", "stub", options=("--rules", "rules.toml"))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "done"), done.stderr
    assert done.stderr.count("(the program goes on; further failures are counted)") == 1
    assert recorded.decisions() == ["KEEP"] * 1100


@pytest.mark.parametrize("name", ["uuid", "orjson"])
def test_a_stub_that_what_records_can_do_without_changes_nothing(recorded: Recorded, name: str) -> None:
    done = recorded.run(PYTHON, recorded.script(PROGRAM), name, "stub")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n{}\n", "")
    assert recorded.decisions() == ["KEEP"] * 1100


def test_what_fails_each_time_is_tried_less_and_less_often_and_always_counted() -> None:
    attempts, tried = Attempts(), 0
    for _ in range(1000):
        if attempts.are_due("what fails in this test"):
            tried += 1
            attempts.failed()
    assert tried + FAILURES.pop("what fails in this test") == 1000
    assert tried < 20
    attempts.succeeded()
    assert all(attempts.are_due("what fails in this test") for _ in range(1000))


def test_what_nobody_can_be_told_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is closed, and there is a stub in the place of logging: the program goes on."""
    with open(os.devnull, "w") as closed:
        pass
    monkeypatch.setitem(sys.modules, "logging", types.ModuleType("logging"))
    monkeypatch.setattr(sys, "stderr", closed)
    failed("telling nobody", ValueError("closed"))
    assert FAILURES.pop("telling nobody") == 1
