"""The end of a run: what is derived from its journals, in one pass, whole, and as often as you like."""

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc

import pytest

from otel_replay.clock import SteppingClock
from otel_replay.errors import FormatError, StoreError
from otel_replay.formats import session_replay
from otel_replay.records import Close, Event, LogEntry, Loss, SpanEnd, SpanStart
from otel_replay.storage.blobs import Blobs
from otel_replay.storage.finalise import finalise
from otel_replay.storage.manifest import read_manifest, write_manifest
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
    lines,
    write_run,
    writing_process,
)

END_NS = START_NS + 10**9


def documents(directory):
    return {path.name: path.read_bytes() for path in directory.glob("*.json")}


def test_the_end_of_a_run_writes_header_projection_and_manifest(runs):
    directory = write_run(runs)
    header = finalise(directory, clock=SteppingClock(END_NS), ended_ns=END_NS, status="ok", durable=False)
    assert header == read_header(directory)
    assert (header.ended_ns, header.status) == (END_NS, "ok")
    assert header.counts == {"decisions": 3, "spans": 1, "events": 0, "logs": 0}
    replay = json.loads((directory / "session_replay.json").read_bytes())
    assert replay["run_id"] == RUN
    assert replay["generated_at"] == "2025-12-15T17:28:02.803Z"
    assert [entry["reason"] for entry in replay["decisions"]] == ["sample 0", "sample 1", "sample 2"]
    assert os.stat(directory / "session_replay.json").st_mode & 0o777 == 0o600
    assert verify(RunFiles(directory)) == []
    assert [run.status for run in runs.runs()] == ["finished"]


def test_counts_losses_and_notes_of_all_journals_are_added_up(runs):
    def span(number, status):
        start = SpanStart(time_ns=START_NS, trace_id=TRACE, span_id=f"{number:016x}", name="task")
        return [start, SpanEnd(time_ns=START_NS, span_id=f"{number:016x}", status=status)]

    first = [
        *beginning(),
        decision(1),
        *span(1, "error"),
        Event(time_ns=START_NS, span_id=ROOT, name="heartbeat"),
        LogEntry(time_ns=START_NS, body="hello"),
        Loss(time_ns=START_NS, records=3, reason="No space left on device"),
        ending()[0],
        Close(time_ns=START_NS, how="ended", notes={"redacted": 2, "by_repr": 1}),
    ]
    second = [
        beginning()[0],
        decision(2),
        *span(2, "ok"),
        *span(3, "error")[:1],
        Loss(time_ns=START_NS, records=4, reason="No space left on device"),
        Close(time_ns=START_NS, how="exit", notes={"redacted": 5, "text": "not a count"}),
    ]
    journals = {"a.jsonl": lines(first), "b.jsonl": lines(second) + b"damage\n"}
    header = finalise(write_run(runs, journals=journals), ended_ns=END_NS, status="ok", durable=False)
    assert header.counts == {
        "decisions": 2,
        "spans": 4,
        "events": 1,
        "logs": 1,
        "errors": 1,
        "open_spans": 1,
        "bad_lines": 1,
    }
    assert header.lost == 7
    assert header.notes == {"redacted": 7, "by_repr": 1}


def of_two_processes(**kinds):
    """Journals of a parent and a child: which records of either stand in them besides their spans."""
    child = [SpanStart(time_ns=START_NS + 1, trace_id=TRACE, span_id="c" * 16, name="process")]
    child_end = [SpanEnd(time_ns=START_NS + 2, span_id="c" * 16, status="error")]
    notes = kinds.get("notes", ({}, {}))
    return {
        "a.jsonl": lines(
            [*beginning(), *kinds["parent"], ending()[0], Close(time_ns=END_NS, how="ended", notes=notes[0])]
        ),
        "b.jsonl": lines(
            [
                beginning()[0],
                *child,
                *kinds["child"],
                *child_end,
                Close(time_ns=END_NS - 5, how="exit", notes=notes[1]),
            ]
        ),
    }


@pytest.mark.parametrize(
    "kinds",
    [
        {"parent": [], "child": [decision(1), decision(2)]},
        {"parent": [decision(1)], "child": []},
        {"parent": [decision(2), decision(4)], "child": [decision(1), decision(3)]},
        {"parent": [], "child": [], "notes": ({"b": 1, "a": 1}, {"c": 1, "a": 4})},
        {"parent": [], "child": [decision(1)], "notes": ({"b": 1}, {"b": 2})},
    ],
    ids=["child decides", "parent decides", "both decide", "both note", "both note alike"],
)
def test_journals_read_one_after_the_other_give_what_they_give_record_by_record(runs, monkeypatch, kinds):
    """To the byte: `recover` may read the same run the other way."""
    directory = write_run(runs, journals=of_two_processes(**kinds), span_id=ROOT)

    def made():
        finalise(directory, clock=SteppingClock(END_NS), ended_ns=END_NS, status="ok", durable=False)
        found = {name: data for name, data in documents(directory).items() if name != "manifest.json"}
        outputs = [(one.path, one.size_bytes, one.sha256) for one in read_manifest(directory)]
        return found, outputs

    at_once = made()
    monkeypatch.setattr("otel_replay.storage.finalise._MOST_AT_ONCE", 0)
    assert made() == at_once


