"""`otel-replay check`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.conftest import tuning_story

RULES = """\
rules:
- absence: tool(delete_*)
- name: one start
  description: clamping begins once
  exactly: [decision(CLAMPING_START), 1]
"""
FAILING = RULES + "- name: never clamped\n  absence: decision(CLAMPING_APPLIED)\n"
WARNING = RULES + "- severity: warning\n  absence: decision(CLAMPING_APPLIED)\n"


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """Writes a file of rules into the folder in which the command is called."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    def write(text: str, name: str = "rules.yaml") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


def test_a_run_that_fulfils_the_rules_is_a_yes(call, keep, tuning, rules) -> None:
    keep(tuning)
    result = call("check", "latest", rules(RULES))
    assert result.code == 0
    assert result.plain[1:] == ["  ✓ absence(tool(delete_*))", "  ✓ one start", "1 run: 2 passed"]


def test_a_failure_shows_the_rule_its_line_and_the_place_in_the_run(call, keep, tuning, rules) -> None:
    keep(tuning)
    result = call("check", "latest", rules(FAILING))
    assert result.code == 1
    text = "\n".join(result.plain)
    assert "  ✗ never clamped\n    rules.yaml:6\n    absence(decision(CLAMPING_APPLIED)): there are 3" in text
    assert "✗ decision CLAMPING_APPLIED rpm=3500 kpa=95  ← number 3" in text
    assert result.plain[-1] == "1 run: 2 passed, 1 failed"


def test_a_rule_that_warns_refuses_only_where_it_is_strict(call, keep, tuning, rules) -> None:
    keep(tuning)
    name = rules(WARNING)
    assert call("check", "latest", name).code == 0
    assert call("check", "latest", name).plain[-1] == "1 run: 2 passed, 1 warning"
    assert call("check", "latest", name, "--strict").code == 1


@pytest.mark.parametrize(
    ("rule", "note"),
    [
        ("response: [tool(x), decision]", "there is no tool(x) in the run"),
        ("precedence: [decision, tool(x)]", "there is no tool(x) in the run"),
        ("all: {what: tool(x), holds: '[a = 1]', or_none: true}", "there is no tool(x) in the run"),
        ("none: {what: tool(x), holds: '[a = 1]'}", "there is no tool(x) in the run"),
        ("total: {value: cost, what: tool(x), at_most: 1}", "there is no tool(x) in the run"),
        ("not_coexistence: [tool(x), tool(y)]", "there is no tool(x) and no tool(y) in the run"),
    ],
)
def test_a_rule_that_passes_over_nothing_says_so(call, keep, tuning, rules, rule: str, note: str) -> None:
    keep(tuning)
    result = call("check", "latest", rules(f"- {rule}\n"))
    assert result.code == 0
    assert f"nothing was checked: {note}" in result.out
    assert call("check", "latest", rules(f"- {rule}\n"), "--strict").code == 1


@pytest.mark.parametrize("rule", ["absence: tool(x)", "at_most: [tool(x), 3]", "response: [decision, run]"])
def test_a_rule_that_says_something_of_the_run_does_not_warn(call, keep, tuning, rules, rule: str) -> None:
    keep(tuning)
    assert "nothing was checked" not in call("check", "latest", rules(f"- {rule}\n")).out


def test_a_run_whose_process_died_is_told(call, keep, tuning, rules) -> None:
    keep(tuning, how="interrupted")
    result = call("check", "latest", rules(RULES))
    assert result.code == 0
    assert "! it never ended" in result.out
    assert call("check", "latest", rules(RULES), "--strict").code == 1


def test_a_damaged_run_is_told(call, keep, tuning, rules) -> None:
    directory = keep(tuning)
    with open(directory / "journal" / tuning.journal, "r+b") as journal:
        journal.seek(len(journal.readline()))
        journal.write(b"x")
    result = call("check", "latest", rules("- absence: tool(x)\n"))
    assert "it is damaged" in result.out


# -- many runs -----------------------------------------------------------------------------------------------


def two(keep) -> None:
    """Two runs, the second an hour later."""
    keep(tuning_story("2026-01-01T00-00-00Z-aaaaaa"), name="tune-a")
    keep(tuning_story("2026-01-01T01-00-00Z-bbbbbb", later_ns=3_600_000_000_000), name="other")


def test_patterns_mean_ids_and_names(call, keep, rules) -> None:
    two(keep)
    name = rules(RULES)

    def checked(*asked: str) -> list[str]:
        return [run["name"] for run in call("check", *asked, name, "--json").json["runs"]]

    assert checked("tune-*") == ["tune-a"]
    assert checked("*-bbbbbb") == ["other"]
    assert checked("*", "latest") == ["tune-a", "other"]
    assert checked("--all") == ["tune-a", "other"]
    assert checked("--since", "2026-01-01T00:30:00Z") == ["other"]
    assert checked("--since", "2026-01-01T00:30:00Z", "*") == ["other"]


