"""`collector/stack.py`: starts both engines here, says where they are, and touches no process but its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from .engines import ROOT, TraceReader, built, send_over_grpc, wait_until
from .test_engines import request_of

pytestmark = pytest.mark.engines

STACK = [sys.executable, str(ROOT / "collector" / "stack.py")]


class Stack:
    """The command, with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "OTEL_REPLAY_STACK": str(folder)}

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, whatever that is."""
        return subprocess.run(
            [*STACK, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )

    def document(self, *arguments: str) -> dict[str, Any]:
        """What `--json` prints."""
        done = self.call(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def is_alive(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be reaped is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not (stat.exists() and ") Z " in stat.read_text())
    return False


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    built()
    made = Stack(tmp_path / "stack")
    yield made
    made.call("down")


def test_up_gives_a_collector_that_feeds_a_jaeger_and_down_ends_both(stack: Stack) -> None:
    """What is sent to the printed address is found at the printed address; a second `up` changes nothing."""
    first = stack.document("up")
    trace_id = os.urandom(16)
    send_over_grpc(first["endpoints"]["otlp_grpc"].removeprefix("http://"), request_of(trace_id))
    store = TraceReader(first["endpoints"]["jaeger"])
    store.wait_for_spans(trace_id.hex(), 1)
    assert trace_id.hex() in Path(first["endpoints"]["archive"]).read_text()

    pids = [engine["pid"] for engine in first["engines"]]
    assert [engine["pid"] for engine in stack.document("up")["engines"]] == pids
    assert stack.call("status").returncode == 0
    assert stack.call("down").returncode == 0
    assert not any(map(is_alive, pids))
    assert stack.call("status").returncode == 1


def test_a_taken_port_is_named_and_another_one_used(stack: Stack) -> None:
    """The engines are for looking at things; that somebody else sits on 4317 must not stop anyone."""
    with socket.socket() as taken:
        with suppress(OSError):  # taken by somebody else already: just as well
            taken.bind(("127.0.0.1", 4317))
            taken.listen()
        done = stack.call("up", "--json")
    assert "port 4317 (grpc) is taken, using" in done.stderr
    assert "4317" not in json.loads(done.stdout)["endpoints"]["otlp_grpc"].split(":")


def test_up_starts_again_what_died_on_the_port_that_it_had(stack: Stack) -> None:
    """Jaeger is back where the Collector looks for it, and what was sent meanwhile arrives."""
    before = stack.document("up", "--on-disk")
    jaeger = next(engine for engine in before["engines"] if engine["kind"] == "jaeger-on-disk")
    os.kill(jaeger["pid"], signal.SIGKILL)
    wait_until(lambda: not is_alive(jaeger["pid"]), "the kill of Jaeger")
    trace_id = os.urandom(16)
    send_over_grpc(before["endpoints"]["otlp_grpc"].removeprefix("http://"), request_of(trace_id))
    assert stack.call("status").returncode == 1

    after = stack.document("up", "--on-disk")
    assert after["endpoints"] == before["endpoints"]
    TraceReader(after["endpoints"]["jaeger"]).wait_for_spans(trace_id.hex(), 1)


def test_down_leaves_a_stranger_alone_that_has_the_number_of_an_engine(stack: Stack) -> None:
    """A process id is used again by the system; the start time tells whose it is."""
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        stack.folder.mkdir(parents=True)
        entry = {"kind": "otelcol", "pid": stranger.pid, "mark": "12345", "ports": {"health": 1}}
        document = {"version": 1, "engines": [{**entry, "settings": {}, "log": "/nowhere"}]}
        (stack.folder / "stack.json").write_text(json.dumps(document))
        done = stack.call("down")
        assert "did not run any more" in done.stderr
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n")


def test_stopping_what_was_never_started_says_so(stack):
    done = stack.call("down")
    assert done.returncode == 0
    assert "nothing was started here" in done.stderr


def test_an_unreadable_state_file_is_named_with_what_to_do(stack: Stack) -> None:
    """No traceback, no guess about which processes are ours."""
    stack.folder.mkdir(parents=True)
    (stack.folder / "stack.json").write_text('{"engines": [{"pid": ')
    for command in ("up", "down", "status"):
        done = stack.call(command)
        assert done.returncode == 2
        assert str(stack.folder / "stack.json") in done.stderr
        assert "next:" in done.stderr
        assert "Traceback" not in done.stderr
    (stack.folder / "stack.json").unlink()


def test_an_engine_that_cannot_start_shows_the_end_of_its_log(stack: Stack) -> None:
    """Here the queue's folder is a file; the Collector says so itself, and Jaeger can still be stopped."""
    stack.folder.mkdir(parents=True)
    (stack.folder / "queue").write_text("in the way")
    done = stack.call("up")
    assert done.returncode == 2
    assert "is not a directory" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Jaeger: stopped" in stack.call("down").stderr
