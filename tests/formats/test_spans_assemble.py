"""From records to spans: every moment stands in exactly one span, whatever happened to the run."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otlp_strategies import exact, examples, spans

from otel_replay.formats import assemble as assembling
from otel_replay.formats.assemble import Assembler, assemble, logs
from otel_replay.formats.continuation import continuation_id, lost_trace_id
from otel_replay.formats.spans import Log, Span, log_records, span_records
from otel_replay.records import (
    BadLine,
    Close,
    Decision,
    Event,
    JournalHeader,
    LogEntry,
    Loss,
    Resource,
    Scope,
    SpanEnd,
    SpanStart,
    SpanUpdate,
)

TRACE = "5b8efff798038103d269b633813fc60c"
A = "00000000000000aa"
B = "00000000000000bb"


@dataclass
class At:
    """A record and where it stands."""

    record: Any
    journal: str
    line: int


def journal(*records: Any, name: str = "home.jsonl", limit: int = 128) -> list[At]:
    header = JournalHeader(version=1, run_id="r1", time_ns=0, event_limit=limit)
    return [At(record, name, line) for line, record in enumerate((header, *records), 1)]


def start(span_id: str = A, time_ns: int = 10, **fields: Any) -> SpanStart:
    return SpanStart(**{"time_ns": time_ns, "trace_id": TRACE, "span_id": span_id, "name": "task", **fields})


def end(span_id: str = A, time_ns: int = 90, **fields: Any) -> SpanEnd:
    return SpanEnd(time_ns=time_ns, span_id=span_id, **fields)


def event(name: str, span_id: str = A, time_ns: int = 50) -> Event:
    return Event(time_ns=time_ns, span_id=span_id, name=name)


def events(count: int, first: int = 0, span_id: str = A) -> list[Event]:
    return [event(f"e{number}", span_id, 11 + number) for number in range(first, first + count)]


def names(span: Span) -> list[str]:
    return [moment.name for moment in span.events if isinstance(moment, Event)]


def test_a_span_is_its_start_its_moments_and_its_end() -> None:
    """Attributes of the end stand over those of updates, and these over the start's; links are added up."""
    decision = Decision(time_ns=20, span_id=A, action="CLAMP", reason="high", values={"after": 1.5})
    [span] = assemble(
        journal(
            Resource(id=1, attributes={"service.name": "tuner"}),
            Scope(id=2, name="lib"),
            start(
                attributes={"a": 1, "b": 1, "c": 1},
                parent_id=B,
                flags=256,
                resource=1,
                scope=2,
                trace_state="v=1",
            ),
            SpanUpdate(time_ns=15, span_id=A, attributes={"b": 2, "c": 2}),
            decision,
            event("e"),
            end(
                status="error",
                message="no",
                name="task renamed",
                attributes={"c": 3, "d": 3},
                dropped_events=4,
            ),
        )
    )
    assert span == Span(
        trace_id=TRACE,
        span_id=A,
        parent_id=B,
        name="task renamed",
        start_ns=10,
        end_ns=90,
        attributes={"a": 1, "b": 2, "c": 3, "d": 3},
        events=(decision, event("e")),
        status="error",
        message="no",
        flags=256,
        trace_state="v=1",
        dropped_events=4,
        resource=Resource(id=0, attributes={"service.name": "tuner"}),
        scope=Scope(id=0, name="lib"),
    )


def test_spans_come_as_soon_as_they_end() -> None:
    """A reader needs not wait for the run."""
    asked: list[int] = []

    def records() -> Iterator[At]:
        for at in journal(start(A), start(B), end(B), event("late"), end(A)):
            asked.append(at.line)
            yield at

    stream = assemble(records())
    assert next(stream).span_id == B
    assert asked == [1, 2, 3, 4]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 8, 9, 23])
