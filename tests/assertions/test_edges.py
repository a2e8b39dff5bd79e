"""Where a rule just holds and just fails: limits that are reached, items that are both, lists that are long."""

from __future__ import annotations

import math

import pytest
from analysis.story import Story

from assertions.runs import calls, line, spent, table
from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import Call, approx, attr, check, decision, tool
from otel_replay.assertions.order import Precedence
from otel_replay.assertions.report import plain
from otel_replay.assertions.trajectory import Trajectory, calls_of
from otel_replay.errors import UsageError

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


@pytest.mark.parametrize(
    ("letters", "early"), [("BAB", [1]), ("BBAB", [1, 2]), ("AB", []), ("A", []), ("B", [1]), ("", [])]
)
def test_all_that_come_before_the_first_cause_are_told_and_no_others(letters: str, early: list[int]) -> None:
    failure = check(line(letters)).precedence(A, B).failure
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
    short = story.tool_call("a", run)
    story.end(short)
    long = story.tool_call("a", run)
    story.end(story.tool_call("b", run))
    story.end(long)
    story.end(run)
    items = build_items(story)
    assert Precedence(tool("a"), tool("b"), ended=True).check(items)
    assert not Precedence(tool("a") & (attr("seq") > 1), tool("b"), ended=True).check(items)


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


# -- values --------------------------------------------------------------------------------------------------


def test_what_is_not_selected_counts_neither_for_nor_against() -> None:
    t = check(line("AB"))
    assert t.all(A, attr("n") < 5)
    assert t.all(B, attr("n") == 1)
    assert not t.any(A, attr("n") == 1), "B has it"
    told = t.all(decision(), attr("n") > 5).failure
    assert told is not None
    assert [mark.item.name for mark in told.bad] == ["A", "B"]


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


# -- states --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected", "other"),
    [
        ("done", True, False),
        ("done", True, 1),
        ("done", True, "true"),
        ("name", None, "null"),
        ("name", None, False),
        ("steps", 3, True),
        ("steps", 3, "3"),
        ("steps", approx(3.4, abs=0.5), approx(3.4, abs=0.3)),
        ("ve", (1.0, 2.5), (1.0,)),
    ],
)
def test_a_state_is_what_is_expected_and_nothing_like_it(path: str, expected: object, other: object) -> None:
    t = check(table())
    assert t.state("step 1", path, expected)
    assert not t.state("step 1", path, other)


def test_what_a_cell_holds_is_what_the_last_decision_before_the_checkpoint_left() -> None:
    t = check(table())
    for found in (
        t.cell((2000, 65), 98.25),
        t.cell((2000, 65), 90, at="step 1"),
        t.cell((2000, 65), 90, at="step 2"),
    ):
        assert found.passed
    assert [item.seq for item in t.cell((2000, 65), 98.25).matched] == [5]
    assert [item.seq for item in t.cell((3000, 65), 50).matched] == [3]
    assert [item.seq for item in t.state("step *", "", [1, 2]).matched] == [4], "the last of them"
    assert t.cell((2000, 65), 3, value="trim")
    wrong = t.cell((3000, 65), 51).failure
    assert wrong is not None
    assert [mark.item.seq for mark in wrong.bad] == [3]


def test_long_lists_of_what_there_is_are_cut() -> None:
    story = Story()
    run = story.run()
    for number in range(30):
        story.decide(run, "SET", values={"after": 1.0}, cell={"rpm": number, "kpa": 65})
    story.end(run)
    said = check(build_items(story)).cell((99, 65), 1).failure
    assert said is not None
    assert said.summary.endswith("among 0; 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11")


# -- calls ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "made", "how", "differs"),
    [
        ({"n": approx(10, abs=1)}, {"n": 12}, {}, "expected n 10±1, found 12"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {}, "expected a.b 1, found 2"),
        ({"a": {"b": 1}}, {"a": {}}, {}, "expected a.b, found none"),
        ({"a": {}}, {"a": {"b": 1}}, {}, "found a.b, expected none"),
        ({"a": 1}, {}, {}, "expected a, found none"),
        ({}, {"a": 1}, {}, "found a, expected none"),
        ({".a": 1}, {".a": 2}, {}, "expected .a 1, found 2"),
        ({"a": [1, 2]}, {"a": [1]}, {}, "expected a with 2 items, found 1"),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, {}, "expected a.1.b 2, found 3"),
        ({"a": [1]}, {"a": "1"}, {}, "expected a [1], found '1'"),
        (dict.fromkeys("abcd", 1), dict.fromkeys("abcd", 2), {}, "expected a 1, found 2; expected b 1, found 2; expected c 1, found 2"),
        ({"n": 100}, {"n": 102}, {"rel": 0.01}, "expected n 100, found 102"),
    ],
)  # fmt: skip
def test_the_nearest_call_says_in_what_it_differs(expected, made, how, differs: str) -> None:
    result = Trajectory((Call("a", expected),), **how).check(calls(("a", made)))
    assert f"; nearest is {Call('a', made)}: {differs}" in next(
        line for line in lines_of(result) if "missing" in line and "nearest" in line
    )


