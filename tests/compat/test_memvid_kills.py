"""100 processes are killed while they record a memory session: what had returned is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from otel_replay.compat.memvid import Memvid
from otel_replay.compat.memvid.active_file import read_active

KILLS = 100

PARENT = """
import os, sys
from otel_replay.compat.memvid import Memvid, ReplayConfig, StateSnapshot
import otel_replay.otel.provider, otel_replay.recording.blocks

def child(path, acks):
    memory = Memvid(path, state=lambda: StateSnapshot(frame_count=1))
    memory.start_session("killed", ReplayConfig(auto_checkpoint_interval=5))
    number = 0
    while True:
        memory.record_put_action(number, b"text %d" % number)
        memory.record_find_action(f"query {number}", "lex", 1, [number])
        memory.record_ask_action("why?", "p", "m", b"because %d" % number, 1, [number])
        number += 1
        os.write(acks, b"%d\\n" % number)

for line in sys.stdin:
    path = line.strip()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        child(path, write)
    os.close(write)
    print(pid, flush=True)
    with os.fdopen(read, "rb") as acks:
        data = acks.read()
    os.waitpid(pid, 0)
    print(data.count(b"\\n"), flush=True)
"""
"""A process that imports everything once and forks a recording child for each path that it is told."""


@pytest.mark.slow
def test_an_action_survives_the_process_once_its_call_has_returned(tmp_path: Path, store: Any) -> None:
    chance = random.Random(7)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", PARENT], **pipes) as parent:
        acknowledged = sum(killed(parent, tmp_path / f"{number}.mv2", chance) for number in range(KILLS))
        assert parent.stdin is not None
        parent.stdin.close()
        assert parent.wait(30) == 0
    assert acknowledged > KILLS


def killed(parent: subprocess.Popen[str], path: Path, chance: random.Random) -> int:
    """One child is killed; how many of its rounds were acknowledged."""
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(f"{path}\n")
    parent.stdin.flush()
    pid = int(parent.stdout.readline())
    deadline = time.monotonic() + 60
    while not path.with_name(path.name + ".session").exists():
        assert time.monotonic() < deadline
        os.sched_yield()
    wait_for_bytes(path, chance.randrange(0, 40_000))
    os.kill(pid, signal.SIGKILL)
    acknowledged = int(parent.stdout.readline())
    assert_whole(path, acknowledged)
    return acknowledged


def wait_for_bytes(path: Path, wanted: int) -> None:
    """Until the session's journal holds so many bytes that are no preallocated zeros."""
    [run] = read_active(path.with_name(path.name + ".session")).runs
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        journals = list((Path(run) / "journal").glob("*.jsonl"))
        if sum(len(one.read_bytes().rstrip(b"\0")) for one in journals) >= wanted:
            return
    raise AssertionError(f"{path}: nothing more is recorded")


def assert_whole(path: Path, acknowledged: int) -> None:
    """What was acknowledged is there exactly, and nothing that was never done."""
    memory = Memvid(path)
    assert memory.load_active_session()
    session = memory.end_session()
    assert [action.sequence for action in session.actions] == list(range(len(session.actions)))
    rounds: dict[str, list[Any]] = {"put": [], "find": [], "ask": []}
    for action in session.actions:
        if action.kind in rounds:
            rounds[action.kind].append(action)
    assert [action.input for action in rounds["put"]] == [f"text {i}" for i in range(len(rounds["put"]))]
    assert [action.input for action in rounds["find"]] == [f"query {i}" for i in range(len(rounds["find"]))]
    answers = [action.output for action in rounds["ask"]]
    assert answers == [f"because {i}" for i in range(len(answers))]
    for kind in rounds:
        assert acknowledged <= len(rounds[kind]) <= acknowledged + 1
    checkpoints = [action.sequence for action in session.actions if action.kind == "checkpoint"]
    assert [one.at_sequence for one in session.checkpoints] == checkpoints
    assert all("torn" in str(line) for line in session.metadata.get("bad_lines", []))
