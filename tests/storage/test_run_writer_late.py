"""A run that ends, or becomes read-only, while others go on recording; and a long run's memory."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from otel_replay import start_run
from otel_replay.formats.journal_v1 import encode
from otel_replay.storage.journal import open_journal
from otel_replay.storage.journal_reader import read_journal
from otel_replay.storage.recover import recover
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.verify import verify
from storage.storage_kit import beginning, decision, lines

ENDS_EARLY = """
import json, threading
import otel_replay
from otel_replay.settings import Settings

THREADS, RUNS = 4, 12
made = {}
stop = threading.Event()

def work(run, counts, who):
    number = 0
    while not stop.is_set():
        if number % 3 == 0:
            run.decision("A", "by the run", {"who": who, "number": number})
        else:
            otel_replay.decision("A", "by the context", {"who": who, "number": number})
        number += 1
        counts[who] = number
        stop.wait(0.0005)

def reached(counts, more):
    wanted = [count + more for count in counts]
    while any(count < want for count, want in zip(counts, wanted)):
        threading.Event().wait(0.001)

for number in range(RUNS):
    counts = made[f"r{number}"] = [0] * THREADS
    with otel_replay.start_run("early", run_id=f"r{number}") as run:
        mine = [threading.Thread(target=work, args=(run, counts, who)) for who in range(THREADS)]
        for thread in mine:
            thread.start()
        reached(counts, 20)
    reached(counts, 20)
    stop.set()
    for thread in mine:
        thread.join()
    stop.clear()
print(json.dumps(made))
"""


def test_a_record_that_met_a_closed_journal_goes_into_the_one_that_was_opened_since(store):
    with start_run("r", run_id="r") as run:
        writer = run._writer
    # Between the refusal and what is done about it, another thread has recorded something.
    run.decision("ANOTHER", "")
    assert not writer.journal.closed
    writer.rescue(encode(decision(1)), ValueError("the first journal is closed"))
    writer.close("exit")
    recorded = store.run()
    assert recorded.lost == 0
    assert {made.action for made in recorded.decisions} == {"AFR_CORRECTION", "ANOTHER"}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_nothing_is_lost_of_a_run_that_ends_while_other_threads_still_record(store, python, mode):
    done = python(ENDS_EARLY, env={"OTEL_REPLAY_JOURNAL": mode})
    assert done.stderr == ""
    made = json.loads(done.stdout)
    assert len(made) == 12
    for run_id, counts in made.items():
        recorded = store.run(run_id)
        assert (recorded.bad_lines, recorded.lost) == ([], 0)
        numbers = defaultdict(list)
        for made_one in recorded.decisions:
            numbers[made_one.values["who"]].append(made_one.values["number"])
        # Two journals are merged by their clocks; each thread's decisions keep their order in a journal.
        assert {who: sorted(found) for who, found in numbers.items()} == {
            who: list(range(count)) for who, count in enumerate(counts)
        }
        assert recorded.files.header.counts["decisions"] == sum(counts)
        assert recorded.files.status() == "finished"
        assert verify(recorded.files) == []


READ_ONLY = """
import os, pathlib, sys
import otel_replay

def use(run_id):
    with otel_replay.start_run("r", run_id=run_id) as run:
        otel_replay.decision("BEFORE", "")
        if run_id == "read-only":
            for folder in ("journal", "", "..", "../.."):
                pathlib.Path(run.directory, folder).chmod(0o500)
            if os.geteuid() == 0:
                os.seteuid(65534)  # for root nothing is read-only
        for number in range(300):
            otel_replay.decision("D", str(number), {"number": number})
        with run.task("t"):
            run.checkpoint("state", {"cells": list(range(20))})
            run.artifact("a.csv", b"rpm,kpa")
    return run

use("writable")
run = use("read-only")
os.seteuid(os.getuid())
for folder in ("../..", "..", "", "journal"):
    pathlib.Path(run.directory, folder).chmod(0o700)
