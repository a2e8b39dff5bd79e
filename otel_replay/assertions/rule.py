"""What a rule is, and what it says of a run: yes with what matched, or no with what failed and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Any, ClassVar, get_args

from otel_replay.analysis.comparisons import Word
from otel_replay.analysis.garbage import no_garbage_yet
from otel_replay.analysis.items import Item, Items
from otel_replay.assertions.report import Failure, Mark
from otel_replay.errors import UsageError
from otel_replay.queries.expressions import Expression
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.query import Query

__all__ = ["Result", "Rule", "indexed", "made", "meant", "shown"]

_WRITTEN = (Query, *get_args(Expression))
"""What a rule shows as a person writes it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a rule says of a run.

    Attributes
    ----------
    rule:
        The rule.
    passed:
        Whether the run fulfils it.
    matched:
        The items that it was about.
    failure:
        What is wrong, and where; None where nothing is.
    """

    rule: Rule
    passed: bool
    matched: Sequence[Item] = ()
    failure: Failure | None = None

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        """Short, as pytest shows it where a result is asserted; the failure has its text."""
        said = "passed" if self.failure is None else f"failed: {self.failure.summary}"
        return f"<{self.rule} {said}>"


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that a run must fulfil. A frozen value: its fields are what a person says of it."""

    name: ClassVar[str] = ""

    def check(self, run: Items | Indexed) -> Result:
        """Whether the run fulfils it; see :class:`Result`.

        Parameters
        ----------
        run:
            The run's items. Many rules are checked faster on one `Indexed`.
        """
        with no_garbage_yet():
            return self._check(indexed(run))

    def _check(self, run: Indexed) -> Result:
        raise NotImplementedError

    def __str__(self) -> str:
        said = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.default is not MISSING and value == field.default:
                continue
            text = shown(value)
            said.append(text if field.default is MISSING else f"{field.name}={text}")
        return f"{self.name}({', '.join(said)})"

    def _yes(self, matched: Sequence[Item]) -> Result:
        return Result(self, True, matched)

    def _no(
        self,
        run: Indexed,
        summary: str,
        *,
        bad: Sequence[Mark] = (),
        good: Sequence[Item] = (),
        wanted: Query | None = None,
        lines: Sequence[str] = (),
    ) -> Result:
        """A failure: a sentence, what is wrong (marked ✗) and right (✓), and what was looked for in vain."""
        failure = Failure(
            rule=str(self),
            summary=summary,
            bad=bad,
            good=good,
            lines=tuple(lines),
            run=run,
            wanted=None if wanted is None else wanted.node,
        )
        return Result(self, False, failure.items, failure)


def made(rule: type[Rule], said: Mapping[str, Any], **fixed: Any) -> Rule:
    """A rule, of what a person said by names and of what is settled.

    Raises
    ------
    UsageError
        If it has no such name, or it refuses a value.
    """
    __tracebackhide__ = True  # for pytest: the caller's line is what is wrong
    names = [field.name for field in fields(rule) if field.name not in fixed]
    for name in said:
        if name not in names:
            raise UsageError(f"`{rule.name}` has no `{name}`", hint=meant(name, names))
    return rule(**fixed, **said)


def meant(name: str, names: Sequence[str]) -> str:
    """What is said of a name that is none of these: the nearest one, or all."""
    near = get_close_matches(name, names, 1)
    return f"did you mean `{near[0]}`?" if near else f"it may be {', '.join(names)}"


def shown(value: object) -> str:
    """A value of a rule as a person writes it: a query, `5±1`, anything else as in Python."""
    if isinstance(value, Word):
        return value.text
    return str(value) if isinstance(value, _WRITTEN) else repr(value)


def indexed(run: Items | Indexed) -> Indexed:
    """The run as one that can be asked many questions."""
    return run if isinstance(run, Indexed) else Indexed(run)