def test_moments_beyond_the_limit_stand_in_continuations(count: int) -> None:
    """Moment n is in continuation n // limit, whose id anybody can derive."""
    made = list(assemble(journal(start(attributes={"x": 1}), *events(count), end(), limit=4)))
    whole = next(span for span in made if span.span_id == A)
    rest = [span for span in made if span is not whole]
    assert [name for span in [whole, *rest] for name in names(span)] == [f"e{n}" for n in range(count)]
    for index, span in enumerate(rest, 1):
        assert span.span_id == continuation_id(A, str(index))
        assert (span.trace_id, span.parent_id, span.name) == (TRACE, A, "task (continued)")
        assert span.attributes == {
            "otel_replay.continuation.of": A,
            "otel_replay.continuation.index": index,
            "otel_replay.run.id": "r1",
        }
        assert (span.start_ns, span.end_ns) == (span.events[0].time_ns, span.events[-1].time_ns)
        assert len(span.events) <= 4
    assert len(rest) == max(0, -(-count // 4) - 1)


def test_a_full_continuation_does_not_wait_for_the_span_to_end() -> None:
    """A run of days shows up while it goes on."""
    stream = assemble(iter(journal(start(), *events(8), limit=4)), open_spans="leave")
    assert names(next(stream)) == ["e4", "e5", "e6", "e7"]
    assert list(stream) == []


def test_an_open_span_ends_with_the_last_sign_of_life() -> None:
    """It says that it was interrupted; a recovery months later is no sign of life."""
    records = journal(
        start(), start(B, 20), event("e", B, 70), Loss(time_ns=80, records=1, reason="full disk")
    )
    records.append(At(Close(time_ns=10**18, how="recovered"), "home.jsonl", 6))
    first, second = assemble(records)
    for span in (first, second):
        assert (span.end_ns, span.status, span.message) == (80, "error", "interrupted")
        assert span.attributes == {"otel_replay.interrupted": True}
    assert names(second) == ["e"]


def test_the_open_spans_of_a_run_that_goes_on_are_left() -> None:
    """They are not interrupted; they are not over."""
    made = assemble(journal(start(), event("e"), start(B), end(B)), open_spans="leave")
    assert [span.span_id for span in made] == [B]


def test_late_moments_get_a_continuation_of_their_own() -> None:
    """What is said of a span after its end is kept, under the next free number, when the journal closes."""
    made = list(
        assemble(
            journal(
                start(), *events(5), end(), event("late", time_ns=99), Close(time_ns=100, how="exit"), limit=4
            )
        )
    )
    assert [names(span) for span in made] == [["e0", "e1", "e2", "e3"], ["e4"], ["late"]]
    assert made[2].span_id == continuation_id(A, "2")
    assert made[2].name == "task (continued)"


def test_moments_of_another_journal_never_go_into_the_span() -> None:
    """Its own process may send it at any time; the other's moments have the journal's name in their id."""
    home = journal(start(), event("mine"), limit=4)
    other = journal(*events(6), Close(time_ns=80, how="exit"), name="child.jsonl", limit=4)
    made = list(assemble([*home, *other, At(end(), "home.jsonl", 9), At(event("more"), "child.jsonl", 10)]))
    assert [names(span) for span in made] == [["e0", "e1", "e2", "e3"], ["e4", "e5"], ["mine"], ["more"]]
    assert [span.span_id for span in made] == [
        continuation_id(A, "child.jsonl/0"),
        continuation_id(A, "child.jsonl/1"),
        A,
        continuation_id(A, "child.jsonl/2"),
    ]
    assert {span.trace_id for span in made} == {TRACE}


def test_moments_that_are_read_before_their_span_find_it() -> None:
    """Journals are merged by time, and clocks differ."""
    other = journal(event("early"), name="child.jsonl")
    home = journal(start(), end())
    whole, early = assemble([*other, *home])
    assert (early.name, early.parent_id, names(early)) == ("task (continued)", A, ["early"])
    assert whole.events == ()


def test_moments_without_a_start_are_kept() -> None:
    """The start's line may be damaged; the moments stand in the run's trace, under the missing span's id."""
    damaged = BadLine(number=2, offset_bytes=0, size_bytes=9, reason="not JSON")
    made = list(assemble(journal(damaged, *events(5), end(), start(B), end(B), limit=4)))
    lost = [span for span in made if span.span_id != B]
    assert [names(span) for span in lost] == [["e0", "e1", "e2", "e3"], ["e4"]]
    assert {span.name for span in lost} == {"span without a start (continued)"}
    assert [span.parent_id for span in lost] == [A, A]
    assert lost[0].trace_id == lost_trace_id("r1")
    assert lost[1].trace_id == TRACE


def test_the_end_in_the_journal_of_the_start_counts() -> None:
    """A forked child ends its copy of the span too; updates of the child go with the child's end."""
    child = journal(
        SpanUpdate(time_ns=20, span_id=A, attributes={"who": "child"}),
        end(status="error", time_ns=30),
        name="b.jsonl",
    )
    home = journal(start(), name="a.jsonl")
    [span] = assemble(
        [*home, *child, At(end(status="ok"), "a.jsonl", 3), At(end(message="again"), "a.jsonl", 4)]
    )
    assert (span.status, span.end_ns, span.message, span.attributes) == ("ok", 90, "", {})
    [span] = assemble([*home, *child])
    assert (span.status, span.end_ns, span.attributes) == ("error", 30, {"who": "child"})


def test_a_clock_that_is_set_back_makes_no_negative_span() -> None:
    """It ends when it starts; its moments keep their times and their order."""
    [span] = assemble(
        journal(start(time_ns=100), event("e", time_ns=80), event("f", time_ns=70), end(time_ns=60))
    )
    assert (span.start_ns, span.end_ns, names(span)) == (100, 100, ["e", "f"])


def test_a_continuation_across_a_clock_that_is_set_back_is_not_negative() -> None:
    """The same rule."""
    made = list(
        assemble(journal(start(), event("a"), event("b", time_ns=60), event("c", time_ns=40), end(), limit=1))
    )
    assert all(span.end_ns >= span.start_ns for span in made)


def test_a_span_told_twice_is_kept_once() -> None:
    """A receiver that got the same request twice, or two journals that hold the same span."""
    telling = [start(), event("e"), end()]
    made = list(assemble([*journal(*telling, *telling), *journal(*telling, name="other.jsonl")]))
    assert len(made) == 1
    assert names(made[0]) == ["e"]


def test_a_start_that_stands_twice_loses_no_moment() -> None:
    """The second is passed over, and what follows belongs to the span."""
    [span] = assemble(journal(start(), event("a"), start(), event("b"), end()))
    assert names(span) == ["a", "b"]


def test_two_spans_with_one_id_are_both_kept() -> None:
    """Programs that seed `random` and fork make equal ids; each journal knows which span it means."""
    one = journal(start(), event("one"), name="a.jsonl")
    two = journal(start(time_ns=11, name="other"), event("two"), name="b.jsonl")
    made = list(assemble([*one, *two, At(end(), "a.jsonl", 5), At(end(), "b.jsonl", 5)]))
    assert [(span.name, span.start_ns, names(span)) for span in made] == [
        ("task", 10, ["one"]),
        ("other", 11, ["two"]),
    ]


def test_a_second_span_with_the_id_of_an_open_one_interrupts_it() -> None:
    """In one journal it can only be that nobody will end the first."""
    first, second = assemble(journal(start(), event("a"), start(time_ns=60), event("b", time_ns=70), end()))
    assert (first.message, names(first)) == ("interrupted", ["a"])
    assert (second.message, names(second)) == ("", ["b"])


def test_an_end_without_a_start_tells_of_no_span() -> None:
    """Nothing is guessed about it."""
    assert list(assemble(journal(end(), SpanUpdate(time_ns=1, span_id=B)))) == []


def test_the_run_id_is_taken_from_the_start_where_the_header_is_lost() -> None:
    """A damaged first line does not make the moments nobody's."""
    records = journal(start(attributes={"otel_replay.run.id": "r9"}), *events(129), end())[1:]
    made = list(assemble(records))
    assert made[1].attributes["otel_replay.run.id"] == "r9"


def test_late_moments_of_long_forgotten_spans_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory for ended spans is bounded; what comes too late stands without the span's name."""
    monkeypatch.setattr(assembling, "REMEMBERED_SPANS", 2)
    monkeypatch.setattr(assembling, "REMEMBERED_ASIDE", 2)
    ids = [f"{number:016x}" for number in range(1, 7)]
    tellings = [record for span_id in ids for record in (start(span_id), end(span_id))]
    late = [event(f"late {span_id}", span_id) for span_id in ids]
    made = list(assemble(journal(*tellings, *late)))
    kept = [(span.parent_id, names(span), span.name) for span in made if span.events]
    forgotten = "span without a start (continued)"
    assert kept == [
        *[(span_id, [f"late {span_id}"], forgotten) for span_id in ids[:4]],
        *[(span_id, [f"late {span_id}"], "task (continued)") for span_id in ids[4:]],
    ]


@st.composite
def any_records(draw: Any) -> list[At]:
    """Records of a few spans in a few journals, in any order and disorder."""
    tick = st.integers(1, 40)
    span_id = st.sampled_from([A, B, "00000000000000cc"])
    record = st.one_of(
        st.builds(start, span_id, tick),
        st.builds(end, span_id, tick),
        st.builds(lambda span, time, n: event(f"e{n}", span, time), span_id, tick, st.integers(0, 9)),
        st.builds(
            lambda span, time: SpanUpdate(time_ns=time, span_id=span, attributes={"u": time}), span_id, tick
        ),
        st.builds(lambda time: Close(time_ns=time, how="exit"), tick),
    )
    lines: dict[str, int] = {}
    records = []
    for item in draw(st.lists(st.tuples(record, st.sampled_from(["a.jsonl", "b.jsonl"])), max_size=40)):
        lines[item[1]] = lines.get(item[1], 1) + 1
        records.append(At(item[0], item[1], lines[item[1]]))
    limit = JournalHeader(version=1, run_id="r1", time_ns=0, event_limit=draw(st.integers(1, 4)))
    return [At(limit, "a.jsonl", 1), At(limit, "b.jsonl", 1), *records]


@examples
@given(any_records())
def test_no_moment_is_lost_or_doubled_unless_its_span_is_told_twice(records: list[At]) -> None:
    """Whatever the disorder: each event comes out at most once, and once where no start stands twice."""
    made = list(assemble(records))
    out = [id(moment) for span in made for moment in span.events]
    put_in = [id(at.record) for at in records if at.record.kind == "event"]
    assert len(out) == len(set(out))
    assert set(out) <= set(put_in)
    starts = [(at.record.span_id, at.record.time_ns) for at in records if at.record.kind == "start"]
    if len(starts) == len(set(starts)):
        assert set(out) == set(put_in)
    assert all(span.end_ns >= span.start_ns and len(span.events) <= 4 for span in made)


@examples
@given(any_records())
def test_the_same_records_give_the_same_spans(records: list[At]) -> None:
    """Ids included: who sends a run again after a crash sends the same spans."""
    assert list(assemble(records)) == list(assemble(records))


@examples
@given(any_records(), st.data())
def test_a_journals_own_spans_do_not_depend_on_the_others(records: list[At], data: Any) -> None:
    """What `send` relies on: however journals interleave, the spans that end in one come at the same line."""

    def triggered(order: Iterable[At]) -> dict[str, list[tuple[int, str]]]:
        assembler = Assembler()
        found: dict[str, list[tuple[int, str]]] = {"a.jsonl": [], "b.jsonl": []}
        for at in order:
            for span in assembler.feed(at):
                if span.parent_id == "" or at.journal == "a.jsonl":
                    found[at.journal].append((at.line, exact(names(span))))
        return found

    # One journal starts the spans, the other only has moments of them, so that no span is started in both.
    mine = [at for at in records if at.journal == "a.jsonl"]
    theirs = [at for at in records if at.journal == "b.jsonl" and at.record.kind in {"journal", "event"}]
    mixed: list[At] = []
    left, right = list(mine), list(theirs)
    while left or right:
        take = left if left and (not right or data.draw(st.booleans())) else right
        mixed.append(take.pop(0))
    assert triggered(mixed)["a.jsonl"] == triggered([*mine, *theirs])["a.jsonl"]


@examples
@given(st.lists(spans(), max_size=4, unique_by=lambda span: span.span_id))
def test_spans_become_records_and_spans_again(written: list[Span]) -> None:
    """The journal can be rebuilt from OTLP: nothing but the end of a backward span changes."""
    tidy = [span for span in written if span.end_ns >= span.start_ns]
    records = [At(record, "j", line) for line, record in enumerate(span_records(tidy), 1)]
    assert [exact(span) for span in assemble(records)] == [exact(span) for span in tidy]


def test_a_resource_is_written_once_for_all_its_spans() -> None:
    """Spans from outside each bring their own copy of it."""
    many = [
        Span(
            trace_id=TRACE,
            span_id=f"{n:016x}",
            name="x",
            start_ns=1,
            end_ns=2,
            resource=Resource(id=0, attributes={"s": n % 2}),
        )
        for n in range(1, 9)
    ]
    records = list(span_records(many))
    assert [record.id for record in records if record.kind == "resource"] == [1, 2]
    assert [record.resource for record in records if record.kind == "start"] == [1, 2] * 4


def test_log_entries_find_their_resource_and_scope() -> None:
    """They name them by number, as spans do."""
    log = Log(
        entry=LogEntry(time_ns=5, event_name="session.start"),
        resource=Resource(id=0, attributes={"service.name": "agent"}),
        scope=Scope(id=0, name="lib"),
    )
    records = [At(record, "j", line) for line, record in enumerate(log_records([log, log]), 1)]
    [first, second] = logs(records)
    assert first == second
    assert (first.resource, first.scope, first.entry.event_name) == (log.resource, log.scope, "session.start")


def test_a_hundred_thousand_decisions_stream_in_constant_memory() -> None:
    """On one span, in one journal: the assembler holds two lists of 128, whatever the number."""

    def records(count: int) -> Iterator[At]:
        yield from journal(start())
        for number in range(count):
            yield At(
                Decision(time_ns=number, span_id=A, action="CLAMP", reason="high", values={"n": number}),
                "home.jsonl",
                number,
            )

    def peak(count: int) -> int:
        tracemalloc.start()
        total = sum(len(span.events) for span in assemble(records(count)))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert total == count
        return used

    assert peak(100_000) < peak(2_000) + 50_000
