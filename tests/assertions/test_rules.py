"""Each rule: which runs fulfil it, which do not, and what it says then."""

from __future__ import annotations

import pytest

from assertions.runs import line
from otel_replay.assertions import Result, attr, decision, span, task
from otel_replay.assertions.counting import (
    Absence,
    AtLeast,
    AtMost,
    Between,
    Exactly,
    Existence,
    Init,
    Last,
)
from otel_replay.assertions.order import (
    AlternatePrecedence,
    AlternateResponse,
    AlternateSuccession,
    ChainPrecedence,
    ChainResponse,
    ChainSuccession,
    Coexistence,
    NotChainSuccession,
    NotCoexistence,
    NotSuccession,
    Precedence,
    RespondedExistence,
    Response,
    Succession,
)
from otel_replay.assertions.rule import Rule
from otel_replay.assertions.table import RULES
from otel_replay.assertions.values import All, Any, Nothing, Total
from otel_replay.errors import UsageError

A, B, C = decision("A"), decision("B"), decision("C")


def failed(result: Result) -> str:
    """The text of a failure, its lines without what stands before them."""
    assert not result
    assert result.failure is not None
    return result.failure.text


PASSES = [
    (Existence(A), "A BA AA"),
    (AtLeast(A, 2), "AA ABA AAA"),
    (Absence(A), " B BC"),
    (AtMost(A, 1), " A BA"),
    (Exactly(A, 2), "AA ABA"),
    (Exactly(A, 0), " B"),
    (Between(A, 1, 2), "A AA"),
    (Init(A), "A AB AAB"),
    (Init(A, among=A | B), "A CAB"),
    (Last(A), "A BA"),
    (Last(A, among=A | B), "BAC"),
    (RespondedExistence(A, B), " B AB BA BAC"),
    (Coexistence(A, B), " C AB BA"),
    (NotCoexistence(A, B), " A B AC BC"),
    (Response(A, B), " B AB AAB ABAB"),
    (Response(A, B, "1s"), "AB AABB"),
    (Precedence(A, B), " A AB ABB"),
    (Precedence(A, B, ended=True), "AB"),
    (Succession(A, B), " AB AABB ABAB"),
    (Succession(A, B, "1s"), "AB"),
    (AlternateResponse(A, B), " B AB ABAB BAB ABB"),
    (AlternatePrecedence(A, B), " A AB AAB ABAB"),
    (AlternateSuccession(A, B), " C AB ABAB ACB"),
    (ChainResponse(A, B), " B AB BAB"),
    (ChainResponse(A, B, among=A | B), "ACB"),
    (ChainPrecedence(A, B), " A AB ABA"),
    (ChainPrecedence(A, B, among=A | B), "ACB"),
    (ChainSuccession(A, B), " C AB ABAB CABC"),
    (ChainSuccession(A, B, among=A | B), "ACB"),
    (NotSuccession(A, B), " A B BA BBA"),
    (NotChainSuccession(A, B), " A B BA ACB"),
    (NotChainSuccession(A, B, among=decision()), "ACB"),
    (All(A, attr("n") < 5), "A AAAAA"),
    (All(A, attr("n") < 5, or_none=True), " B"),
    (Any(decision(), attr("n") == 1), "AA AB"),
    (Nothing(A), " B"),
    (Nothing(A, attr("n") > 1), " A AA BBBB"),
    (Total(attr("n").expression, decision(), at_most=3), " A AA AAA"),
    (Total(attr("n").expression, decision(), at_least=1), "AA"),
]


@pytest.mark.parametrize(
    ("rule", "letters"),
    [(rule, letters) for rule, lines in PASSES for letters in lines.split(" ")],
    ids=lambda value: str(value) or "-",
)
def test_a_run_that_fulfils_a_rule_passes(rule: Rule, letters: str) -> None:
    result = rule.check(line(letters))
    assert result.passed, result.failure
    assert result.failure is None


