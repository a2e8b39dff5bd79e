"""What would be hooked is listed without a run; what a run's rules did not find is told at its end."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from store_kit import Store

from otel_replay.rules.listing import Listing, list_functions
from otel_replay.rules.reading import read_rules

MAIN = """
    import sys
    from tables import Table
    print("this is not to be seen")
    sys.exit(9)

    def log_decision(action, reason):
        pass

    class Tuner:
        @property
        def step(self): ...
        async def smooth(self, __deep, *more, **rest):
            def inner(x): ...
"""
TABLES = """
    import json
    class Table:
        def set(self, row, value): ...
"""
RULES = """
    [[decision]]
    function = "tables:Table.set"
    before = "self[row]"

    [[task]]
    function = "__main__:Tuner.*"
    attributes = { key = "x" }
    when = "x > 1"

    [[tool]]
    function = "json:dumps"

    [[tool]]
    function = "tabels:Table.sett"
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder with a program and its rules."""
    folder = tmp_path / "program"
    folder.mkdir()
    for name, text in {"main.py": MAIN, "tables.py": TABLES, "rules.toml": RULES}.items():
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def listed(folder: Path, *command: str) -> Listing:
    """What would be hooked in a command."""
    return list_functions(command, read_rules([folder / "rules.toml"], folder), folder)


@pytest.mark.parametrize("command", [("python", "main.py"), ("python3", "-W", "error", "-m", "main", "x")])
def test_functions_are_found_in_the_source_of_the_script_and_of_what_it_imports(
    program: Path, command: tuple[str, ...]
) -> None:
    listing = listed(program, sys.executable, *command[1:])
    assert [(one.kind, one.function, Path(one.place).name, one.rule) for one in listing.functions] == [
        (
            "decision",
            "__main__:log_decision",
            "main.py:7",
            "the convention log_decision(action, reason, values, cell)",
        ),
        ("task", "__main__:Tuner.smooth.<locals>.inner", "main.py:14", "rules.toml:6"),
        ("decision", "tables:Table.set", "tables.py:4", "rules.toml:2"),
        ("tool", "json:dumps", listing.functions[3].place.rpartition("/")[2], "rules.toml:11"),
    ]
    assert listing.problems == (
        "__main__:Tuner.step would not be recorded (rules.toml:6): no parameter `x`: it has self",
        "__main__:Tuner.smooth would not be recorded (rules.toml:6): no parameter `x`: it has self, "
        "_Tuner__deep, more, rest",
        "no function is tabels:Table.sett (rules.toml:14); near it: tables:Table.set",
    )


def test_a_command_that_is_no_python_is_told(program: Path) -> None:
    (problem,) = listed(program, "sh", "-c", "python main.py").problems
    assert problem.startswith("`sh` is no Python program whose source is at hand")


def otel_replay(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, in the program's folder."""
    return subprocess.run(
        [sys.executable, "-m", "otel_replay", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_dry_run_starts_nothing(program: Path, store: Store) -> None:
    words = ("run", "--rules", "rules.toml", "--dry-run")
    done = otel_replay(program, *words, "--", sys.executable, "main.py")
    assert (done.returncode, "not to be seen" in done.stdout) == (0, False)
    assert "decision             tables:Table.set  tables.py:4  by rules.toml:2" in done.stdout
    assert "near it: tables:Table.set" in done.stderr
    document = json.loads(otel_replay(program, *words, "--json", "--", sys.executable, "main.py").stdout)
    assert [one["kind"] for one in document["functions"]] == ["decision", "task", "decision", "tool"]
    assert len(document["problems"]) == 3
    assert not store.root.exists()


def test_rules_that_found_nothing_are_told_at_the_end_and_stand_in_the_run(
    program: Path, store: Store
) -> None:
    done = otel_replay(program, "run", "--rules", "rules.toml", "--", sys.executable, "main.py")
    assert done.returncode == 9
    told = [
        "__main__:Tuner.smooth is not recorded (rules.toml:6): no parameter `x`: it has self, "
        "_Tuner__deep, more, rest",
        "__main__:Tuner.step is not recorded (rules.toml:6): no parameter `x`: it has self",
        "no function is tabels:Table.sett (rules.toml:14); near it: tables:Table.set",
    ]
    assert sorted(done.stderr.splitlines()) == [f"otel-replay: {line}" for line in told]
    root = store.run().span("run main.py")
    assert sorted(root.attributes["otel_replay.rules.problems"]) == told


def test_a_mistake_in_a_rule_file_is_told_before_the_program_starts(program: Path, store: Store) -> None:
    (program / "rules.toml").write_text('[[tol]]\nfunction = "a:b"\n')
    done = otel_replay(program, "run", "--rules", "rules.toml", "--", sys.executable, "main.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: `rules.toml` line 1: `tol` is no kind of rule",
        "hint: did you mean `tool`? it may say decision, tool, generation, task, agent, ignore",
    ]
    assert not store.root.exists()


def test_a_rule_that_another_one_forestalls_is_told_of_that_one(tmp_path: Path, store: Store) -> None:
    """Not that the module was missing."""
    (tmp_path / "main.py").write_text("def f():\n    pass\ndef g():\n    pass\nf()\n")
    (tmp_path / "rules.toml").write_text(
        '[[task]]\nfunction = "__main__:*"\n[[tool]]\nfunction = "__main__:f"\n'
        '[[ignore]]\nfunction = "__main__:g"\n[[decision]]\nfunction = "__main__:g"\n'
    )
    done = otel_replay(tmp_path, "run", "--rules", "rules.toml", "--", sys.executable, "main.py")
    assert done.stderr.splitlines() == [
        "otel-replay: __main__:f was not recorded (rules.toml:3): the rule of rules.toml:1 comes first",
        "otel-replay: __main__:g was not recorded (rules.toml:7): rules.toml:5 says to ignore it",
    ]
