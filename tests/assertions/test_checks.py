"""`check(run)`, and the rules about a run as a whole: budgets, states, errors, what was dropped."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from analysis.story import Story

import otel_replay
from assertions.runs import calls, line
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import CheckFailed, approx, attr, check, decision, span, tool
from otel_replay.assertions.table import RULES
from otel_replay.cli.main import main
from otel_replay.errors import UsageError
from otel_replay.records import BadLine, Decision, Event, LogEntry, Loss, SpanEnd


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
    notes = getattr(raised.value, "__notes__", ["1 of 1 checks failed"])
    assert "1 of 1 checks failed" in notes[0]


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


@pytest.mark.parametrize("limits", [{}, {"duration": "soon"}])
def test_a_budget_needs_a_limit(limits) -> None:
    with pytest.raises(UsageError):
        check(line("A")).budget(**limits)


# -- states --------------------------------------------------------------------------------------------------


@pytest.fixture
def tuned(store) -> otel_replay.Run:
    """A run with a table, of which two cells change, and two checkpoints."""
    with otel_replay.start_run("tuned", run_id="tuned") as run:

        def change(rpm: int, kpa: int, after: float) -> None:
            otel_replay.decision("SET", "better", values={"after": after}, cell={"rpm": rpm, "kpa": kpa})

        change(2000, 65, 90.0)
        otel_replay.checkpoint("post-clamp", {"ve": [[1.0, 2.0], [3.0, 4.5]], "steps": 3, "name": "first"})
        change(2000, 65, 98.25)
        change(3000, 65, 50.0)
        otel_replay.checkpoint("post-smooth", {"ve": [[1.0]], "steps": 4})
    return run


def test_the_state_at_a_checkpoint_is_looked_into(tuned, tmp_path: Path, capsys) -> None:
    pack = tmp_path / "tuned.pack"
    assert main(["pack", "tuned", "-o", str(pack)]) == 0
    for source in (tuned, pack):
        t = check(source)
        t.state("post-clamp", "ve.1.1", 4.5)
        t.state("post-clamp", "ve.1.1", approx(4.4, abs=0.2))
        t.state("post-clamp", "ve", [[1.0, 2.0], [3.0, 4.5]])
        t.state("post-clamp", "name", "first")
        t.state("post-*", "steps", 4)
        t.state("post-smooth", "", {"ve": [[1.0]], "steps": 4})
        t.cell((2000, 65), 98.25)
        t.cell((2000, 65), approx(98.2, abs=0.1), at="post-smooth")
        t.cell((2000, 65), 90, at="post-clamp")
        t.cell((3000, 65), 50.0, value="after")
        assert t.passed, t.text


@pytest.mark.parametrize(
    ("ask", "summary", "mark"),
    [
        (lambda t: t.state("post-clamp", "steps", 4), "steps is 3, expected 4", "steps is 3, expected 4"),
        (lambda t: t.state("post-clamp", "ve.1.1", approx(5, abs=0.1)), "ve.1.1 is 4.5, expected 5±0.1", None),
        (lambda t: t.state("post-clamp", "", 3), "the state is {'name':", None),
        (lambda t: t.state("post-clamp", "fuel", 3), "there is no fuel in it", "it has name, steps, ve"),
        (lambda t: t.state("nowhere", "ve", 3), "there is no checkpoint nowhere; its checkpoints are post-clamp, post-smooth", None),
        (lambda t: t.cell((2000, 65), 98), "cell rpm=2000 kpa=65 holds 98.25, expected 98", "the last decision about it"),
        (lambda t: t.cell((2000, 65), 98.25, at="post-clamp"), "cell rpm=2000 kpa=65 holds 90, expected 98.25", None),
        (lambda t: t.cell((3000, 65), 50, at="post-clamp"), "no decision has spoken of cell rpm=3000 kpa=65 by then; its row and column are known", None),
        (lambda t: t.cell((9, 65), 50), "no decision has spoken of cell rpm=9 kpa=65 by then; there is no such coordinate among 2000; 3000", None),
        (lambda t: t.cell((2000, 65), 50, at="nowhere"), "there is no checkpoint nowhere", None),
    ],
)  # fmt: skip
def test_a_state_that_is_another_is_told(tuned, ask, summary: str, mark: str | None) -> None:
    failure = ask(check(tuned)).failure
    assert failure is not None
    assert failure.summary.startswith(summary)
    if mark is not None:
        assert [one.note for one in failure.marks] == [mark]


def test_what_has_no_states_says_so() -> None:
    t = check(line("A"))
    missing = t.state("any", "x", 3).failure
    assert missing is not None
    assert missing.summary == "there is no checkpoint any; it has no checkpoints"
    no_table = t.cell((1, 2), 3).failure
    assert no_table is not None
    assert no_table.summary == "no decision changes a cell of a table"
    with pytest.raises(UsageError, match="a cell is a row and a column"):
        t.cell((1, 2, 3), 3)  # type: ignore[arg-type]  # the mistake


def test_a_file_of_spans_has_no_snapshots(tuned, tmp_path: Path, capsys) -> None:
    path = tmp_path / "tuned.jsonl"
    assert main(["dump", "tuned", "--format", "otlp", "-o", str(path)]) == 0
    failure = check(path).state("post-clamp", "ve", 3).failure
    assert failure is not None
    assert failure.summary.startswith("the snapshot cannot be read: a file of spans does not hold it")


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
