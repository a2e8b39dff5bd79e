"""Which decisions a person asked for: by action, cell, values, reason and time, one decision at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_replay.analysis.conditions import Condition, as_number, means
from otel_replay.records import Decision

__all__ = ["CellRule", "Selection", "cell_rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRule:
    """One `KEY=VALUE` that a decision's cell must fulfil. `number` is the value where it is one."""

    key: str
    text: str
    number: float | None = None

    def matches(self, cell: Any) -> bool:
        """Whether `cell` has the key with this value. `3500` means 3500, 3500.0 and `"3500"` alike."""
        if not isinstance(cell, Mapping):
            return False
        for key, value in cell.items():
            if str(key).casefold() == self.key and means(value, self.text, self.number):
                return True
        first, dot, rest = self.key.partition(".")
        if not dot:
            return False
        inner = CellRule(key=rest, text=self.text, number=self.number)
        return any(str(key).casefold() == first and inner.matches(value) for key, value in cell.items())


def cell_rule(text: str) -> CellRule:
    """The rule that `KEY=VALUE` stands for; keys are compared without regard to case.

    Raises
    ------
    ValueError
        If there is no `=` or nothing before it.
    """
    key, equals, value = text.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not key:
        raise ValueError(f"`{text}` is not KEY=VALUE, such as rpm=3500")
    return CellRule(key=key.casefold(), text=value, number=as_number(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """All that is asked of a decision; what is empty asks for nothing.

    `action` and `reason` match as parts of a word and without regard to case, as the viewer of
    `session_replay.json` always did: `CLAMPING` finds `CLAMPING_START` and `CLAMPING_APPLIED`.
    """

    action: str = ""
    reason: str = ""
    cell: tuple[CellRule, ...] = ()
    where: tuple[Condition, ...] = ()
    since_ns: int | None = None
    until_ns: int | None = None

    def __bool__(self) -> bool:
        return self != _EVERYTHING

    def matches(self, decision: Decision) -> bool:
        """Whether this decision was asked for."""
        return (
            (not self.action or self.action.casefold() in decision.action.casefold())
            and (not self.reason or self.reason.casefold() in decision.reason.casefold())
            and all(rule.matches(decision.cell) for rule in self.cell)
            and all(rule.matches(decision) for rule in self.where)
            and (self.since_ns is None or decision.time_ns >= self.since_ns)
            and (self.until_ns is None or decision.time_ns <= self.until_ns)
        )


_EVERYTHING = Selection()
