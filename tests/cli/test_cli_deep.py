"""Values that are nested as deep as a line of a journal can hold them: every command has them, whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

PROGRAM = """\
import otel_replay

deep = "within"
for _ in range({depth}):
    deep = {{"k": deep}}
with otel_replay.start_run("deep", store={store!r}, run_id="deep"), otel_replay.task("work", deep=deep):
    otel_replay.decision("ACT", "why", {{"deep": deep}}, {{"n": 1}})
"""
DEPTH = 250


@pytest.fixture
def deep(store) -> str:
    """A run with such a value on a span and in a decision, as a program records it."""
    program = PROGRAM.format(depth=DEPTH, store=str(store.root))
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    return "deep"


def depth_of(value: Any) -> int:
    """How deep `k` stands in `k`."""
    depth = 0
    while isinstance(value, dict) and "k" in value:
        value, depth = value["k"], depth + 1
    return depth if value == "within" else 0


COMMANDS = (
    "show R",
    "show R --json",
    "view R",
    "view R --json",
    "summary R --json",
    "stats R --json",
    "find R decision --json",
    "find R task --json",
    "query --run R select*from(decisions)",
    "check R rules.yaml --json",
    "diff R R --json",
    "dump R",
    "dump R --format jsonl",
    "dump R --format otlp",
    "dump R --format csv",
    "export R --html page.html",
    "export R --csv decisions.csv",
    "verify R",
)


@pytest.mark.slow
def test_every_command_takes_them(call, deep, tmp_path, monkeypatch) -> None:
    """None of them ends with what it should not."""
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text("rules:\n- existence: decision(ACT)\n", encoding="utf-8")
    for command in COMMANDS:
        result = call(*(word.replace("R", deep, word == "R") for word in command.split()))
        assert (command, result.code, result.err if "should not" in result.err else "") == (command, 0, "")


def test_they_are_whole_in_what_is_dumped(call, deep) -> None:
    """Nothing is cut."""
    lines = [orjson.loads(line) for line in call("dump", deep, "--format", "jsonl").raw.splitlines()]
    decision = next(line for line in lines if line["kind"] == "decision")
    assert depth_of(decision["values"]["deep"]) == DEPTH
    row = call("dump", deep, "--format", "csv").raw.splitlines()[1]
    assert row.count(b'{""k"":') == DEPTH
    assert call("dump", deep, "--format", "otlp").raw.count(b'"key":"k"') == 2 * DEPTH


def test_they_come_back_from_otlp(store, deep, tmp_path) -> None:
    """What is dumped is read as it was; in a process of its own, as the stack of a test is deep itself."""
    program = [sys.executable, "-m", "otel_replay"]
    run, file = ["deep", "--store", str(store.root)], str(tmp_path / "deep.jsonl")
    subprocess.run([*program, "dump", *run, "--format", "otlp", "-o", file], check=True, timeout=60)
    same = subprocess.run(
        [*program, "diff", file, *run, "--exit-code", "--json"], capture_output=True, timeout=60, check=True
    )
    assert json.loads(same.stdout)["equal"] is True
