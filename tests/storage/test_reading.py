"""Reading journals: every good line, each damaged one by its number, in bounded memory, nothing guessed."""

import os
import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.errors import FormatError, StoreError
from otel_replay.formats.journal_v1 import encode
from otel_replay.records import BadLine, Close, Decision, Event, JournalHeader, SpanStart
from otel_replay.storage import journal_reader
from otel_replay.storage.journal_reader import read_journal
from otel_replay.storage.run_files import RunFiles
from storage.storage_kit import (
    JOURNAL,
    ROOT,
    START_NS,
    beginning,
    decision,
    ending,
    lines,
    reasons,
    write_run,
)

WHOLE = [*beginning(), *map(decision, range(5)), *ending()]


@pytest.fixture
def journal(tmp_path):
    return tmp_path / JOURNAL


def read(path, **given):
    return list(read_journal(path, **given))


def records(path, **given):
    return [item.record for item in read(path, **given)]


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 4096, 1 << 20])
def test_a_journal_is_read_as_it_was_written_whatever_the_size_of_the_blocks(journal, block_bytes):
    journal.write_bytes(lines(WHOLE))
    assert records(journal, block_bytes=block_bytes) == WHOLE
    assert [(item.journal, item.line) for item in read(journal)] == [
        (JOURNAL, number) for number in range(1, len(WHOLE) + 1)
    ]


@pytest.mark.parametrize("nul_bytes", [0, 1, 100, 70_000])
def test_the_preallocated_rest_is_the_end(journal, nul_bytes):
    journal.write_bytes(lines(WHOLE) + bytes(nul_bytes))
    assert records(journal, block_bytes=1000) == WHOLE


LAST = encode(decision(99))


@pytest.mark.parametrize("cut", range(len(LAST)))
@pytest.mark.parametrize("tail", [b"", bytes(3000)], ids=["cut off", "preallocated"])
def test_a_line_torn_at_any_byte_costs_that_line_only(journal, cut, tail):
    whole = lines(WHOLE)
    journal.write_bytes(whole + LAST[:cut] + tail)
    *good, last = (
        [*records(journal, block_bytes=512), None] if cut == 0 else records(journal, block_bytes=512)
    )
    assert good == WHOLE
    if cut:
        assert last == BadLine(
            number=len(WHOLE) + 1,
            offset_bytes=len(whole),
            size_bytes=cut,
            reason=f"torn: {cut} bytes, and their line has no end",
            torn=True,
        )


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b'"text"', "not a JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b'{"kind":"decision"}', "`t` is missing"),
        (b'{"kind":"guess","t":1}', "'guess' is not one of"),
        (b'{"kind":"loss","t":"1","records":1,"reason":""}', "`t` is a str"),
        (b'{"kind":"loss","t":true,"records":1,"reason":""}', "`t` is a bool"),
        (b'{"kind":"start","t":1,"trace":"","span":"","name":"","links":[1]}', "a link is not an object"),
        (b'{"kind":"event","t":1,"span":"","name":"","attributes":{"$bytes":"?"}}', "base64"),
        (b'["decision"]', "an array that is not a decision"),
        (b'["decision","a",1,"b","c",{"$float":"x"}]', "$float"),
        (b'["decision","a",1,"b","c",7]', "is a int"),
        (b"[" * 100_000, "not JSON"),
        (b"\x00" * 50, "50 NUL bytes stand in it"),
        (LAST[:20] + bytes(30) + LAST[50:-1], "30 NUL bytes stand in it"),
    ],
)
@pytest.mark.parametrize("block_bytes", [100, 1 << 20])
def test_a_damaged_line_in_the_middle_is_named_and_the_rest_is_read(journal, damage, reason, block_bytes):
    before, after = lines(WHOLE[:4]), lines(WHOLE[4:])
    journal.write_bytes(before + damage + b"\n" + after)
    found = records(journal, block_bytes=block_bytes)
    bad = found.pop(4)
    assert found == WHOLE
    assert (bad.number, bad.offset_bytes, bad.size_bytes, bad.torn) == (5, len(before), len(damage), False)
    assert reason in bad.reason


def test_a_hole_of_any_size_costs_the_lines_in_it(journal):
    """Pages that never reached the disk, before pages that did."""
    journal.write_bytes(lines(WHOLE[:4]) + bytes(500_000) + LAST[-10:] + lines(WHOLE[4:]) + bytes(8192))
    found = records(journal, block_bytes=4096)
    bad = found.pop(4)
    assert found == WHOLE
    assert "500000 NUL bytes" in bad.reason


