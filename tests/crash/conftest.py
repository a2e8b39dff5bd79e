"""A warm process for a module of tests, and recordings in it that can be watched and killed."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crash.recorder import MESSAGE, OPENED, PHASE, PID, SPAN, STARTED

_PATIENCE_SECONDS = 60.0


class Recording:
    """A process that records, as the one sees it who will kill it."""

    def __init__(self, ask: Callable[..., str], order: dict[str, Any]) -> None:
        self.numbers: dict[int, list[int]] = defaultdict(list)
        """What was acknowledged: the numbers of each `who`."""
        self._ask = ask
        self._pipe, theirs = os.pipe()
        self.pid = int(ask(order, theirs))
        os.close(theirs)
        self._rest = b""

    def listen(self, seconds: float) -> bool:
        """Take what is acknowledged meanwhile; False when there is nobody left who could."""
        ends = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self._pipe], [], [], max(0.0, ends - time.monotonic()))
            if not ready:
                return True
            data = os.read(self._pipe, 65536)
            if not data:
                return False
            self._rest += data
            whole = len(self._rest) - len(self._rest) % MESSAGE.size
            for who, number in MESSAGE.iter_unpack(self._rest[:whole]):
                self.numbers[who].append(number)
            self._rest = self._rest[whole:]

    def until(self, happened: Callable[[Recording], bool]) -> None:
        """Wait until this is so."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while not happened(self):
            # The last that is told and the end itself may come at once.
            assert self.listen(0.0005) or happened(self), f"it ended by itself, after {dict(self.numbers)}"
            assert time.monotonic() < ends, f"nothing more came after {dict(self.numbers)}"

    def count(self, who: int) -> int:
        """How many decisions `who` has acknowledged."""
        return len(self.numbers[who])

    @property
    def child_pid(self) -> int:
        """The process that this one has started."""
        return self.numbers[PID][0]

    def kill(self) -> int:
        """SIGKILL for the process that was started first; waits until it is gone, returns its exit status."""
        os.kill(self.pid, signal.SIGKILL)
        return int(self._ask({"wait_for": self.pid}, None))

    def kill_child(self) -> None:
        """SIGKILL for the process that it has started."""
        os.kill(self.child_pid, signal.SIGKILL)

    def drain(self) -> None:
        """Take everything that was acknowledged before the last process was gone."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while self.listen(1.0):
            assert time.monotonic() < ends, "a process is still there"
        os.close(self._pipe)


Record = Callable[..., Recording]


@pytest.fixture(scope="module")
def warm() -> Iterator[Callable[..., str]]:
    """Gives an order to the warm process, and returns its answer."""
    ours, theirs = socket.socketpair()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-W", "error", "-m", "crash.recorder", str(theirs.fileno())]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parent.parent, env=environ, pass_fds=[theirs.fileno()]
    )
    theirs.close()

    def ask(order: dict[str, Any], pipe: int | None = None) -> str:
        socket.send_fds(ours, [json.dumps(order).encode()], [] if pipe is None else [pipe])
        return ours.recv(100).decode()

    yield ask
    ours.close()
    assert process.wait() == 0


@pytest.fixture
def record(warm: Callable[..., str], store: Any) -> Record:
    """Starts a recording in a process of its own."""

    def start(program: str, run_id: str, *, mode: str = "mmap", **order: Any) -> Recording:
        environ = {"OTEL_REPLAY_STORE": str(store.root), "OTEL_REPLAY_JOURNAL": mode}
        return Recording(warm, {"program": program, "run": run_id, "environ": environ, **order})

    return start


def started(recording: Recording) -> bool:
    """Whether the run has begun."""
    return STARTED in recording.numbers[PHASE]


def child_records(recording: Recording) -> bool:
    """Whether the child process has its own span."""
    return bool(recording.numbers[OPENED])


def spans_changed(recording: Recording) -> int:
    """How many spans were opened or closed."""
    return len(recording.numbers[SPAN])
