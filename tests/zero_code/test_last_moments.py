"""What is decided in a process's last moments is in the run, however the process ends."""

from __future__ import annotations

import signal

import pytest

from .conftest import PYTHON, Recorded

BEGINS = """
import atexit, os, signal, sys, threading, weakref
def log_decision(action, reason, values=None, cell=None): pass
def last(*_): log_decision("LAST", "")
class Thing:
    __del__ = last
log_decision("FIRST", "")
"""
ENDS = {
    "os._exit": ("last(); os._exit(3)", 3),
    "an exit function": ("atexit.register(last)", 0),
    "a finalizer": ("weakref.finalize(last, last)", 0),
    "what another module still holds then": ("sys.modules['other'] = type(sys)('other'); "
                                             "sys.modules['other'].kept = Thing()", 0),
    "a circle": ("kept = Thing(); kept.itself = kept; del kept", 0),
    "a signal handler": ("signal.signal(15, lambda *_: (last(), sys.exit(5))); os.kill(os.getpid(), 15)", 5),
    "a hook for a thread's error": (
        "threading.excepthook = last; one = threading.Thread(target=lambda: 1 / 0)\n"
        "one.start(); one.join()", 0
    ),
    "a hook for the program's error": ("sys.excepthook = last; 1 / 0", 1),
    "a thread that is waited for": ("threading.Timer(0.05, last).start()", 0),
    "a signal": ("last(); os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "an abort": ("last(); os.abort()", -signal.SIGABRT),
}  # fmt: skip


@pytest.mark.parametrize("where", ENDS)
def test_what_is_decided_last_is_in_the_run(recorded: Recorded, where: str) -> None:
    ends, code = ENDS[where]
    done = recorded.run(PYTHON, recorded.script(BEGINS + ends + "\n"))
    assert (done.returncode, done.stderr) == (code, "")
    assert recorded.decisions() == ["FIRST", "LAST"]


def test_a_worker_of_a_pool_that_is_stopped_keeps_what_it_decided(recorded: Recorded) -> None:
    program = """
import concurrent.futures, os, signal
def log_decision(action, reason, values=None, cell=None): pass
def work(number):
    log_decision(f"WORK {number}", "")
    if number == 2:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        for number in range(3):
            print(type(pool.submit(work, number).exception()).__name__)
"""
    done = recorded.run(PYTHON, recorded.script(program))
    assert (done.returncode, done.stdout.split()) == (0, ["NoneType", "NoneType", "BrokenProcessPool"])
    assert recorded.decisions() == ["WORK 0", "WORK 1", "WORK 2"]
