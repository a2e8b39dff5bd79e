"""Reading spans back: continuations fold into their spans, and equal runs have equal canonical forms."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otlp_strategies import exact, examples, spans
from told_records import TRACE, A, At, B, end, event, events, journal, start

from otel_replay.formats.assemble import assemble
from otel_replay.formats.canonical import canonical, canonical_value
from otel_replay.formats.continuation import split
from otel_replay.formats.fold import fold
from otel_replay.formats.otlp_json import span_lines
from otel_replay.formats.otlp_json_read import read_lines
from otel_replay.formats.otlp_protobuf import traces_request
from otel_replay.formats.otlp_protobuf_read import read_traces_request
from otel_replay.formats.spans import Span
from otel_replay.records import Decision, Event, Resource


def a_span(**fields: Any) -> Span:
    return Span(**{"trace_id": TRACE, "span_id": A, "name": "task", "start_ns": 10, "end_ns": 90, **fields})


@examples
@given(st.integers(0, 40), st.integers(1, 7), st.integers(0, 20), st.randoms(use_true_random=False))
def test_folding_undoes_what_the_limit_did(own: int, limit: int, others: int, chance: random.Random) -> None:
    """In any order, twice, with another process's moments among them: the span has all of them, once."""
    home = journal(start(), *events(own), end(), limit=limit)
    child = journal(*events(others, 100), name="child.jsonl", limit=limit)
    made = list(assemble([*home, *child])) * 2
    chance.shuffle(made)
    [span] = fold(made)
    assert [moment.time_ns for moment in span.events] == [11 + n for n in range(own)] + [
        111 + n for n in range(others)
    ]
    assert {moment.span_id for moment in span.events} <= {A}
    assert (span.span_id, span.name, span.attributes) == (A, "task", {})


def test_moments_of_one_time_keep_the_order_in_which_they_were_recorded() -> None:
    """A coarse clock does not shuffle them, wherever the limit cuts."""
    same = [event(f"e{number}", time_ns=50) for number in range(30)]
    made = list(assemble(journal(start(), *same, end(), limit=4)))
    [span] = fold(reversed(made))
    assert [moment.name for moment in span.events] == [f"e{number}" for number in range(30)]


@pytest.mark.parametrize("limit", [1, 3, 128])
def test_the_limit_leaves_no_trace_in_the_canonical_form(limit: int) -> None:
    """Nor does the order of spans."""
    records = [start(), *events(10), start(B, 30, parent_id=A), event("x", B), end(B), end()]
    made = list(assemble(journal(*records, limit=limit)))
    assert canonical(reversed(made)) == canonical(assemble(journal(*records)))


def test_a_continuation_without_its_span_stays_what_it_is() -> None:
    """Its moments are not thrown away because the span has not come yet."""
    made = list(assemble(journal(start(), *events(6), end(), limit=4)))
    rest = [span for span in made if span.span_id != A]
    assert fold(rest) == [
        replace(rest[0], events=tuple(replace(e, span_id=rest[0].span_id) for e in rest[0].events))
    ]


def test_the_span_that_ended_is_kept_rather_than_the_interrupted_one() -> None:
    """A run was sent while it was taken for dead; its spans came again later."""
    dead = a_span(attributes={"otel_replay.interrupted": True}, message="interrupted")
    assert fold([dead, a_span(), dead]) == fold([a_span()]) == [a_span()]


def test_two_spans_with_one_id_are_not_taken_for_one() -> None:
    """Their starts differ."""
    assert len(fold([a_span(), a_span(start_ns=11)])) == 2


def test_continuations_that_name_each_other_are_kept() -> None:
    """A file may say anything; reading it ends, and loses nothing."""
    one = a_span(
        attributes={"otel_replay.continuation.of": B, "otel_replay.continuation.index": 1},
        events=(event("a"),),
    )
    two = a_span(span_id=B, attributes={"otel_replay.continuation.of": A}, events=(event("b", B),))
    [ring] = fold([one, two])
    assert sorted(moment.name for moment in ring.events if isinstance(moment, Event)) == ["a", "b"]
    itself = a_span(attributes={"otel_replay.continuation.of": A})
    assert fold([itself]) == [itself]


def test_a_chain_of_ten_thousand_continuations_is_read() -> None:
    """No recursion that a file could drive."""
    chain = [
        a_span(
            span_id=f"{n:016x}", attributes={"otel_replay.continuation.of": f"{n - 1:016x}"} if n > 1 else {}
        )
        for n in range(1, 10_001)
    ]
    assert len(fold(chain)) == 1


