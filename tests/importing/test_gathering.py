"""What does not fit into memory is put away in pieces, and gives the same runs as what does."""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from otel_replay.attributes import RUN_ID, SESSION_ID
from otel_replay.formats.journal_v1 import encode
from otel_replay.formats.otlp_json import log_lines, span_lines
from otel_replay.formats.spans import Log, Span
from otel_replay.importing import gathering
from otel_replay.importing.foreign_run import ForeignRun
from otel_replay.importing.reading import merged, open_source, read_runs, usable_id
from otel_replay.loading import load_runs
from otel_replay.records import Decision, LogEntry, Resource, Scope

LIMIT = "otel_replay.importing.gathering._HELD_BYTES"


def spans(count: int, *, trace: int, **attributes: object) -> Iterator[Span]:
    """A root and spans below it, each with a decision."""
    for number in range(1, count + 1):
        span_id, time_ns = f"{trace * 100_000 + number:016x}", 1_000 * trace + 10 * number
        yield Span(
            trace_id=f"{trace:032x}",
            span_id=span_id,
            parent_id=f"{trace * 100_000 + 1:016x}" if number > 1 else "",
            name=f"span {number}",
            start_ns=time_ns,
            end_ns=time_ns + 15,
            attributes=attributes if number == 1 else {"n": number},
            events=(
                Decision(time_ns=time_ns + 5, span_id=span_id, action="SET", reason="", values={"n": number}),
            ),
            resource=Resource(id=0, attributes={"service.name": "tuner"}),
            scope=Scope(id=0, name=f"scope {number % 3}"),
        )


def told(run: ForeignRun) -> list[bytes]:
    """What a run says, in the order in which it says it, without the numbers of its journals."""
    return [
        encode(one.record)
        for one in merged(run)
        if one.record.kind not in {"resource", "scope", "start"} and not isinstance(one.record, LogEntry)
    ]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three runs whose spans stand in any order: one by its id, one by its session, two ids in one trace."""
    two = [*spans(40, trace=3, **{RUN_ID: "outer"})]
    inner = [*spans(2, trace=4, **{RUN_ID: "inner"})]
    below = Span(trace_id=two[0].trace_id, span_id="f" * 16, parent_id=two[5].span_id, name="inner",
                 start_ns=5_000, end_ns=5_010, attributes={RUN_ID: "inner"})  # fmt: skip
    last = Span(trace_id=two[0].trace_id, span_id="e" * 16, parent_id="f" * 16, name="below inner",
                start_ns=5_001, end_ns=5_002)  # fmt: skip
    every = [
        *spans(200, trace=1, **{RUN_ID: "first"}),
        *spans(100, trace=2, **{SESSION_ID: "talk"}),
        *(*two, *inner, below, last),
    ]
    random.Random(7).shuffle(every)
    entry = LogEntry(time_ns=1_500, trace_id=f"{1:032x}", span_id=f"{100_001:016x}", body="said")
    path = tmp_path / "archive.jsonl"
    path.write_bytes(b"".join([*span_lines(every, max_items=5), *log_lines([Log(entry=entry)])]))
    return path


def test_a_file_that_is_put_away_gives_the_runs_of_one_that_is_held(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_source(archive) as (source, importer):
        held = {usable_id(run, source): run for run in read_runs(source, importer)}
        monkeypatch.setattr(LIMIT, 5_000)
        away = {usable_id(run, source): run for run in read_runs(source, importer)}
        assert {"first", "outer", "inner"} < set(held)
        assert list(away) == list(held)
        assert len(away["first"].journals) > 10
        for run_id, run in held.items():
            assert sorted(told(away[run_id])) == sorted(told(run))
            assert replace(away[run_id], journals=()) == replace(run, journals=())


def test_the_items_of_a_file_that_is_put_away_are_the_same(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen() -> list[object]:
        return [
            (items.run_id, sorted((item.start_ns, item.name, item.path(), item.end_ns) for item in items))
            for items in load_runs(archive)
        ]

    held = seen()
    monkeypatch.setattr(LIMIT, 5_000)
    assert seen() == held


def test_no_more_is_held_of_a_large_file_than_of_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMIT, 50_000)
    alive = [0]
    write = gathering._write

    def counted(path: Path, runs: dict[str, gathering._Gathered]) -> None:
        alive.append(sum(len(run.spans) for run in runs.values()))
        write(path, runs)

    monkeypatch.setattr(gathering, "_write", counted)
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"".join(span_lines(spans(1_000, trace=1, **{RUN_ID: "one"}), max_items=10)))
    with open_source(path) as (source, importer):
        (run,) = read_runs(source, importer)
        assert sum(isinstance(one.record, Decision) for one in merged(run)) == 1_000
    assert len(alive) > 10
    assert max(alive) <= 120


def test_a_run_in_more_pieces_than_files_may_be_open_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMIT, 2_000)
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"".join(span_lines(spans(1_000, trace=1, **{RUN_ID: "one"}), max_items=5)))
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open_source(path) as (source, importer):
        (run,) = read_runs(source, importer)
        assert len(run.journals) > 100
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 10, most))
        try:
            assert sum(isinstance(one.record, Decision) for one in merged(run)) == 1_000
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


def test_a_span_that_was_sent_twice_is_one_with_what_happened_in_it(tmp_path: Path) -> None:
    """As a sender repeats a request of which it did not hear that it arrived."""
    lines = list(span_lines(spans(10, trace=1, **{RUN_ID: "one"}), max_items=5))
    path = tmp_path / "twice.jsonl"
    path.write_bytes(b"".join([lines[0], *lines]))
    with open_source(path) as (source, importer):
        (run,) = read_runs(source, importer)
        kinds = [one.record.kind for one in merged(run)]
    assert [kinds.count(kind) for kind in ("start", "decision", "end")] == [10, 10, 10]


def test_nothing_that_was_put_away_is_left(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMIT, 5_000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert [len(items) for items in load_runs(archive)]
    assert not list((tmp_path / "temporary").iterdir())
