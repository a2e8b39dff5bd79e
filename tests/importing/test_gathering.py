"""What does not fit into memory is put away in pieces, and gives the same runs as what does."""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from otel_replay.attributes import INTERRUPTED, RUN_ID, SESSION_ID, SPAN_TYPE
from otel_replay.formats.journal_v1 import encode
from otel_replay.formats.otlp_json import log_lines, span_lines
from otel_replay.formats.otlp_json_read import Read
from otel_replay.formats.spans import Log, Span
from otel_replay.importing import gathering
from otel_replay.importing.foreign_run import ForeignRun
from otel_replay.importing.otlp import OtlpReading
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

    def counted(path: Path, number: int, runs: dict[str, gathering._Gathered]) -> None:
        alive.append(sum(len(run.spans) for run in runs.values()))
        write(path, number, runs)

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


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a file is read from its beginning; little of one is held."""
    counted: list[int] = []
    read = OtlpReading.__iter__

    def reading(self: OtlpReading) -> Iterator[Read]:
        counted.append(1)
        return read(self)

    monkeypatch.setattr(OtlpReading, "__iter__", reading)
    monkeypatch.setattr(LIMIT, 5_000)
    return counted


def runs_of(path: Path) -> dict[str, list[str]]:
    """The kinds of records in each run."""
    with open_source(path) as (source, importer):
        return {
            usable_id(run, source): [one.record.kind for one in merged(run)]
            for run in read_runs(source, importer)
        }


def kinds(found: list[str]) -> list[int]:
    return [found.count(kind) for kind in ("start", "decision", "end")]


def test_a_span_that_was_sent_twice_is_one_in_a_large_file_too(tmp_path: Path, readings: list[int]) -> None:
    lines = list(span_lines(spans(100, trace=1, **{RUN_ID: "one"}), max_items=5))
    path = tmp_path / "twice.jsonl"
    path.write_bytes(b"".join([*lines, *lines, *reversed(lines)]))
    assert kinds(runs_of(path)["one"]) == [100, 100, 100]
    assert len(readings) == 1


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("end_comes", ["later", "first", "at once"])
def test_a_span_that_was_sent_open_and_then_ended_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_large: bool, end_comes: str
) -> None:
    if is_large:
        monkeypatch.setattr(LIMIT, 5_000)
    root, *rest = spans(100, trace=1, **{RUN_ID: "one", SPAN_TYPE: "run"})
    still_open = replace(
        root, attributes={**root.attributes, INTERRUPTED: True}, end_ns=root.start_ns, events=()
    )
    order = {"later": [still_open, *rest, root], "first": [root, *rest, still_open]}
    path = tmp_path / "open.jsonl"
    path.write_bytes(b"".join(span_lines(order.get(end_comes, [still_open, root, *rest]), max_items=5)))
    with open_source(path) as (source, importer):
        [run] = read_runs(source, importer)
        assert kinds([one.record.kind for one in merged(run)]) == [100, 100, 100]
        assert (run.status, run.ended_ns) == ("ok", 2_015)


@pytest.mark.parametrize("said_at", [3, 1], ids=["at the end", "at the beginning"])
def test_the_run_span_that_came_first_names_the_run_though_it_ended_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said_at: int
) -> None:
    """Of one session's traces, of which that is said later in the file."""
    (first,) = spans(1, trace=1, **{SPAN_TYPE: "run"})
    (second,) = spans(1, trace=2, **{SPAN_TYPE: "run"})
    still_open = replace(first, attributes={**first.attributes, INTERRUPTED: True}, end_ns=first.start_ns)
    below = [
        replace(one, span_id="f" * 16, parent_id=one.span_id, attributes={SESSION_ID: "talk"})
        for one in (first, second)
    ]
    every = [replace(still_open, name="one"), replace(second, name="two"), replace(first, name="one")]
    every[said_at:said_at] = below
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b"".join(span_lines(every, max_items=1)))
    names = []
    for limit in (gathering._HELD_BYTES, 0):
        monkeypatch.setattr(LIMIT, limit)
        with open_source(path) as (source, importer):
            names.append([(run.name, run.status) for run in read_runs(source, importer)])
    assert names == [[("one", "ok")]] * 2


