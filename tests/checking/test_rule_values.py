"""What a file says of a rule is what Python says: values of every kind, and what is no such value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checking.test_rule_files import DOCS, ONE_OF_EACH, error_of, read
from otel_replay.assertions import approx, attr, decision, event, tool
from otel_replay.assertions.counting import Between, Exactly, Existence, Init
from otel_replay.assertions.health import Finished, NoErrors, NothingDropped
from otel_replay.assertions.order import Precedence, Response
from otel_replay.assertions.rule import Rule
from otel_replay.assertions.states import Cell, State
from otel_replay.assertions.trajectory import Trajectory, calls_of
from otel_replay.assertions.values import All, Budget, Total
from otel_replay.checking.parameters import parameters_of
from otel_replay.checking.project import project_rules
from otel_replay.checking.reading import looks_like_rules
from otel_replay.checking.schema import make_schema
from otel_replay.errors import FormatError

A, B = tool("a"), tool("b")
DIFFERENCE = (attr("after") - attr("before")).abs().expression

SAME = [
    ({"existence": "tool(a)"}, Existence(A)),
    ({"exactly": {"what": "tool(a)", "times": 0}}, Exactly(A, 0)),
    ({"between": ["tool(a)", 1, 3]}, Between(A, 1, 3)),
    ({"init": {"what": "tool(a)", "among": "tool"}}, Init(A, tool())),
    ({"init": {"what": "tool(a)"}}, Init(A)),
    ({"response": ["tool(a)", "tool(b)", "5s"]}, Response(A, B, "5s")),
    ({"precedence": {"first": "tool(a)", "second": "tool(b)", "ended": True}}, Precedence(A, B, True)),
    (
        {"all": {"what": "decision", "holds": ["after <= 7", "before > 1"], "or_none": True}},
        All(decision(), (attr("after") <= 7) & (attr("before") > 1), True),
    ),
    (
        {"total": {"value": "abs(after - before)", "what": "decision", "at_most": 7.5}},
        Total(DIFFERENCE, decision(), 7.5),
    ),
    (
        {"total": {"value": "after", "what": "event(x)", "at_least": 2}},
        Total(attr("after").expression, event("x"), None, 2),
    ),
    ({"budget": {"tokens": 4000, "cost": 0.5, "duration": "30s"}}, Budget(tokens=4000, cost=0.5, duration="30s")),
    ({"state": ["end", "ve.0", {"approx": 7, "abs": 0.1}]}, State("end", "ve.0", approx(7, abs=0.1))),
    ({"state": ["end", "ve", {"approx": 7, "rel": 0.1}]}, State("end", "ve", approx(7, rel=0.1))),
    ({"state": ["end", "ve", {"approx": 7, "abs": 1, "rel": 0.5}]}, State("end", "ve", approx(7, abs=1, rel=0.5))),
    ({"state": ["end", "ve", {"approx": 7}]}, State("end", "ve", approx(7))),
    ({"state": ["end", "ve", {"abs": 7}]}, State("end", "ve", {"abs": 7})),
    ({"state": ["end", "ve", {"approx": 7, "of": 1}]}, State("end", "ve", {"approx": 7, "of": 1})),
    (
        {"state": ["end", "ve", {"rows": [{"approx": 1}, 2, None]}]},
        State("end", "ve", {"rows": [approx(1), 2, None]}),
    ),
    ({"cell": {"cell": [2000, 65], "expected": 7.0}}, Cell((2000, 65), 7.0)),
    ({"cell": {"cell": {"rpm": 2000, "kpa": 65}, "expected": 7, "at": "x"}}, Cell((2000, 65), 7, "x")),
    (
        {"trajectory": ["a", ["b", {"c": {"x": {"approx": 1, "abs": 2}}}], {"tool": "d"}]},
        Trajectory(calls_of(["a", ["b", {"tool": "c", "arguments": {"x": approx(1, abs=2)}}], {"tool": "d"}])),
    ),
    (
        {"trajectory": {"expected": [{"tool": "c", "arguments": {"x": {"approx": 1}}}], "mode": "causal", "rel": 0.1}},
        Trajectory(calls_of([{"tool": "c", "arguments": {"x": approx(1)}}]), mode="causal", rel=0.1),
    ),
    ({"no_errors": {"allow": "tool(flaky)"}}, NoErrors(tool("flaky"))),
    ({"no_errors": None}, NoErrors()),
    ({"nothing_dropped": True}, NothingDropped()),
    ({"finished": {"failed_too": True}}, Finished(True)),
]  # fmt: skip


@pytest.mark.parametrize(("said", "rule"), SAME, ids=[json.dumps(said) for said, _ in SAME])
def test_a_file_says_of_a_rule_what_python_says(tmp_path: Path, said: Any, rule: Rule) -> None:
    [found] = read(tmp_path / "rules.json", json.dumps([said]))
    assert (found.rule, found.name, found.severity, found.description) == (rule, str(rule), "error", "")


def test_what_a_rule_can_be_told_is_known_by_name_kind_and_choice() -> None:
    told = {
        (rule, one.name): (one.kind, one.required, one.choices)
        for rule in ONE_OF_EACH
        for one in parameters_of.__wrapped__(rule)
    }
    assert told["response", "within"] == ("length", False, ())
    assert told["budget", "duration"] == ("length", False, ())
    assert told["budget", "cost"] == ("number", False, ())
    assert told["exactly", "times"] == ("count", True, ())
    assert told["all", "or_none"] == ("truth", False, ())
    assert told["init", "among"] == ("selector", False, ())
    assert told["total", "value"] == ("expression", True, ())
    assert told["state", "path"] == ("text", True, ())
    assert told["state", "expected"] == ("value", True, ())
    assert told["cell", "cell"] == ("cell", True, ())
    assert told["trajectory", "expected"] == ("calls", True, ())
    kind, required, choices = told["trajectory", "mode"]
    assert (kind, required) == ("choice", False)
    assert {"strict", "unordered", "causal"} <= set(choices)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("- total: {value: [], what: decision, at_most: 1}", "`value` of `total`: `[]` is no name of a value", "such as duration_ms or abs(after - before)"),
        ("- total: {value: 'a, b', what: decision, at_most: 1}", "`value` of `total`: `'a, b'` is no name of a value", "such as duration_ms or abs(after - before)"),
        ("- total: {value: a > 1, what: decision, at_most: 1}", "`value` of `total`: `'a > 1'` is no name of a value", "such as duration_ms or abs(after - before)"),
        ("- total: {value: a, what: decision, at_most: much}", "`at_most` of `total`: `'much'` is no number", ""),
        ("- total: {value: a, what: decision, at_most: true}", "`at_most` of `total`: `True` is no number", ""),
        ("- total: {value: a, what: decision, at_most: .nan}", "`at_most` of `total`: `nan` is no number", ""),
        ("- finished: {failed_too: 1}", "`failed_too` of `finished`: `1` is neither true nor false", ""),
        ("- exactly: [tool(a), -1]", "`times` of `exactly`: `-1` is no whole number from 0", ""),
        ("- state: {at: 3, path: x, expected: 1}", "`at` of `state`: `3` is no text", "a number that is meant as text stands in quotes"),
        ("- response: [tool(a), tool(b), 5]", "`within` of `response`: `5` is no length of time", 'with its unit: "500ms", "5s", "2min"'),
        ("- cell: {cell: {rpm: 1}, expected: 2}", "`cell` of `cell`: `{'rpm': 1}` is no cell", "a cell is its row and its column: [2000, 65]"),
        ("- cell: {cell: [1, 2, 3], expected: 2}", "`cell` of `cell`: `[1, 2, 3]` is no cell", "a cell is its row and its column: [2000, 65]"),
        ("- absence: [[]]", "`what` of `absence`: `[]` is no selector", 'such as "tool(delete_*)" or "[after <= 7]"'),
        ("- trajectory: {expected: a}", "`expected` of `trajectory`: `'a'` is no list of tool calls", ""),
        ("- trajectory: [{tool: a, argumens: {}, zeal: 1}]", "`expected` of `trajectory`: a call has `tool` and `arguments`, and no `argumens`", ""),
        ("- trajectory: {expected: [a], mode: loose}", "`mode` of `trajectory`: `loose` is none of strict, ", ""),
        ("- nothing_dropped: {a: 1}", "`nothing_dropped` has no `a`", "`nothing_dropped` takes nothing"),
        ("- response: [tool(a)]", "`response` needs `second`", "it takes `first`, `second`, `within` (may be left out)"),
        ("- zzz: 1", "`zzz` is no rule", "it may be existence, absence, "),
    ],
)  # fmt: skip
def test_what_is_no_such_value_is_told_whole(tmp_path: Path, text: str, message: str, hint: str) -> None:
    said, hinted = error_of(tmp_path / "rules.yaml", text + "\n")
    assert said.startswith(f"`rules.yaml` line 1: {message}")
    assert hinted == hint or (hint and hint.endswith(" ") and hinted.startswith(hint))


def test_the_schema_that_editors_get_is_the_one_that_is_made() -> None:
    published = json.loads((DOCS / "check-rules.schema.json").read_text(encoding="utf-8"))
    assert published == make_schema()


def test_a_document_of_rules_is_one_by_its_rules_or_what_it_includes(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    for document, wanted in (
        ({"include": "common.yaml"}, True),
        ({"rules": ["finished"], "version": 1}, True),
        ({"name": "x"}, False),
        ({"rules": [], "other": 1}, False),
        (dict.fromkeys(("$schema", "version", "name", "description", "include", "rules")), True),
    ):
        path.write_text(json.dumps(document))
        assert looks_like_rules(path) is wanted, document


def test_lines_are_found_in_toml_that_writes_rules_inline(tmp_path: Path) -> None:
    text = '\nrules = [\n  {absence = "tool(a)"},\n  {name = "x", "absence" = "tool(b)"},\n]\n'
    assert [rule.line for rule in read(tmp_path / "rules.toml", text)] == [3, 4]


def test_a_project_may_name_one_file_by_its_whole_path_and_none_at_all(tmp_path: Path) -> None:
    rules, project = tmp_path / "rules.yaml", tmp_path / "pyproject.toml"
    rules.write_text("- finished\n")
    project.write_text('[tool.otel_replay.check]\nrules = "rules.yaml"\n')
    assert project_rules(tmp_path) == [rules]
    project.write_text(f"[tool.otel_replay.check]\nrules = ['{rules}']\n")
    assert project_rules(tmp_path) == [rules]
    project.write_text("[tool.otel_replay.check]\nother = 1\n")
    assert project_rules(tmp_path) == []
    for wrong in ("3", '[""]', "[3]"):
        project.write_text(f"[tool.otel_replay.check]\nrules = {wrong}\n")
        with pytest.raises(FormatError, match="no list of files") as told:
            project_rules(tmp_path)
        assert told.value.hint == 'rules = ["checks/*.yaml"]'
