"""The list of runs: fast by the catalog, and right whatever happened to the catalog or to the runs."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time

import pytest

from otel_replay.storage.catalog import Catalog
from otel_replay.storage.recover import recover
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store
from storage.storage_kit import (
    DEAD,
    JOURNAL,
    RUN,
    START_NS,
    beginning,
    finished_run,
    killed_run,
    lines,
    run_header,
    write_run,
    writing_process,
)


def statuses(store):
    return {run.run_id: run.status for run in store.runs()}


def without_catalog(store):
    """What the directories say."""
    (store.root / "catalog.jsonl").unlink(missing_ok=True)
    return store.runs()


def test_runs_are_listed_newest_first_with_what_they_hold(runs):
    finished_run(runs, "old", started_ns=1)
    finished_run(runs, "new", started_ns=START_NS, name="tuning")
    new, old = runs.runs()
    assert (old.run_id, new.run_id) == ("old", "new")
    assert (new.name, new.status, new.started_ns, new.ended_ns) == (
        "tuning",
        "finished",
        START_NS,
        START_NS + 10**9,
    )
    assert new.counts == {"decisions": 3, "spans": 1, "events": 0, "logs": 0}


def test_the_list_is_the_same_with_and_without_the_catalog(runs):
    finished_run(runs, "finished")
    write_run(runs, "interrupted", process=DEAD)
    killed_run(runs, "killed")
    damaged = finished_run(runs, "damaged")
    (damaged / "run.json").unlink()
    (damaged / "run.json").write_text("{")
    first = runs.runs()
    assert {run.status for run in first} == {"finished", "interrupted", "damaged"}
    assert first == runs.runs()
    assert first == without_catalog(runs)
    assert first == runs.runs()


def test_a_run_that_ends_is_listed_as_ended(runs):
    directory = write_run(runs)
    assert statuses(runs) == {RUN: "interrupted"}
    from otel_replay.storage.finalise import finalise

    finalise(directory, ended_ns=START_NS + 5, status="error", message="boom", durable=False)
    (run,) = runs.runs()
    assert (run.status, run.message) == ("failed", "boom")


def test_a_run_is_running_while_its_process_lives_and_interrupted_when_it_is_killed(runs):
    with writing_process(runs):
        assert statuses(runs) == {RUN: "running"}
        assert statuses(runs) == {RUN: "running"}
    assert statuses(runs) == {RUN: "interrupted"}
    assert statuses(runs) == {RUN: "interrupted"}


def test_an_interrupted_run_that_is_recovered_says_so(runs):
    killed_run(runs)
    assert [(run.status, run.recovered) for run in runs.runs()] == [("interrupted", False)]
    recover(RunFiles(runs.directory(RUN)))
    assert [(run.status, run.recovered) for run in runs.runs()] == [("interrupted", True)]


def test_an_interrupted_run_that_another_process_joins_is_running_again(runs):
    directory = killed_run(runs)
    assert statuses(runs) == {RUN: "interrupted"}
    program = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from otel_replay.formats.journal_v1 import encode
        from otel_replay.records import JournalHeader
        from otel_replay.storage.journal import open_journal
        journal = open_journal(Path({str(directory)!r}) / "journal" / "20991215T172801803Z-9.jsonl")
        journal.append(encode(JournalHeader(version=1, run_id="{RUN}", time_ns=1)))
        print("written", flush=True)
        sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        assert statuses(runs) == {RUN: "running"}
        process.kill()
    assert statuses(runs) == {RUN: "interrupted"}


def test_runs_that_were_copied_in_by_hand_are_listed(runs, tmp_path):
    finished_run(runs, "here")
    runs.runs()
    other = Store(tmp_path / "other")
    shutil.copytree(finished_run(other, "copied"), runs.root / "runs" / "copied")
    assert statuses(runs) == {"here": "finished", "copied": "finished"}


def test_runs_that_were_deleted_by_hand_are_not_listed(runs):
    finished_run(runs, "kept")
    shutil.rmtree(finished_run(runs, "deleted"))
    assert statuses(runs) == {"kept": "finished"}


def test_a_run_that_was_replaced_by_hand_is_listed_as_it_is_now(runs, tmp_path):
    finished_run(runs, RUN, name="first")
    assert [run.name for run in runs.runs()] == ["first"]
    other = Store(tmp_path / "other")
    replacement = finished_run(other, RUN, name="second")
    shutil.rmtree(runs.directory(RUN))
    os.rename(replacement, runs.directory(RUN))
    assert [run.name for run in runs.runs()] == ["second"]


def test_a_look_that_found_nothing_changed_does_not_hide_what_changes_later(runs, tmp_path):
    finished_run(runs, "a", name="first")
    old = time.time() - 60
    os.utime(runs.root / "runs", (old, old))  # nothing has come or gone for a minute
    assert statuses(runs) == {"a": "finished"}
    assert '"run":""' in (runs.root / "catalog.jsonl").read_text()
    assert statuses(runs) == {"a": "finished"}
    shutil.rmtree(runs.directory("a"))
    finished_run(runs, "b")
    assert statuses(runs) == {"b": "finished"}


def test_what_is_no_run_is_passed_over_and_what_is_a_broken_one_is_named(runs):
    (runs.root / "runs" / "notes.txt").write_text("mine")
    (runs.root / "runs" / ".new-1-aa").mkdir()
    (runs.root / "runs" / "empty").mkdir()
    os.symlink(runs.root / "gone", runs.root / "runs" / "link-to-nowhere")
    (run,) = runs.runs()
    assert (run.run_id, run.status) == ("empty", "damaged")
    assert "cannot read" in run.message
    assert "run.json" in run.message


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\x00" * 4096,
        b"not a line\n",
        b'{"format":"otel-replay.catalog","version":1}\n{"run":"' + RUN.encode() + b'","mtime":1,"row":[]}\n',
        b'{"format":"otel-replay.catalog","version":1}\n[1]\n{"run":1}\nnull\n',
    ],
    ids=["empty", "torn", "nul", "garbage", "wrong row", "wrong lines"],
)
def test_a_damaged_catalog_is_made_again(runs, damage):
    finished_run(runs)
    expected = without_catalog(runs)
    (runs.root / "catalog.jsonl").write_bytes(damage)
    assert runs.runs() == expected
    finished_run(runs, "another")
    assert statuses(runs) == {RUN: "finished", "another": "finished"}


def test_a_torn_line_costs_that_line_and_not_the_next_one(runs):
    catalog = Catalog(runs.root)
    catalog.append([{"run": "a", "mtime": 1}])
    with open(catalog.path, "ab") as stream:
        stream.write(b'{"run":"b","mt')
    catalog.append([{"run": "c", "mtime": 3}])
    assert Catalog(runs.root).read().keys() == {"a", "c"}


def test_a_row_with_damaged_values_is_not_believed(runs):
    finished_run(runs)
    expected = runs.runs()
    path = runs.root / "catalog.jsonl"
    path.write_text(path.read_text().replace('"finished"', "17"))
    assert runs.runs() == expected


def test_the_catalog_of_a_newer_version_is_left_alone(runs):
    finished_run(runs)
    newer = b'{"format":"otel-replay.catalog","version":2}\nwhatever\n'
    (runs.root / "catalog.jsonl").write_bytes(newer)
    finished_run(runs, "another")
    assert statuses(runs) == {RUN: "finished", "another": "finished"}
    assert (runs.root / "catalog.jsonl").read_bytes() == newer


def test_dead_lines_are_cleared_away(runs):
    finished_run(runs)
    catalog = Catalog(runs.root)
    catalog.append({"run": f"gone-{number}", "mtime": number} for number in range(5_000))
    expected = runs.runs()
    assert len((runs.root / "catalog.jsonl").read_bytes().splitlines()) < 10
    assert runs.runs() == expected


def test_a_store_on_a_read_only_disk_is_listed(runs):
    finished_run(runs)
    expected = without_catalog(runs)
    (runs.root / "catalog.jsonl").unlink()
    (runs.root / "catalog.jsonl").mkdir()  # nothing can be written there
    assert runs.runs() == expected


APPENDER = """
import sys
from pathlib import Path
from otel_replay.storage.catalog import Catalog
catalog = Catalog(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(300):
    catalog.append([{"run": f"{sys.argv[2]}-{number}", "mtime": number}])
"""

COMPACTER = """
import sys
from pathlib import Path
from otel_replay.storage.catalog import Catalog
catalog = Catalog(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
compactions = 0
while compactions < 200:
    lines = catalog.read()
    if lines:
        catalog.compact(lines.values())
        compactions += 1
"""


def test_a_catalog_that_was_replaced_since_it_was_read_is_not_compacted(runs):
    """Replaced twice, it may have the inode again that it had when it was read."""
    runs.ensure()
    catalog = Catalog(runs.root)
    catalog.append([{"run": "old"}])
    read = catalog.read()
    text = catalog.path.read_text()
    catalog.path.write_text(text.replace("old", "new"))  # in place: the inode is the same
    catalog.compact(read.values())
    assert Catalog(runs.root).read().keys() == {"new"}


def test_processes_that_append_while_others_compact_lose_nothing(runs):
    programs = [(APPENDER, f"process{number}") for number in range(4)] + [(COMPACTER, "")] * 2
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(runs.root), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for program, name in programs
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    found = Catalog(runs.root).read()
    assert found.keys() == {f"process{process}-{number}" for process in range(4) for number in range(300)}
    data = (runs.root / "catalog.jsonl").read_bytes()
    assert json.loads(data.splitlines()[0]) == {"format": "otel-replay.catalog", "version": 1}


def test_a_run_of_another_machine_is_not_declared_dead_for_good(runs):
    content = lines(beginning())
    directory = write_run(runs, content=content, process=DEAD)
    assert statuses(runs) == {RUN: "interrupted"}
    assert not (runs.root / "catalog.jsonl").exists()
    (directory / "journal" / JOURNAL).write_bytes(content)
    assert run_header().ended_ns is None


def test_ten_thousand_runs_are_listed_in_a_moment(runs):
    """The bar is 100 ms; here only that it is nowhere near reading ten thousand files."""
    for number in range(2_000):
        runs.create(run_header(f"run-{number:05}", ended_ns=START_NS + 1, status="ok", started_ns=number))
    started = time.process_time()
    first = runs.runs()
    by_files = time.process_time() - started
    old = time.time() - 60
    os.utime(runs.root / "runs", (old, old))
    assert runs.runs() == first
    started = time.process_time()
    assert runs.runs() == first
    by_catalog = time.process_time() - started
    assert len(first) == 2_000
    assert by_catalog < by_files / 3


def test_a_pipe_in_the_catalogs_place_does_not_stop_a_listing(tmp_path):
    path = tmp_path / "catalog.jsonl"
    os.mkfifo(path)
    assert Catalog(tmp_path).read() == {}
