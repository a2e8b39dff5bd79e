"""Files of rules: what they may say, and where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from otel_replay.analysis.items import Items
from otel_replay.assertions.table import RULES
from otel_replay.checking.parameters import parameters_of
from otel_replay.checking.places import read_written
from otel_replay.checking.project import project_rules
from otel_replay.checking.reading import NamedRule, looks_like_rules, read_files
from otel_replay.checking.schema import make_schema
from otel_replay.errors import FormatError, UsageError

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = Draft202012Validator(make_schema())

ONE_OF_EACH: dict[str, Any] = {
    **dict.fromkeys(("existence", "absence", "init", "last", "none"), "tool(a)"),
    **{name: {"what": "tool(a)", "times": 2} for name in ("exactly", "at_least", "at_most")},
    "between": ["tool(a)", 1, 3],
    **{name: ["tool(a)", "tool(b)"] for name in RULES if "succession" in name or "existence" in name[4:]},
    "coexistence": {"first": "tool(a)", "second": "tool(b)"},
    "not_coexistence": {"first": "tool(a)", "second": "tool(b)"},
    "response": ["tool(a)", "tool(b)", "5s"],
    "precedence": {"first": "tool(a)", "second": "tool(b)", "ended": True},
    **{
        f"{kind}_{name}": ["tool(a)", "tool(b)"]
        for kind in ("alternate", "chain")
        for name in ("response", "precedence")
    },
    "all": {"what": "decision", "holds": ["after <= 7", "before > 1"], "or_none": True},
    "any": {"what": "decision", "holds": "[after <= 7]"},
    "total": {"value": "abs(after - before)", "what": "decision", "at_most": 7.5},
    "budget": {"tokens": 4000, "cost": 0.5, "duration": "30s"},
    "trajectory": {"expected": ["a", ["b", {"c": {"x": 1}}], {"tool": "d"}], "mode": "causal", "rel": 0.1},
    "state": {"at": "end", "path": "ve.0.0", "expected": {"approx": 7, "abs": 0.1}},
    "cell": {"cell": [2000, 65], "expected": 7.0},
    "no_errors": {"allow": "tool(flaky)"},
    "nothing_dropped": None,
    "finished": {"failed_too": True},
}


def no_run(name: str) -> Items:
    """There is none to load."""
    raise UsageError(f"there is no run {name}")


def read(path: Path, text: str) -> list[NamedRule]:
    """The rules that a file with this text has."""
    path.write_text(text, encoding="utf-8")
    return list(read_files([path], no_run))


def error_of(path: Path, text: str) -> tuple[str, str]:
    """What is wrong with a file, and the hint."""
    with pytest.raises(FormatError) as caught:
        read(path, text)
    return caught.value.message.replace(str(path), path.name), caught.value.hint or ""


# -- what may be said ----------------------------------------------------------------------------------------


def test_the_examples_below_name_every_rule() -> None:
    assert set(ONE_OF_EACH) == set(RULES)


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_can_be_written_and_editors_agree(tmp_path, name: str) -> None:
    document = {"rules": [{name: ONE_OF_EACH[name], "name": "mine", "severity": "warning"}]}
    [rule] = read(tmp_path / "rules.json", json.dumps(document))
    assert (rule.rule.name, rule.name, rule.severity) == (name, "mine", "warning")
    assert list(SCHEMA.iter_errors(document)) == []


@pytest.mark.parametrize("name", sorted(RULES))
def test_what_no_rule_takes_is_refused_by_reader_and_schema_alike(tmp_path, name: str) -> None:
    document = {"rules": [{name: {"colour": "red"}}]}
    with pytest.raises(FormatError):
        read(tmp_path / "rules.json", json.dumps(document))
    assert not SCHEMA.is_valid(document)


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_parameter_is_in_the_schema(name: str) -> None:
    said = json.dumps(make_schema()["$defs"][f"rule {name}"])
    assert all(f'"{parameter.name}"' in said for parameter in parameters_of(name))


def test_a_rule_is_a_map_a_list_or_the_first_value_alone(tmp_path) -> None:
    rules = read(
        tmp_path / "rules.yaml",
        "rules:\n- exactly: {what: tool(a), times: 2}\n- exactly: [tool(a), 2]\n"
        "- absence: tool(a)\n- finished\n",
    )
    assert [rule.name for rule in rules] == [
        "exactly(tool(a), 2)",
        "exactly(tool(a), 2)",
        "absence(tool(a))",
        "finished()",
    ]
    assert [rule.line for rule in rules] == [2, 3, 4, 5]


def test_conditions_alone_may_stand_as_yaml_reads_them(tmp_path) -> None:
    bare, quoted = read(
        tmp_path / "rules.yaml",
        "- all: {what: decision, holds: [after <= 7, before > 1]}\n"
        '- all: {what: decision, holds: "[after <= 7, before > 1]"}\n',
    )
    assert bare.rule == quoted.rule


def test_yaml_toml_and_json_say_the_same(tmp_path) -> None:
    texts = {
        "rules.yaml": "rules:\n\n- response: {first: tool(a), second: tool(b), within: 5s}\n",
        "rules.toml": '\n\n[[rules]]\nresponse = {first = "tool(a)", second = "tool(b)", within = "5s"}\n',
        "rules.json": '{"rules": [\n\n{"response": ["tool(a)", "tool(b)", "5s"]}]}',
    }
    found = [read(tmp_path / name, text)[0] for name, text in texts.items()]
    assert len({rule.rule for rule in found}) == 1
    assert [rule.line for rule in found] == [3, 3, 3]


def test_lines_in_json_are_those_of_each_rule(tmp_path) -> None:
    text = json.dumps({"rules": [{"absence": "tool(a)"}, {"name": "x", "absence": "tool(b)"}]}, indent=1)
    assert [rule.line for rule in read(tmp_path / "rules.json", text)] == [4, 7]


def test_files_are_included_from_their_own_folder_and_each_once(tmp_path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "common.yaml").write_text("include: [../rules.yaml]\nrules: [finished]\n")
    rules = read(
        tmp_path / "rules.yaml",
        "include: [deep/common.yaml, deep/common.yaml]\nrules:\n- absence: tool(a)\n",
    )
    assert [(rule.name, rule.path.name) for rule in rules] == [
        ("finished()", "common.yaml"),
        ("absence(tool(a))", "rules.yaml"),
    ]


def test_what_a_trajectory_expects_may_be_a_run(tmp_path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("- trajectory: {expected: {run: golden}}\n")
    asked: list[str] = []

    def load(name: str) -> Items:
        asked.append(name)
        return Items(items=[])

    [rule] = read_files([path], load)
    assert asked == ["golden"]
    assert rule.rule == RULES["trajectory"](expected=())  # type: ignore[call-arg]  # its own field


# -- what is wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("rules:\n- abscence: tool(a)\n", "`rules.yaml` line 2: `abscence` is no rule", "`absence`?"),
        ("rule:\n- finished\n", "`rules.yaml` line 1: `rule` is nothing that a file says", "`rules`?"),
        ("absence: tool(a)\n", "line 1: `absence` is nothing that a file says", "an item of the list"),
        ("rules:\n- all: {what: decision}\n", "line 2: `all` needs `holds`", "`or_none` (may be left out)"),
        ("- response: {first: tool(a), second: tool(b), withn: 5s}\n", "has no `withn`", "`within`?"),
        ("- response: [tool(a), tool(b), 5 parsecs]\n", "line 1: `response`: `5 parsecs` is no length", ""),
        ("-\n  absence: tol(a)\n", "line 2: `what` of `absence`: `tol` is not a kind", "`tool`?"),
        ("- absence: 3\n", "`what` of `absence`: `3` is no selector", "tool(delete_*)"),
        ("- exactly: [tool(a), two]\n", "`times` of `exactly`: `'two'` is no whole number", ""),
        ("- exactly: [tool(a), true]\n", "`times` of `exactly`: `True` is no whole number", ""),
        ("- exactly: [tool(a), 1, 2]\n", "`exactly` takes 2 values, and 3 are given", "`what`, `times`"),
        ("- finished: false\n", "line 1: `finished` takes no `False`", "`- finished`"),
        ("- nothing_dropped: tool(a)\n", "`nothing_dropped` takes no `'tool(a)'`", "`- nothing_dropped`"),
        ("- trajectory: {expected: [a], mode: loose}\n", "`loose` is none of strict", ""),
        ("- trajectory: {expected: {run: gone}}\n", "there is no run gone", ""),
        ("- total: {value: after >, what: decision, at_most: 1}\n", "`value` of `total`", ""),
        ("- total: {value: after, what: decision}\n", "`total`: a total needs at_most or at_least", ""),
        ("- budget\n", "`budget`: a budget needs a limit", ""),
        ("- cell: {cell: [1], expected: 2}\n", "`[1]` is no cell", "[2000, 65]"),
        ("- finished:\n  absence: tool(a)\n", "rule 1 is 2 rules (finished, absence)", "one rule"),
        ("- name: x\n", "rule 1 does not say what is demanded", ""),
        ("- finished:\n  severity: fatal\n", "line 2: severity `fatal` is none of error, warning", ""),
        ("- finished:\n  name: 3\n", "line 2: `name` is no text", ""),
        ("- 3\n", "line 1: rule 1 is no rule", ""),
        ("version: 2\nrules: [finished]\n", "version 2 of rules is not known", "version 1"),
        ("include: gone.yaml\n", "there is no file", ""),
        ("rules: []\n", "has no rules", ""),
        ("", "has no rules", ""),
        ("rules: finished\n", "`rules` is no list", ""),
        ("rules:\n- absence: [\n", "is not YAML", ""),
        ("- absence: tool(a)\n  absence: tool(b)\n", "line 2: `absence` stands twice", "an item of its own"),
        ("- absence: tool(a)\n\t- finished\n", "line 2, column 1 is not YAML: found character '\\t'", ""),
        ("- finished\n---\n- finished\n", "is not YAML: but found another document", ""),
        ("on:\n- finished\n", "line 1: `on` is nothing that a file says", ""),
        ("12: x\n", "line 1: `12` is nothing that a file says", ""),
        ("- on: tool(a)\n", "line 1: `on` is no rule", ""),
        ("- exactly: [tool(a), no]\n", "`'no'` is no whole number", ""),
        ("- exactly: [tool(a), 12:30]\n", "`'12:30'` is no whole number", ""),
        (f"- exactly: [tool(a), {'9' * 5000}]\n", "is not YAML: Exceeds the limit", ""),
        ("- response: {first: tool(a), second: tool(b), within: }\n", "has no value", "leave it out"),
        ("- between: [tool(a), 3, 1]\n", "no number is between 3 and 1", ""),
        ("- state: [a, b, {approx: 1, abs: -1}]\n", "`abs` is how far a number may be off", ""),
        ("- trajectory: {expected: search}\n", "`'search'` is no list of tool calls", ""),
        ("- trajectory: {expected: [a], rel: -1}\n", "`rel` is how far a number may be off", ""),
        ("name: 3\nrules: [finished]\n", "line 1: `name` is no text", ""),
        ("include: 3\n", "line 1: `include` is a file, or a list of files", ""),
        ("version: true\nrules: [finished]\n", "version True of rules is not known", ""),
        ("- absence: !!python/object/apply:os.getcwd []\n", "is not YAML", ""),
        ("- absence: !!bool x\n", "a value is none of what its tag (`!!…`) says", ""),
        ("- absence: !!float ''\n", "a value is none of what its tag (`!!…`) says", ""),
        ("- absence: !!timestamp x\n", "a value is none of what its tag (`!!…`) says", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_the_nearest_name(
    tmp_path, text: str, message: str, hint: str
) -> None:
    said, hinted = error_of(tmp_path / "rules.yaml", text)
    assert message in said
    assert hint in hinted


def test_the_place_in_a_selector_is_pointed_at(tmp_path) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path / "rules.yaml", "- absence: tool(a)[x >> 3]\n")
    assert caught.value.place[0].strip() == "tool(a)[x >> 3]"
    assert "^" in caught.value.place[1]


@pytest.mark.parametrize(("name", "text"), [("r.toml", "rules = =\n"), ("r.json", '{"rules": [')])
def test_what_is_no_toml_and_no_json_is_told(tmp_path, name: str, text: str) -> None:
    assert "line 1" in error_of(tmp_path / name, text)[0]


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_written(tmp_path / "gone.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="not UTF-8"):
        read_written(tmp_path / "bytes.yaml")


def test_plain_words_of_yaml_are_what_editors_take_them_for(tmp_path) -> None:
    """By YAML 1.2: the reader's own rules made a number of seconds of 12:30, and false of `no`."""
    text = "{a: no, b: on, c: 12:30, d: 2026-11-22, e: 017, f: 1_000, g: ~, i: 0o17, j: 0x1F, k: TRUE}"
    numbers = "[1e3, 1.5E-3, .5, -1., +7, .inf, 1e400]"
    first, second = read(
        tmp_path / "rules.yaml",
        f"- state: {{at: end, path: a, expected: {text}}}\n- state: [end, a, {numbers}]\n",
    )
    assert first.rule.expected == {  # type: ignore[attr-defined]  # a state has it
        "a": "no",
        "b": "on",
        "c": "12:30",
        "d": "2026-11-22",
        "e": 17,
        "f": "1_000",
        "g": None,
        "i": 15,
        "j": 31,
        "k": True,
    }
    inf = float("inf")
    assert second.rule.expected == [1000, 0.0015, 0.5, -1, 7, inf, inf]  # type: ignore[attr-defined]  # as above