def test_a_run_whose_process_was_killed_stays_interrupted(tmp_path: Path, readings: list[int]) -> None:
    root, *rest = spans(100, trace=1, **{RUN_ID: "one", SPAN_TYPE: "run", INTERRUPTED: True})
    path = tmp_path / "killed.jsonl"
    path.write_bytes(b"".join(span_lines([root, root, *rest, root], max_items=5)))
    with open_source(path) as (source, importer):
        [run] = read_runs(source, importer)
        assert (kinds([one.record.kind for one in merged(run)]), run.status) == ([100, 100, 100], None)


def test_what_a_run_is_called_may_be_said_at_the_end_of_a_file(tmp_path: Path, readings: list[int]) -> None:
    """As by its root, which ends last. What was put away is its own under any name, so once is enough."""
    every = [*spans(100, trace=1, **{RUN_ID: "one"}), *spans(100, trace=2, **{SESSION_ID: "talk"})]
    path = tmp_path / "late.jsonl"
    path.write_bytes(b"".join(span_lines(reversed(every), max_items=5)))
    first, second = runs_of(path).values()
    assert (kinds(first), kinds(second), len(readings)) == ([100] * 3, [100] * 3, 1)


def test_traces_that_turn_out_to_be_of_several_runs_are_read_again(
    tmp_path: Path, readings: list[int]
) -> None:
    """Both were of one session, until one of them was found to have a run id."""
    one, two = (list(spans(100, trace=number, **{SESSION_ID: "talk"})) for number in (1, 2))
    last = replace(two[-1], span_id="f" * 16, attributes={RUN_ID: "two"})
    path = tmp_path / "several.jsonl"
    path.write_bytes(b"".join(span_lines([*one, *two, last], max_items=5)))
    found = runs_of(path)
    assert (kinds(found["two"]), [len(run) for run in found.values()].count(0)) == ([101] * 3, 0)
    assert (len(found), len(readings)) == (2, 2)


def test_a_run_under_very_many_names_is_put_away_anew(
    tmp_path: Path, readings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its pieces would be read at once."""
    monkeypatch.setattr("otel_replay.importing.gathering._MOST_PIECES", 10)
    traces = [list(spans(2, trace=number, **{SESSION_ID: "talk"})) for number in range(1, 60)]
    path = tmp_path / "names.jsonl"
    path.write_bytes(b"".join(span_lines([*(t[1] for t in traces), *(t[0] for t in traces)], max_items=5)))
    [found] = runs_of(path).values()
    assert (kinds(found), len(readings)) == ([118] * 3, 2)


def any_spans(seed: int) -> list[Span]:
    """Traces with names of all kinds, none, or several; some spans are sent again, some open at first."""
    by = random.Random(seed)
    names: list[dict[str, object]] = [
        {},
        *(
            {name: f"{kind}{number}"}
            for kind, name in (("r", RUN_ID), ("s", SESSION_ID))
            for number in (1, 2)
        ),
        {SESSION_ID: "r1"},
    ]
    if seed % 2:  # no trace has two run ids
        names = [name for name in names if name.get(RUN_ID) != "r2"]
    found: list[Span] = []
    for trace in range(1, 8):
        for span in spans(by.randint(1, 12), trace=trace):
            one = (
                replace(span, attributes={**span.attributes, **by.choice(names)})
                if by.random() < 0.2
                else span
            )
            found.append(one)
            if by.random() < 0.2:
                found.append(one)
            elif by.random() < 0.1:
                found.append(replace(one, attributes={**one.attributes, INTERRUPTED: True}, events=()))
    by.shuffle(found)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_file_holds_put_away_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(b"".join(span_lines(any_spans(seed), max_items=2)))

    def seen() -> list[object]:
        with open_source(path) as (source, importer):
            runs = read_runs(source, importer)
            return [(usable_id(run, source), replace(run, journals=()), sorted(told(run))) for run in runs]

    held = seen()
    monkeypatch.setattr(LIMIT, 3_000)
    assert seen() == held
