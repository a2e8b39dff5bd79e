"""From records to spans: every moment stands in exactly one span, whatever happened to the run."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from told_records import TRACE, A, At, B, end, event, events, journal, names, start

from otel_replay.formats.assemble import assemble
from otel_replay.formats.continuation import continuation_id
from otel_replay.formats.fold import fold
from otel_replay.formats.spans import Span
from otel_replay.records import Close, Decision, Loss, Resource, Scope, SpanUpdate


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


def test_events_of_opentelemetry_are_counted_apart_from_those_of_the_recording_api() -> None:
    """An exporter sees only ours in continuations while the program runs: ids must come out the same."""
    mixed = [moment for n in range(6) for moment in (event(f"foreign{n}"), *events(1, first=n))]
    made = list(assemble(journal(start(), *mixed, end(), limit=4)))
    whole, own, foreign = made
    assert [name for name in names(whole) if name.startswith("e")] == ["e0", "e1", "e2", "e3"]
    assert (own.span_id, names(own)) == (continuation_id(A, "1"), ["e4", "e5"])
    assert (foreign.span_id, names(foreign)) == (continuation_id(A, "foreign/0"), ["foreign4", "foreign5"])
    assert len(fold(made)[0].events) == 12


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
