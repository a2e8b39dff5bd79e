"""`otel-replay dump`."""

import csv
import io
import json
import signal
import subprocess
import sys

import pytest
from analysis.story import Story

from otel_replay.records import LogEntry


def test_the_default_is_session_replay_1_0(call, keep, tuning):
    directory = keep(tuning)
    result = call("dump", "--run-id", "latest")
    assert result.code == 0
    assert list(result.json) == ["schema_version", "run_id", "generated_at", "total_decisions", "decisions"]
    assert result.json["schema_version"] == "1.0"
    assert result.json["total_decisions"] == len(result.json["decisions"]) == 12
    ours = json.loads((directory / "session_replay.json").read_bytes())
    assert result.json["decisions"] == ours["decisions"]


def test_the_run_may_be_named_either_way_but_once(call, keep, tuning):
    keep(tuning)
    assert call("dump", "latest").raw == call("dump", "--run-id", "latest").raw
    assert call("dump").code == 2
    assert call("dump", "latest", "--run-id", "latest").code == 2


def test_two_dumps_of_a_run_that_is_over_are_the_same_bytes(call, keep, tuning):
    keep(tuning)
    assert call("dump", "latest").raw == call("dump", "latest").raw


def test_an_interrupted_run_is_dumped_from_its_journal(call, keep, tuning):
    directory = keep(tuning, how="interrupted")
    with open(directory / "journal" / "home.jsonl", "ab") as journal:
        journal.write(b'{"kind":"decision","t":17' + bytes(4096))
    assert call("dump", "latest").json["total_decisions"] == 12


def test_a_damaged_journal_gives_what_can_be_read(call, keep, tuning):
    directory = keep(tuning)
    path = directory / "journal" / "home.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[5] = b"garbage\n"
    path.write_bytes(b"".join(lines))
    assert call("dump", "latest").json["total_decisions"] == 11
    [bad] = [one for one in objects(call("dump", "latest", "--format", "jsonl")) if one["kind"] == "bad line"]
    assert bad["line"] == 6


def objects(result):
    return [json.loads(line) for line in result.raw.splitlines()]


def test_jsonl_has_one_object_for_each_thing(call, keep, tuning):
    keep(tuning)
    told = objects(call("dump", "latest", "--format", "jsonl"))
    assert [one["kind"] for one in told].count("decision") == 12
    assert told[0]["kind"] == "run"
    assert told[0]["run_id"] == tuning.run_id
    spans = [one for one in told if one["kind"] == "span"]
    assert [span["name"] for span in spans] == ["task bin samples", "task clamp", "run tuning"]
    assert spans[0]["duration_ms"] == 9.0
    assert spans[0]["type"] == "task"
    assert told[1]["span_id"] == spans[0]["span_id"]


def test_jsonl_gives_open_spans_last(call, keep):
    story = Story()
    story.task("smooth", story.run())
    keep(story, how="interrupted")
    told = objects(call("dump", "latest", "--format", "jsonl"))
    assert [(one["name"], one["status"], one["duration_ms"]) for one in told[1:]] == [
        ("run tuning", "open", None),
        ("task smooth", "open", None),
    ]


def test_csv_has_a_row_for_each_decision(call, keep, tuning):
    keep(tuning)
    rows = list(csv.DictReader(io.StringIO(call("dump", "latest", "--format", "csv").out)))
    assert len(rows) == 12
    assert rows[0]["action"] == "AFR_CORRECTION"
    assert rows[-1]["values.after"] == "10.0"
    assert rows[-1]["cell.kpa"] == "95"


def test_otlp_has_the_spans_with_their_decisions_as_events(call, keep, tuning):
    keep(tuning)
    spans = [
        span
        for document in objects(call("dump", "latest", "--format", "otlp"))
        for resource in document["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert sorted(span["name"] for span in spans) == ["run tuning", "task bin samples", "task clamp"]
    assert sum(len(span.get("events", [])) for span in spans) == 12


def test_otlp_logs_has_the_log_records(call, keep):
    story = Story()
    story.add(LogEntry(time_ns=story.now_ns, body="hello", severity=9))
    keep(story)
    [document] = objects(call("dump", "latest", "--format", "otlp-logs"))
    assert "hello" in json.dumps(document["resourceLogs"])


@pytest.mark.parametrize("form", ["json", "jsonl", "otlp", "csv"])
def test_a_file_is_written_whole_and_told_on_standard_error(call, keep, tuning, tmp_path, form):
    keep(tuning)
    target = tmp_path / "out"
    result = call("dump", "latest", "--format", form, "-o", str(target))
    assert (result.code, result.out) == (0, "")
    assert str(target) in result.err
    assert target.read_bytes() == call("dump", "latest", "--format", form).raw
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_where_a_file_cannot_be_written_the_old_one_stays(call, keep, tuning, tmp_path):
    keep(tuning)
    result = call("dump", "latest", "-o", str(tmp_path / "no" / "such" / "folder"))
    assert result.code == 2
    assert "no/such" in result.err


def test_an_unknown_format_is_refused_with_the_known_ones(call, keep, tuning):
    keep(tuning)
    result = call("dump", "latest", "--format", "xml")
    assert result.code == 2
    assert "session" not in result.out
    assert "'jsonl'" in result.err


def test_a_large_run_that_is_over_begins_to_come_at_once_and_says_when_its_journal_changed(
    call, keep, monkeypatch
):
    """The number of decisions stands first in the file; for a large run it is the header's."""
    monkeypatch.setattr("otel_replay.cli.dump._SMALL", 5)
    story = Story()
    run = story.run()
    for _ in range(10):
        story.decide(run)
    story.end(run)
    directory = keep(story)
    assert call("dump", "latest").json["total_decisions"] == 10
    path = directory / "journal" / "home.jsonl"
    path.write_bytes(path.read_bytes().replace(b"CLAMPING", b'"broken', 1))
    result = call("dump", "latest")
    assert result.code == 2
    assert "9 decisions, not 10" in result.err


def test_a_dump_that_is_interrupted_while_nobody_reads_it_ends_silently(keep, store):
    story = Story("long")
    story.run("long")
    for number in range(3000):
        story.decide("00000000000000aa", "STEP", f"number {number}" * 5)
    keep(story)
    command = [sys.executable, "-m", "otel_replay", "dump", "latest", "--store", str(store.root)]
    dumping = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert dumping.stdout.read(1) == b"{"
    dumping.send_signal(signal.SIGINT)
    _, err = dumping.communicate(timeout=60)
    assert (dumping.returncode, err) == (130, b"")