FAILS: list[tuple[Rule, str, str, str]] = [
    # rule, run, summary, the marked items
    (Existence(A), "", "there is none, expected at least 1", ""),
    (AtLeast(A, 2), "AB", "there is 1, expected at least 2", "✓A"),
    (Absence(A), "BAA", "there are 2, expected none", "✗A ✗A"),
    (Absence(A), "A", "there is 1, expected none", "✗A"),
    (AtMost(A, 1), "AA", "there are 2, expected at most 1", "✓A ✗A"),
    (Exactly(A, 2), "A", "there is 1, expected exactly 2", "✓A"),
    (Exactly(A, 2), "AAA", "there are 3, expected exactly 2", "✓A ✓A ✗A"),
    (Between(A, 2, 3), "A", "there is 1, expected between 2 and 3", "✓A"),
    (Between(A, 2, 3), "AAAA", "there are 4, expected between 2 and 3", "✓A ✓A ✓A ✗A"),
    (Init(A), "BA", "the first decision is B", "✗B ✓A"),
    (Init(A), "B", "the first decision is B", "✗B"),
    (Init(A), "", "there is no decision, and so no first one", ""),
    (Init(A, among=A | B), "CBA", "the first decision(A), decision(B) is B", "✗B ✓A"),
    (Last(A), "AB", "the last decision is B", "✓A ✗B"),
    (RespondedExistence(A, B), "AA", "A: there is no decision(B), and so for 1 more", "✗A ✗A"),
    (Coexistence(A, B), "A", "A: there is no decision(B)", "✗A"),
    (Coexistence(A, B), "B", "B: there is no decision(A)", "✗B"),
    (NotCoexistence(A, B), "AB", "A: there is also decision(B), and so for 1 more", "✗A ✗B"),
    (Response(A, B), "ABA", "A: no decision(B) after it", "✓A ✓B ✗A"),
    (Response(A, B, "1s"), "A..B", "A: decision(B) came 2.001s after it, expected within 1s", "✗A ✓B"),
    (Precedence(A, B), "BAB", "B: no decision(A) before it", "✗B ✓A ✓B"),
    (Succession(A, B), "BA", "A: no decision(B) after it, and so for 1 more", "✗B ✗A"),
    (Succession(A, B, "1s"), "A..B", "A: decision(B) came 2.001s after it, expected within 1s", "✗A ✓B"),
    (AlternateResponse(A, B), "AAB", "A: A came again before decision(B)", "✗A ✓A ✓B"),
    (AlternateResponse(A, B), "ABA", "A: no decision(B) after it", "✓A ✓B ✗A"),
    (AlternatePrecedence(A, B), "ABB", "B: no decision(A) between B and it", "✓A ✓B ✗B"),
    (AlternatePrecedence(A, B), "BA", "B: no decision(A) before it", "✗B ✓A"),
    (AlternateSuccession(A, B), "AABB", "A: A came again before decision(B), and so for 1 more", "✗A ✓A ✓B ✗B"),
    (ChainResponse(A, B), "ACB", "A: C comes right after it, expected decision(B)", "✗A ✓B"),
    (ChainResponse(A, B), "BA", "A: nothing comes after it, expected decision(B)", "✓B ✗A"),
    (ChainPrecedence(A, B), "ACB", "B: C comes right before it, expected decision(A)", "✓A ✗B"),
    (ChainPrecedence(A, B), "BA", "B: nothing comes before it, expected decision(A)", "✗B ✓A"),
    (ChainSuccession(A, B), "ACB", "A: C comes right after it, expected decision(B), and so for 1 more", "✗A ✗B"),
    (NotSuccession(A, B), "BACB", "B: it comes after A", "✓B ✓A ✗B"),
    (NotChainSuccession(A, B), "BAB", "B: it comes right after A", "✓B ✓A ✗B"),
    (All(A, attr("n") < 1), "AAB", "1 of 2 do not fulfil *[n < 1]", "✓A ✗A"),
    (All(A, attr("n") < 1), "B", "there is no decision(A), so nothing was checked", ""),
    (Any(A, attr("n") > 5), "AA", "none of 2 fulfils *[n > 5]", ""),
    (Nothing(A), "AA", "2 found, expected none", "✗A ✗A"),
    (Nothing(A, attr("n") == 1), "AA", "1 found, expected none", "✗A"),
    (Total(attr("n").expression, A, at_most=2), "AAAA", "n comes to 6 in 4 items, expected at most 2", "✗A ✗A ✗A ✗A"),
    (Total(attr("n").expression, A, at_least=2), "AA", "n comes to 1 in 2 items, expected at least 2", "✗A ✗A"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "letters", "summary", "marks"),
    FAILS,
    ids=[f"{rule}-{letters}" for rule, letters, *_ in FAILS],  # letters that a command line can have
)
def test_a_run_that_breaks_a_rule_fails_with_what_is_wrong_and_where(
    rule: Rule, letters: str, summary: str, marks: str
) -> None:
    result = rule.check(line(letters))
    text = failed(result)
    first, *rest = text.splitlines()
    assert first == f"{rule}: {summary}"
    shown = [word.strip() for word in rest if word.strip()[:1] in "✓✗" and "decision" in word.split("←")[0]]
    tree = [word for word in shown if word[2:].startswith("decision ")]
    assert " ".join(word[0] + word.split()[2] for word in tree) == marks
    assert [item.name for item in result.matched] != [] or not marks


