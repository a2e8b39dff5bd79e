"""Recovering runs whose process died: everything that was written is kept, and it may be done again."""

import math
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from otel_replay.clock import SteppingClock
from otel_replay.errors import FormatError, StoreError
from otel_replay.formats.journal_v1 import encode
from otel_replay.recording.run import start_run
from otel_replay.records import BadLine, Close, JournalHeader, SpanStart
from otel_replay.storage import recover as recover_module
from otel_replay.storage.late_journals import needs_recovery
from otel_replay.storage.recover import open_spans, recover
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import read_header
from otel_replay.storage.verify import verify
from storage.storage_kit import (
    JOURNAL,
    ROOT,
    RUN,
    START_NS,
    TRACE,
    beginning,
    decision,
    ending,
    finished_run,
    killed_run,
    lines,
    reasons,
    write_run,
    writing_process,
)

BODY = lines([*beginning(), *map(decision, range(3))])
LAST = encode(decision(99))
CLOCK = SteppingClock(START_NS + 10**12)


def files_of(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_a_killed_run_is_closed_with_all_that_it_had_written(runs, mode):
    directory = killed_run(runs, mode=mode, decisions=500)
    files = RunFiles(directory)
    assert files.status() == "interrupted"
    recovery = recover(files)
    assert recovery.changed
    assert [span.name for span in recovery.open_spans] == ["run killed"]
    (journal,) = recovery.journals
    assert (journal.torn_bytes, journal.closed, journal.bad_line_count) == (0, True, 0)
    assert (journal.cut_bytes > 0) is (mode == "mmap")
    files = RunFiles(directory)
    assert reasons(files.records()) == [f"sample {number}" for number in range(500)]
    assert list(files.records())[-1].record == Close(time_ns=START_NS + 499, how="recovered")
    assert (files.header.recovered, files.header.ended_ns, files.header.status) == (
        True,
        START_NS + 499,
        None,
    )
    assert files.header.counts == {"decisions": 500, "spans": 1, "events": 0, "logs": 0, "open_spans": 1}
    assert files.status() == "interrupted"
    assert verify(files) == []
    assert not (directory / "journal" / JOURNAL).read_bytes().endswith(b"\0")


@pytest.mark.parametrize("cut", range(1, len(LAST)))
def test_a_line_torn_at_any_byte_is_set_aside_and_not_deleted(runs, cut):
    directory = write_run(runs, content=BODY + LAST[:cut] + bytes(3000))
    recovery = recover(RunFiles(directory))
    (journal,) = recovery.journals
    assert (journal.torn_bytes, journal.cut_bytes, journal.torn_file) == (cut, 3000, f"{JOURNAL}.torn")
    assert (directory / "journal" / journal.torn_file).read_bytes() == LAST[:cut]
    close = encode(Close(time_ns=START_NS + 2_000_000, how="recovered"))
    assert (directory / "journal" / JOURNAL).read_bytes() == BODY + close
    assert verify(RunFiles(directory)) == []


def test_recovering_again_changes_nothing_and_says_the_same(runs):
    directory = write_run(runs, content=BODY + LAST[:20] + bytes(500))
    first = recover(RunFiles(directory), clock=CLOCK)
    before = files_of(directory)
    again = recover(RunFiles(directory), clock=CLOCK)
    assert (first.changed, again.changed) == (True, False)
    assert again.header == first.header
    assert again.open_spans == first.open_spans
    assert not any(journal.changed for journal in again.journals)
    assert files_of(directory) == before


def test_a_run_that_ended_as_it_should_is_left_as_it_is(runs):
    directory = finished_run(runs)
    before = files_of(directory)
    recovery = recover(RunFiles(directory))
    assert not recovery.changed
    assert not recovery.header.recovered
    assert files_of(directory) == before


def test_a_run_that_is_written_is_not_touched(runs):
    with writing_process(runs) as process:
        directory = runs.directory(RUN)
        before = files_of(directory)
        with pytest.raises(StoreError, match=f"is still being written by process {process.pid} on") as caught:
            recover(RunFiles(directory))
        assert "whose process died" in caught.value.hint
        assert files_of(directory) == before
    assert recover(RunFiles(directory)).changed


def test_names_from_a_foreign_run_are_escaped_in_messages(runs):
    process = {"pid": 7, "host": "h\x1b[2J", "boot": "another"}
    head = JournalHeader(version=1, run_id=RUN, time_ns=START_NS, process=process)
    directory = write_run(runs, content=encode(head))
    with pytest.raises(StoreError, match="still being written") as caught:
        recover(RunFiles(directory))
    assert caught.value.message.isprintable()


def test_the_run_goes_on_while_one_of_its_processes_lives(runs):
    with writing_process(runs):
        directory = runs.directory(RUN)
        dead = directory / "journal" / "20251215T000000000Z-1.jsonl"
        dead.write_bytes(BODY)
        assert RunFiles(directory).status() == "running"
        with pytest.raises(StoreError, match="still being written"):
            recover(RunFiles(directory))
        assert dead.read_bytes() == BODY


def test_every_journal_of_a_run_is_closed(runs):
    journals = {
        "a.jsonl": lines([*beginning(), decision(1), *ending()]),
        "b.jsonl": lines([beginning()[0], decision(2)]) + bytes(900),
        "c.jsonl": lines([beginning()[0], decision(3)]) + LAST[:30],
        "d.jsonl": bytes(4096),
    }
    directory = write_run(runs, journals=journals)
    recovery = recover(RunFiles(directory))
    assert [(j.name, j.closed, j.cut_bytes, j.torn_bytes) for j in recovery.journals] == [
        ("a.jsonl", False, 0, 0),
        ("b.jsonl", True, 900, 0),
        ("c.jsonl", True, 0, 30),
        ("d.jsonl", False, 4096, 0),
    ]
    assert reasons(RunFiles(directory).records()) == ["sample 1", "sample 2", "sample 3"]
    assert verify(RunFiles(directory)) == []
    assert not recover(RunFiles(directory)).changed


def test_a_run_whose_end_was_written_but_not_summed_up_ended_as_it_says(runs):
    for status, expected in (("ok", "finished"), ("unset", "finished"), ("error", "failed")):
        content = lines([*beginning(), decision(1), *ending(START_NS + 7, status)])
        directory = write_run(runs, f"run-{status}", content)
        recovery = recover(RunFiles(directory))
        assert (recovery.header.ended_ns, recovery.header.recovered) == (START_NS + 7, True)
        assert RunFiles(directory).status() == expected
        assert recovery.open_spans == ()


def test_a_process_killed_while_it_closed_its_journal_has_closed_it(runs):
    content = lines([*beginning(), decision(1), *ending()])
    directory = write_run(runs, content=content + bytes(5000))
    recover(RunFiles(directory))
    assert (directory / "journal" / JOURNAL).read_bytes() == content


def test_a_damaged_line_stays_where_it_is_and_is_reported(runs):
    damaged = lines(beginning()) + b"#damage#\n" + lines([decision(1)]) + b"\xff\n" + lines([decision(2)])
    directory = write_run(runs, content=damaged + LAST[:5])
    recovery = recover(RunFiles(directory))
    (journal,) = recovery.journals
    assert journal.bad_line_count == 2
    assert [line.number for line in journal.bad_lines] == [3, 5]
    content = (directory / "journal" / JOURNAL).read_bytes()
    assert content.startswith(damaged)
    assert recovery.header.counts["bad_lines"] == 2
    (finding,) = verify(RunFiles(directory))
    assert (finding.path, finding.problem) == (f"journal/{JOURNAL}", "is damaged in lines 3, 5")


def test_so_many_damaged_lines_do_not_fill_the_memory(runs, monkeypatch):
    monkeypatch.setattr(recover_module, "MOST_BAD_LINES", 10)
    directory = write_run(runs, content=BODY + b"#\n" * 1000)
    (journal,) = recover(RunFiles(directory)).journals
    assert (journal.bad_line_count, len(journal.bad_lines)) == (1000, 10)


def test_open_spans_are_named_in_the_order_in_which_they_began(runs):
    def start(number, parent):
        return SpanStart(
            time_ns=START_NS + number,
            trace_id=TRACE,
            span_id=f"{number:016x}",
            parent_id=parent,
            name=f"task {number}",
        )

    ended = ending()[0]
    content = lines([*beginning(), start(1, ROOT), start(2, ROOT)])
    directory = write_run(runs, content=content)
    assert [span.name for span in open_spans(RunFiles(directory))] == ["run tuning", "task 1", "task 2"]
    with open(directory / "journal" / JOURNAL, "ab") as stream:
        stream.write(encode(ended))
    assert [span.name for span in recover(RunFiles(directory)).open_spans] == ["task 1", "task 2"]


def test_torn_ends_of_two_deaths_are_both_kept(runs):
    directory = write_run(runs, content=BODY + LAST[:10])
    recover(RunFiles(directory))
    with open(directory / "journal" / JOURNAL, "ab") as stream:
        stream.write(LAST[:20])
    (journal,) = recover(RunFiles(directory)).journals
    assert journal.torn_file == f"{JOURNAL}.torn.1"
    assert (directory / "journal" / f"{JOURNAL}.torn").read_bytes() == LAST[:10]
    assert (directory / "journal" / f"{JOURNAL}.torn.1").read_bytes() == LAST[:20]


KILLED_IN = """
import os, signal, sys
from pathlib import Path
from otel_replay.storage import recover
from otel_replay.storage.run_files import RunFiles
at = int(sys.argv[2])
calls = 0
def counted(real):
    def call(*arguments, **named):
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call
for name in ("open", "write", "pwrite", "ftruncate", "replace", "fsync", "mkdir"):
    setattr(os, name, counted(getattr(os, name)))
recover.recover(RunFiles(Path(sys.argv[1])))
print(calls)
"""


def test_a_recovery_killed_at_any_step_is_finished_by_the_next(runs):
    def crash(directory, at):
        return subprocess.run(
            [sys.executable, "-c", KILLED_IN, str(directory), str(at)],
            capture_output=True,
            text=True,
            check=False,
        )

    content = BODY + LAST[:40] + bytes(2000)
    undisturbed = write_run(runs, "undisturbed", content)
    steps = int(crash(undisturbed, 0).stdout)
    assert steps > 15
    expected = {"journal/" + JOURNAL, "journal/" + JOURNAL + ".torn"}
    for at in random.Random(7).sample(range(1, steps + 1), min(steps, 20)):
        directory = write_run(runs, f"run-{at}", content)
        assert crash(directory, at).returncode == -signal.SIGKILL
        recover(RunFiles(directory))
        assert reasons(RunFiles(directory).records()) == ["sample 0", "sample 1", "sample 2"]
        assert verify(RunFiles(directory)) == [], at
        for name in expected:
            assert (directory / name).read_bytes() == (undisturbed / name).read_bytes()


def test_a_child_that_was_killed_is_closed_after_the_run_has_ended(runs):
    journals = {
        "a.jsonl": lines([*beginning(), decision(1), *ending()]),
        "b.jsonl": lines([beginning()[0], decision(2)]) + bytes(100),
    }
    directory = finished_run(runs, journals=journals)
    assert RunFiles(directory).status() == "finished"
    assert recover(RunFiles(directory)).changed
    assert RunFiles(directory).status() == "finished"
    assert verify(RunFiles(directory)) == []


def test_a_run_of_a_newer_version_is_not_touched(runs):
    directory = write_run(
        runs, content=b'{"format":"otel-replay.journal","version":2}\n{"later":1}' + bytes(10)
    )
    before = files_of(directory)
    with pytest.raises(FormatError, match="version 2"):
        recover(RunFiles(directory))
    assert files_of(directory) == before


def test_a_link_among_the_journals_is_not_written_through(runs, tmp_path):
    directory = write_run(runs, content=BODY)
    (tmp_path / "mine").write_bytes(BODY + bytes(100))
    (directory / "journal" / "z.jsonl").symlink_to(tmp_path / "mine")
    recover(RunFiles(directory))
    assert (tmp_path / "mine").read_bytes() == BODY + bytes(100)


def test_an_interrupted_run_reports_its_damage_before_it_is_recovered(runs):
    directory = write_run(runs, content=BODY + LAST[:40])
    bad = [item.record for item in RunFiles(directory).records() if isinstance(item.record, BadLine)]
    assert [line.torn for line in bad] == [True]
    assert {(finding.path, finding.severity) for finding in verify(RunFiles(directory))} == {
        ("manifest.json", "warning"),
        (f"journal/{JOURNAL}", "warning"),
    }
    assert os.listdir(directory / "journal") == [JOURNAL]


def test_what_a_power_failure_left_of_the_header_is_set_aside_and_made_again_from_the_journal(tmp_path):
    for content in (None, b"", bytes(700), b'{\n  "format": "otel-repl'):
        with start_run("tune", store=tmp_path, attributes={"limit": math.inf}) as run:
            run.decision("A", "")
        directory = Path(run.directory)
        before = read_header(directory)
        (directory / "run.json").unlink()
        if content is not None:
            (directory / "run.json").write_bytes(content)
        files = RunFiles(directory)
        assert needs_recovery(files)
        recovery = recover(files)
        assert recovery.changed
        after = read_header(directory)
        assert after == before
        torn = (content or b"").rstrip(b"\0")
        assert (directory / "run.json.torn").exists() is bool(torn)
        assert verify(RunFiles(directory)) == []
        assert not needs_recovery(RunFiles(directory))
        for name in ("manifest.json", "session_replay.json"):
            whole = (directory / name).read_bytes()
            (directory / name).write_bytes((content or b"")[:0] or bytes(len(content or b"")))
            assert needs_recovery(RunFiles(directory))
            assert recover(RunFiles(directory)).changed
            assert len((directory / name).read_bytes()) == len(whole)
            assert verify(RunFiles(directory)) == []


def test_a_header_of_a_newer_version_is_not_made_again(tmp_path):
    with start_run("tune", store=tmp_path) as run:
        pass
    newer = b'{"format":"otel-replay.run","version":2}'
    Path(run.directory, "run.json").write_bytes(newer)
    with pytest.raises(FormatError, match="version 2"):
        recover(RunFiles(Path(run.directory)))
    assert Path(run.directory, "run.json").read_bytes() == newer
