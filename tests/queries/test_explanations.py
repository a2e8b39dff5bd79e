"""What each condition of a query says of an item: what was expected, and what the item says to it."""

from __future__ import annotations

import pytest

from otel_replay.queries.indexed import Indexed
from otel_replay.queries.parse import selector
from queries.runs import agent, tuning

TUNING, AGENT = Indexed(tuning()), Indexed(agent())
IS_DECISION = ("✓", "be a decision", "decision")

SAID = [
    (TUNING, "decision", 0, [("✗", "be a decision", "run")]),
    (TUNING, "agent", 0, [("✗", "be an agent", "run")]),
    (TUNING, "*", 0, [("✓", "be anything", "run")]),
    (TUNING, "*(x*)", 2, [("✗", "be called x*", "CLAMPING_APPLIED")]),
    (TUNING, "task(smooth)", 1, [("✓", "be a task", "task"), ("✗", "be called smooth", "task clamp or clamp")]),
    (TUNING, "task decision", 7, [IS_DECISION, ("✓", "be below task", "below run tuning > task smooth")]),
    (TUNING, "task > decision", 0, [("✗", "be a decision", "run"), ("✗", "be directly below task", "at the top")]),
    (TUNING, "task:has(decision(APPLY))", 1, [("✓", "be a task", "task"), ("✗", "have decision(APPLY) below it", "none there")]),
    (TUNING, "task:has(> decision(APPLY))", 6, [("✓", "be a task", "task"), ("✓", "have decision(APPLY) directly below it", "it has")]),
    (TUNING, "decision:after(event(checkpoint))", 2, [IS_DECISION, ("✗", "be after event(checkpoint)", "none before it")]),
    (TUNING, "decision:after(event(checkpoint), 1s)", 8, [IS_DECISION, ("✗", "be within 1s after event(checkpoint)", "2.004s after one")]),
    (TUNING, "decision:before(task(smooth), 1ms)", 2, [IS_DECISION, ("✗", "be within 1ms before task(smooth)", "5ms before one")]),
    (TUNING, "decision:before(task(smooth))", 8, [IS_DECISION, ("✗", "be before task(smooth)", "none after it")]),
    (TUNING, "decision[after > 1]", 2, [IS_DECISION, ("✓", "after > 1", "after = 6.5")]),
    (TUNING, "decision[missing = 1]", 2, [IS_DECISION, ("✗", "missing = 1", "missing = not there")]),
    (TUNING, "span[duration > 1h]", 6, [("✓", "be a span", "task"), ("✗", "duration > 1h", "duration = 2.003s")]),
    (TUNING, "decision[note]", 2, [IS_DECISION, ("✓", "have note", "note = 'a, b'")]),
    (TUNING, "decision[cell]", 7, [IS_DECISION, ("✗", "have cell", "no cell")]),
    (TUNING, "decision[!cell]", 2, [IS_DECISION, ("✗", "have no cell", "cell = {'rpm': 1000, 'kpa': 65}")]),
    (TUNING, "decision[before > {after}]", 8, [IS_DECISION, ("✗", "before > after", "before = not there and after = 98.25")]),
    (TUNING, "decision(APPLY), task(clamp)", 2, [IS_DECISION, ("✗", "be called APPLY", "CLAMPING_APPLIED")]),
    (TUNING, "decision:not(decision(CLAMP*))", 2, [IS_DECISION, ("✗", "not be decision(CLAMP*)", "decision; CLAMPING_APPLIED")]),
    (TUNING, "decision:first", 3, [IS_DECISION, ("✗", "be number 1", "number 2 of 5")]),
    (TUNING, "decision:nth(2)", 0, [("✗", "be a decision", "run")]),
    (TUNING, "decision:is([after > 90], [gradient])", 2, [IS_DECISION, ("✗", "after > 90", "after = 6.5")]),
    (TUNING, "task[name = smooth]", 6, [("✓", "be a task", "task"), ("✓", "name = smooth", "name = 'task smooth' or 'smooth'")]),
    (AGENT, "tool(search)", 4, [("✓", "be a tool", "tool call"), ("✗", "be called search", "execute_tool delete_file or delete_file")]),
    (AGENT, "generation[tokens > 1000]", 2, [("✓", "be a generation", "generation"), ("✗", "tokens > 1000", "tokens = 140")]),
    (AGENT, "span:failed", 3, [("✓", "be a span", "tool call"), ("✗", "failed = true", "failed = False")]),
]  # fmt: skip


@pytest.mark.parametrize(("run", "text", "seq", "said"), SAID, ids=[f"{row[1]} on {row[2]}" for row in SAID])
def test_each_condition_says_what_was_expected_and_what_is_there(
    run: Indexed, text: str, seq: int, said
) -> None:
    query, item = selector(text).node, run.all[seq]
    findings = query.explain(item, run)
    assert [("✓" if one.ok else "✗", one.expected, one.found) for one in findings] == said
    assert query.tally(run)(item) == (sum(not one.ok for one in findings), len(findings))


@pytest.mark.parametrize(
    ("run", "text", "seq", "meant"),
    [
        (TUNING, "decision[afer > 1]", 2, "after"),
        (TUNING, "decision[cel.rpm = 1]", 2, "cell.rpm"),
        (TUNING, "decision[action = 1]", 2, ""),
        (TUNING, "decision[colour = 1]", 2, ""),
        (TUNING, "decision[abs(afer) > 1]", 2, ""),
        (AGENT, "generation[output_token > 1]", 2, "output_tokens"),
        (AGENT, "tool[argument = 1]", 3, "arguments"),
    ],
)
def test_a_name_that_is_not_there_suggests_one_that_is(run: Indexed, text: str, seq: int, meant: str) -> None:
    assert selector(text).node.explain(run.all[seq], run)[-1].meant == meant


def test_a_value_without_end_is_cut() -> None:
    [_, finding] = selector("decision[x = 1]").node.explain(run_with("y" * 300), Indexed(tuning()))
    assert finding.found == f"x = '{'y' * 198}…"


def run_with(value: object):
    """A decision with this value under `x`."""
    item = tuning().items[2]
    item.record.values["x"] = value
    return item
