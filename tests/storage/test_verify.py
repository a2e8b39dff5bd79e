"""Verification: every changed, missing or added file is named once, and nothing else is."""

import json
import os

import pytest

from otel_replay.errors import StoreError
from otel_replay.recording.run import start_run
from otel_replay.records import Close, Event, JournalHeader
from otel_replay.storage.blobs import Blobs
from otel_replay.storage.finalise import finalise
from otel_replay.storage.late_journals import needs_recovery
from otel_replay.storage.recover import recover
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.verify import verify
from storage.storage_kit import (
    JOURNAL,
    ROOT,
    RUN,
    START_NS,
    beginning,
    decision,
    ending,
    finished_run,
    killed_run,
    lines,
    write_run,
    writing_process,
)

LONG_TEXT = b"a long prompt" * 1000


@pytest.fixture
def run(runs):
    """A finished run with an artifact, a checkpoint and a long value, each in a blob."""
    directory = write_run(runs)
    blobs = Blobs(directory / "blobs")
    events = [
        Event(
            time_ns=START_NS,
            span_id=ROOT,
            name="artifact",
            attributes={
                "otel_replay.artifact.name": "out.csv",
                "otel_replay.artifact.sha256": blobs.put(b"rpm,kpa\n"),
            },
        ),
        Event(
            time_ns=START_NS,
            span_id=ROOT,
            name="checkpoint",
            attributes={"otel_replay.checkpoint.sha256": blobs.put(b'{"state":1}')},
        ),
        decision(
            1, values={"prompt": [{"otel_replay.blob": blobs.put(LONG_TEXT), "media_type": "text/plain"}]}
        ),
    ]
    (directory / "journal" / JOURNAL).write_bytes(lines([*beginning(), *events, *ending()]))
    finalise(directory, ended_ns=START_NS + 10**9, status="ok", durable=False)
    return directory


def found(directory):
    return [(finding.path, finding.problem, finding.severity) for finding in verify(RunFiles(directory))]


def blob_paths(directory):
    return sorted(
        path.relative_to(directory).as_posix() for path in (directory / "blobs").rglob("*") if path.is_file()
    )


def every_file(directory):
    return ["run.json", "session_replay.json", f"journal/{JOURNAL}", *blob_paths(directory)]


def test_a_run_as_it_was_written_is_in_order(run):
    assert found(run) == []


def test_a_changed_byte_in_any_file_is_found_and_named(run):
    for name in every_file(run):
        path = run / name
        before = path.read_bytes()
        if name.startswith("blobs"):
            changed = bytes([before[0] ^ 1]) + before[1:]
        else:
            changed = before.replace(b"1", b"2", 1)  # still a document of its kind
        path.write_bytes(changed)
        assert [(p, s) for p, _, s in found(run)] == [(name, "error")]
        assert "was changed" in found(run)[0][1]
        path.write_bytes(before)
    assert found(run) == []


def test_a_missing_file_is_found_and_named(run):
    for name in every_file(run):
        path = run / name
        os.rename(path, run.parent / ".away")
        findings = found(run)
        assert (name, "error") in [(p, s) for p, _, s in findings]
        assert findings[0][1].startswith("is missing") or name == "run.json"
        assert [p for p, _, _ in findings if p not in {name, "run.json"}] == []
        os.rename(run.parent / ".away", path)
    assert found(run) == []


def test_a_truncated_blob_is_found_with_its_sizes(run):
    name = max(blob_paths(run), key=lambda path: os.stat(run / path).st_size)
    (run / name).write_bytes(LONG_TEXT[:99])
    assert found(run) == [(name, f"was changed: it has 99 bytes, and had {len(LONG_TEXT)}", "error")]


def test_added_files_are_found_and_named(run):
    (run / "report.html").write_text("mine")
    (run / "journal" / "zz.jsonl").write_bytes(lines([beginning("another")[0], decision(1)]))
    added = Blobs(run / "blobs").put(b"nobody refers to this")
    assert {(path, severity) for path, _, severity in found(run)} == {
        ("report.html", "warning"),
        ("journal/zz.jsonl", "error"),
        (f"blobs/{added[:2]}/{added}", "warning"),
    }