def test_arguments_that_are_no_map_are_told_as_such() -> None:
    said = lines_of(Trajectory((Call("a", 7),)).check(calls(("a", 8))))
    assert "  missing: a(7); nearest is a('8'): expected arguments 7, found '8'" in said


def test_a_number_may_be_off_by_just_as_much_as_is_allowed() -> None:
    for given, how in ((101, {"rel": 0.01}), (99, {"abs": 1}), (100.3, {"abs": 0.3})):
        assert Trajectory((Call("a", {"n": 100}),), **how).check(calls(("a", {"n": given})))


def test_the_nearest_is_the_one_that_differs_least_of_the_same_tool() -> None:
    run = calls(("b", {"x": 1}), ("a", {"x": 2, "y": 2}), ("a", {"x": 1, "y": 2}), ("a", {"x": 2, "y": 1}))
    said = lines_of(Trajectory((Call("a", {"x": 1, "y": 1}),)).check(run))
    assert "  missing: a(x=1, y=1); nearest is a(x=1, y=2): expected y 1, found 2" in said
    none = lines_of(Trajectory((Call("c", {"x": 1}),)).check(run))
    assert "  missing: c(x=1)" in none
    moved = lines_of(Trajectory(calls_of("ab")).check(calls("b", "a")))
    assert "  missing: a; nearest is a(): it came at another place" in moved


def test_of_long_trajectories_the_beginning_is_told() -> None:
    names = [f"t{number:02}" for number in range(40)]
    said = lines_of(
        Trajectory(calls_of(names), mode="superset").check(calls(*reversed([f"u{n:02}" for n in range(40)])))
    )
    assert said[1] == f"  expected: {', '.join(names[:30])}"
    assert said[2] == f"  made:     {', '.join(f'u{n:02}()' for n in range(39, 9, -1))}"
    assert [line.split()[1] for line in said if line.startswith("  missing: ")] == names[:5]
    swapped = lines_of(Trajectory(calls_of(names), mode="causal").check(calls(names[-1], *names[:-1])))
    assert sum(line.startswith("  swapped: ") for line in swapped) == 5


def test_a_recorded_run_is_expected_with_its_arguments() -> None:
    golden = calls(("a", {"x": 1}), ["b", "c"], "d")
    assert Trajectory(calls_of(golden)).check(golden)
    assert not Trajectory(calls_of(golden)).check(calls(("a", {"x": 2}), ["b", "c"], "d"))
    assert calls_of([Call("a", None, 3, False)]) == (Call("a", None, 0, False),)


def test_a_call_that_begins_as_another_ends_waits_for_it_and_one_that_never_ends_waits_for_none() -> None:
    run = calls("a", "b")
    run[2].start_ns = run[1].end_ns  # type: ignore[assignment]  # it has ended
    assert [call.step for call in calls_of(run)] == [0, 1]
    story = Story()
    above = story.run()
    story.tool_call("a", above)
    story.tool_call("b", above)
    assert [call.step for call in calls_of(build_items(story))] == [0, 1]


def test_a_call_is_written_as_a_person_writes_it() -> None:
    assert str(Call("a", None)) == "a()"
    assert str(Call("a", "text")) == "a('text')"
    assert str(Call("a", {"q": "x", "n": 1})) == "a(q='x', n=1)"
    assert str(Call("a", None, 0, False)) == "a"
    rule = Trajectory(calls_of(["a"]), mode="subset", arguments="ignore")
    tolerant = Trajectory((Call("a", {"n": approx(10, abs=1)}),))
    assert str(tolerant) == "trajectory([a(n=10±1)], mode='strict')"
    assert str(rule) == "trajectory([a], mode='subset', arguments='ignore')"


def test_calls_that_wait_for_none_may_be_paired_with_whichever_lets_the_order_hold() -> None:
    """Paired with the first that fits, `*b` would take the last call, and `*c*` the one before it."""
    expected = calls_of([["a*", "*b"], "*c*"])
    run = calls("ab", "ac", "bcb")
    assert Trajectory(expected, mode="causal").check(run)
    assert not Trajectory(expected, mode="causal").check(calls("ab", "bcb", "xy"))


# -- text ----------------------------------------------------------------------------------------------------


def test_a_long_text_is_cut_and_an_item_without_a_name_is_told_by_its_kind() -> None:
    assert plain("x" * 640) == "x" * 640
    assert plain("x" * 641) == "x" * 639 + "…"
    assert plain("a\tb\u202e") == "a\\tb\\u202e"
    run = _nameless()
    assert "    ✗ (task without a name)  open  ← never ended" in lines_of(check(run).finished())


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
