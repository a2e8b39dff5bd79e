"""A process that ends while daemon threads record as fast as they can: it ends, and loses nothing."""

import os

import pytest

from otel_replay.storage.recover import recover
from otel_replay.storage.verify import verify


def processor_seconds() -> float:
    """What all processes took that this one has waited for: other work on the machine does not count."""
    times = os.times()
    return times.children_user + times.children_system


BUSY = """
import sys, threading
import otel_replay

counts = [0] * 5

def work(who):
    while True:
        otel_replay.decision("BUSY", "", {"who": who, "number": counts[who]})
        counts[who] += 1

with otel_replay.start_run("r", run_id="r") as run:
    for who in range(5):
        threading.Thread(target=work, args=(who,), daemon=True).start()
    while min(counts) < 50:
        threading.Event().wait(0.001)
    if sys.argv[1] == "by itself":
        sys.exit()
if sys.argv[1] == "after its end":
    print("ended", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["by itself", "after its end"])
@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_a_process_ends_although_daemon_threads_go_on_recording(store, python, when, mode):
    before = processor_seconds()
    python(BUSY, when, env={"OTEL_REPLAY_JOURNAL": mode})
    assert processor_seconds() - before < 30  # about three; where threads hinder the end, minutes
    recorded = store.run("r")
    assert len(recorded.files.journals()) <= 2
    assert {finding.severity for finding in verify(recorded.files)} <= {"warning"}
    recover(recorded.files)
    recorded = store.run("r")
    assert verify(recorded.files) == []
    assert (recorded.bad_lines, recorded.lost, recorded.files.status()) == ([], 0, "finished")
    told = {who: [] for who in range(5)}
    for decision in recorded.decisions:
        told[decision.values["who"]].append(decision.values["number"])
    for numbers in told.values():
        assert numbers == list(range(len(numbers)))


UNENDED = """
import threading
import otel_replay

run = otel_replay.start_run("r", run_id="r")
count = 0

def work():
    global count
    while True:
        otel_replay.decision("BUSY", "", {"number": count})
        count += 1

threading.Thread(target=work, daemon=True).start()
while count < 50:
    threading.Event().wait(0.001)
"""


def test_so_does_one_whose_run_is_ended_by_the_end_of_the_process(store, python):
    before = processor_seconds()
    python(UNENDED)
    assert processor_seconds() - before < 30
    recorded = store.run("r")
    assert len(recorded.files.journals()) <= 2
    recover(recorded.files)
    recorded = store.run("r")
    assert verify(recorded.files) == []
    numbers = [decision.values["number"] for decision in recorded.decisions]
    assert numbers == list(range(len(numbers)))
