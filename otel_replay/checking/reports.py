"""The outcome as CI systems take it: JUnit XML, annotations of GitHub Actions, a summary in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from otel_replay.checking.outcome import Checked, CheckedRun, Outcome

__all__ = ["github_lines", "junit", "markdown"]

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_MARKDOWN_BYTES = 1_000_000
"""GitHub takes a summary of 1 MiB and drops a larger one."""


# -- JUnit XML -----------------------------------------------------------------------------------------------


def junit(outcome: Outcome) -> bytes:
    """JUnit XML as pytest's family xunit1: a suite for each run, a case for each rule.

    It is what `junit-10.xsd` asks for, but for `file` and `line` of a case: by them CI systems find the rule.
    """
    suites = ElementTree.Element("testsuites", name="otel-replay check")
    total = {"tests": 0, "failures": 0, "errors": 0}  # the element has no `skipped`
    for run in outcome.runs:
        counts = _suite(suites, outcome, run)
        total = {name: total[name] + counts[name] for name in total}
    suites.attrib.update({name: str(count) for name, count in total.items()})
    ElementTree.indent(suites)
    text: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(suites: ElementTree.Element, outcome: Outcome, run: CheckedRun) -> dict[str, int]:
    suite = ElementTree.SubElement(suites, "testsuite", name=_clean(run.run))
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("run_id", run.run_id), ("name", run.name), ("status", run.status)):
        ElementTree.SubElement(properties, "property", name=name, value=_clean(value))
    failures = errors = 0
    cases: list[Any] = []
    if run.error:
        errors += 1
        case = ElementTree.SubElement(suite, "testcase", classname=_clean(run.run), name="read", time="0")
        ElementTree.SubElement(case, "error", message=_clean(run.error)).text = _clean(run.error)
        cases.append(case)
    for note in run.notes if outcome.strict else ():
        failures += 1
        case = ElementTree.SubElement(suite, "testcase", classname=_clean(run.run), name="whole", time="0")
        ElementTree.SubElement(case, "failure", message=_clean(note), type="warning").text = _clean(note)
        cases.append(case)
    for one in run.checked:
        case = _case(suite, run, one)
        cases.append(case)
        if one.verdict == "failed" or (outcome.strict and one.verdict == "warning"):
            failures += 1
            kind = one.rule.rule.name if one.verdict == "failed" else "warning"
            failure = ElementTree.SubElement(case, "failure", message=_clean(one.summary), type=kind)
            failure.text = _clean(_told(one))
        elif one.verdict == "warning":
            ElementTree.SubElement(case, "system-out").text = _clean(f"warning: {_told(one)}")
    if run.notes and not outcome.strict:
        ElementTree.SubElement(suite, "system-out").text = _clean("\n".join(run.notes))
    counts = {"tests": len(cases), "failures": failures, "errors": errors, "skipped": 0}
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    suite.set("time", _seconds(sum(one.took_ns for one in run.checked)))
    return counts


def _case(suite: ElementTree.Element, run: CheckedRun, one: Checked) -> ElementTree.Element:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_clean(run.run),
        name=_clean(one.rule.name),
        file=_clean(str(one.rule.path)),
        time=_seconds(one.took_ns),
    )
    if one.rule.line:
        case.set("line", str(one.rule.line))
    return case


def _called(run: CheckedRun) -> str:
    """What a run was named as, and what a person knows it by."""
    return " ".join(dict.fromkeys(filter(None, (run.run, run.name))))


def _told(one: Checked) -> str:
    """Why the rule is there, where it says so, and why the run does not fulfil it."""
    return "\n".join(filter(None, (one.rule.description, one.text)))


def _seconds(time_ns: int) -> str:
    return f"{time_ns / 1e9:.3f}"  # the schema takes no more


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


# -- annotations of GitHub Actions ---------------------------------------------------------------------------


def github_lines(outcome: Outcome) -> Iterator[str]:
    """Workflow commands, one a line, that show what is wrong at the rule's line."""
    for run in outcome.runs:
        if run.error:
            yield _annotation("error", run.run, run.error)
        for note in run.notes:
            yield _annotation("error" if outcome.strict else "warning", _called(run), note)
        for one in run.checked:
            if one.verdict != "passed":
                level = "error" if one.verdict == "failed" or outcome.strict else "warning"
                text = f"{_called(run)}\n{_told(one)}"
                yield _annotation(level, one.rule.name, text, path=one.rule.path, line=one.rule.line)


def _annotation(level: str, title: str, text: str, *, path: Path | None = None, line: int = 0) -> str:
    said = {} if path is None else {"file": path.as_posix()}
    if line:
        said["line"] = str(line)
    said["title"] = title
    words = ",".join(f"{key}={_property(value)}" for key, value in said.items())
    return f"::{level} {words}::{_message(text)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


# -- Markdown ------------------------------------------------------------------------------------------------


def markdown(outcome: Outcome) -> str:
    """A summary for a page of a CI system: a table of runs, then each failure with its tree."""
    refused = sum(outcome.refused(run) for run in outcome.runs)
    head = f"{refused} of {len(outcome.runs)} refused" if refused else "all runs fulfil their rules"
    lines = [f"## otel-replay check: {head}", "", "| | run | passed | failed | warnings |"]
    lines.append("|---|---|--:|--:|--:|")
    for run in outcome.runs:
        sign = "❌" if outcome.refused(run) else "⚠️" if run.notes or run.count("warning") else "✅"
        counts = " | ".join(str(run.count(one)) for one in ("passed", "failed", "warning"))
        lines.append(f"| {sign} | {_cell(_called(run))} | {counts} |")
    text = "\n".join(lines) + "\n"
    left = 0
    for part in _parts(outcome):
        if len(text.encode("utf-8", "replace")) + len(part.encode("utf-8", "replace")) > _MOST_MARKDOWN_BYTES:
            left += 1
        else:
            text += part
    return text + (f"\n… and {left} more\n" if left else "")


def _parts(outcome: Outcome) -> Iterator[str]:
    for run in outcome.runs:
        told = [one for one in run.checked if one.verdict != "passed"]
        if not told and not run.notes and not run.error:
            continue
        yield f"\n### {_cell(_called(run))}\n"
        if run.error:
            yield _fenced(f"could not be checked: {run.error}")
        for note in run.notes:
            yield f"\n⚠️ {_cell(note)}\n"
        for one in told:
            sign = "❌" if one.verdict == "failed" else "⚠️"
            why = f"\n{_cell(one.rule.description)}\n" if one.rule.description else ""
            yield f"\n{sign} **{_cell(one.rule.name)}** ({_cell(one.rule.where)})\n" + why + _fenced(one.text)


def _fenced(text: str) -> str:
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n{fence}text\n{text}\n{fence}\n"


def _cell(text: str) -> str:
    """One line of text in which nothing is markup."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return re.sub(r"([\\`*_{}\[\]<>#|!~@&])", r"\\\1", plain)