def test_a_span_that_two_processes_end_is_not_open(runs):
    end = SpanEnd(time_ns=START_NS, span_id=ROOT)
    journals = {"a.jsonl": lines([*beginning(), end]), "b.jsonl": lines([beginning()[0], end])}
    header = finalise(write_run(runs, journals=journals), ended_ns=END_NS, status="ok", durable=False)
    assert "open_spans" not in header.counts


def test_an_end_that_another_clock_puts_before_the_start_counts(runs):
    early = SpanEnd(time_ns=START_NS - 50, span_id=ROOT)
    journals = {
        "a.jsonl": lines([beginning()[0].__class__(version=1, run_id=RUN, time_ns=START_NS - 90), early]),
        "b.jsonl": lines(beginning()),
    }
    header = finalise(write_run(runs, journals=journals), ended_ns=END_NS, status="ok", durable=False)
    assert "open_spans" not in header.counts


def test_nothing_is_done_before_somebody_says_that_the_run_is_over(runs):
    directory = write_run(runs)
    assert finalise(directory).ended_ns is None
    assert sorted(documents(directory)) == ["run.json"]


def test_a_child_that_outlives_the_run_brings_the_files_up_to_date(runs):
    directory = finished_run(runs)
    (directory / "journal" / "z.jsonl").write_bytes(
        lines([beginning()[0], decision(50), Close(time_ns=1, how="exit")])
    )
    assert {finding.path for finding in verify(RunFiles(directory))} == {"journal/z.jsonl"}
    header = finalise(directory, durable=False)
    assert (header.ended_ns, header.status, header.counts["decisions"]) == (END_NS, "ok", 4)
    assert verify(RunFiles(directory)) == []


def test_a_journal_that_is_still_written_is_not_in_the_manifest(runs):
    with writing_process(runs):
        directory = runs.directory(RUN)
        (directory / "journal" / "a.jsonl").write_bytes(lines([*beginning(), *ending()]))
        finalise(directory, ended_ns=END_NS, status="ok", durable=False)
        paths = {output.path for output in read_manifest(directory)}
        assert "journal/a.jsonl" in paths
        assert f"journal/{JOURNAL}" not in paths
        assert verify(RunFiles(directory)) == []
    assert {finding.path for finding in verify(RunFiles(directory))} == {f"journal/{JOURNAL}"}


def test_without_projections_there_is_the_header_alone(runs):
    directory = write_run(runs)
    finalise(directory, ended_ns=END_NS, status="ok", projections=False, durable=False)
    assert sorted(documents(directory)) == ["run.json"]
    assert read_header(directory).counts["decisions"] == 3
    assert [finding.severity for finding in verify(RunFiles(directory))] == ["warning"]


def test_it_may_be_done_again_with_the_same_outcome(runs):
    directory = write_run(runs)
    first = finalise(directory, clock=lambda: END_NS, ended_ns=END_NS, status="ok", durable=False)
    before = documents(directory)
    assert finalise(directory, clock=lambda: END_NS, durable=False) == first
    after = documents(directory)
    assert after["run.json"] == before["run.json"]
    assert after["session_replay.json"] == before["session_replay.json"]