def test_a_pattern_that_fits_nothing_is_could_not(call, keep, tuning, rules) -> None:
    keep(tuning)
    result = call("check", "nope-*", rules(RULES))
    assert (result.code, "fits `nope-*`" in result.err) == (2, True)


def test_one_run_that_cannot_be_read_does_not_keep_the_others_from_being_checked(
    call, keep, tuning, rules
) -> None:
    keep(tuning)
    result = call("check", "nothing", "latest", rules(RULES), "--json")
    assert result.code == 2
    assert [bool(run["error"]) for run in result.json["runs"]] == [True, False]
    assert result.json["counts"]["errors"] == 1
    assert result.json["passed"] is False


def test_traces_of_others_are_checked_as_they_are(call, rules, tmp_path) -> None:
    span = {
        "traceID": "a1",
        "spanID": "1",
        "operationName": "evil \x1b[31m name",
        "startTime": 1_700_000_000_000_000,
        "duration": 1500,
        "tags": [],
    }
    (tmp_path / "trace.json").write_text(json.dumps({"data": [{"spans": [span], "processes": {}}]}))
    corpus = Path(__file__).parents[1] / "corpus" / "dialects" / "official-openai.jsonl"
    name = rules("- absence: span[duration > 1ms]\n")
    result = call("check", "trace.json", str(corpus), name, "--json")
    assert result.code == 1
    assert [bool(run["error"]) for run in result.json["runs"]] == [False, False]
    shown = call("check", "trace.json", name)
    assert "\x1b[31m" not in shown.out
    assert "✗" in shown.out


# -- which rules ---------------------------------------------------------------------------------------------


def test_rules_in_json_are_told_from_runs_and_other_names_by_an_option(call, keep, tuning, rules) -> None:
    keep(tuning)
    text = '{"rules": ["finished"]}'
    assert call("check", "latest", rules(text, "rules.json")).plain[1] == "  ✓ finished()"
    assert call("check", "latest", "--rules", rules("- finished\n", "rules")).plain[1] == "  ✓ finished()"


def test_without_a_file_the_projects_own_rules_count(call, keep, tuning, rules) -> None:
    keep(tuning)
    rules(RULES)
    rules('[tool.otel_replay.check]\nrules = ["rules.yaml"]\n', "pyproject.toml")
    assert call("check", "latest").plain[-1] == "1 run: 2 passed"
    rules("", "pyproject.toml")
    assert call("check", "latest").code == 2
    assert "tool.otel_replay.check" in call("check", "latest").err


def test_without_a_run_nothing_is_guessed(call, keep, tuning, rules) -> None:
    keep(tuning)
    result = call("check", rules(RULES))
    assert (result.code, "no run is named" in result.err) == (2, True)


def test_a_file_of_rules_that_is_wrong_is_could_not(call, keep, tuning, rules) -> None:
    keep(tuning)
    result = call("check", "latest", rules("rules:\n- abscence: tool(a)\n"))
    assert result.code == 2
    assert result.err.splitlines() == [
        "error: `rules.yaml` line 2: `abscence` is no rule",
        "hint: did you mean `absence`?",
    ]


def test_the_schema_is_printed(call) -> None:
    assert "rule absence" in call("check", "--schema").json["$defs"]


@pytest.mark.parametrize("moment", ["soon", "7 parsecs", "2026-13-01"])
def test_a_since_that_is_no_moment_is_could_not(call, rules, moment: str) -> None:
    result = call("check", "--since", moment, rules(RULES))
    assert (result.code, "is no moment" in result.err) == (2, True)


@pytest.mark.parametrize("moment", ["90min", "12h", "7d", "1.5w", "2026-01-02", "2026-01-02T00:00:00+02:00"])
def test_since_takes_lengths_dates_and_times(call, keep, tuning, rules, moment: str) -> None:
    """All of them are after the run, which was recorded long ago."""
    keep(tuning)
    result = call("check", "--since", moment, rules(RULES))
    assert (result.code, "has no such runs" in result.err) == (2, True)


# -- reports -------------------------------------------------------------------------------------------------


def test_the_document_for_programs_says_all(call, keep, tuning, rules) -> None:
    keep(tuning)
    document = call("check", "latest", rules(FAILING), "--json").json
    assert (document["schema"], document["version"], document["passed"]) == ("otel-replay.check", 1, False)
    assert document["counts"] == {"runs": 1, "passed": 2, "failed": 1, "warning": 0, "errors": 0}
    [run] = document["runs"]
    failed = run["rules"][-1]
    assert (failed["name"], failed["rule"], failed["line"]) == ("never clamped", "absence", 6)
    assert (failed["verdict"], failed["summary"]) == ("failed", "there are 3, expected none")
    assert [item["path"].rpartition(" > ")[2] for item in failed["items"]] == ["CLAMPING_APPLIED"] * 3


