"""Functions of modules that were imported before, and functions that have no source."""

from __future__ import annotations

import json
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest
from store_kit import Store

RULES = """
[[tool]]
function = ["json:dumps", "math:hypot", "_bisect:bisect_left", "bare:*", "textwrap:TextWrapper.wrap"]

[[decision]]
function = "math:floor"
values = { given = "result" }
"""
PROGRAM = """
import json, math, bisect, textwrap, bare, inspect
print(json.dumps({"a": [1]}), math.hypot(3, 4), bisect.bisect_left([1, 3], 2), math.floor(2.5))
print(bare.twice(2), bare.Bare().more(3), bare.Bare.stays(4), list(bare.items()), textwrap.fill("a b", 1))
print(inspect.signature(math.floor), inspect.signature(bare.twice), json.dumps.__name__)
try:
    math.floor()
except TypeError as error:
    print(error)
"""
BARE = """
def twice(x):
    return 2 * x

class Bare:
    def more(self, x):
        return x + 1

    @staticmethod
    def stays(x):
        return x

def items():
    yield 1
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program with a module that is byte code alone."""
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "main.py").write_text(PROGRAM)
    (folder / "rules.toml").write_text(RULES)
    (folder / "bare.py").write_text(BARE)
    py_compile.compile(str(folder / "bare.py"), str(folder / "bare.pyc"))
    (folder / "bare.py").unlink()
    return folder


def test_they_are_recorded_and_what_cannot_be_is_told(program: Path, store: Store) -> None:
    plain = subprocess.run(
        [sys.executable, "main.py"], cwd=program, capture_output=True, text=True, timeout=60
    )
    words = [sys.executable, "-m", "otel_replay", "run", "--rules", "rules.toml", "--"]
    done = subprocess.run(
        [*words, sys.executable, "main.py"], cwd=program, capture_output=True, text=True, timeout=60
    )
    assert (plain.returncode, done.returncode, done.stdout) == (0, 0, plain.stdout)
    run = store.run()
    calls = {span.name: span.attributes for span in run.spans if span.name.startswith("execute_tool")}
    assert json.loads(calls["execute_tool dumps"]["gen_ai.tool.call.result"]) == {"a": [1]}
    results = {name: attributes.get("gen_ai.tool.call.result") for name, attributes in calls.items()}
    assert results["execute_tool hypot"] == 5.0
    assert results["execute_tool wrap"] == ["a", "b"]
    assert [results[f"execute_tool {name}"] for name in ("twice", "more", "stays")] == [4, 4, 4]
    assert calls["execute_tool more"]["gen_ai.tool.call.arguments"] == {"x": 3}
    assert [one.values for one in run.decisions] == [{"given": 2}]
    assert "otel-replay: bare:items is not recorded (rules.toml:2): a generator whose source" in done.stderr