LATE = lines([beginning()[0], decision(7), Close(time_ns=START_NS + 2 * 10**9, how="exit")])


@pytest.mark.parametrize("content", [LATE, lines([beginning()[0], decision(7)]) + bytes(100)])
def test_a_journal_that_came_after_the_end_is_no_damage_and_recover_takes_it_in(run, content):
    (run / "journal" / "zz.jsonl").write_bytes(content)
    [(path, problem, severity)] = found(run)
    assert (path, severity) == ("journal/zz.jsonl", "warning")
    assert f"`otel-replay recover {RUN}`" in problem
    assert needs_recovery(RunFiles(run))
    assert recover(RunFiles(run)).changed
    assert found(run) == []
    assert not needs_recovery(RunFiles(run))
    assert not recover(RunFiles(run)).changed
    header = RunFiles(run).header
    assert (header.counts["decisions"], header.status, header.recovered) == (2, "ok", False)
    assert len(json.loads((run / "session_replay.json").read_text())["decisions"]) == 2


def test_a_damaged_journal_that_came_after_the_end_is_an_error(run):
    (run / "journal" / "zz.jsonl").write_bytes(LATE.replace(b'sample 7"', b"sample 7"))
    [finding] = [one for one in found(run) if one[0] == "journal/zz.jsonl"]
    assert finding[2] == "error"


def test_taking_in_what_came_late_hides_no_damage_of_what_was_there(run):
    (run / "journal" / "zz.jsonl").write_bytes(LATE)
    before = (run / "journal" / JOURNAL).read_bytes()
    (run / "journal" / JOURNAL).write_bytes(before.replace(b"sample 1", b"sample 9"))
    assert recover(RunFiles(run)).changed
    assert [(path, severity) for path, _, severity in found(run)] == [(f"journal/{JOURNAL}", "error")]


def test_without_a_manifest_what_came_late_is_told_from_damage_as_well(runs):
    directory = write_run(runs)
    finalise(directory, ended_ns=START_NS + 10**9, status="ok", projections=False)
    late = JournalHeader(version=1, run_id=RUN, time_ns=START_NS + 2 * 10**9)
    (directory / "journal" / "zz.jsonl").write_bytes(lines([late, decision(7)]))
    assert {(path, severity) for path, _, severity in found(directory)} == {
        ("journal/zz.jsonl", "warning"),
        ("manifest.json", "warning"),
    }
    finalise(directory, projections=False)  # as the process itself does it that has recorded this
    assert [path for path, problem, _ in found(directory) if "recover" in problem] == []


def test_what_send_remembers_and_what_killed_writes_left_behind_is_no_finding(run):
    (run / "sent").mkdir()
    (run / "sent" / "abc.json").write_text("{}")
    (run / ".run.json.7.aabbccdd.part").write_text("half")
    assert found(run) == []


def test_a_file_that_became_a_link_is_not_followed(run, tmp_path):
    path = run / "session_replay.json"
    os.rename(path, tmp_path / "same")
    path.symlink_to(tmp_path / "same")
    ((name, problem, severity),) = found(run)
    assert (name, severity) == ("session_replay.json", "error")
    assert "cannot be read" in problem


def test_a_blob_that_is_gone_from_disk_and_manifest_is_missed_by_its_record(run):
    manifest = json.loads((run / "manifest.json").read_bytes())
    for name in blob_paths(run):
        (run / name).unlink()
    manifest["outputs"] = [row for row in manifest["outputs"] if not row["path"].startswith("blobs/")]
    (run / "manifest.json").write_text(json.dumps(manifest))
    findings = found(run)
    assert len(findings) == 3
    assert {problem for _, problem, _ in findings} == {"is missing, and a record refers to it"}


def test_a_header_that_says_other_numbers_than_the_journals_is_found(run):
    body = json.loads((run / "run.json").read_bytes())
    body["counts"]["decisions"] = 7
    (run / "run.json").write_text(json.dumps(body))
    (path, problem, severity) = found(run)[0]
    assert (path, severity) == ("run.json", "error")
    assert "was changed" in problem


