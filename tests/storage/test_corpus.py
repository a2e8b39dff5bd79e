"""Files of every format version are read, for ever."""

import math
import shutil

import pytest

from otel_replay.errors import FormatError
from otel_replay.records import BadLine, Decision
from otel_replay.storage.journal_reader import READERS, read_journal
from otel_replay.storage.manifest import read_manifest
from otel_replay.storage.recover import recover
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.run_header import read_header
from otel_replay.storage.verify import verify

START = 1_765_819_681_803_000_000


def records(path):
    return [item.record for item in read_journal(path)]


def bad(path):
    return [(line.number, line.torn) for line in records(path) if isinstance(line, BadLine)]


def test_every_version_has_its_files(corpus):
    assert {f"journal-{version}" for version in READERS} <= {path.name for path in corpus.iterdir()}


def test_every_kind_of_record_is_read(corpus):
    found = records(corpus / "journal-1" / "every-kind.jsonl")
    assert [record.kind for record in found] == [
        "journal",
        "resource",
        "scope",
        "start",
        "start",
        "update",
        *["decision"] * 6,
        "event",
        "event",
        "log",
        "loss",
        "end",
        "end",
        "close",
    ]
    assert found[0].process["start_ticks"] == 333792
    assert found[4].links[0].attributes == {"why": "retry"}
    assert found[16].message == "timed out"
    assert found[-1].notes == {"redacted": 1}


def test_decisions_are_read_exactly(corpus):
    found = [
        record
        for record in records(corpus / "journal-1" / "every-kind.jsonl")
        if isinstance(record, Decision)
    ]
    assert [(decision.action, decision.values, decision.cell) for decision in found[1:4]] == [
        ("SMOOTHING_START", {"passes": 2}, None),
        ("SKIP", None, {"rpm": 500}),
        ("ANOMALY_DETECTION_START", None, None),
    ]
    odd = found[4]
    assert odd.reason == "what JSON has no form for \u2028 \x1b[2J \U0001f527"
    assert math.isnan(odd.values.pop("nan"))
    assert odd.values == {
        "inf": math.inf,
        "minus": -math.inf,
        "raw": b"\x00\xff",
        "escape": {"$float": "x"},
        "zero": 0.0,
        "one": 1.0,
        "big": 2**63 - 1,
        "small": 1e-05,
        "none": None,
        "list": [1, None, []],
        "map": {},
    }
    assert math.copysign(1, odd.values["zero"]) == -1
    assert type(odd.values["one"]) is float
    assert (odd.cell, odd.extra) == ([1, 2], {"custom.key": "kept"})
    assert (found[5].action, found[5].values, found[5].cell) == (
        "LONG",
        {"before": 1.5, "after": 2.0},
        {"rpm": 3500},
    )


def test_what_killed_processes_left_is_read(corpus):
    whole = records(corpus / "journal-1" / "every-kind.jsonl")
    assert records(corpus / "journal-1" / "killed.jsonl") == whole[:9]
    for name in ("torn.jsonl", "torn-preallocated.jsonl"):
        *good, last = records(corpus / "journal-1" / name)
        assert good == whole[:9]
        assert (last.number, last.size_bytes, last.torn) == (10, 60, True)


def test_damaged_lines_are_named_and_the_rest_is_read(corpus):
    assert bad(corpus / "journal-1" / "damaged.jsonl") == [(5, False), (9, False), (10, False)]
    assert len(records(corpus / "journal-1" / "damaged.jsonl")) == 22


def test_a_version_that_is_not_there_yet_is_refused(corpus):
    with pytest.raises(FormatError, match="version 2"):
        records(corpus / "journal-1" / "newer.jsonl")


@pytest.mark.parametrize("name", ["blobs-are-files", "blobs-in-a-bundle"])
def test_a_run_of_either_layout_is_whole_and_its_blobs_are_read(corpus, name):
    files = RunFiles(corpus / "run-1" / name)
    assert verify(files) == []
    assert files.status() == "finished"
    outputs = {output.name: output for output in read_manifest(files.directory)}
    assert files.blobs.read(outputs["delta.csv"].sha256) == b"rpm,kpa,delta\n2000,65,-2.4\n"
    assert files.blobs.read(outputs["large.bin"].sha256) == bytes(range(256)) * 300
    assert len(list(files.blobs)) == 3
    assert (outputs["delta.csv"].offset is None) is (name == "blobs-are-files")


@pytest.mark.parametrize("name", ["blobs-are-files", "blobs-in-a-bundle"])
def test_a_run_of_either_layout_is_made_whole_again_from_its_journal_and_blobs(corpus, tmp_path, name):
    directory = tmp_path / name
    shutil.copytree(corpus / "run-1" / name, directory)
    for path in directory.glob("*.json"):
        if path.name != "run.json" or name == "blobs-in-a-bundle":
            path.unlink()
    assert recover(RunFiles(directory)).changed
    assert verify(RunFiles(directory)) == []
    before = read_header(corpus / "run-1" / name)
    assert read_header(directory) == before
