"""Where a rule just holds and just fails: limits that are reached, items that are both, lists that are long."""

from __future__ import annotations

import math

import pytest
from analysis.story import Story

from assertions.runs import calls, line, spent
from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import attr, check, decision, task, tool
from otel_replay.assertions.order import Precedence
from otel_replay.assertions.report import plain
from otel_replay.assertions.trajectory import calls_of
from otel_replay.errors import UsageError
from otel_replay.records import Event, LogEntry, Loss

A, B = decision("A"), decision("B")


def lines_of(result: object) -> list[str]:
    """The text of a failure, line by line."""
    failure = getattr(result, "failure", None)
    assert failure is not None
    return failure.text.splitlines()


# -- order ---------------------------------------------------------------------------------------------------


def test_an_answer_that_comes_just_in_time_is_in_time() -> None:
    t = check(line("A..B"))
    assert t.response(A, B, within="2001ms")
    assert not t.response(A, B, within="2000ms")
    assert t.succession(A, B, within="2001ms")
    assert not t.succession(A, B, within="2000ms")


def test_the_time_to_an_answer_counts_from_the_end_of_what_is_answered() -> None:
    run = calls(["a", "b"], "c")
    assert check(run).response(tool("a"), tool("c"), within="2ms")
    assert not check(run).response(tool("a"), tool("c"), within="1ms")
    assert check(run).response(tool("a"), tool("b"), within="0s"), "it came before the other's end"


def test_each_answer_that_comes_too_late_is_told_and_no_other() -> None:
    marks = check(line("A.BAB")).response(A, B, within="1s").failure
    assert marks is not None
    assert [mark.item.seq for mark in marks.bad] == [1]
    both = check(line("A.BA.B")).response(A, B, within="1s").failure
    assert both is not None
    assert [mark.item.seq for mark in both.bad] == [1, 3]
    one = check(line("A.BA..B")).response(A, B, within="1001ms").failure
    assert one is not None
    assert [mark.item.seq for mark in one.bad] == [3], "the other just came in time"


@pytest.mark.parametrize(
    ("letters", "early"), [("BAB", [1]), ("BBAB", [1, 2]), ("AB", []), ("A", []), ("B", [1]), ("", [])]
)
def test_all_that_come_before_the_first_cause_are_told_and_no_others(letters: str, early: list[int]) -> None:
    failure = check(line(letters)).precedence(A, B).failure
    assert [mark.item.seq for mark in (failure.bad if failure else ())] == early
    failure = check(line(letters)).precedence(A, B, ended=True).failure
    assert [mark.item.seq for mark in (failure.bad if failure else ())] == early


def test_what_is_both_cause_and_effect_does_not_come_before_itself() -> None:
    t = check(line("AB"))
    assert not t.precedence(A, A | B)
    assert not t.response(A | B, B)
    assert not t.responded_existence(A, decision("C"))
    assert not t.not_succession(A, A | B)
    assert check(line("B")).not_succession(B, B)


def test_the_next_of_the_first_may_be_its_answer() -> None:
    assert check(line("AAB")).alternate_response(A, A | B)
    assert check(line("ABB")).alternate_precedence(A | B, B)
    assert not check(line("AAB")).alternate_response(A, B)
    assert not check(line("ABB")).alternate_precedence(A, B)


def test_one_that_had_ended_is_enough_whatever_else_goes_on() -> None:
    story = Story()
    run = story.run()
    long = story.tool_call("a", run)
    story.end(story.tool_call("a", run))
    story.end(story.tool_call("b", run))
    story.end(long)
    story.end(run)
    items = build_items(story)
    assert Precedence(tool("a"), tool("b"), ended=True).check(items)
    assert not Precedence(tool("a") & (attr("seq") == 1), tool("b"), ended=True).check(items)


def test_what_ended_in_the_moment_in_which_the_other_began_had_ended() -> None:
    items = calls("a", "b")
    items[2].start_ns = items[1].end_ns  # type: ignore[assignment]  # it has ended
    assert Precedence(tool("a"), tool("b"), ended=True).check(items)


def test_each_that_began_too_early_is_told() -> None:
    failure = check(calls(["a", "b", "b"], "b")).precedence(tool("a"), tool("b"), ended=True).failure
    assert failure is not None
    assert [mark.item.seq for mark in failure.bad] == [2, 3]


def test_neighbours_are_counted_among_the_kinds_of_both() -> None:
    story = Story()
    run = story.run()
    story.decide(run, "A")
    story.end(story.tool_call("x", run))
    story.decide(run, "C")
    story.end(story.tool_call("x", run))
    story.end(run)
    t = check(build_items(story))
    assert t.chain_response(A, tool("x"))
    assert not t.chain_precedence(A, tool("x")), "C stands before the second"
    assert not t.chain_response(tool("x"), decision("C")), "nothing comes after the last"
    assert t.chain_precedence(tool("x"), decision("C"))