def test_a_line_of_any_length_is_passed_over_in_bounded_memory(journal, monkeypatch):
    monkeypatch.setattr(journal_reader, "_LONGEST_LINE_BYTES", 10_000)
    longest = encode(Event(time_ns=1, span_id=ROOT, name="x" * 9_900))
    too_long = encode(Event(time_ns=1, span_id=ROOT, name="x" * 5_000_000))
    before = lines(WHOLE[:4]) + longest
    journal.write_bytes(before + too_long + lines(WHOLE[4:]) + too_long + too_long)
    tracemalloc.start()
    found = records(journal, block_bytes=4096)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    bad = [record for record in found if isinstance(record, BadLine)]
    assert [line.number for line in bad] == [6, len(WHOLE) + 3, len(WHOLE) + 4]
    assert (bad[0].offset_bytes, bad[0].size_bytes) == (len(before), len(too_long) - 1)
    assert "it is longer than" in bad[0].reason
    assert [record for record in found if not isinstance(record, BadLine | Event)] == WHOLE
    assert peak < 1_000_000


def test_an_empty_journal_and_one_that_was_only_preallocated_hold_nothing(journal):
    journal.write_bytes(b"")
    assert records(journal) == []
    journal.write_bytes(bytes(65_536))
    assert records(journal) == []


def test_without_its_header_a_journal_is_read_and_the_first_line_is_reported(journal):
    journal.write_bytes(lines(WHOLE[1:]))
    bad, *rest = records(journal)
    assert (bad.number, bad.reason) == (1, "the first line is not a journal's header")
    assert rest == WHOLE[2:]


def test_a_newer_version_is_refused_with_what_is_known(journal):
    journal.write_bytes(b'{"format":"otel-replay.journal","version":2,"anything":"else"}\n')
    with pytest.raises(FormatError, match=r"is otel-replay\.journal version 2; .* up to version 1") as caught:
        read(journal)
    assert "pip install -U otel-replay" in caught.value.hint


def test_keys_of_a_later_minor_version_are_passed_over(journal):
    journal.write_bytes(lines(WHOLE[:1]) + b'{"kind":"event","t":1,"span":"a","name":"b","colour":"green"}\n')
    assert records(journal)[1] == Event(time_ns=1, span_id="a", name="b")


def test_a_journal_that_cannot_be_read_is_a_clear_error(journal, tmp_path):
    for make in (
        lambda: None,
        journal.mkdir,
        lambda: (journal.rmdir(), os.mkfifo(journal)),
        lambda: (
            journal.unlink(),
            (tmp_path / "secret").write_bytes(lines(WHOLE)),
            journal.symlink_to("secret"),
        ),
    ):
        make()
        with pytest.raises(StoreError, match="cannot read"):
            read(journal)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.binary(max_size=8)
    | st.sampled_from(["$float", "\u2028", "\x00", "\n", "\x1b[2J"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
            | st.sampled_from(["$float", "$bytes", "$map", "a.b", ""]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
maps = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), values, max_size=4)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
times = st.integers(0, 2**63)
decisions = st.builds(
    Decision,
    time_ns=times,
    span_id=text,
    action=text,
    reason=text,
    values=st.none() | maps | values,
    cell=st.none() | maps | values,
    extra=maps,
)
events = st.builds(
    Event, time_ns=times, span_id=text, name=text, attributes=maps, dropped_attributes=st.integers(0, 9)
)
starts = st.builds(
    SpanStart, time_ns=times, trace_id=text, span_id=text, name=text, parent_id=text, attributes=maps
)


@settings(deadline=None)
@given(st.lists(decisions | events | starts, max_size=12), st.integers(1, 300), st.integers(0, 500))
def test_what_was_encoded_is_read_back_from_the_file(tmp_path_factory, given_records, block_bytes, tail):
    path = tmp_path_factory.mktemp("journal") / JOURNAL
    whole = [*beginning(), *given_records]
    path.write_bytes(lines(whole) + bytes(tail))
    assert records(path, block_bytes=block_bytes) == whole


def test_a_clock_that_is_set_back_does_not_change_the_order_of_a_journal(runs):
    set_back = [*beginning(), decision(5), decision(1), decision(7)]
    directory = write_run(runs, content=lines(set_back))
    assert [item.record for item in RunFiles(directory).records()] == set_back


def test_journals_are_merged_by_the_latest_time_that_each_has_reached(runs):
    first = [*beginning(), decision(1), decision(10), decision(2), decision(20)]
    second = [beginning()[0], decision(5), decision(11), decision(30)]
    directory = write_run(runs, journals={"a.jsonl": lines(first), "b.jsonl": lines(second)})
    # Sample 2 comes after sample 10 in its journal, so it was decided when 10 was over.
    expected = [f"sample {number}" for number in (1, 5, 10, 2, 11, 20, 30)]
    assert reasons(RunFiles(directory).records()) == expected


def test_at_equal_times_the_journals_names_decide(runs):
    one = lines([beginning()[0], decision(1, reason="a1"), decision(1, reason="a2")])
    two = lines([beginning()[0], decision(1, reason="b1"), decision(1, reason="b2")])
    directory = write_run(runs, journals={"b.jsonl": two, "a.jsonl": one})
    assert reasons(RunFiles(directory).records()) == ["a1", "a2", "b1", "b2"]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 50), max_size=8), min_size=1, max_size=4))
