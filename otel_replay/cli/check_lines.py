"""What `check` prints for a person: each run with its rules, and where in the run one failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from otel_replay.cli import people
from otel_replay.cli.terminal import Text

if TYPE_CHECKING:
    from otel_replay.checking.outcome import Checked, CheckedRun, Outcome

__all__ = ["run_lines", "summary_line"]

_SIGNS = {"passed": ("✓ ", "finished"), "failed": ("✗ ", "failed"), "warning": ("! ", "open")}


def run_lines(run: CheckedRun, *, passed_too: bool) -> Iterator[Text]:
    """A run: a heading, a line for each rule, what is wrong below it."""
    head = Text((run.run, "bold"))
    if run.name and run.name != run.run:
        head.add(f"  {run.name}", "dim")
    if run.status and run.status != "finished":
        head.add(f"  {run.status}", run.status if run.status != "damaged" else "failed")
    yield head
    if run.error:
        yield Text(("  could not be checked: ", "failed"), run.error)
    for note in run.notes:
        yield Text(("  ! ", "open"), note)
    for one in run.checked:
        if one.verdict != "passed" or passed_too:
            yield from _rule_lines(one)


def _rule_lines(one: Checked) -> Iterator[Text]:
    sign, style = _SIGNS[one.verdict]
    yield Text("  ", (sign, style), one.rule.name)
    if one.verdict == "passed":
        return
    yield Text((f"    {one.rule.where}", "dim"))
    if one.rule.description:
        yield Text(f"    {one.rule.description}")
    # A rule without a name is called by what its failure begins with.
    for text in one.text.removeprefix(f"{one.rule.name}: ").splitlines():
        yield Text(f"    {text}")


def summary_line(outcome: Outcome) -> Text:
    """How many rules on how many runs, and what came out."""
    line = Text(people.counted(len(outcome.runs), "run"), ": ")
    parts = [(f"{outcome.count('passed'):,} passed", "finished")]
    for verdict, style, word in (("failed", "failed", "failed"), ("warning", "open", None)):
        count = outcome.count(verdict)  # type: ignore[arg-type]  # a verdict each
        if count:
            parts.append((f"{count:,} {word}" if word else people.counted(count, "warning"), style))
    errors = sum(bool(run.error) for run in outcome.runs)
    if errors:
        parts.append((f"{people.counted(errors, 'run')} could not be checked", "failed"))
    for number, (text, style) in enumerate(parts):
        line.add(", " if number else "").add(text, style)
    return line
