"""What a function rule is, and which rule a function falls under."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from otel_replay.light import light

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["CONVENTIONS", "KEYS", "RESULT", "SPANS", "Match", "Rule", "Rules", "rule_of"]

RESULT = "result"
"""The name of what a call gave, in what a rule says of its values."""

SPANS = ("task", "tool", "generation", "agent")
"""Kinds whose functions get a span for each call."""

_FUNCTION = ("function", "when")
KEYS: dict[str, tuple[str, ...]] = {
    "decision": (*_FUNCTION, "action", "reason", "values", "cell", "before", "after"),
    "tool": (*_FUNCTION, "name", "arguments", "result", "call_id"),
    "generation": (*_FUNCTION, "model", "provider", "input", "output", "usage", "finish_reasons"),
    "task": (*_FUNCTION, "name", "attributes"),
    "agent": (*_FUNCTION, "name", "attributes"),
    "ignore": ("function",),
}
"""The kinds of rules, and what each may say."""


@light(frozen=True, kw_only=True)
class Rule:
    """One rule.

    Attributes
    ----------
    kind:
        A key of `KEYS`.
    functions:
        Patterns `module:qualname`; `*` stands for anything, dots too.
    mapping:
        What the rule says besides: texts and expressions as they were written.
    where:
        Where it stands, for a person: `rules.toml:12`.
    """

    kind: str
    functions: tuple[str, ...]
    mapping: Mapping[str, Any] = MappingProxyType({})
    where: str = ""

    def document(self) -> dict[str, Any]:
        """The rule as plain values, of which :func:`rule_of` makes it again."""
        return {
            "kind": self.kind,
            "functions": list(self.functions),
            "mapping": dict(self.mapping),
            "where": self.where,
        }

    def is_for(self, modules: Iterable[str], qualname: str) -> bool:
        """Whether a function of a module that goes by these names falls under it."""
        plain = qualname.replace(".<locals>", "")
        for pattern in self.functions:
            module, _, function = pattern.partition(":")
            if any(_fits(module, name) for name in modules) and (
                _fits(function, qualname) or _fits(function, plain)
            ):
                return True
        return False

    def may_be_in(self, modules: Iterable[str]) -> bool:
        """Whether a module that goes by these names may have functions that fall under it."""
        return any(_fits(pattern.partition(":")[0], name) for pattern in self.functions for name in modules)


def rule_of(document: Mapping[str, Any]) -> Rule:
    """The rule that :meth:`Rule.document` wrote."""
    return Rule(
        kind=document["kind"],
        functions=tuple(document["functions"]),
        mapping=document["mapping"],
        where=document["where"],
    )


CONVENTIONS = (
    Rule(
        kind="decision",
        functions=("*:log_decision", "*:*.log_decision"),
        mapping={"action": "{action}", "reason": "{reason}", "values": "values", "cell": "cell"},
        where="the convention log_decision(action, reason, values, cell)",
    ),
)
"""Functions that are recorded without a rule, where their parameters have these names."""


@light(frozen=True, kw_only=True)
class Match:
    """The rules of one function. Of several that fit, the first of its sort counts."""

    decision: Rule | None = None
    span: Rule | None = None


class Rules:
    """All rules of a program, in order."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.all = tuple(rules)

    def in_module(self, modules: Iterable[str]) -> Rules:
        """Those that functions of a module may fall under."""
        names = tuple(modules)
        return Rules(rule for rule in self.all if rule.may_be_in(names))

    def match(self, modules: Iterable[str], qualname: str) -> Match | None:
        """The rules of a function; None where there is none, or one that says to leave it alone."""
        names = tuple(modules)
        found = [rule for rule in self.all if rule.is_for(names, qualname)]
        if not found or any(rule.kind == "ignore" for rule in found):
            return None
        decision = next((rule for rule in found if rule.kind == "decision"), None)
        span = next((rule for rule in found if rule.kind in SPANS), None)
        return Match(decision=decision, span=span)

    def ignores(self, modules: Iterable[str], qualname: str) -> bool:
        """Whether a rule says to leave the function alone."""
        names = tuple(modules)
        return any(rule.kind == "ignore" and rule.is_for(names, qualname) for rule in self.all)


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    import re
    from fnmatch import translate

    return re.compile(translate(glob))


def _fits(glob: str, name: str) -> bool:
    if glob == name or glob == "*":
        return True
    if "?" in glob or "[" in glob or "*" in glob[1:]:
        return bool(_pattern(glob).match(name))
    return glob[:1] == "*" and name.endswith(glob[1:])