@examples
@given(st.lists(spans(), max_size=3, unique_by=lambda span: span.span_id), st.integers(1, 3))
def test_every_way_gives_the_same_canonical_form(written: list[Span], max_items: int) -> None:
    """Our journal, JSON lines and protobuf: with the resource, to the last bit."""
    as_json = read_lines(io.BytesIO(b"".join(span_lines(written, max_items=max_items))))
    as_protobuf = read_traces_request(traces_request(written))
    wanted = exact(canonical(written, with_resource=True))
    assert (
        exact(canonical([span for span in as_json if isinstance(span, Span)], with_resource=True)) == wanted
    )
    assert exact(canonical(as_protobuf, with_resource=True)) == wanted


def test_maps_compare_without_order_and_lists_with_it() -> None:
    """Jaeger sorts attributes by key; nobody may sort a list."""
    assert canonical([a_span(attributes={"a": 1, "b": {"x": 1, "y": 2}})]) == canonical(
        [a_span(attributes={"b": {"y": 2, "x": 1}, "a": 1})]
    )
    assert canonical([a_span(attributes={"a": [1, 2]})]) != canonical([a_span(attributes={"a": [2, 1]})])


DIFFERENT = [
    None,
    True,
    False,
    1,
    0,
    1.0,
    0.0,
    -0.0,
    float("nan"),
    float("inf"),
    "",
    "1",
    "true",
    b"",
    b"1",
    [],
    {},
    [1],
    {"int": "1"},
]


@pytest.mark.parametrize("one", range(len(DIFFERENT)))
def test_every_type_differs_from_every_other(one: int) -> None:
    """1 is not 1.0 is not true is not "1"; NaN is NaN."""
    equal = [
        n for n, other in enumerate(DIFFERENT) if canonical_value(other) == canonical_value(DIFFERENT[one])
    ]
    assert equal == [one]


def test_a_decision_is_a_decision_under_any_name() -> None:
    """Readers recognise it by its action, so its event may be called anything."""
    decision = Decision(time_ns=20, span_id=A, action="CLAMP", reason="", values={"after": 1})
    as_event = Event(
        time_ns=20,
        span_id=A,
        name="anything",
        attributes={"otel_replay.values.after": 1, "otel_replay.action": "CLAMP"},
    )
    assert canonical([a_span(events=(decision,))]) == canonical([a_span(events=(as_event,))])


def test_resources_are_compared_when_asked() -> None:
    """Collectors add to them, so they are left out otherwise."""
    one, two = a_span(), a_span(resource=Resource(id=0, attributes={"host.name": "x"}))
    assert canonical([one]) == canonical([two])
    assert canonical([one], with_resource=True) != canonical([two], with_resource=True)


def test_a_backward_span_is_the_same_whichever_way_it_came() -> None:
    """An exporter sends the end that the clock gave; the journal's reader lets it end when it starts."""
    assert canonical([a_span(end_ns=5)]) == canonical([a_span(end_ns=10)])


@examples
@given(st.integers(0, 30), st.integers(1, 4_000), st.integers(1, 9))
def test_splitting_by_size_folds_back(count: int, limit_bytes: int, limit: int) -> None:
    """A continuation may be split again; all of it comes together again."""
    made = list(assemble(journal(start(), *events(count), end(), limit=limit)))
    parts = [
        part for span in made for part in split(span, lambda one: 200 + 100 * len(one.events), limit_bytes)
    ]
    assert all(len(part.events) <= max(1, (limit_bytes - 200) // 100) for part in parts)
    assert len({part.span_id for part in parts}) == len(parts)
    assert canonical(reversed(parts)) == canonical(made)


def test_parts_and_continuations_of_one_time_keep_their_order() -> None:
    """Where no clock tells them apart, their numbers do: parts of a span come before its continuations."""
    same = [event(f"e{number}", time_ns=50) for number in range(40)]
    made = assemble(journal(start(), *same, end(), limit=16))
    parts = [part for span in made for part in split(span, lambda one: len(one.events), 3)]
    [span] = fold(reversed(parts))
    assert [moment.name for moment in span.events] == [f"e{number}" for number in range(40)]


def test_located_records_of_any_kind_are_taken() -> None:
    """The assembler asks for `record`, `journal` and `line`, and for no class."""
    assert [span.span_id for span in assemble([At(start(), "j", 1), At(end(), "j", 2)])] == [A]
