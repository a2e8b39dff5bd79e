"""300 processes are killed while they record: every decision whose call had returned is there, exactly."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from crash.conftest import Recording, child_records, spans_changed, started
from crash.recorder import ENDED, ENDING, PHASE, STARTED, STARTING, given, steps
from otel_replay.formats import session_replay
from otel_replay.storage import store as stores
from otel_replay.storage.finalise import SESSION_REPLAY_NAME
from otel_replay.storage.late_journals import needs_recovery
from otel_replay.storage.recover import Recovery, recover
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.verify import verify

RECORDING = [("mmap", 1, 60), ("write", 1, 40), ("mmap", 4, 45), ("write", 4, 25)]
"""Mode, threads, kills."""
SPANS, START, END = 20, 30, 40
"""Kills with tasks open (in each mode), while a run begins, while it ends."""
FAMILIES = [("fork_inside", 6), ("start_child", 4)]
"""Families of two processes, each of which is killed."""


def content(decision: Any) -> tuple[Any, ...]:
    """What a program said of a decision."""
    return decision.action, decision.reason, decision.values, decision.cell


def expected(who: int, number: int) -> tuple[Any, ...]:
    """The same of the decision as the recording process made it."""
    made = given(who, number)
    return made["action"], made["reason"], made["values"], made.get("cell")


def assert_all_there(recorded: Any, recording: Recording, who: int, *, first: int = 0) -> None:
    """Every decision that was acknowledged is there once, in order and exactly; at most one more is."""
    found = [content(made) for made in recorded.decisions if made.action == f"ACTION_{who}"]
    acknowledged = recording.count(who) + first
    assert len(found) in (acknowledged, acknowledged + 1)
    assert found == [expected(who, number) for number in range(len(found))]


def assert_recovers(store: Any, run_id: str, open_spans: Sequence[str] | None) -> Recovery:
    """Nobody has said how the run ended; `recover` closes it, and everything is in what it writes."""
    before = store.run(run_id)
    assert all(bad.torn for bad in before.bad_lines)
    assert before.files.status() == "interrupted"
    recovery = recover(before.files)
    assert recovery.changed
    if open_spans is not None:
        assert [span.name for span in recovery.open_spans] == list(open_spans)
    after = store.run(run_id)
    assert after.files.status() == "interrupted"
    assert after.bad_lines == []
    assert after.decisions == before.decisions
    dumped = session_replay.read(after.files.read_file(SESSION_REPLAY_NAME))
    assert [content(made) for made in dumped.decisions] == [content(made) for made in before.decisions]
    assert verify(RunFiles(after.files.directory)) == []
    assert not recover(RunFiles(after.files.directory)).changed
    return recovery


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "threads", "kills"), RECORDING)
def test_a_decision_survives_the_process_once_its_call_has_returned(store, record, mode, threads, kills):
    chance = random.Random(f"{mode} {threads}")
    for number in range(kills):
        run_id = f"killed-{number}"
        recording = record("keep_deciding", run_id, mode=mode, threads=threads)
        enough = int(chance.expovariate(1 / 60))
        recording.until(lambda it, enough=enough: started(it) and it.count(0) >= enough)
        recording.listen(chance.random() * 0.002)
        assert recording.kill() == -9
        recording.drain()
        recorded = store.run(run_id)
        for who in range(threads):
            assert_all_there(recorded, recording, who)
        assert_recovers(store, run_id, ["run killed"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_the_spans_that_were_open_are_named(store, record, mode):
    chance = random.Random(f"spans {mode}")
    for number in range(SPANS):
        run_id = f"killed-{number}"
        recording = record("open_and_close", run_id, mode=mode, seed=number)
        enough = int(chance.expovariate(1 / 60))
        recording.until(lambda it, enough=enough: started(it) and spans_changed(it) >= enough)
        recording.listen(chance.random() * 0.002)
        assert recording.kill() == -9
        recording.drain()
        assert_all_there(store.run(run_id), recording, 0)
        found = [span.name for span in assert_recovers(store, run_id, None).open_spans]
        done = spans_changed(recording)
        assert found in (open_after(number, done), open_after(number, done + 1))


def open_after(seed: int, count: int) -> list[str]:
    """The open spans after so many steps."""
    names = ["run killed"]
    for step in itertools.islice(steps(seed), count):
        if step:
            names.append(f"task {step}")
        else:
            names.pop()
    return names


@pytest.mark.slow
def test_a_run_that_was_killed_while_it_began_is_there_whole_or_not_at_all(store, record):
    chance = random.Random("start")
    took = time_of(record, store, STARTING, STARTED)
    begun = 0
    for number in range(START):
        run_id = f"killed-{number}"
        recording = record(
            "start_and_end", run_id, mode=chance.choice(["mmap", "write"]), decisions=2**31 - 1
        )
        recording.until(lambda it: STARTING in it.numbers[PHASE])
        recording.listen(chance.random() * took)
        assert recording.kill() == -9
        recording.drain()
        listed = [run.run_id for run in stores.Store(store.root).runs()] if store.root.exists() else []
        assert (run_id in listed) or not recording.numbers[PHASE][1:]
        if run_id in listed:
            begun += 1
            assert_all_there(store.run(run_id), recording, 0)
            assert_recovers(store, run_id, None)
    assert begun > 0


@pytest.mark.slow
def test_a_run_that_was_killed_while_it_ended_keeps_everything_and_is_finished_by_recover(store, record):
    chance = random.Random("end")
    took = time_of(record, store, ENDING, ENDED)
    found: Counter[str] = Counter()
    unfinished = 0
    for number in range(END):
        run_id = f"killed-{number}"
        recording = record("start_and_end", run_id, mode=chance.choice(["mmap", "write"]), decisions=100)
        recording.until(lambda it: ENDING in it.numbers[PHASE])
        recording.listen(chance.random() * took)
        recording.kill()
        recording.drain()
        recorded = store.run(run_id)
        assert recording.count(0) == 100
        assert_all_there(recorded, recording, 0)
        status = recorded.files.status()
        found[status] += 1
        unfinished += needs_recovery(recorded.files)
        if ENDED in recording.numbers[PHASE]:
            assert status == "finished"
            assert not needs_recovery(recorded.files)
        recover(recorded.files)
        after = store.run(run_id)
        assert after.files.status() == status or after.files.header.recovered
        assert after.decisions == recorded.decisions
        assert after.files.header.counts["decisions"] == 100
        assert len(session_replay.read(after.files.read_file(SESSION_REPLAY_NAME)).decisions) == 100
        assert verify(RunFiles(after.files.directory)) == []
    assert unfinished > 0, found


def time_of(record: Any, store: Any, first: int, last: int) -> float:
    """About how many seconds lie between two phases here, so that kills are spread over all of it."""
    recording = record("start_and_end", "unharmed", decisions=100)
    recording.until(lambda it: first in it.numbers[PHASE])
    begins = time.monotonic()
    recording.until(lambda it: last in it.numbers[PHASE])
    took = time.monotonic() - begins
    recording.drain()
    return took * 1.2


@pytest.mark.slow
@pytest.mark.parametrize(("program", "rounds"), FAMILIES)
def test_processes_of_one_run_are_killed_one_after_the_other(store, record, program, rounds):
    chance = random.Random(program)
    for number in range(rounds):
        run_id = f"killed-{number}"
        recording = record(program, run_id, mode=chance.choice(["mmap", "write"]))
        recording.until(lambda it: started(it) and child_records(it))
        ours, theirs = recording.count(0) + chance.randrange(200), chance.randrange(200)
        recording.until(lambda it, ours=ours, theirs=theirs: it.count(0) >= ours and it.count(1) >= theirs)
        child_first = number % 2 == 0
        if child_first:
            recording.kill_child()
        else:
            recording.kill()
        survivor = 0 if child_first else 1
        more = recording.count(survivor) + 100
        recording.until(lambda it, survivor=survivor, more=more: it.count(survivor) >= more)
        assert RunFiles(store.root / "runs" / run_id).status() == "running"
        if child_first:
            recording.kill()
        else:
            recording.kill_child()
        recording.drain()
        wait_until_nobody_writes(store, run_id)
        recorded = store.run(run_id)
        assert_all_there(recorded, recording, 0, first=3 if program == "fork_inside" else 0)
        assert_all_there(recorded, recording, 1)
        names = [span.name for span in assert_recovers(store, run_id, None).open_spans]
        assert {"run killed", "task before", "task in the child"} <= set(names)
        assert recorded.parents()["task in the child"] in ("task before", "process -c")


def wait_until_nobody_writes(store: Any, run_id: str) -> None:
    """A process lets go of its pipe a moment before it lets go of its journal."""
    ends = time.monotonic() + 30
    while RunFiles(store.root / "runs" / run_id).is_written():
        assert time.monotonic() < ends


def test_these_are_300_kills():
    recording = sum(kills for _, _, kills in RECORDING)
    families = sum(2 * rounds for _, rounds in FAMILIES)
    assert recording + 2 * SPANS + START + END + families == 300
