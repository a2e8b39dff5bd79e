"""`check(run)`, and the rules about a run as a whole: budgets, states, errors, what was dropped."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
from analysis.story import Story

from assertions.runs import by, calls, line, told_twice
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import CheckFailed, Checks, approx, attr, check, decision, span, tool
from otel_replay.assertions.table import RULES
from otel_replay.errors import UsageError
from otel_replay.records import BadLine, Decision, Event, LogEntry, Loss, SpanEnd

A, B = decision("A"), decision("B")


def test_all_failures_are_told_at_the_end() -> None:
    with pytest.raises(CheckFailed) as failed, check(line("AB")) as t:  # noqa: PT012 - as a person writes it
        t.absence(decision("A"))
        t.existence(decision("B"))
        t.exactly(3, "decision(B)")
    head, first, second = str(failed.value).split("\n\n")
    assert head == "line-1: 2 of 3 checks failed"
    assert first.startswith("absence(decision(A)): there is 1, expected none")
    assert second.startswith("exactly(decision(B), 3): there is 1, expected exactly 3")
    assert [failure.rule for failure in failed.value.failures] == [
        "absence(decision(A))",
        "exactly(decision(B), 3)",
    ]


def test_a_failure_says_which_line_asked_for_the_check(tmp_path: Path) -> None:
    def hidden(t: Checks) -> None:
        __tracebackhide__ = True
        t.exactly(2, A)

    t = Checks(check(line("AB")).run, root=Path(__file__).parent)
    hidden(t)
    here = sys._getframe().f_lineno - 1
    assert t.failures[0].where == f"{Path(__file__).name}:{here}"
    assert t.text.splitlines()[3] == f"  at {t.failures[0].where}"
    elsewhere = Checks(t.run, root=tmp_path)
    failure = elsewhere.exactly(2, A).failure
    assert failure is not None
    assert failure.where.startswith(f"{__file__}:")


def test_a_misspelt_word_of_a_budget_or_a_trajectory_is_told_with_the_one_that_was_meant() -> None:
    t = check(line("AB"))
    with pytest.raises(UsageError, match="`budget` has no `token`") as wrong:
        t.budget(token=3)
    assert wrong.value.hint == "did you mean `tokens`?"
    with pytest.raises(UsageError, match="`trajectory` has no `xyz`") as wrong:
        t.trajectory([], xyz="strict")
    assert wrong.value.hint == "it may be mode, arguments, abs, rel"
    assert t.results == []


def test_a_run_that_fulfils_all_rules_raises_nothing() -> None:
    with check(line("AB")) as t:
        assert t.precedence("decision(A)", "decision(B)")
    assert t.passed
    assert t.failures == ()


def test_without_a_block_failures_are_asked_for() -> None:
    t = check(line("AB"))
    result = t.none(decision("A"))
    assert not result
    assert [item.name for item in result.matched] == ["A"]
    assert t.failures == (result.failure,)
    assert str(result.failure) == result.failure.text
    with pytest.raises(CheckFailed):
        t.raise_failures()


def test_an_error_in_the_block_is_what_is_raised() -> None:
    with pytest.raises(ZeroDivisionError) as raised, check(line("AB")) as t:  # noqa: PT012 - the block is the point
        t.absence(decision("A"))
        _ = 1 // 0
    noted = getattr(raised.value, "__notes__", [])
    assert noted == ([t.text] if sys.version_info >= (3, 11) else [])
    assert t.text.startswith("line-1: 1 of 1 checks failed\n\nabsence(decision(A)): ")


def test_an_error_in_a_block_in_which_all_holds_is_told_nothing_more() -> None:
    with pytest.raises(ZeroDivisionError) as raised, check(line("AB")) as t:  # noqa: PT012 - the block is the point
        t.existence(decision("A"))
        _ = 1 // 0
    assert getattr(raised.value, "__notes__", []) == []
    with pytest.raises(KeyboardInterrupt) as stopped, check(line("AB")) as t:  # noqa: PT012 - as above
        t.absence(decision("A"))
        raise KeyboardInterrupt
    assert getattr(stopped.value, "__notes__", []) == []


@pytest.mark.parametrize(
    ("ask", "rule"),
    [
        (lambda t: t.existence(A), "existence(decision(A))"),
        (lambda t: t.absence("decision(A)"), "absence(decision(A))"),
        (lambda t: t.exactly(2, A), "exactly(decision(A), 2)"),
        (lambda t: t.at_least(2, A), "at_least(decision(A), 2)"),
        (lambda t: t.at_most(2, A), "at_most(decision(A), 2)"),
        (lambda t: t.between(2, 3, A), "between(decision(A), 2, 3)"),
        (lambda t: t.init(A, among=B), "init(decision(A), among=decision(B))"),
        (lambda t: t.last(A, among="tool"), "last(decision(A), among=tool)"),
        (lambda t: t.responded_existence(A, B), "responded_existence(decision(A), decision(B))"),
        (lambda t: t.coexistence(A, B), "coexistence(decision(A), decision(B))"),
        (lambda t: t.not_coexistence(A, B), "not_coexistence(decision(A), decision(B))"),
        (lambda t: t.response(A, B), "response(decision(A), decision(B))"),
        (lambda t: t.response(A, B, within="5s"), "response(decision(A), decision(B), within='5s')"),
        (lambda t: t.precedence(A, B), "precedence(decision(A), decision(B))"),
        (lambda t: t.precedence(A, B, ended=True), "precedence(decision(A), decision(B), ended=True)"),
        (lambda t: t.succession(A, B, within="5s"), "succession(decision(A), decision(B), within='5s')"),
        (lambda t: t.alternate_response(A, B), "alternate_response(decision(A), decision(B))"),
        (lambda t: t.alternate_precedence(A, B), "alternate_precedence(decision(A), decision(B))"),
        (lambda t: t.alternate_succession(A, B), "alternate_succession(decision(A), decision(B))"),
        (lambda t: t.chain_response(A, B, among=A), "chain_response(decision(A), decision(B), among=decision(A))"),
        (lambda t: t.chain_precedence(A, B, among=A), "chain_precedence(decision(A), decision(B), among=decision(A))"),
        (lambda t: t.chain_succession(A, B, among=A), "chain_succession(decision(A), decision(B), among=decision(A))"),
        (lambda t: t.not_succession(A, B), "not_succession(decision(A), decision(B))"),
        (lambda t: t.not_chain_succession(A, B, among=A), "not_chain_succession(decision(A), decision(B), among=decision(A))"),
        (lambda t: t.trajectory(["x"], mode="subset"), "trajectory([x], mode='subset')"),
        (lambda t: t.all(A, B), "all(decision(A), decision(B))"),
        (lambda t: t.all(A, B, or_none=True), "all(decision(A), decision(B), or_none=True)"),
        (lambda t: t.any(A, B), "any(decision(A), decision(B))"),
        (lambda t: t.none(A), "none(decision(A))"),
        (lambda t: t.none(A, B), "none(decision(A), holds=decision(B))"),
        (lambda t: t.total(attr("n"), A, at_most=3), "total(n, decision(A), at_most=3)"),
        (lambda t: t.total(attr("n"), A, at_least=3), "total(n, decision(A), at_least=3)"),
        (lambda t: t.budget(tokens=3), "budget(tokens=3)"),
        (lambda t: t.state("here", "ve.1", approx(4, abs=1)), "state('here', 've.1', 4±1)"),
        (lambda t: t.cell((1, 2), 3), "cell((1, 2), 3)"),
        (lambda t: t.cell((1, 2), 3, at="here", value="ve"), "cell((1, 2), 3, at='here', value='ve')"),
        (lambda t: t.no_errors(), "no_errors()"),
        (lambda t: t.no_errors(allow=A), "no_errors(allow=decision(A))"),
        (lambda t: t.nothing_dropped(), "nothing_dropped()"),
        (lambda t: t.finished(), "finished()"),
        (lambda t: t.finished(failed_too=True), "finished(failed_too=True)"),
    ],
)  # fmt: skip
def test_a_method_checks_the_rule_that_it_was_asked_for(ask, rule: str) -> None:
    t = check(line("AB"))
    assert str(ask(t).rule) == rule
    assert [str(result.rule) for result in t.results] == [rule]


def test_calls_are_taken_from_among_some_of_both_runs() -> None:
    golden = calls("a", "b", "a")
    assert check(calls("a", "a", "c")).trajectory(golden, among=tool("a"))
    assert not check(calls("a", "a", "c")).trajectory(golden)
    assert check(calls("c", "a")).trajectory(["a"], among="tool(a)")


def test_a_method_checks_each_rule_that_there_is() -> None:
    t = check(line("AB"))
    for name in RULES:
        assert callable(getattr(t, name)), name
    a, b = decision("A"), decision("B")
    t.at_least(1, a), t.at_most(1, a), t.between(1, 2, a), t.init(a), t.last(b, among=a | b)
    t.responded_existence(a, b), t.coexistence(a, b), t.not_coexistence(a, "tool")
    t.response(a, b, within="5s"), t.succession(a, b), t.precedence(a, b, ended=True)
    t.alternate_response(a, b), t.alternate_precedence(a, b), t.alternate_succession(a, b)
    t.chain_response(a, b), t.chain_precedence(a, b), t.chain_succession(a, b, among="decision")
    t.not_succession(b, a), t.not_chain_succession(b, a)
    t.all(a, attr("n") == 0), t.any("decision", attr("n") == 1), t.none(a, "[n > 0]")
    t.total(attr("n"), "decision", at_most=1), t.budget(decisions=2), t.trajectory([])
    t.no_errors(), t.nothing_dropped(), t.finished()
    assert t.failures == ()
    assert {result.rule.name for result in t.results} | {
        "existence",
        "absence",
        "exactly",
        "state",
        "cell",
    } == set(RULES)
    assert [item.name for item in t.select("decision")] == ["A", "B"]


def test_what_is_no_query_is_refused() -> None:
    with pytest.raises(UsageError, match="3 is no query"):
        check(line("A")).existence(3)  # type: ignore[arg-type]  # the mistake


# -- budgets -------------------------------------------------------------------------------------------------


def agent(*, cost: float | None = 0.01):
    """Two generations, the second seen by two libraries; one tool call."""
    story = Story("agent-1")
    run = story.run("agent")
    for number in (1, 2):
        outer = story.generation("gpt-x", run)
        usage = {"gen_ai.usage.input_tokens": 100 * number, "gen_ai.usage.output_tokens": 10}
        if number == 2:
            inner = story.generation("gpt-x", outer)
            by(story, 2, "openai")
            story.end(inner, **usage)
        story.end(outer, **usage, **({} if cost is None else {"operation.cost": cost}))
    story.end(story.tool_call("search", run))
    story.wait(100)
    story.end(run)
    return build_items(story)


@pytest.mark.parametrize(
    "limits",
    [
        {"tokens": 320},
        {"input_tokens": 300, "output_tokens": 20},
        {"generations": 2, "tool_calls": 1, "decisions": 0},
        {"duration": "109ms"},
        {"duration": "1s"},
    ],
)
def test_a_run_within_its_budget_passes_each_call_counted_once(limits) -> None:
    assert check(agent()).budget(**limits)


@pytest.mark.parametrize(
    ("limits", "summary"),
    [
        ({"tokens": 319}, "320 tokens, expected at most 319"),
        ({"input_tokens": 299}, "300 input_tokens, expected at most 299"),
        ({"output_tokens": 19}, "20 output_tokens, expected at most 19"),
        ({"generations": 1}, "2 generations, expected at most 1"),
        ({"tool_calls": 0}, "1 tool call, expected at most 0"),
        ({"duration": "100ms"}, "it took 109ms, expected at most 100ms"),
        (
            {"tokens": 1, "generations": 1},
            "320 tokens, expected at most 1; 2 generations, expected at most 1",
        ),
    ],
)
def test_a_run_beyond_its_budget_says_what_it_used(limits, summary: str) -> None:
    failure = check(agent()).budget(**limits).failure
    assert failure is not None
    said = ", ".join(f"{key}={value!r}" for key, value in limits.items())
    assert failure.text.splitlines()[0] == f"budget({said}): {summary}"


def test_the_largest_parts_of_what_was_used_are_marked() -> None:
    failure = check(agent()).budget(tokens=10).failure
    assert failure is not None
    assert [mark.note for mark in failure.marks] == ["tokens 210", "tokens 110"]
    over = check(agent()).budget(generations=1).failure
    assert over is not None
    assert [mark.note for mark in over.marks] == ["one too many"]


def test_a_cost_that_nobody_recorded_is_not_nothing() -> None:
    failure = check(agent(cost=None)).budget(cost=5.0).failure
    assert failure is not None
    assert failure.summary == "of 2 of 2 generations no cost was recorded"


USAGE = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10}
COST = {"operation.cost": 0.25}


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ({**USAGE, **COST}, {**USAGE, **COST}),
        ({**USAGE, **COST}, {}),
        ({}, {**USAGE, **COST}),
        (COST, USAGE),
        (USAGE, COST),
    ],
)
def test_what_a_call_took_counts_whichever_of_two_libraries_told_it(outer, inner) -> None:
    """As in `summary`: a framework's span without tokens hid those of the SDK's span below it."""
    t = check(told_twice(outer, inner, scopes=("langchain", "openai")))
    assert t.budget(tokens=110, cost=0.25, generations=1)
    over = t.budget(tokens=109, cost=0.24).failure
    assert over is not None
    assert over.summary == "110 tokens, expected at most 109; a cost of 0.25, expected at most 0.24"


def test_a_call_inside_a_call_of_one_library_is_another_call() -> None:
    t = check(told_twice(USAGE, USAGE, scopes=("openai", "openai")))
    assert t.budget(generations=2, tokens=220)
    assert not t.budget(generations=1)


def test_a_tool_call_that_a_server_tells_again_counts_once() -> None:
    story = Story("tools-1")
    run = story.run("tools")
    client = story.tool_call("search", run)
    by(story, 1, "mcp.client")
    server = story.tool_call("search", client)
    by(story, 2, "mcp.server")
    for span_id in (server, client, run):
        story.end(span_id)
    t = check(build_items(story))
    assert t.budget(tool_calls=1)
    assert not t.budget(tool_calls=0)


@pytest.mark.parametrize("limits", [{}, {"duration": "soon"}, {"tokens": "3"}, {"cost": float("nan")}])
def test_a_budget_needs_a_limit(limits) -> None:
    with pytest.raises(UsageError):
        check(line("A")).budget(**limits)


# -- errors, losses, ends ------------------------------------------------------------------------------------


def test_errors_are_told_with_their_messages() -> None:
    story = Story()
    run = story.run()
    story.end(story.tool_call("search", run), "error", "no such file")
    story.add(
        LogEntry(time_ns=story.now_ns, span_id=run, severity=17, severity_text="ERROR", body="it burns")
    )
    story.end(run)
    t = check(build_items(story))
    failure = t.no_errors().failure
    assert failure is not None
    assert failure.summary == "2 errors, expected none"
    assert [mark.note for mark in failure.marks] == ["no such file", "it burns"]
    one = t.no_errors(allow=tool("search")).failure
    assert one is not None
    assert one.summary == "1 error, expected none"
    assert t.no_errors(allow="tool, log")


def test_what_was_dropped_lost_or_damaged_is_told() -> None:
    story = Story()
    run = story.run()
    story.add(Loss(time_ns=story.now_ns, records=3, reason="no room"))
    story.add(BadLine(number=7, offset_bytes=1, size_bytes=2, reason="not JSON"))
    story.add(Event(time_ns=story.now_ns, span_id=run, name="big", dropped_attributes=2))
    story.add(SpanEnd(time_ns=story.now_ns, span_id=run))
    items = build_items(story)
    items.damage = ("line 9: torn",)
    failure = check(items).nothing_dropped().failure
    assert failure is not None
    assert failure.text.splitlines() == [
        "nothing_dropped(): 7 lost, dropped or damaged, expected none",
        "  3 records could not be kept: no room",
        "  line 7 cannot be read: not JSON",
        "  line 9: torn",
        "    run tuning  0ns",
        "    ✗ big  ← 2 dropped",
    ]


def test_a_run_that_did_not_finish_says_how_it_stands() -> None:
    story = Story()
    run = story.run()
    story.task("smooth", run)
    died = check(build_items(story, status="interrupted")).finished().failure
    assert died is not None
    assert died.summary == "the run is interrupted, expected finished"
    assert [mark.note for mark in died.marks] == ["never ended", "never ended"]
    failed = line("A", status="failed")
    failed.message = "ValueError: no"
    failed[0].status = "error"
    failure = check(failed).finished().failure
    assert failure is not None
    assert failure.summary == "the run is failed (ValueError: no), expected finished"
    assert [mark.note for mark in failure.marks] == ["failed"]
    assert check(failed).finished(failed_too=True)


# -- runs that were recorded ---------------------------------------------------------------------------------


def test_a_recorded_run_is_checked_by_its_name_or_by_itself(tuned) -> None:
    for source in (tuned, "tuned", "latest"):
        with check(source) as t:
            t.existence(decision("SET") & (attr("cell.rpm") == 2000))
            t.finished()
            t.nothing_dropped()


def test_a_selection_of_a_run_of_calls_is_a_query_as_any() -> None:
    t = check(calls("a", ["b", "c"]))
    assert t.all(span("execute_tool *"), attr("duration") < "5ms")
    assert t.response(tool("b"), tool("c"))


def test_rules_are_values() -> None:
    rule = RULES["response"](decision("A"), decision("B"))  # type: ignore[call-arg]  # each has its own fields
    assert rule == RULES["response"](decision("A"), decision("B"))  # type: ignore[call-arg]  # as above
    assert [field.name for field in dataclasses.fields(rule)] == ["first", "second", "within"]
    assert isinstance(line("A")[1].record, Decision)