@pytest.mark.parametrize(
    ("ask", "letters", "about"),
    [
        (lambda t: t.existence(A), "ABA", "AA"),
        (lambda t: t.absence(A), "B", ""),
        (lambda t: t.init(A), "AB", "A"),
        (lambda t: t.last(B), "AB", "B"),
        (lambda t: t.response(A, B), "AB", "B"),
        (lambda t: t.precedence(A, B), "A", "A"),
        (lambda t: t.all(A, attr("n") >= 0), "ABA", "AA"),
        (lambda t: t.all(A, attr("n") >= 0, or_none=True), "B", ""),
        (lambda t: t.any(decision(), attr("n") == 1), "ABA", "B"),
        (lambda t: t.none(A), "B", ""),
        (lambda t: t.total(attr("n"), A, at_most=9), "ABA", "AA"),
        (lambda t: t.total(attr("missing"), A, at_most=9), "ABA", ""),
        (lambda t: t.budget(decisions=3), "ABA", ""),
        (lambda t: t.trajectory([]), "A", ""),
        (lambda t: t.no_errors(), "A", ""),
        (lambda t: t.nothing_dropped(), "A", ""),
        (lambda t: t.finished(), "A", ""),
    ],
)
def test_a_rule_that_passes_tells_what_it_was_about(ask, letters: str, about: str) -> None:
    result = ask(check(line(letters)))
    assert result.passed
    assert "".join(item.name for item in result.matched) == about


def test_where_there_is_no_first_one_what_came_nearest_is_told() -> None:
    assert lines_of(check(line("B")).init(A, among=decision("C"))) == [
        "init(decision(A), among=decision(C)): there is no decision(C), and so no first one",
        "  nearest miss: run line > B",
        "    ✓ be a decision",
        "    ✗ expected to be called A, found B",
    ]


# -- values --------------------------------------------------------------------------------------------------


def test_what_is_not_selected_counts_neither_for_nor_against() -> None:
    t = check(line("AB"))
    assert t.all(A, attr("n") < 5)
    assert t.all(B, attr("n") == 1)
    assert not t.any(A, attr("n") == 1), "B has it"
    told = t.all(decision(), attr("n") > 5).failure
    assert told is not None
    assert [mark.item.name for mark in told.bad] == ["A", "B"]


def test_why_an_item_is_not_as_it_should_be_is_told_of_what_stands_below_it_too() -> None:
    story = Story()
    run = story.run()
    story.end(story.task("smooth", run))
    story.end(run)
    said = lines_of(check(build_items(story)).all("task", task().has(decision("A"))))
    assert said[-1].startswith("    ✗ task smooth  1ms  ← expected ")


def test_of_many_conditions_that_do_not_hold_three_are_told() -> None:
    wrong = (attr("n") > 1) & (attr("n") > 2) & (attr("n") > 3) & (attr("n") > 4)
    said = lines_of(check(line("A")).all(A, wrong))[-1]
    assert said.count("expected") == 3


def test_the_ten_largest_parts_of_a_sum_are_told() -> None:
    failure = check(line("A" * 12)).total(attr("n"), A, at_most=1).failure
    assert failure is not None
    assert [mark.note for mark in failure.bad] == [f"n = {n}" for n in range(11, 1, -1)]


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ((1e308, 1e308), "inf"),
        ((-1e308, -1e308, -1e308), "-inf"),
        ((math.inf, -math.inf), "nan"),
        ((math.nan, 1), "nan"),
        ((0.1,) * 10, "1"),
    ],
)
def test_a_sum_that_is_no_number_is_beyond_its_limits(values: tuple[float, ...], total: str) -> None:
    story = Story()
    run = story.run()
    for value in values:
        story.decide(run, "A", values={"n": value})
    story.end(run)
    limits = {"at_least": 5.0} if total == "-inf" else {"at_most": 0.5}
    failure = check(build_items(story)).total(attr("n"), A, **limits).failure
    assert failure is not None
    assert failure.summary.startswith(f"n comes to {total} in {len(values)} items, expected ")


def test_a_sum_may_reach_its_limits() -> None:
    t = check(line("AAA"))
    assert t.total(attr("n"), A, at_most=3, at_least=3)
    assert not t.total(attr("n"), A, at_most=2.9, at_least=3)
    assert not t.total(attr("n"), A, at_most=3, at_least=3.1)
    assert t.total(attr("missing"), A, at_most=0)


def test_what_a_budget_went_to_is_told_by_the_five_largest() -> None:
    failure = check(spent(generations=7)).budget(tokens=10).failure
    assert failure is not None
    assert [mark.note for mark in failure.bad] == [f"tokens {100 * n + 10}" for n in (7, 6, 5, 4, 3)]


