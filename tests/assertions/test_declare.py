"""DECLARE's templates as the literature defines them, by finite LTL, on every short run of three letters.

The formulas are those of C. Di Ciccio and M. Mecella (ACM TMIS 5(4), 2015) in linear temporal logic on finite
traces, and are worked out here letter by letter: the rules of ours share nothing with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import product

import pytest

from assertions.runs import line
from otel_replay.assertions.rule import Rule
from otel_replay.assertions.table import RULES
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.words import decision

Formula = Callable[[str, int], bool]
"""Whether a formula holds of a trace from one of its places on."""


def letter(wanted: str) -> Formula:
    return lambda trace, place: place < len(trace) and trace[place] == wanted


def no(inner: Formula) -> Formula:
    return lambda trace, place: not inner(trace, place)


def both(*inner: Formula) -> Formula:
    return lambda trace, place: all(one(trace, place) for one in inner)


def implies(left: Formula, right: Formula) -> Formula:
    return lambda trace, place: not left(trace, place) or right(trace, place)


def following(inner: Formula) -> Formula:
    """X: there is a next place, and it holds there."""
    return lambda trace, place: place + 1 < len(trace) and inner(trace, place + 1)


def if_following(inner: Formula) -> Formula:
    """The weak X: it holds at the next place, if there is one."""
    return no(following(no(inner)))


def sometime(inner: Formula) -> Formula:
    return lambda trace, place: any(inner(trace, later) for later in range(place, len(trace)))


def always(inner: Formula) -> Formula:
    return no(sometime(no(inner)))


def until(left: Formula, right: Formula) -> Formula:
    return lambda trace, place: any(
        right(trace, end) and all(left(trace, before) for before in range(place, end))
        for end in range(place, len(trace))
    )


def unless(left: Formula, right: Formula) -> Formula:
    """W: as `until`, or `left` holds to the end."""
    return lambda trace, place: until(left, right)(trace, place) or always(left)(trace, place)


def times(low: int, high: float = float("inf")) -> Formula:
    return lambda trace, _: low <= trace.count("a") <= high


def first_place(inner: Formula) -> Formula:
    return lambda trace, place: bool(trace) and inner(trace, place)


def last_place(inner: Formula) -> Formula:
    return lambda trace, _: bool(trace) and inner(trace, len(trace) - 1)


A, B = letter("a"), letter("b")

RESPONSE = always(implies(A, sometime(B)))
PRECEDENCE = unless(no(B), A)
ALTERNATE_RESPONSE = always(implies(A, following(until(no(A), B))))
ALTERNATE_PRECEDENCE = both(PRECEDENCE, always(implies(B, if_following(unless(no(B), A)))))
CHAIN_RESPONSE = always(implies(A, following(B)))
CHAIN_PRECEDENCE = both(no(B), always(implies(following(B), A)))

OF_ONE: dict[str, tuple[tuple[int, ...], Formula]] = {
    "existence": ((), times(1)),
    "absence": ((), times(0, 0)),
    "at_least": ((2,), times(2)),
    "at_most": ((2,), times(0, 2)),
    "exactly": ((2,), times(2, 2)),
    "between": ((1, 3), times(1, 3)),
    "init": ((), first_place(A)),
    "last": ((), last_place(A)),
}

OF_TWO: dict[str, Formula] = {
    "responded_existence": implies(sometime(A), sometime(B)),
    "coexistence": both(implies(sometime(A), sometime(B)), implies(sometime(B), sometime(A))),
    "response": RESPONSE,
    "precedence": PRECEDENCE,
    "succession": both(RESPONSE, PRECEDENCE),
    "alternate_response": ALTERNATE_RESPONSE,
    "alternate_precedence": ALTERNATE_PRECEDENCE,
    "alternate_succession": both(ALTERNATE_RESPONSE, ALTERNATE_PRECEDENCE),
    "chain_response": CHAIN_RESPONSE,
    "chain_precedence": CHAIN_PRECEDENCE,
    "chain_succession": both(CHAIN_RESPONSE, CHAIN_PRECEDENCE),
    "not_coexistence": no(both(sometime(A), sometime(B))),
    "not_succession": always(implies(A, no(sometime(B)))),
    "not_chain_succession": always(implies(A, no(following(B)))),
}


@cache
def runs() -> dict[str, Indexed]:
    """Every run of up to five decisions of three kinds: 364."""
    traces = ("".join(letters) for length in range(6) for letters in product("abc", repeat=length))
    return {trace: Indexed(line(trace)) for trace in traces}


def otherwise(rule: Rule, formula: Formula) -> Iterable[str]:
    return [trace for trace, run in runs().items() if rule.check(run).passed != formula(trace, 0)]


@pytest.mark.parametrize("name", OF_ONE)
def test_a_template_of_one_says_of_every_short_run_what_its_formula_says(name: str) -> None:
    arguments, formula = OF_ONE[name]
    assert otherwise(RULES[name](decision("a"), *arguments), formula) == []


@pytest.mark.parametrize("name", OF_TWO)
def test_a_template_of_two_says_of_every_short_run_what_its_formula_says(name: str) -> None:
    assert otherwise(RULES[name](decision("a"), decision("b")), OF_TWO[name]) == []


def test_every_template_of_order_and_number_is_tried() -> None:
    modules = {"otel_replay.assertions.order", "otel_replay.assertions.counting"}
    assert {name for name, rule in RULES.items() if rule.__module__ in modules} == {*OF_ONE, *OF_TWO}


def test_an_item_that_is_both_is_neither_its_own_answer_nor_its_own_cause() -> None:
    """Where the formulas let a place answer itself, a rule asks for another: `response(a, a)` means again."""
    both_ = decision("*")
    assert not RULES["response"](decision("a"), both_).check(Indexed(line("ba"))).passed
    assert RULES["response"](decision("a"), both_).check(Indexed(line("ab"))).passed
    assert not RULES["precedence"](both_, decision("a")).check(Indexed(line("a"))).passed
    assert RULES["not_succession"](decision("a"), both_).check(Indexed(line("a"))).passed
    assert not RULES["not_succession"](decision("a"), both_).check(Indexed(line("aa"))).passed