def test_damage_in_a_journal_is_one_finding_with_the_lines_numbers(run):
    path = run / "journal" / JOURNAL
    content = path.read_bytes().splitlines(keepends=True)
    content[2] = content[2][:-3] + b"\n"
    path.write_bytes(b"".join(content))
    assert [(name, severity) for name, _, severity in found(run)] == [
        (f"journal/{JOURNAL}", "error"),
        ("run.json", "error"),
    ]
    problem = found(run)[0][1]
    assert "was changed" in problem
    assert "is damaged in line 3" in problem


def test_many_damaged_lines_are_counted_and_the_first_ones_named(runs):
    directory = write_run(runs, content=lines(beginning()) + b"#\n" * 30)
    problems = {path: problem for path, problem, _ in found(directory)}
    assert problems[f"journal/{JOURNAL}"].startswith(
        "is damaged in lines 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 20 more"
    )


def test_a_missing_manifest_is_an_error_where_there_was_one(run):
    (run / "manifest.json").unlink()
    assert found(run) == [
        ("manifest.json", "is missing: what the run's files were cannot be said", "error"),
    ]


def test_a_run_that_goes_on_is_in_order(runs):
    with writing_process(runs):
        assert found(runs.directory(RUN)) == []


def test_an_interrupted_run_is_whole_but_not_closed(runs):
    assert {(path, severity) for path, _, severity in found(killed_run(runs))} == {
        ("manifest.json", "warning"),
        (f"journal/{JOURNAL}", "warning"),
    }


def test_a_header_that_cannot_be_read_is_a_finding_and_the_rest_is_checked(run):
    (run / "run.json").write_text("{")
    (run / "session_replay.json").write_text("")
    findings = found(run)
    assert [path for path, _, _ in findings] == ["run.json", "session_replay.json"]
    assert "is not JSON" in findings[0][1]


def test_a_journal_of_a_newer_version_is_a_finding(run):
    (run / "journal" / JOURNAL).write_bytes(b'{"format":"otel-replay.journal","version":2}\n')
    ((path, problem, severity),) = found(run)
    assert (path, severity) == (f"journal/{JOURNAL}", "error")
    assert "version 2" in problem


def test_a_run_under_another_name_is_pointed_out(runs, run):
    os.rename(run, run.with_name("renamed"))
    assert found(run.with_name("renamed")) == [
        ("run.json", f"says run {RUN!r}, and stands in 'renamed'", "warning")
    ]


def test_a_blob_is_read_when_it_is_asked_for_and_checked(run):
    name = max(blob_paths(run), key=lambda path: os.stat(run / path).st_size)
    sha256 = name.rpartition("/")[2]
    files = RunFiles(run)
    assert files.blobs.read(sha256) == LONG_TEXT
    (run / name).write_bytes(LONG_TEXT[:-1])
    with pytest.raises(StoreError, match="is damaged"):
        files.blobs.read(sha256)


def test_a_run_outside_of_a_store_is_verified_like_any_other(run, tmp_path):
    os.rename(run, tmp_path / "unpacked")
    assert found(tmp_path / "unpacked") == []


def test_finished_runs_verify_as_they_come(runs):
    assert found(finished_run(runs)) == []


def test_every_edit_of_a_bundle_is_found(runs, tmp_path):
    with start_run("r", store=runs.root, run_id="bundled") as run:
        run.checkpoint("cells", {"a": 1})
        run.artifact("table.csv", b"rpm,kpa\n1,2\n")
        run.artifact("again.csv", b"rpm,kpa\n1,2\n")
    files = RunFiles(runs.directory("bundled"))
    (path,) = files.directory.glob("blobs/*.bundle")
    assert verify(files) == []
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert "error" in {
            finding.severity for finding in verify(files) if finding.path == f"blobs/{path.name}"
        }
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        assert "error" in {finding.severity for finding in verify(files)}
    path.write_bytes(data + b"more")
    assert [finding.problem for finding in verify(files)] == [
        f"ends in the middle of a blob, at byte {len(data)}"
    ]
    path.unlink()
    assert f"blobs/{path.name}" in {finding.path for finding in verify(files)}
    path.write_bytes(data)
    assert verify(files) == []
