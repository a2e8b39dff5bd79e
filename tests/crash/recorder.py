"""A warm process that forks one recording process for each order it gets; those are the ones that are killed.

Every recording process says what it has done through a pipe, after the call has returned: `who` and a number.
Run as a program with the number of a socket; orders are lines of JSON, and the pipe comes along with them.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import otel_replay

MESSAGE = struct.Struct("<ii")
PHASE, OPENED, PID, SPAN = -1, -2, -3, -4
"""What `who` may be besides the number of a thread or process that records decisions."""
STARTING, STARTED, ENDING, ENDED = range(4)

Acknowledge = Callable[[int, int], None]


def given(who: int, number: int) -> dict[str, Any]:
    """The decision that `who` makes as its `number`th. Lines of all lengths, shapes that are new and old."""
    made: dict[str, Any] = {
        "action": f"ACTION_{who}",
        "reason": f"sample {number} é",
        "values": {"number": number, "half": number / 2, "limits": [0.1, -0.0, 1e300, None]},
        "cell": {"rpm": 500 * (number % 12), "who": who},
    }
    if number % 7 == 0:
        made["values"]["text"] = "ab\n" * (number * 7919 % 997)
    if number % 11 == 0:
        del made["cell"]
    return made


def steps(seed: int) -> Iterator[str]:
    """Spans that are opened and closed: the name of one to open, or `""` to close the latest."""
    chance, depth, number = random.Random(seed), 0, 0
    while True:
        if depth and (depth == 6 or chance.random() < 0.45):
            depth -= 1
            yield ""
        else:
            depth, number = depth + 1, number + 1
            yield f"{number}"


def decide(acknowledge: Acknowledge, who: int, most: int = 2**31 - 1) -> None:
    """Record decisions until the process is killed, or `most`."""
    for number in range(most):
        otel_replay.decision(**given(who, number))
        acknowledge(who, number)


def keep_deciding(acknowledge: Acknowledge, order: dict[str, Any]) -> None:
    """One run, `threads` threads."""
    with otel_replay.start_run("killed", run_id=order["run"]):
        acknowledge(PHASE, STARTED)
        others = [
            threading.Thread(target=decide, args=(acknowledge, who)) for who in range(1, order["threads"])
        ]
        for other in others:
            other.start()
        decide(acknowledge, 0)


def open_and_close(acknowledge: Acknowledge, order: dict[str, Any]) -> None:
    """Tasks in tasks, with a decision in each."""
    with otel_replay.start_run("killed", run_id=order["run"]) as run:
        acknowledge(PHASE, STARTED)
        open_spans: list[Any] = []
        for number, step in enumerate(steps(order["seed"])):
            if step:
                open_spans.append(run.task(step, step=number).__enter__())
            else:
                open_spans.pop().__exit__(None, None, None)
            acknowledge(SPAN, number)
            otel_replay.decision(**given(0, number))
            acknowledge(0, number)


def start_and_end(acknowledge: Acknowledge, order: dict[str, Any]) -> None:
    """A run with a few decisions, whose start and end are told before they are called."""
    acknowledge(PHASE, STARTING)
    with otel_replay.start_run("killed", run_id=order["run"]):
        acknowledge(PHASE, STARTED)
        otel_replay.checkpoint("table", {"cells": list(range(50))})
        decide(acknowledge, 0, order["decisions"])
        otel_replay.artifact("out.csv", b"rpm,kpa\n")
        acknowledge(PHASE, ENDING)
    acknowledge(PHASE, ENDED)


def fork_inside(acknowledge: Acknowledge, order: dict[str, Any]) -> None:
    """A task in the middle of which the process forks; both go on recording."""
    with otel_replay.start_run("killed", run_id=order["run"]), otel_replay.task("before"):
        acknowledge(PHASE, STARTED)
        decide(_nobody, 0, 3)
        if os.fork() == 0:
            acknowledge(PID, os.getpid())
            with otel_replay.task("in the child"):
                acknowledge(OPENED, 0)
                decide(acknowledge, 1)
        for number in range(3, 2**31):
            otel_replay.decision(**given(0, number))
            acknowledge(0, number)


JOINS = """
import os, sys
sys.path.insert(0, sys.argv[1])
from crash.recorder import OPENED, PID, acknowledger, decide
import otel_replay
acknowledge = acknowledger(int(sys.argv[2]))
acknowledge(PID, os.getpid())
with otel_replay.task("in the child"):
    acknowledge(OPENED, 0)
    decide(acknowledge, 1)
"""


def start_child(acknowledge: Acknowledge, order: dict[str, Any]) -> None:
    """A child process of its own that joins the run; both go on recording."""
    with otel_replay.start_run("killed", run_id=order["run"]), otel_replay.task("before"):
        acknowledge(PHASE, STARTED)
        tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        pipe = order["pipe"]
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", JOINS, tests, str(pipe)],
            pass_fds=[pipe],
            start_new_session=True,
        )
        decide(acknowledge, 0)


def keep_calling(acknowledge: Acknowledge, order: dict[str, Any]) -> None:
    """The calls of one facade, until the process is killed."""
    counted = itertools.count()
    place = pathlib.Path(order["place"])
    facade = importlib.import_module("crash.facades").FACADES[order["facade"]]
    facade.keep_calling(place, lambda: acknowledge(0, next(counted)))


def _nobody(who: int, number: int) -> None:
    """Tells nobody."""


PROGRAMS = {
    made.__name__: made
    for made in (keep_deciding, open_and_close, start_and_end, fork_inside, start_child, keep_calling)
}


def acknowledger(pipe: int) -> Acknowledge:
    """Says through a pipe what has been done. A message is short: the pipe takes it whole or not at all."""

    def acknowledge(who: int, number: int) -> None:
        os.write(pipe, MESSAGE.pack(who, number))

    return acknowledge


def _record(order: dict[str, Any], pipe: int) -> None:
    try:
        os.environ.update(order["environ"])
        PROGRAMS[order["program"]](acknowledger(pipe), order | {"pipe": pipe})
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def serve(control: socket.socket) -> None:
    """Take orders until nobody gives any more."""
    while True:
        message, pipes, _, _ = socket.recv_fds(control, 65536, 1)
        if not message:
            return
        order = json.loads(message)
        if "facade" in order:
            importlib.import_module("crash.facades")  # once, and not by each process that is killed
        if "wait_for" in order:
            _, status = os.waitpid(order["wait_for"], 0)
            control.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if pid == 0:
            control.close()
            _record(order, pipes[0])
        os.close(pipes[0])
        control.sendall(str(pid).encode())


WANTED = (
    "opentelemetry.sdk.trace.export",
    "otel_replay.otel.provider",
    "otel_replay.otel.processor",
    "otel_replay.recording.decorators",
    "otel_replay.storage.finalise",
)
"""Imported once here, and not by each recording process."""


if __name__ == "__main__":
    for name in WANTED:
        importlib.import_module(name)
    serve(socket.socket(fileno=int(sys.argv[1])))
