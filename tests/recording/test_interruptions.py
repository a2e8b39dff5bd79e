"""What a signal handler of the program raises reaches the program, wherever of ours it has interrupted."""

import pytest

TRIES = """
import asyncio, functools, signal, sys
import otel_replay

class Late(Exception): pass

class Handler:
    def method(self, *_): self(*_)
    def __call__(self, *_):
        global fired
        fired += 1
        raised(kind)

def raised(kind):
    raise {"own": Late, "ValueError": ValueError, "TimeoutError": TimeoutError}[kind]("too late")

def function(*_): Handler()(*_)

kind, form, how = sys.argv[1:]
handlers = {
    "function": function,
    "method": Handler().method,
    "callable": Handler(),
    "lambda": lambda *a: function(*a),
    "partial": functools.partial(function, 1),
}
signal.signal(signal.SIGALRM, handlers[form])
fired = caught = 0

def record(run, number):
    otel_replay.decision("A", "because", {"n": number}, {"c": 1})
    otel_replay.decision("B", "because", {"n": object()})
    with run.task("t", n=number) as task:
        task.set("k", {"deep": [number]})
    with otel_replay.tool("u", {"n": number}):
        otel_replay.heartbeat(n=number)

def attempt(run, number):
    global caught
    before = fired
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001 + number * 0.00002)
        while fired == before:
            record(run, number)
    except (Late, ValueError, TimeoutError) as error:
        assert str(error) == "too late"
        caught += 1

async def attempt_in_a_task(run, number):
    attempt(run, number)

with otel_replay.start_run("r", run_id="r") as run:
    record(run, -1)
    for number in range(60):
        if how == "asyncio":
            asyncio.run(attempt_in_a_task(run, number))
        else:
            attempt(run, number)
    record(run, 60)
# What is no class of the program's may be taken for its own by what stands below us (OpenTelemetry, logging).
assert caught == fired if kind == "own" else caught >= fired - 2, (caught, fired)
assert fired == 60
"""


@pytest.mark.parametrize(
    ("kind", "form", "how"),
    [
        ("own", "function", "plain"),
        ("own", "method", "asyncio"),
        ("ValueError", "function", "plain"),
        ("ValueError", "callable", "asyncio"),
        ("TimeoutError", "lambda", "plain"),
        ("TimeoutError", "partial", "plain"),
    ],
)
def test_what_a_signal_handler_raises_reaches_the_program_and_the_run_goes_on(store, python, kind, form, how):
    done = python(TRIES, kind, form, how)
    assert "Traceback" not in done.stderr
    recorded = store.run("r")
    assert recorded.bad_lines == []
    assert recorded.files.status() == "finished"
    # How many were made before the alarms came is the machine's matter; what came after them all is there.
    numbers = [decision.values["n"] for decision in recorded.decisions if decision.action == "A"]
    assert (numbers[0], numbers[-1]) == (-1, 60)
    assert numbers == sorted(numbers)


IN_A_VALUE = """
import os, signal
import otel_replay

class Late(Exception): pass

def on_signal(*_):
    raise Late

class Interrupted:
    def __repr__(self):
        os.kill(os.getpid(), signal.SIGUSR1)
        return "never"

class Hostile:
    def __repr__(self):
        raise Late("of a value")

signal.signal(signal.SIGUSR1, on_signal)
with otel_replay.start_run("r", run_id="r") as run:
    otel_replay.decision("HOSTILE", "", {"value": Hostile()})
    try:
        otel_replay.decision("INTERRUPTED", "", {"value": Interrupted()})
    except Late:
        otel_replay.decision("CAUGHT", "")
"""


def test_what_a_value_raises_is_swallowed_and_what_interrupts_it_is_not(store, python):
    python(IN_A_VALUE)
    assert [decision.action for decision in store.run("r").decisions] == ["HOSTILE", "CAUGHT"]


ASYNCHRONOUS = """
import ctypes, sys, threading
import otel_replay

class Late(Exception): pass

main = threading.main_thread().ident
sent = threading.Semaphore(0)

def send():
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main), ctypes.py_object(Late))

caught = 0
with otel_replay.start_run("r", run_id="r") as run:
    otel_replay.decision("A", "because", {"n": 0}, {"c": 1})
    for number in range(40):
        timer = threading.Timer(0.0002 + number * 0.00005, send)
        try:
            timer.start()
            while timer.is_alive():
                for _ in range(20):
                    otel_replay.decision("A", "because", {"n": number}, {"c": 1})
            timer.join()
            for _ in range(1000):
                pass
        except Late:
            caught += 1
assert caught == 40, caught
"""


def test_what_is_raised_into_a_thread_from_outside_reaches_the_program_too(store, python):
    python(ASYNCHRONOUS)
    assert store.run("r").bad_lines == []