def test_anchors_and_merges_are_read_and_too_many_aliases_refused(tmp_path) -> None:
    shared = (
        "- response: &soon {first: tool(a), second: tool(b), within: 5s}\n"
        "- response: {<<: *soon, within: 9s}\n"
    )
    assert [str(rule.rule) for rule in read(tmp_path / "rules.yaml", shared)] == [
        "response(tool(a), tool(b), within='5s')",
        "response(tool(a), tool(b), within='9s')",
    ]
    levels = "".join(f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    bomb = f"- &a0 [x, x]\n{levels}"
    assert "more than 1,000,000 parts" in error_of(tmp_path / "rules.yaml", bomb)[0]


def test_what_stands_twice_in_one_map_of_json_is_not_dropped(tmp_path) -> None:
    said, _ = error_of(tmp_path / "rules.json", '{"rules": [{"absence": "tool(a)", "absence": "tool(b)"}]}')
    assert said == "`rules.json`: `absence` stands twice in one map"


def test_yaml_that_is_an_alias_of_itself_ends(tmp_path) -> None:
    assert "rule 1" in error_of(tmp_path / "rules.yaml", "rules: &a\n- *a\n")[0]


def test_json_of_others_is_not_taken_for_rules(tmp_path) -> None:
    path = tmp_path / "trace.json"
    for text in ('{"resourceSpans": []}', '{"rules": [], "data": []}', "[]", "{", '{"run_id": "x"}'):
        path.write_text(text)
        assert not looks_like_rules(path)
    path.write_text('{"rules": ["finished"]}')
    assert looks_like_rules(path)


# -- the project's own ---------------------------------------------------------------------------------------


def test_a_project_names_its_rules(tmp_path) -> None:
    (tmp_path / "checks").mkdir()
    for name in ("b.yaml", "a.yaml"):
        (tmp_path / "checks" / name).write_text("- finished\n")
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.otel_replay.check]\nrules = ["checks/*.yaml"]\n')
    found = project_rules(tmp_path / "checks")
    assert [path.name for path in found] == ["a.yaml", "b.yaml"]
    project.write_text('[tool.otel_replay.check]\nrules = ["gone.yaml"]\n')
    with pytest.raises(FormatError, match=r"there is no file `gone.yaml`"):
        project_rules(tmp_path)
    project.write_text("[tool.otel_replay.check]\nrules = 3\n")
    with pytest.raises(FormatError, match="no list of files"):
        project_rules(tmp_path)


def test_a_project_that_names_none_has_none(tmp_path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    assert project_rules(tmp_path) == []


# -- the page ------------------------------------------------------------------------------------------------


def test_the_example_on_the_page_is_read_and_editors_agree(tmp_path) -> None:
    page = (DOCS / "check.md").read_text(encoding="utf-8")
    example = next(block.partition("```")[0] for block in page.split("```yaml\n")[1:] if "rules:" in block)
    (tmp_path / "common.yaml").write_text("- finished\n")
    assert len(read(tmp_path / "rules.yaml", example)) > 5
    assert list(SCHEMA.iter_errors(yaml.safe_load(example))) == []


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(make_schema())
