"""What is told from the values of many items at once is what each item says by itself."""

from __future__ import annotations

import math

import pytest
from analysis.story import Story
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.analysis.items_builder import build_items
from otel_replay.queries.expressions import Name
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.lines import sum_of
from otel_replay.queries.nodes import And, Compare, Of
from otel_replay.queries.parse import parse
from otel_replay.queries.words import approx, attr, decision

VALUES = st.one_of(
    st.integers(-3, 3),
    st.floats(-3, 3),
    st.sampled_from(
        [float("nan"), float("inf"), -0.0, 10**400, True, False, None, "1", "a", "a*", [1], {"x": 1}]
    ),
)
SIZES = st.sampled_from(["__lt__", "__le__", "__gt__", "__ge__"])
NUMBERS = st.integers(-3, 3) | st.floats(-3, 3)
WORDS = (
    st.builds(lambda sign, number: getattr(attr("x"), sign)(number), SIZES, NUMBERS)
    | st.builds(lambda value: attr("x") == value, VALUES)
    | st.builds(lambda value: attr("x") != value, VALUES)
    | st.builds(lambda value, by: attr("x") == approx(value, abs=by), st.integers(-3, 3), st.floats(0, 2))
    | st.sampled_from([attr("x").contains("a"), attr("x").like("*"), attr("x").matches("^[a1]")])
    | st.sampled_from([attr("x").contains("."), attr("x").matches("^-0"), attr("x") > 10**400])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES | st.just("missing"), max_size=12), st.lists(WORDS, min_size=1, max_size=3))
def test_a_column_says_what_each_item_says(values, conditions) -> None:
    story = Story()
    run = story.run()
    for value in values:
        story.decide(run, values={} if value == "missing" else {"x": value})
    indexed = Indexed(build_items(story))
    query = And.of(decision().node, *(condition.node for condition in conditions))
    test = query.test(indexed)
    assert [item.seq for item in indexed.select(query)] == [item.seq for item in indexed.all if test(item)]


@pytest.mark.parametrize(
    ("selector", "places"),
    [
        ('decision[x *= "."]', [1, 3, 5]),
        ('decision[x $= ".0"]', [1, 3, 5]),
        ('decision[x =~ "^1$"]', [0, 4]),
        ('decision[abs(x) ^= "-"]', []),
        ("decision[x = 1]", [0, 1, 4, 5]),
        (f"decision[x > {10**400}]", []),
        (f"decision[x = {10**400}]", [6]),
        ("decision[x = 1±5]", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_equal_numbers_that_are_written_otherwise_are_other_texts(selector, places) -> None:
    story = Story()
    run = story.run()
    for value in (1, 1.0, 0, -0.0, 1, 1.0, 10**400):
        story.decide(run, values={"x": value})
    items = build_items(story)
    decisions = [item.seq for item in items if item.kind == "decision"]
    query = parse(selector)
    assert [decisions.index(item.seq) for item in Indexed(items).select(query)] == places
    test = query.test(Indexed(items))
    assert [decisions.index(seq) for seq in decisions if test(items[seq])] == places


@pytest.mark.parametrize(
    ("numbers", "total"), [([10**400], math.inf), ([-(10**400), 1.5], -math.inf), ([1e308, 1e308], math.inf)]
)
def test_a_sum_beyond_all_numbers_is_infinite(numbers, total) -> None:
    assert sum_of(numbers) == total


def test_what_is_remembered_is_forgotten_where_it_would_be_too_much() -> None:
    story = Story()
    run = story.run()
    for number in range(100):
        story.decide(run, values={"x": number})
    indexed = Indexed(build_items(story))
    indexed._held[id(indexed._selected)] = 10**9
    indexed._selected[Of("task")] = ()
    query = And.of(Of("decision"), Compare(Name("x"), ">", (attr("x") > 50).node.word))  # type: ignore[attr-defined]  # a comparison
    assert len(indexed.select(query)) == 49
    assert Of("task") not in indexed._selected
    assert indexed._held[id(indexed._selected)] < 1000
    assert len(indexed.select(query)) == 49
