"""What rules say of a run, and how reports hold what a run may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from assertions.runs import line

from otel_replay.assertions import decision
from otel_replay.assertions.counting import Absence, Existence
from otel_replay.checking.outcome import Outcome, check_run, could_not_check, exit_code
from otel_replay.checking.reading import NamedRule, Severity
from otel_replay.checking.reports import github_lines, junit, markdown
from otel_replay.errors import StoreError
from otel_replay.records import Loss


def rule(action: str, *, wanted: bool = True, severity: Severity = "error", name: str = "") -> NamedRule:
    """A rule that a decision is there, or is not."""
    made = (Existence if wanted else Absence)(decision(action))
    return NamedRule(rule=made, name=name or str(made), severity=severity, path=Path("r.yaml"), line=3)


@pytest.mark.parametrize(
    ("status", "note"),
    [("running", "still being recorded"), ("interrupted", "never ended"), ("finished", "")],
)
def test_a_run_that_is_not_whole_is_told_and_refused_where_it_is_strict(status, note: str) -> None:
    run = check_run(line("A", status=status), [rule("A")])
    assert [note in said for said in run.notes] == [True] * bool(note)
    assert exit_code(Outcome([run])) == 0
    assert exit_code(Outcome([run], strict=True)) == bool(note)


def test_records_that_were_lost_are_told() -> None:
    items = line("A")
    items.losses = [Loss(time_ns=1, records=3, reason="disk full")]
    assert check_run(items, [rule("A")]).notes == ["3 records could not be kept while it was recorded"]


def test_the_worst_of_all_runs_is_the_exit_code() -> None:
    good, bad = check_run(line("A"), [rule("A")]), check_run(line("A"), [rule("B")])
    gone = could_not_check("gone", StoreError("there is no run gone"))
    assert [exit_code(Outcome(runs)) for runs in ([good], [good, bad], [good, bad, gone])] == [0, 1, 2]


def test_a_rule_that_warns_and_fails_keeps_why() -> None:
    [checked] = check_run(line("A"), [rule("A", wanted=False, severity="warning")]).checked
    assert (checked.verdict, checked.summary) == ("warning", "there is 1, expected none")
    assert [item.kind for item in checked.items] == ["decision"]


def test_what_a_run_says_is_no_markup_in_a_summary() -> None:
    name = "a|b <b>*x*</b> [l](http://x) `c`\nd"
    text = markdown(Outcome([check_run(line("A"), [rule("```", name=name)])]))
    assert r"**a\|b \<b\>\*x\*\</b\> \[l\](http://x) \`c\` d**" in text
    assert "````text\n" in text


def test_a_summary_stays_below_what_github_takes() -> None:
    rules = [rule("B", name=f"{number} " + "x" * 20_000) for number in range(100)]
    text = markdown(Outcome([check_run(line("A"), rules)]))
    assert len(text.encode()) < 1 << 20
    assert "more\n" in text[-20:]


def test_strict_reports_call_a_warning_a_failure() -> None:
    run = check_run(line("A", status="running"), [rule("B", severity="warning")])
    lines = list(github_lines(Outcome([run], strict=True)))
    assert [one.partition(" ")[0] for one in lines] == ["::error", "::error"]
    assert b'failures="2"' in junit(Outcome([run], strict=True))
    assert b'failures="0"' in junit(Outcome([run]))
    assert [one.partition(" ")[0] for one in github_lines(Outcome([run]))] == ["::warning", "::warning"]
