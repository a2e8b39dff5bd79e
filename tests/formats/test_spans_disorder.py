"""From records to spans where records come late, twice, without a start or by a wrong clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otlp_strategies import exact, examples
from told_records import TRACE, A, At, B, end, event, events, journal, names, start

from otel_replay.formats import assemble as assembling
from otel_replay.formats.assemble import Assembler, assemble
from otel_replay.formats.continuation import continuation_id, lost_trace_id
from otel_replay.records import BadLine, Close, JournalHeader, SpanUpdate


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