print(sum(run.lost.values()))
"""


def test_a_store_that_becomes_read_only_keeps_the_decisions_and_is_closed_by_recover(store, python):
    done = python(READ_ONLY, flags=())
    recorded = store.run("read-only")
    assert [made.values["number"] for made in recorded.decisions[1:]] == list(range(300))
    # The state of the checkpoint and the artifact went nowhere, and that is counted.
    assert recorded.lost == int(done.stdout) == 2
    told = done.stderr.splitlines()
    assert 1 <= len(told) <= 4, done.stderr
    assert any("`otel-replay recover` does it" in line for line in told)
    # The journal's last line says how the run ended; what is derived is not there yet.
    assert recorded.files.status() == "finished"
    assert recover(recorded.files).changed
    files = RunFiles(recorded.files.directory)
    assert (files.status(), files.header.lost) == ("finished", 2)
    assert verify(files) == []


UNWRITABLE = """
import os, pathlib, sys
import otel_replay

with otel_replay.start_run("r", store=sys.argv[1]):
    otel_replay.decision("WARM", "")
place = pathlib.Path(sys.argv[2])
place.mkdir(mode=0o500)
if os.geteuid() == 0:
    os.seteuid(65534)  # root may write anywhere
with otel_replay.start_run("r", store=place / "store") as run:
    for number in range(int(sys.argv[3])):
        otel_replay.decision("D", str(number))
print(sum(run.lost.values()) >= int(sys.argv[3]))
"""


def test_a_store_that_may_not_be_written_is_told_as_often_for_many_decisions_as_for_few(
    store, python, tmp_path
):
    told = []
    for number, count in enumerate((1, 5000)):
        done = python(UNWRITABLE, str(store.root), str(tmp_path / f"locked{number}"), str(count), flags=())
        assert done.stdout == "True\n"
        told.append(len(done.stderr.splitlines()))
    assert told[0] == told[1] <= 4


LONG = """
import os, resource, sys
import otel_replay
from otel_replay.settings import Settings

def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

settings = Settings(store=os.environ["OTEL_REPLAY_STORE"], journal_mode=sys.argv[1], projections=False)
with otel_replay.start_run("long", run_id="long", settings=settings) as run:
    for number in range(1_000_000):
        otel_replay.decision("D", "because", {"n": number, "half": number / 2}, {"rpm": number % 6000})
        if number == 100_000:
            before = peak_bytes()
    assert run.lost == {}
    print(peak_bytes() - before)
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.mark.slow
def test_the_memory_of_a_process_does_not_grow_with_a_million_decisions(store, python):
    grown = int(python(LONG, "mmap").stdout or -1)
    # A window is 4 MiB of the file; those that are behind are given back.
    assert 0 <= grown <= 12 << 20
    [journal] = (store.root / "runs" / "long" / "journal").iterdir()
    with journal.open("rb") as stream:
        lines = sum(line.startswith(b'["decision"') for line in stream)
    assert lines == 1_000_000


@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_reading_a_journal_ends_though_it_is_written_faster_than_it_is_read(tmp_path, mode):
    path = tmp_path / "j.jsonl"
    journal = open_journal(path, mode=mode)
    journal.append(lines(beginning()))
    for number in range(50):
        journal.append(encode(decision(number)))
    found = []
    for located in read_journal(path, block_bytes=300):
        found.append(located.record)
        for _ in range(3):
            journal.append(encode(decision(1000 + len(found))))
    assert found[2:] == [decision(number) for number in range(50)]
    journal.close()
    assert len(list(read_journal(path))) == 52 + 3 * 52


def test_a_line_that_is_half_there_when_a_journal_is_looked_at_is_whole_when_its_writer_has_ended(tmp_path):
    path = tmp_path / "j.jsonl"
    journal = open_journal(path, mode="write")
    line = encode(decision(1))
    journal.append(lines(beginning()) + line[:20])
    reading = read_journal(path)
    found = [next(reading).record]
    journal.append(line[20:])
    journal.close()
    assert [*found, *(located.record for located in reading)] == [*beginning(), decision(1)]
