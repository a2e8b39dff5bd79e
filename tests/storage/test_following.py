"""Following a run while it is written: each record once, whole, and as soon as it is there."""

import itertools
import subprocess
import sys

import pytest

from otel_replay.formats.journal_v1 import encode
from otel_replay.records import BadLine, Decision
from otel_replay.storage import journal_reader
from otel_replay.storage.journal_reader import JournalTail, read_journal
from otel_replay.storage.run_files import RunFiles
from storage.storage_kit import (
    JOURNAL,
    RUN,
    beginning,
    decision,
    ending,
    lines,
    reasons,
    write_run,
    writing_process,
)

WHOLE = [*beginning(), *map(decision, range(5)), *ending()]
LAST = encode(decision(99))


@pytest.fixture
def journal(tmp_path):
    return tmp_path / JOURNAL


def test_what_was_added_since_is_read_by_the_same_tail(journal):
    tail = JournalTail(journal)
    data = lines(WHOLE)
    found = []
    with open(journal, "wb", buffering=0) as stream:
        for start in range(0, len(data), 37):
            stream.write(data[start : start + 37])
            found += [item.record for item in tail.new_records()]
            assert found == WHOLE[: tail.line]
    assert found == WHOLE
    assert list(tail.new_records()) == []


def test_a_reader_that_stops_in_the_middle_goes_on_from_there(journal):
    journal.write_bytes(lines(WHOLE))
    tail = JournalTail(journal)
    first = [item.line for item in itertools.islice(tail.new_records(), 3)]
    rest = [item.line for item in tail.new_records()]
    assert first + rest == list(range(1, len(WHOLE) + 1))


def test_a_half_written_line_of_a_living_writer_is_not_torn(runs):
    with writing_process(runs):
        files = RunFiles(runs.directory(RUN))
        (path,) = files.journals()
        with open(path, "r+b") as stream:
            content = stream.read().rstrip(b"\0")
            stream.seek(len(content))
            stream.write(LAST[:30])
        assert not any(isinstance(item.record, BadLine) for item in files.records())
        assert reasons(files.records()) == ["sample 0", "sample 1", "sample 2"]
    assert [item.record.torn for item in files.records() if isinstance(item.record, BadLine)] == [True]


def test_a_line_that_is_being_copied_in_is_waited_for(runs):
    with writing_process(runs):
        files = RunFiles(runs.directory(RUN))
        (path,) = files.journals()
        tail = files.tail()
        assert len(list(tail.new_records())) == 5
        with open(path, "r+b") as stream:
            end = len(stream.read().rstrip(b"\0"))
            stream.seek(end)
            stream.write(bytes(40) + LAST[40:])  # its end is there before its beginning
            stream.flush()
            assert list(tail.new_records()) == []
            stream.seek(end)
            stream.write(LAST[:40])
            stream.flush()
            assert reasons(tail.new_records()) == ["sample 99"]


def test_a_tail_follows_processes_that_join_later(runs):
    directory = write_run(runs, content=lines(WHOLE[:3]))
    tail = RunFiles(directory).tail()
    assert reasons(tail.new_records()) == ["sample 0"]
    (directory / "journal" / "20260101T000000000Z-8.jsonl").write_bytes(lines([WHOLE[0], decision(50)]))
    with open(directory / "journal" / JOURNAL, "ab") as stream:
        stream.write(lines(WHOLE[3:4]))
    assert sorted(reasons(tail.new_records())) == ["sample 1", "sample 50"]


@pytest.mark.parametrize("seen", [bytes(40) + LAST[40:], LAST[:40] + bytes(9), bytes(40) + LAST[40:90]])
def test_a_line_that_was_finished_just_before_its_writer_died_is_whole(journal, monkeypatch, seen):
    """It was read half copied, then completed, and then nobody lived any more."""
    journal.write_bytes(lines(WHOLE[:5]) + seen)

    def finish_and_die(path):
        journal.write_bytes(lines(WHOLE[:5]) + LAST + lines(WHOLE[5:]) + bytes(100))
        return False

    monkeypatch.setattr(journal_reader, "is_alive", finish_and_die)
    found = [item.record for item in read_journal(journal)]
    assert found == [*WHOLE[:5], decision(99), *WHOLE[5:]]


BUSY_WRITER = """
import sys
from pathlib import Path
from otel_replay.formats.journal_v1 import encode
from otel_replay.records import Close, Decision, JournalHeader
from otel_replay.storage.journal import open_journal
path, mode = sys.argv[1:3]
journal = open_journal(Path(path), mode=mode)
journal.append(encode(JournalHeader(version=1, run_id="r", time_ns=1)))
print("begun", flush=True)
for number in range(30_000):
    values = {"x": number / 7}
    journal.append(
        encode(Decision(time_ns=number, span_id="a", action="A", reason=str(number), values=values))
    )
journal.close(encode(Close(time_ns=30_000, how="ended")))
"""


@pytest.mark.parametrize("mode", ["mmap", "write"])
def test_whoever_reads_while_it_is_written_sees_each_record_whole_and_once(journal, mode):
    with subprocess.Popen(
        [sys.executable, "-c", BUSY_WRITER, str(journal), mode], stdout=subprocess.PIPE, text=True
    ) as writer:
        writer.stdout.readline()
        tail = JournalTail(journal)
        found = []
        while writer.poll() is None:
            found += [item.record for item in tail.new_records()]
        found += [item.record for item in tail.new_records()]
    assert writer.returncode == 0
    assert not [record for record in found if isinstance(record, BadLine)]
    assert [record.reason for record in found if isinstance(record, Decision)] == list(
        map(str, range(30_000))
    )
    assert tail.rest() is None
