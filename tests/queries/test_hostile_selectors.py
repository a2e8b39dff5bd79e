"""Selectors and queries that nobody should write: told in words, at their place, and never by a traceback."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_replay.analysis.comparisons import glob_pattern
from otel_replay.errors import UsageError
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.parse import selector
from otel_replay.queries.reading import SelectorError
from otel_replay.queries.words import approx, attr, decision, span
from queries import runs

TUNING = Indexed(runs.tuning())
DIGITS = "9" * 5_000

PIECES = st.sampled_from(
    [
        *(
            "decision",
            "span",
            "task",
            "tool",
            "*",
            "(",
            ")",
            "[",
            "]",
            ",",
            ">",
            " ",
            ":first",
            ":nth(",
            "-1",
        ),
        *(":not(", ":is(", ":has(", ":after(", ":before(", ":below(", ":child-of(", ":failed", ":last", "5s"),
        *(
            "after",
            "before",
            "cell.rpm",
            "duration",
            "name",
            "abs(",
            "len(",
            "{",
            "}",
            " = ",
            "<",
            ">=",
            "!=",
        ),
        *("=~", "~", "^=", "!", "7", "98.2±0.1", "1%", "500ms", "1.2.3s", DIGITS, "1e999", "nan", "-inf"),
        *(
            '"',
            "'",
            '"a b"',
            "\\",
            '"\\u00zz"',
            '"\\ud800"',
            "größe",
            "💥",
            "\x00",
            "\n",
            "null",
            "^(a|b",
            "x*",
        ),
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
@example("tool:after(run, 1.2.3s)")
@example(f"tool:before(run, {DIGITS}s)")
@example(f"decision:nth({DIGITS})")
@example(f"decision[after * {DIGITS} > 1]")
@example(f"decision[after = {DIGITS}±1%]")
@example("decision[after = 1e999±1%]")
@example("decision[after = nan]")
def test_what_is_put_together_of_pieces_is_a_selector_or_is_refused_at_its_place(text: str) -> None:
    try:
        query = selector(text)
    except SelectorError as error:
        refused = error
    else:
        assert list(query.select(TUNING)) == list(selector(str(query)).select(TUNING))
        return
    assert 0 <= refused.column <= len(text)
    assert "^" in refused.place[1]


NUMBERS = st.integers(-20, 100) | st.floats(-20, 100)


@settings(max_examples=200, deadline=None)
@given(NUMBERS, NUMBERS, st.sampled_from("+-*/"), st.booleans())
def test_a_number_may_stand_on_either_side_of_a_value(
    one: float, limit: float, sign: str, less: bool
) -> None:
    """As in Python: `100 - attr("after") < 5`, and the limit on the left as well."""
    value = attr("after")
    left = {"+": one + value, "-": one - value, "*": one * value, "/": one / value}[sign]
    query = left < limit if less else limit < left
    by_hand = []
    for item in TUNING.all:
        after = (item.attributes.get("values") or {}).get("after")
        if after is not None:
            found = {"+": one + after, "-": one - after, "*": one * after, "/": one / after}[sign]
            by_hand += [item.seq] if (found < limit if less else limit < found) else []
    assert [item.seq for item in query.select(TUNING)] == by_hand
    assert [item.seq for item in selector(str(query)).select(TUNING)] == by_hand


def test_a_value_without_its_sign_is_counted_from_nothing() -> None:
    assert [item.seq for item in (-attr("after") > 9).select(TUNING)] == [
        item.seq for item in selector("[after < -9]").select(TUNING)
    ]


@pytest.mark.parametrize(
    "name", ["a b", 'a"b', "a]b", "a.b c", "0.x", "größe", "a,b", "with{brace", "=", "\\"]
)
def test_a_value_of_any_name_is_written_as_a_selector_that_is_read_back(name: str) -> None:
    for query in (attr(name) > 1, attr(name).exists(), ~attr(name).exists(), attr(name).length() == 2):
        assert selector(str(query)).node == query.node


@settings(max_examples=200, deadline=None)
@given(NUMBERS, st.floats(0, 10), st.floats(0, 1), st.floats(-30, 120))
@example(100, 1, 0.5, 149.0)
@example(1, 0.1234567891, 0, 1.12345679)
def test_a_tolerance_is_read_back_as_it_was_given(
    number: float, by: float, share: float, value: float
) -> None:
    """Also where both are given: the larger one counts."""
    expected = attr("x") == approx(number, abs=by, rel=share)
    word, again = expected.node.word, selector(str(expected)).node.word  # type: ignore[attr-defined]  # a comparison
    assert again.tolerance == pytest.approx(word.tolerance, rel=1e-12)


MISTAKES = {
    "attr('after')": (
        *(lambda x: x and x > 3, lambda x: not x, lambda x: x or x > 3, lambda x: ~x, lambda x: bool(x)),
        *(lambda x: (x > 5) & x, lambda x: x > 5 & x < 3, lambda x: x & decision(), lambda x: x | (x > 5)),
        *(lambda x: 5 | x, lambda x: decision() & x > 5),
    ),
    "neither true nor false": (
        *(lambda x: 1 < x < 5, lambda x: x in [1, 2], lambda x: (x > 1) and (x < 5), lambda x: not (x > 1)),
        *(lambda x: 3 > x > 1, lambda x: all([x > 1, x < 3])),
    ),
    "in brackets": (lambda x: x > 5 & decision(), lambda _: True | decision(), lambda x: None & (x > 5)),
    "contains": (lambda x: "limit" in x, lambda x: 3 not in x),
    "is no text": (
        *(lambda x: x.like(5), lambda x: x.contains(5), lambda x: x.startswith(None), lambda x: x.matches(5)),
        *(lambda _: attr(5), lambda _: decision(5)),
    ),
    "no length of time": (lambda _: decision().after(span(), within=5), lambda _: attr("duration") > 5),
    "numbered from 1": (
        lambda _: decision().nth("2"),
        lambda _: decision().nth(1.5),
        lambda _: decision().nth(0),
    ),
    "is no number": (lambda x: x > "5", lambda x: x + None, lambda x: "a" - x, lambda x: x < float),
}


@pytest.mark.parametrize(
    ("said", "mistake"), [(said, mistake) for said, mistakes in MISTAKES.items() for mistake in mistakes]
)
def test_what_python_would_take_for_something_else_is_refused(said: str, mistake) -> None:
    """`and`, `not`, `in`, chains and forgotten brackets: Python gives none of them to a query."""
    with pytest.raises((UsageError, TypeError), match=re.escape(said)):
        mistake(attr("after"))


@pytest.mark.parametrize("glob", ["*a" * 20 + "b", "*" * 50 + "b", "a*" * 20 + "b*"])
def test_a_name_with_many_stars_is_looked_for_in_no_time(glob: str) -> None:
    """Each star tried at every place took longer than the age of the earth."""
    began = time.process_time()
    assert not glob_pattern(glob).fullmatch("a" * 5_000)
    assert time.process_time() - began < 2


@settings(max_examples=300, deadline=None)
@given(st.text("ab*", max_size=8), st.text("ab\n", max_size=12))
def test_a_star_stands_for_any_text(glob: str, text: str) -> None:
    def fits(glob: str, text: str) -> bool:
        if not glob:
            return not text
        if glob[0] == "*":
            return any(fits(glob[1:], text[begin:]) for begin in range(len(text) + 1))
        return text[:1] == glob[0] and fits(glob[1:], text[1:])

    assert (glob_pattern(glob).fullmatch(text) is not None) is fits(glob, text)
