"""Reports for CI systems are what the schemas of others ask for, whatever the runs and the rules are."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from analysis.story import Story

from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import decision
from otel_replay.assertions.counting import Absence, Exactly, Existence
from otel_replay.assertions.rule import Rule
from otel_replay.checking.documents import as_sarif
from otel_replay.checking.outcome import CheckedRun, Outcome, check_run, could_not_check
from otel_replay.checking.reading import NamedRule, Severity
from otel_replay.checking.reports import junit
from otel_replay.cli.json_out import json_bytes
from otel_replay.errors import StoreError

SCHEMAS = Path(__file__).parents[1] / "corpus" / "schemas"
HOSTILE = 'a <b> & "c" \x00\x1b ]]> \ud800 \u202e %s'


def recorded(status: str = "finished") -> Items:
    story = Story("tune-1")
    run = story.run()
    for number in range(3):
        story.decide(run, "CLAMP", HOSTILE, values={"after": number})
    if status == "finished":
        story.end(run)
    items = build_items(story, status=status)  # type: ignore[arg-type]  # one of them
    items.run_id = items.source = "tune-1"
    items.name = "tuning"
    return items


def named(rule: Rule, name: str, line: int = 3, severity: Severity = "error") -> NamedRule:
    return NamedRule(name=name, rule=rule, severity=severity, path=Path("rules.yaml"), line=line)


RULES = [
    named(Absence(decision("CLAMP")), "never clamped"),
    named(Existence(decision("CLAMP")), "clamped"),
    named(Exactly(decision("CLAMP"), 2), HOSTILE, 0, "warning"),
    named(Absence(decision("OTHER")), "of no line", 0),
]


def outcomes() -> list[Outcome]:
    """Nothing, a run that passes, one that fails and warns, one that was cut, one that cannot be read."""
    runs: list[CheckedRun] = [
        check_run(recorded(), RULES[1:2]),
        check_run(recorded(), RULES),
        check_run(recorded("interrupted"), RULES),
        could_not_check(HOSTILE, StoreError(HOSTILE)),
    ]
    return [Outcome([]), *(Outcome(runs, strict) for strict in (False, True))]


@pytest.mark.parametrize("outcome", outcomes(), ids=["nothing", "everything", "everything, strict"])
def test_sarif_is_what_its_schema_asks_for(outcome: Outcome) -> None:
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    log = json.loads(json_bytes(as_sarif(outcome)))
    # Formats too: a URI must be one.
    checker = jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    assert [f"{error.json_path}: {error.message}" for error in checker.iter_errors(log)] == []
    wrong = {**log, "version": "2.0"}
    assert not checker.is_valid(wrong)


@pytest.mark.parametrize("outcome", outcomes(), ids=["nothing", "everything", "everything, strict"])
def test_junit_xml_is_what_its_schema_asks_for(outcome: Outcome) -> None:
    """But for the place of the rule, by which CI systems find it: the schema knows none."""
    schema = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
    root = ElementTree.fromstring(junit(outcome))
    for case in root.iter("testcase"):
        for name in ("file", "line"):
            case.attrib.pop(name, None)
    assert [f"{error.path}: {error.reason}" for error in schema.iter_errors(root)] == []
    del root.attrib["name"]
    ElementTree.SubElement(root, "testsuite")
    assert not schema.is_valid(root)
