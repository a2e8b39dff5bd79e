"""Each report of one outcome, whole, beside this file: what CI systems, programs and people read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from analysis.story import Story

from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import decision
from otel_replay.assertions.counting import Absence, Existence
from otel_replay.assertions.order import Response
from otel_replay.checking.documents import as_json, as_sarif
from otel_replay.checking.outcome import CheckedRun, Outcome, check_run, could_not_check
from otel_replay.checking.reading import NamedRule
from otel_replay.checking.reports import github_lines, junit, markdown
from otel_replay.errors import StoreError
from otel_replay.version import VERSION

REPORTS = Path(__file__).parent / "reports"
HERE, ELSEWHERE = Path("checks/a b.yaml"), Path("/other/r.yaml")
CLAMPED = NamedRule(rule=Existence(decision("CLAMP")), name="clamped", path=HERE, line=7)
RULES = [
    NamedRule(
        rule=Absence(decision("CLAMP")),
        name="never, clamped: 100%",
        description="it runs lean\nbeyond that",
        path=HERE,
        line=3,
    ),
    CLAMPED,
    NamedRule(rule=Existence(decision("SMOOTH")), name="smoothed", severity="warning", path=ELSEWHERE),
    NamedRule(rule=Response(decision("A"), decision("B")), name="b after a", path=HERE, line=9),
]


def recorded(status: str) -> Items:
    """A run with one decision about a cell."""
    story = Story("tune-1")
    run = story.run("tuning")
    story.decide(run, "CLAMP", cell={"rpm": 2000, "kpa": 65})
    if status == "finished":
        story.end(run)
    items = build_items(story, status=status)  # type: ignore[arg-type]  # one of them
    items.run_id = items.source = f"tune-{status}"
    items.name = "tuning"
    return items


def checked(status: str, rules: list[NamedRule]) -> CheckedRun:
    """A run with what the rules say of it, each in a millisecond and a half."""
    run = check_run(recorded(status), rules)
    return replace(run, checked=[replace(one, took_ns=1_500_000) for one in run.checked])


def outcome(*, strict: bool = False) -> Outcome:
    """A run that is refused, one that was cut off, and one that is not there."""
    gone = could_not_check("gone", StoreError("there is no run `gone`"))
    return Outcome([checked("finished", RULES), checked("interrupted", [CLAMPED]), gone], strict)


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
def test_junit_xml_has_a_suite_for_each_run_and_a_case_for_each_rule(strict) -> None:
    wanted = REPORTS / ("strict.xml" if strict else "report.xml")
    assert junit(outcome(strict=strict)).decode() == wanted.read_text(encoding="utf-8")


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
def test_annotations_stand_at_the_line_of_the_rule(strict) -> None:
    wanted = REPORTS / ("strict.github.txt" if strict else "report.github.txt")
    assert [*github_lines(outcome(strict=strict))] == wanted.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
def test_a_summary_has_a_table_of_runs_and_each_failure_with_its_reason(strict) -> None:
    wanted = REPORTS / ("strict.md" if strict else "report.md")
    assert markdown(outcome(strict=strict)) == wanted.read_text(encoding="utf-8")


def test_where_all_is_well_a_summary_is_its_table() -> None:
    text = markdown(Outcome([checked("finished", [CLAMPED])]))
    assert text == (
        "## otel-replay check: all runs fulfil their rules\n\n| | run | passed | failed | warnings |\n"
        "|---|---|--:|--:|--:|\n| ✅ | tune-finished tuning | 1 | 0 | 0 |\n"
    )


def test_the_document_for_programs_says_all_of_each_run_and_rule() -> None:
    wanted = json.loads((REPORTS / "report.json").read_text(encoding="utf-8"))
    assert as_json(outcome()) == wanted
    strict = as_json(outcome(strict=True))
    assert (strict["strict"], [run["passed"] for run in strict["runs"]]) == (True, [False, False, False])


def test_sarif_has_the_rules_and_a_result_for_each_that_is_not_fulfilled() -> None:
    log = as_sarif(outcome())
    driver = log["runs"][0]["tool"]["driver"]
    assert driver["version"] == VERSION
    driver["version"] = "0"
    assert log == json.loads((REPORTS / "report.sarif").read_text(encoding="utf-8"))
    well = as_sarif(Outcome([checked("finished", [CLAMPED])]))["runs"][0]
    assert (well["results"], well["invocations"][0]["executionSuccessful"]) == ([], True)


def test_a_rule_keeps_its_identity_in_sarif_when_its_line_moves() -> None:
    moved = replace(RULES[0], line=30, path=ELSEWHERE)
    ids = [
        [
            result["ruleId"]
            for result in as_sarif(Outcome([checked("finished", [rule])]))["runs"][0]["results"]
        ]
        for rule in (RULES[0], moved, replace(RULES[0], rule=Absence(decision("CLAMP*"))))
    ]
    assert ids[0] == ids[1] != ids[2]


def test_a_run_and_a_rule_are_passed_warned_or_refused() -> None:
    whole, cut, gone = outcome().runs
    assert [run.passed for run in (whole, cut, gone)] == [False, True, False]
    assert [outcome().refused(run) for run in (whole, cut, gone)] == [True, False, True]
    assert [outcome(strict=True).refused(run) for run in (whole, cut, gone)] == [True, True, True]
    assert could_not_check("x", ValueError("no reader")).error == "no reader"
