"""What rules say of a run: passed, failed, or passed over nothing; and what to know of the run itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from otel_replay.analysis.items import Items
from otel_replay.assertions.rule import Rule, indexed
from otel_replay.checking.reading import NamedRule
from otel_replay.errors import OtelReplayError
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.query import Query

__all__ = [
    "Checked",
    "CheckedRun",
    "Outcome",
    "Verdict",
    "Where",
    "check_run",
    "could_not_check",
    "exit_code",
]

Verdict = Literal["passed", "failed", "warning"]

_MOST_ITEMS = 10

_TRIGGERS: dict[str, tuple[str, ...]] = {
    "responded_existence": ("first",),
    "response": ("first",),
    "alternate_response": ("first",),
    "chain_response": ("first",),
    "precedence": ("second",),
    "alternate_precedence": ("second",),
    "chain_precedence": ("second",),
    **dict.fromkeys(
        (
            *("coexistence", "succession", "alternate_succession", "chain_succession"),
            *("not_coexistence", "not_succession", "not_chain_succession"),
        ),
        ("first", "second"),
    ),
    **dict.fromkeys(("all", "total"), ("what",)),
}
"""What must happen in a run for a rule to say anything of it: one of these parameters selects something."""


@dataclass(frozen=True, slots=True)
class Where:
    """An item of a run that a failure is about."""

    seq: int
    kind: str
    path: str
    span_id: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule, and what it says of one run. It holds nothing of the run: thousands may be checked.

    Attributes
    ----------
    verdict:
        `warning` is a failure of a rule that only warns, or a rule that passed over nothing.
    summary:
        What is wrong, in a sentence; empty where nothing is.
    text:
        All of it on several lines: the rule, the tree of the run, the nearest miss.
    items:
        Some of the items that it is about.
    took_ns:
        How long it took to check, and to find out why it failed.
    """

    rule: NamedRule
    verdict: Verdict
    summary: str = ""
    text: str = ""
    items: tuple[Where, ...] = ()
    took_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRun:
    """A run with all that the rules say of it.

    Attributes
    ----------
    run, run_id, status:
        What it was named as, its id, and how it ended.
    notes:
        What is to know before one trusts the verdicts: it goes on, it is damaged, its process died.
    error:
        Why it could not be checked at all; empty where it was.
    """

    run: str
    run_id: str = ""
    name: str = ""
    status: str = ""
    checked: Sequence[Checked] = ()
    notes: Sequence[str] = ()
    error: str = ""

    def count(self, verdict: Verdict) -> int:
        """How many rules have this verdict."""
        return sum(one.verdict == verdict for one in self.checked)

    @property
    def passed(self) -> bool:
        """Whether it was checked, and no rule refuses it."""
        return not self.error and not self.count("failed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """All runs that were checked; with `strict` a warning counts as a failure."""

    runs: Sequence[CheckedRun]
    strict: bool = False

    def count(self, verdict: Verdict) -> int:
        """How many verdicts of this kind there are on all runs."""
        return sum(run.count(verdict) for run in self.runs)

    def refused(self, run: CheckedRun) -> bool:
        """Whether a run does not do."""
        warned = bool(run.notes) or run.count("warning") > 0
        return not run.passed or (self.strict and warned)


def exit_code(outcome: Outcome) -> int:
    """0: all runs fulfil their rules; 1: one does not; 2: one could not be checked."""
    if any(run.error for run in outcome.runs):
        return 2
    return int(any(outcome.refused(run) for run in outcome.runs))


def check_run(items: Items, rules: Iterable[NamedRule], *, named: str = "") -> CheckedRun:
    """Check all rules on one run.

    Parameters
    ----------
    named:
        What a person called the run.
    """
    run = indexed(items)
    return CheckedRun(
        run=items.source or items.run_id or named,
        run_id=items.run_id,
        name=items.name,
        status=items.status,
        checked=[_checked(rule, run) for rule in rules],
        notes=list(_notes(items)),
    )


def could_not_check(named: str, error: Exception) -> CheckedRun:
    """A run that could not be read, and why."""
    if not isinstance(error, OtelReplayError):
        return CheckedRun(run=named, error=str(error))
    hint = f" ({error.hint})" if error.hint else ""
    return CheckedRun(run=named, error=f"{error.message}{hint}")


def _checked(named: NamedRule, run: Indexed) -> Checked:
    began = time.perf_counter_ns()
    result = named.rule.check(run)
    failure = result.failure
    if failure is None:
        note = _over_nothing(named.rule, run)
        verdict: Verdict = "warning" if note else "passed"
        return Checked(named, verdict, note, note, took_ns=time.perf_counter_ns() - began)
    verdict = "failed" if named.severity == "error" else "warning"
    items = tuple(
        Where(item.seq, item.kind, item.path(), item.span_id) for item in failure.items[:_MOST_ITEMS]
    )
    text = failure.text
    return Checked(named, verdict, failure.summary, text, items, time.perf_counter_ns() - began)


def _over_nothing(rule: Rule, run: Indexed) -> str:
    """Why a rule that passed says nothing of this run; empty where it says something."""
    known = {field.name for field in fields(rule)}
    triggers = _TRIGGERS.get(rule.name, ())
    if rule.name == "none" and getattr(rule, "holds", None) is not None:
        triggers = ("what",)
    queries = [getattr(rule, name) for name in triggers if name in known]
    if not queries or any(isinstance(query, Query) and run.select(query.node) for query in queries):
        return ""
    return f"nothing was checked: there is no {' and no '.join(map(str, queries))} in the run"


def _notes(items: Items) -> Iterator[str]:
    if items.status == "running":
        yield "it is still being recorded: what is not there yet counts as missing"
    elif items.status == "interrupted":
        yield "it never ended: what is not there may be lost, and not left out"
    unreadable = len(items.bad_lines) + len(items.damage)
    if unreadable:
        yield f"it is damaged: {unreadable} lines or parts cannot be read"
    if items.lost:
        yield f"{items.lost} records could not be kept while it was recorded"
