"""Signals reach the program as if it stood in our place, and what ends it ends us."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from typing import IO, Any

import pytest

from otel_replay.storage.recover import recover
from otel_replay.storage.store import Store
from tests.zero_code.conftest import PYTHON, Recorded

WAITS = """
import os, signal, sys, time
def told(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(5)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, told)
print(os.getpid(), flush=True)
while True:
    time.sleep(60)
"""


def ready(process: subprocess.Popen[str]) -> int:
    """Wait until the program runs; gives its id."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_what_is_sent_to_us_reaches_the_program(recorded: Recorded) -> None:
    """And the program says what becomes of it."""
    recorded.script(WAITS)
    with recorded.start(PYTHON, "program.py") as process:
        ready(process)
        assert process.stdout is not None
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            process.send_signal(number)
            assert process.stdout.readline() == f"got {number.name}\n"
        assert process.wait(timeout=60) == 5
    assert recorded.files().header.message == "exit code 5"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT])
def test_a_signal_that_ends_the_program_ends_us(recorded: Recorded, number: signal.Signals) -> None:
    """Whoever started us sees what it would see of the program; the run says it too."""
    done = recorded.run("sh", "-c", f"kill -{number.value} $$")
    assert done.returncode == -number
    header = recorded.files().header
    assert (header.status, header.message) == ("error", f"ended by {number.name}")
    told = recorded.attributes()
    assert (told["process.exit.code"], told["otel_replay.process.signal"]) == (128 + number, number.name)


COUNTS = """
import signal, time
times = 0
def told(number, frame):
    global times
    times += 1
    if times == 2:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    print("interrupted", times, flush=True)
signal.signal(signal.SIGINT, told)
print(1, flush=True)
while True:
    time.sleep(60)
"""


def test_ctrl_c_twice_behaves_as_without_us(recorded: Recorded) -> None:
    """A terminal sends it to all of the group: the program gets each one once."""
    recorded.script(COUNTS)
    import pty

    master, slave = pty.openpty()
    process = recorded.start(PYTHON, "program.py", stdin=slave, stderr=slave, preexec_fn=_own_terminal)
    os.close(slave)
    ready(process)
    assert process.stdout is not None
    for times in (1, 2):
        os.write(master, b"\x03")
        assert process.stdout.readline() == f"interrupted {times}\n"
    assert process.poll() is None
    os.write(master, b"\x03")
    assert process.wait(timeout=60) == -signal.SIGINT
    process.stdout.close()
    os.close(master)


RESIZED = """
import os, signal
signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size(1).columns, "columns", flush=True))
print("ready", flush=True)
while True:
    signal.pause()
"""


def test_a_captured_program_follows_the_size_of_the_terminal(recorded: Recorded) -> None:
    """It writes to a terminal of its own, which is as wide as the one that it is shown on."""
    recorded.script(RESIZED)
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    streams: dict[str, Any] = {"stdin": slave, "stdout": slave, "stderr": slave}
    process = recorded.start(
        PYTHON, "program.py", options=("--capture",), preexec_fn=_own_terminal, **streams
    )
    os.close(slave)
    with os.fdopen(master, "rb", buffering=0) as screen:
        assert b"ready" in _until(screen, b"ready")
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 123, 0, 0))
        assert b"123 columns" in _until(screen, b"123 columns")
        process.terminate()
        assert process.wait(timeout=60) == -signal.SIGTERM


def _until(screen: IO[bytes], text: bytes) -> bytes:
    """What is shown until `text` is there, or for a minute."""
    shown = b""
    while text not in shown and select.select([screen], [], [], 60)[0]:
        shown += screen.read(1024)
    return shown


def _own_terminal() -> None:
    """In the child: a session whose terminal is its standard input."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_program_that_is_stopped_stops_us_and_goes_on_with_us(recorded: Recorded) -> None:
    """So that the shell sees a stopped job, and continues all of it."""
    recorded.script(
        "import os, signal\nprint(1, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\nprint('goes on', flush=True)\n"
    )
    with recorded.start(PYTHON, "program.py") as process:
        ready(process)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.stdout is not None
        assert process.stdout.readline() == "goes on\n"
        assert process.wait(timeout=60) == 0


DECIDES = """
import os, time
def log_decision(action, reason, values=None, cell=None):
    pass
log_decision("FIRST", "made before the end")
print(os.getpid(), flush=True)
time.sleep(120)
"""


def test_a_program_that_is_killed_leaves_a_run_that_has_failed(recorded: Recorded) -> None:
    """With all that it had decided."""
    recorded.script(DECIDES)
    with recorded.start(PYTHON, "program.py") as process:
        os.kill(ready(process), signal.SIGKILL)
        assert process.wait(timeout=60) == -signal.SIGKILL
    assert recorded.decisions() == ["FIRST"]
    assert (recorded.files().status(), recorded.files().header.message) == ("failed", "ended by SIGKILL")


@pytest.mark.parametrize("order", ["launcher", "both"])
def test_a_run_whose_launcher_is_killed_is_interrupted(recorded: Recorded, order: str) -> None:
    """It goes on for as long as the program does; nothing that was decided is lost."""
    recorded.script(DECIDES)
    process = recorded.start(PYTHON, "program.py")
    pid = ready(process)
    _wait_for(Store(recorded.store).runs)
    process.kill()
    process.wait(timeout=60)
    if order == "launcher":
        assert recorded.files().status() == "running"
    os.kill(pid, signal.SIGKILL)
    assert process.stdout is not None
    assert process.stdout.read() == ""  # the program has gone, too
    _wait_for(lambda: recorded.files().status() == "interrupted")
    recovered = recover(recorded.files())
    assert recovered.header.counts["decisions"] == 1
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()


def _wait_for(true: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)