def test_junit_has_a_suite_for_each_run_and_a_case_for_each_rule(call, keep, rules, tmp_path) -> None:
    two(keep)
    result = call("check", "--all", "--junit", "report.xml", rules(FAILING))
    assert result.code == 1
    root = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == (
        "testsuites",
        "6",
        "2",
        "0",
    )
    for suite in root:
        cases = suite.findall("testcase")
        assert [case.get("name") for case in cases] == [
            "absence(tool(delete_*))",
            "one start",
            "never clamped",
        ]
        assert [case.get("line") for case in cases] == ["2", "3", "6"]
        assert [len(case.findall("failure")) for case in cases] == [0, 0, 1]
        assert float(suite.get("time", "x")) >= 0


def test_reports_may_be_read_by_whom_the_umask_lets(call, keep, tuning, rules, tmp_path) -> None:
    """Another user than the one who checks may upload them."""
    keep(tuning)
    names = ["r.xml", "r.sarif", "r.md"]
    before = os.umask(0o022)
    try:
        call(
            "check", "latest", rules(RULES), "--junit", names[0], "--sarif", names[1], "--markdown", names[2]
        )
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in names} == {0o644}


def test_junit_of_a_run_that_cannot_be_read_has_an_error(call, keep, rules, tmp_path) -> None:
    two(keep)
    assert call("check", "nothing", rules(RULES), "--junit", "report.xml").code == 2
    root = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (root.get("tests"), root.get("errors")) == ("1", "1")
    assert "nothing" in root.find("testsuite/testcase/error").get("message")


def test_junit_holds_only_what_xml_can_hold(call, keep, rules, tmp_path) -> None:
    story = tuning_story()
    story.decide("0" * 15 + "1", "BAD \x00\x1b\ufffe name")
    keep(story)
    call("check", "latest", rules("- absence: decision(BAD*)\n"), "--junit", "report.xml")
    root = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert "BAD" in root.find("testsuite/testcase/failure").text


def test_annotations_stand_at_the_line_of_the_rule(call, keep, tuning, rules, monkeypatch) -> None:
    keep(tuning)
    name = rules(FAILING + "- severity: warning\n  existence: tool(a)\n  name: 'at 5%, or: more'\n")

    def told(*more: str) -> list[str]:
        return [line for line in call("check", "latest", name, *more).lines if line.startswith("::")]

    failed, warned = told("--github")
    assert failed.startswith("::error file=rules.yaml,line=6,title=never clamped::")
    assert "%0A" in failed
    assert warned.startswith("::warning file=rules.yaml,line=8,title=at 5%25%2C or%3A more::")
    assert told() == []
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert len(told()) == 2
    assert told("--no-github") == []


def test_a_summary_in_markdown_is_added_to_what_the_step_has_said(
    call, keep, tuning, rules, tmp_path, monkeypatch
) -> None:
    keep(tuning, name="a|b <script>")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    call("check", "latest", rules(FAILING), "--markdown", str(summary))
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n## otel-replay check: 1 of 1 refused")
    assert "| 2 | 1 | 0 |" in text
    assert "❌ **never clamped** (rules.yaml:6)" in text
    call("check", "latest", rules(RULES), "--markdown", "other.md")
    call("check", "latest", rules(RULES), "--markdown", "other.md")
    assert (tmp_path / "other.md").read_text(encoding="utf-8").count("## otel-replay check") == 1


def test_sarif_has_a_result_at_the_line_of_each_rule_that_fails(call, keep, tuning, rules, tmp_path) -> None:
    keep(tuning)
    call(
        "check",
        "latest",
        "nothing",
        rules(WARNING),
        "--sarif",
        "o.sarif",
    )
    log = json.loads((tmp_path / "o.sarif").read_text(encoding="utf-8"))
    assert (log["version"], list(log)) == ("2.1.0", ["$schema", "version", "runs"])
    [run] = log["runs"]
    rule_ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rule_ids)) == len(rule_ids) == 3
    [result] = run["results"]
    assert (result["ruleId"], result["level"]) == (rule_ids[result["ruleIndex"]], "warning")
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "rules.yaml"}, "region": {"startLine": 6}}
    [invocation] = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "nothing" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_quiet_says_only_what_is_wrong(call, keep, tuning, rules) -> None:
    keep(tuning)
    assert call("check", "latest", rules(RULES), "-q").out == ""
    assert "one start" not in call("check", "latest", rules(FAILING), "-q").out
    assert "never clamped" in call("check", "latest", rules(FAILING), "-q").out


def test_a_document_and_annotations_do_not_mix(call, keep, tuning, rules) -> None:
    keep(tuning)
    assert call("check", "latest", rules(RULES), "--json", "--github").code == 2