def test_a_budget_may_be_used_up() -> None:
    t = check(spent())
    assert t.budget(tokens=320, cost=0.5, duration="7ms", generations=2, tool_calls=1)
    assert not t.budget(cost=0.49)
    assert not t.budget(duration="6.9ms")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: t.budget(), "a budget needs a limit, such as tokens=4000 or duration='30s'"),
        (lambda t: t.budget(duration="soon"), "`soon` is no length of time, such as 500ms, 5s or 1.5m"),
        (lambda t: t.total(attr("n"), A), "a total needs at_most or at_least, else any run fulfils it"),
        (lambda t: t.response(A, B, within="soon"), "`soon` is no length of time, such as 500ms, 5s or 1.5m"),
        (lambda t: t.cell((1,), 3), "a cell is a row and a column, such as (2000, 65), and not (1,)"),
        (lambda t: t.trajectory([], mode="loose"), "`loose` is none of strict, unordered, subset, superset, causal"),
        (lambda t: t.trajectory([], arguments="some"), "`some` is none of exact, ignore, subset, superset"),
        (lambda t: t.trajectory([3]), "3 is no call"),
        (lambda t: t.existence(3), "3 is no query"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused_in_words(make, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        make(check(line("A")))
    assert raised.value.message == message


def test_a_call_and_a_query_that_are_none_are_shown_how_to_be_written() -> None:
    with pytest.raises(UsageError) as raised:
        calls_of([("search", 1, 2)])
    assert (
        raised.value.hint
        == 'a call is "search", ("search", {"q": "x"}) or {"tool": "search", "arguments": {…}}'
    )
    with pytest.raises(UsageError) as raised:
        check(line("A")).existence(3)  # type: ignore[arg-type]  # the mistake
    assert raised.value.hint == (
        'a query is made by decision(…), tool(…), attr(…) > 5, or is a selector: "tool(delete_*)"'
    )


# -- errors and losses ---------------------------------------------------------------------------------------


def test_the_beginning_of_a_long_log_body_is_told() -> None:
    story = Story()
    run = story.run()
    story.add(LogEntry(time_ns=story.now_ns, span_id=run, severity=17, severity_text="ERROR", body="x" * 300))
    story.end(run)
    failure = check(build_items(story)).no_errors().failure
    assert failure is not None
    assert [mark.note for mark in failure.bad] == ["x" * 200]


def test_ten_of_many_losses_are_told_and_all_are_counted() -> None:
    story = Story()
    run = story.run()
    for number in range(12):
        story.add(Loss(time_ns=story.now_ns, records=2, reason=f"reason {number}"))
    story.end(run)
    said = lines_of(check(build_items(story)).nothing_dropped())
    assert said[0] == "nothing_dropped(): 24 lost, dropped or damaged, expected none"
    assert said[1:] == [f"  2 records could not be kept: reason {number}" for number in range(10)]


@pytest.mark.parametrize("kind", ["loss", "dropped", "damage"])
def test_a_loss_of_any_kind_is_a_loss(kind: str) -> None:
    story = Story()
    run = story.run()
    if kind == "loss":
        story.add(Loss(time_ns=story.now_ns, records=1, reason="no room"))
    story.add(Event(time_ns=story.now_ns, span_id=run, name="big", dropped_attributes=int(kind == "dropped")))
    story.end(run)
    items = build_items(story)
    items.damage = ("line 9: torn",) if kind == "damage" else ()
    assert lines_of(check(items).nothing_dropped())[0].endswith(": 1 lost, dropped or damaged, expected none")


def test_a_run_that_failed_without_a_word_is_marked_failed() -> None:
    run = line("A", status="failed")
    run[0].status = "error"
    assert lines_of(check(run).finished()) == [
        "finished(): the run is failed, expected finished",
        "  ✗ run line  2ms  ← failed",
    ]


# -- text ----------------------------------------------------------------------------------------------------


def test_a_long_text_is_cut_and_an_item_without_a_name_is_told_by_its_kind() -> None:
    assert plain("x" * 640) == "x" * 640
    assert plain("x" * 641) == "x" * 639 + "…"
    assert plain("a\tb\u202e") == "a\\tb\\u202e"
    run = _nameless()
    assert "    ✗ (task without a name)  open  ← not over yet" in lines_of(check(run).finished())


def _nameless() -> Items:
    story = Story()
    run = story.run()
    story.task("x", run)
    items = build_items(story, status="running")
    items[1].name = ""
    return items


def test_five_right_and_ten_wrong_items_are_shown_and_the_others_counted() -> None:
    said = lines_of(check(line("A" * 18)).at_most(7, A))
    assert sum(line.strip().startswith("✗") for line in said) == 10
    assert sum(line.strip().startswith("✓") for line in said) == 5
    assert said[-2:] == ["  … and 1 more ✗", "  … and 2 more ✓"]
    assert lines_of(check(line("A" * 15)).at_most(5, A))[-1] == "    ✗ decision A  ← number 15"