def test_merging_keeps_every_record_and_the_order_of_each_journal(tmp_path_factory, journal_times):
    directory = tmp_path_factory.mktemp("run")
    (directory / "journal").mkdir()
    for number, offsets in enumerate(journal_times):
        content = [
            beginning()[0],
            *(decision(at, reason=f"{number}.{place}") for place, at in enumerate(offsets)),
        ]
        (directory / "journal" / f"{number}.jsonl").write_bytes(lines(content))
    found = reasons(RunFiles(directory).records())
    for number, offsets in enumerate(journal_times):
        mine = [reason for reason in found if reason.startswith(f"{number}.")]
        assert mine == [f"{number}.{place}" for place in range(len(offsets))]
    assert len(found) == sum(map(len, journal_times))


def test_more_journals_than_a_process_may_have_open_files_are_merged(runs):
    journals = {
        f"{number:04}.jsonl": lines([beginning()[0], decision(number), Close(time_ns=START_NS, how="exit")])
        for number in range(200)
    }
    directory = write_run(runs, journals=journals)
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from otel_replay.storage.run_files import RunFiles\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "print(sum(1 for _ in RunFiles(Path(sys.argv[1])).records()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(directory)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "600\n"


@pytest.mark.parametrize("journal_count", [1, 3])
def test_memory_does_not_grow_with_the_run(runs, journal_count):
    def peak(decisions_in_each):
        many = lines(map(decision, range(decisions_in_each)))
        journals = {f"{number}.jsonl": lines(beginning()) + many for number in range(journal_count)}
        directory = write_run(runs, f"run-{decisions_in_each}", journals=journals)
        del many, journals
        files = RunFiles(directory)
        tracemalloc.start()
        count = sum(1 for _ in files.records())
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == (decisions_in_each + 2) * journal_count
        return used

    small = peak(5_000)
    assert peak(20_000) < small * 1.3


def test_links_and_other_files_among_the_journals_are_not_read(runs, tmp_path):
    directory = write_run(runs, content=lines(WHOLE))
    (tmp_path / "outside.jsonl").write_bytes(lines([WHOLE[0], decision(66)]))
    (directory / "journal" / "z.jsonl").symlink_to(tmp_path / "outside.jsonl")
    (directory / "journal" / "notes.txt").write_text("mine")
    (directory / "journal" / "a.jsonl.torn").write_bytes(LAST[:10])
    files = RunFiles(directory)
    assert [path.name for path in files.journals()] == [JOURNAL]
    os.rename(directory / "journal", tmp_path / "elsewhere")
    (directory / "journal").symlink_to(tmp_path / "elsewhere")
    assert files.journals() == []


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../run.json", "a/../../b", "", ".", "a//b", "a\\b", "a\x00b"]
)
def test_a_file_is_read_by_a_path_inside_the_run_only(runs, path):
    files = RunFiles(write_run(runs))
    with pytest.raises(FormatError, match="does not name a file inside the run"):
        files.read_file(path)
    assert files.read_file(f"journal/{JOURNAL}").startswith(b'{"kind":"journal"')


def test_the_header_record_comes_first(runs):
    first = next(iter(RunFiles(write_run(runs)).records()))
    assert isinstance(first.record, JournalHeader)