def test_processes_that_sum_up_at_the_same_time_do_not_mix(runs):
    directory = finished_run(runs)
    program = (
        "import sys; from pathlib import Path\n"
        "from otel_replay.storage.finalise import finalise\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for _ in range(20): finalise(Path(sys.argv[1]), durable=False)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.communicate(b"go\n")
        assert process.returncode == 0
    assert verify(RunFiles(directory)) == []
    assert len(list(directory.iterdir())) == 4


def test_the_manifest_names_every_output_as_the_seeds_manifest_does(runs):
    directory = write_run(runs)
    sha256 = Blobs(directory / "blobs").put(b"rpm,kpa\n")
    other = Blobs(directory / "blobs").put(b"a long prompt")
    artifact = Event(
        time_ns=START_NS,
        span_id=ROOT,
        name="artifact",
        attributes={
            "otel_replay.artifact.name": "tables/VE_Delta.csv",
            "otel_replay.artifact.sha256": sha256,
            "otel_replay.artifact.media_type": "text/csv",
        },
    )
    (directory / "journal" / JOURNAL).write_bytes(lines([*beginning(), artifact, *ending()]))
    finalise(directory, ended_ns=END_NS, status="ok", durable=False)
    manifest = json.loads((directory / "manifest.json").read_bytes())
    assert list(manifest) == ["format", "version", "run_id", "created", "outputs"]
    assert list(manifest["outputs"][0]) == [
        "name",
        "path",
        "type",
        "schema",
        "size_bytes",
        "sha256",
        "created",
    ]
    rows = {(row["name"], row["path"], row["type"], row["schema"]) for row in manifest["outputs"]}
    assert rows == {
        ("run.json", "run.json", "json", "otel-replay.run"),
        ("session_replay.json", "session_replay.json", "json", "session_replay"),
        (JOURNAL, f"journal/{JOURNAL}", "jsonl", "otel-replay.journal"),
        ("tables/VE_Delta.csv", f"blobs/{sha256[:2]}/{sha256}", "csv", "otel-replay.artifact"),
        (other, f"blobs/{other[:2]}/{other}", "blob", "otel-replay.blob"),
    }
    for row in manifest["outputs"]:
        data = (directory / row["path"]).read_bytes()
        assert (row["size_bytes"], row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_long_texts_stand_in_the_projection_as_they_were_recorded(runs):
    directory = write_run(runs)
    blobs = Blobs(directory / "blobs")
    here = {
        "otel_replay.blob": blobs.put("é".encode() * 3),
        "size_bytes": 6,
        "media_type": "text/plain; charset=utf-8",
    }
    binary = {**here, "media_type": "application/octet-stream"}
    gone = {**here, "otel_replay.blob": "0" * 64}
    (directory / "journal" / JOURNAL).write_bytes(
        lines([*beginning(), decision(1, values={"here": here, "binary": binary, "gone": [gone]}, cell=here)])
    )
    finalise(directory, ended_ns=END_NS, status="ok", durable=False)
    (entry,) = json.loads((directory / "session_replay.json").read_bytes())["decisions"]
    assert entry["values"] == {"here": "ééé", "binary": binary, "gone": [gone]}
    assert entry["cell"] == "ééé"


def test_memory_does_not_grow_with_the_run(runs, monkeypatch):
    # Projections of some megabytes wait in memory, larger ones in a file.
    monkeypatch.setattr(session_replay, "_SPOOL_BYTES", 200_000)

    def peak(number_of_decisions):
        content = lines([*beginning(), *map(decision, range(number_of_decisions)), *ending()])
        directory = write_run(runs, f"run-{number_of_decisions}", content)
        del content
        tracemalloc.start()
        finalise(directory, ended_ns=END_NS, status="ok", durable=False)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(20_000) < peak(8_000) * 1.2


def test_a_run_without_its_header_is_an_error_and_nothing_is_written(runs):
    directory = write_run(runs)
    (directory / "run.json").unlink()
    with pytest.raises(StoreError, match="cannot read"):
        finalise(directory, ended_ns=END_NS, status="ok")
    assert documents(directory) == {}
    with pytest.raises(StoreError, match="cannot lock"):
        finalise(directory.parent / "nowhere", ended_ns=END_NS)


def test_a_full_disk_leaves_no_half_written_file(runs):
    directory = write_run(runs, content=lines([*beginning(), *map(decision, range(2000)), *ending()]))
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from otel_replay.errors import StoreError\n"
        "from otel_replay.storage.finalise import finalise\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\n"
        "try:\n    finalise(Path(sys.argv[1]), ended_ns=5, status='ok')\n"
        "except StoreError as error:\n    print(error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(directory)], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    assert sorted(os.listdir(directory)) == ["journal", "run.json"]
    assert read_header(directory).ended_ns is None
    finalise(directory, ended_ns=END_NS, status="ok", durable=False)
    assert verify(RunFiles(directory)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"path": "../../../etc/passwd"}, "does not name a file inside the run"),
        ({"path": "/etc/passwd"}, "does not name a file inside the run"),
        ({"path": "blobs/../../x"}, "does not name a file inside the run"),
        ({"path": "a\x1b[2J"}, "does not name a file inside the run"),
        ({"path": 7}, "`path` is 7"),
        ({"size_bytes": "7"}, "`size_bytes` is '7'"),
        ({"size_bytes": True}, "`size_bytes` is True"),
        ({"sha256": None}, "`sha256` is None"),
    ],
)
def test_a_manifest_that_leads_elsewhere_is_refused(runs, change, problem):
    directory = finished_run(runs)
    manifest = json.loads((directory / "manifest.json").read_bytes())
    manifest["outputs"][1].update(change)
    (directory / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FormatError) as caught:
        read_manifest(directory)
    assert problem in caught.value.message
    assert caught.value.message.isprintable()
    (finding, *_) = verify(RunFiles(directory))
    assert (finding.path, finding.severity) == ("manifest.json", "error")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format":"otel-replay.manifest","version":1}'])
def test_a_manifest_that_is_none_is_refused(runs, content):
    directory = finished_run(runs)
    (directory / "manifest.json").write_text(content)
    with pytest.raises(FormatError, match=r"manifest\.json"):
        read_manifest(directory)


def test_a_manifest_of_a_newer_version_is_refused(runs):
    directory = finished_run(runs)
    (directory / "manifest.json").write_text('{"format":"otel-replay.manifest","version":2}')
    with pytest.raises(FormatError, match="version 2; this otel-replay reads up to version 1"):
        read_manifest(directory)


def test_a_manifest_may_be_written_for_what_is_there(runs):
    directory = write_run(runs)
    write_manifest(directory, run_id=RUN, created_ns=END_NS, journals=[], artifacts=[])
    assert [output.path for output in read_manifest(directory)] == ["run.json"]