def test_every_rule_has_its_failure_tried() -> None:
    tried = {rule.name for rule, *_ in FAILS}
    elsewhere = {"budget", "trajectory", "state", "cell", "no_errors", "nothing_dropped", "finished"}
    assert tried | elsewhere == set(RULES)


def test_the_whole_text_of_a_failure() -> None:
    rule = Response(decision("A"), decision("C") & (attr("n") > 5), "1s")
    assert failed(rule.check(line("ABC"))).splitlines() == [
        'response(decision(A), decision(C)[n > 5], within=\'1s\'): A: no decision(C)[n > 5] after it',
        "    run line  4ms",
        "    ✗ decision A  ← no decision(C)[n > 5] after it",
        "  nearest miss: run line > C",
        "    ✓ be a decision",
        "    ✓ be called C",
        "    ✗ expected to have n > 5, found n = 2",
    ]  # fmt: skip


def test_all_tells_of_each_what_was_expected_and_found() -> None:
    rule = All(decision(), (attr("after") < 1) & (attr("n") != 1))
    assert failed(rule.check(line("AB"))).splitlines()[1:] == [
        "    run line  3ms",
        "    ✓ decision A",
        "    ✗ decision B  ← expected after < 1, found after = 1.0; expected n != 1, found n = 1",
    ]


def test_the_nearest_miss_fails_the_fewest_conditions_and_looks_most_alike() -> None:
    rule = Existence(decision("CLAMPING_APPLIED") & (attr("n") == 2))
    run = line("ABC")
    names = ["CLAMPING_START", "SMOOTHING", "CLAMPING_APPLIE"]
    for item, name in zip(run[1:], names, strict=True):  # type: ignore[call-overload]  # a list has slices
        item.name = name
        item.record = type(item.record)(
            time_ns=1, span_id=item.span_id, action=name, reason="", values={"n": 2}
        )
    text = failed(rule.check(run))
    assert "nearest miss: run line > CLAMPING_APPLIE" in text
    assert "✗ expected to be called CLAMPING_APPLIED, found CLAMPING_APPLIE" in text


def test_where_nothing_is_alike_no_miss_is_told() -> None:
    assert "nearest miss" not in failed(Existence(task("x")).check(line("")))


def test_in_a_long_run_the_nearest_miss_is_found_among_rare_names() -> None:
    run = line("A" * 3000 + "Z" + "A" * 3000)
    text = failed(Existence(decision("Y")).check(run))
    assert "nearest miss" in text
    marks = failed(Absence(A).check(run)).splitlines()
    assert marks[-1].strip() == "… and 5990 more ✗"
    assert len(marks) == 13


def test_precedence_may_ask_that_the_first_has_ended() -> None:
    run = line("A")
    inner = Precedence(span("run line"), A)
    assert inner.check(run)
    assert "had begun but not ended before it" in failed(
        Precedence(span("run line"), A, ended=True).check(run)
    )


def test_what_a_run_says_does_not_act_upon_a_terminal() -> None:
    run = line("A")
    run[1].name = "evil\x1b[31m\nname"
    text = failed(Absence(decision()).check(run))
    assert "\x1b" not in text
    assert "evil\\x1b[31m\\nname" in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Response(A, B, "soon"), "is no length of time"),
        (lambda: Succession(A, B, "5"), "is no length of time"),
        (lambda: Total(attr("n").expression, A), "needs at_most or at_least"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_when_it_is_made(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_every_rule_says_what_it_means() -> None:
    for name, rule in RULES.items():
        assert rule.name == name
        assert rule.__doc__
        assert not rule.__doc__.startswith(f"{rule.__name__}(")
