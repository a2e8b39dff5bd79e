"""The outcome as one JSON document for programs, and as SARIF 2.1.0 for code scanning.

SARIF is written here: the library for it, sarif-om, has had no release since 2019.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otel_replay.checking.outcome import Checked, CheckedRun, Outcome
from otel_replay.checking.reading import NamedRule
from otel_replay.version import VERSION

__all__ = ["as_json", "as_sarif"]

_LEVELS = {"failed": "error", "warning": "warning"}


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The document of `otel-replay check --json`."""
    return {
        "schema": "otel-replay.check",
        "version": 1,
        "passed": not any(outcome.refused(run) for run in outcome.runs),
        "strict": outcome.strict,
        "counts": {
            "runs": len(outcome.runs),
            **{verdict: outcome.count(verdict) for verdict in ("passed", "failed", "warning")},
            "errors": sum(bool(run.error) for run in outcome.runs),
        },
        "runs": [_run(outcome, run) for run in outcome.runs],
    }


def _run(outcome: Outcome, run: CheckedRun) -> dict[str, Any]:
    return {
        "run": run.run,
        "run_id": run.run_id,
        "name": run.name,
        "status": run.status,
        "passed": not outcome.refused(run),
        "notes": list(run.notes),
        "error": run.error,
        "rules": [_checked(one) for one in run.checked],
    }


def _checked(one: Checked) -> dict[str, Any]:
    return {
        "name": one.rule.name,
        "rule": one.rule.rule.name,
        "severity": one.rule.severity,
        "description": one.rule.description,
        "file": str(one.rule.path),
        "line": one.rule.line or None,
        "verdict": one.verdict,
        "summary": one.summary,
        "text": one.text,
        "items": [
            {"seq": item.seq, "kind": item.kind, "path": item.path, "span_id": item.span_id}
            for item in one.items
        ],
        "took_ms": one.took_ns / 1e6,
    }


def as_sarif(outcome: Outcome) -> dict[str, Any]:
    """A SARIF log: a result for each rule that a run does not fulfil, at the rule's line."""
    rules: dict[tuple[str, int, str], NamedRule] = {}
    for run in outcome.runs:
        for one in run.checked:
            rules.setdefault(_key(one.rule), one.rule)
    numbers = {key: number for number, key in enumerate(rules)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "otel-replay check",
                        "version": VERSION,
                        "rules": [_sarif_rule(rule) for rule in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not any(run.error for run in outcome.runs),
                        "toolExecutionNotifications": list(_notifications(outcome)),
                    }
                ],
                "results": [
                    _sarif_result(run, one, numbers[_key(one.rule)])
                    for run in outcome.runs
                    for one in run.checked
                    if one.verdict != "passed"
                ],
            }
        ],
    }


def _key(rule: NamedRule) -> tuple[str, int, str]:
    return (str(rule.path), rule.line, rule.name)


def _rule_id(rule: NamedRule) -> str:
    # Stable where lines move: what the rule says, and not where it stands.
    return f"{rule.rule.name}/{hashlib.sha256(str(rule.rule).encode()).hexdigest()[:12]}"


def _sarif_rule(rule: NamedRule) -> dict[str, Any]:
    return {
        "id": _rule_id(rule),
        "name": rule.rule.name,
        "shortDescription": {"text": rule.name},
        "fullDescription": {"text": rule.description or str(rule.rule)},
        "defaultConfiguration": {"level": rule.severity},
    }


def _sarif_result(run: CheckedRun, one: Checked, number: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(one.rule.path)}}
    if one.rule.line:
        place["region"] = {"startLine": one.rule.line}
    location: dict[str, Any] = {"physicalLocation": place}
    if one.items:
        # Each once: three decisions of one action in one task are one place.
        paths = dict.fromkeys(item.path for item in one.items)
        location["logicalLocations"] = [{"fullyQualifiedName": f"{run.run} > {path}"} for path in paths]
    return {
        "ruleId": _rule_id(one.rule),
        "ruleIndex": number,
        "level": _LEVELS[one.verdict],
        "message": {"text": f"{run.run}: {one.rule.name}\n{one.text}"},
        "locations": [location],
        "partialFingerprints": {"runAndRule/v1": f"{run.name or run.run}:{_rule_id(one.rule)}"},
    }


def _notifications(outcome: Outcome) -> Iterator[dict[str, Any]]:
    for run in outcome.runs:
        if run.error:
            yield {"level": "error", "message": {"text": f"{run.run}: {run.error}"}}
        for note in run.notes:
            yield {"level": "warning", "message": {"text": f"{run.run}: {note}"}}


def _uri(path: Path) -> str:
    """The file from where the command was started, as a relative URI; elsewhere its whole one."""
    from urllib.parse import quote

    whole = path.absolute()
    here = Path.cwd()
    return quote(whole.relative_to(here).as_posix()) if whole.is_relative_to(here) else whole.as_uri()
