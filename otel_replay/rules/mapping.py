"""How a rule reads one function's calls: which parameters it needs, and what it makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from otel_replay.rules.expressions import Expression, expression, template
from otel_replay.rules.rule import RESULT, Rule

__all__ = ["DecisionMap", "SpanMap", "kept", "own_parameters"]

_NOTHING = frozenset({"self", "cls"})
_PLAIN = (type(None), bool, int, float, str, bytes)


def own_parameters(parameters: Iterable[str]) -> list[str]:
    """Parameters that say something of a call: all but `self` and `cls`."""
    return [name for place, name in enumerate(parameters) if place or name not in _NOTHING]


class _Map:
    """What all rules have. ValueError where one names a parameter that the function lacks."""

    def __init__(self, rule: Rule, parameters: Sequence[str]) -> None:
        self._parameters = parameters
        self._needed: set[str] = set()
        self._said = rule.mapping
        self.when = self._expression("when")

    def _note(self, read: Expression) -> Expression:
        missing = read.names - {RESULT, *self._parameters}
        if missing:
            has = f"it has {', '.join(self._parameters)}" if self._parameters else "it has none"
            raise ValueError(f"no parameter `{min(missing)}`: {has}")
        self._needed |= read.names - {RESULT}
        return read

    def _expression(self, key: str, default: str | None = None) -> Expression | None:
        text = self._said.get(key, default)
        return None if text is None else self._note(expression(text))

    def _template(self, key: str, default: str) -> Expression:
        return self._note(template(self._said.get(key, default)))

    def _values(self, key: str, default: Any) -> Expression | None:
        """An expression, a list of them by their own text, or a map of names to them."""
        said = self._said.get(key, default)
        if said is None or isinstance(said, str):
            return self._expression(key, said)
        if not isinstance(said, Mapping):
            said = {text: text for text in said}
        read = {name: self._note(expression(text)) for name, text in said.items()}
        names = frozenset[str]().union(*(one.names for one in read.values()))
        return Expression(lambda given: {name: one.run(given) for name, one in read.items()}, names)

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that it needs, in the order of the function's own."""
        return tuple(name for name in self._parameters if name in self._needed)


class DecisionMap(_Map):
    """A decision: `action`, `reason`, `values`, `cell`, and what was before the call and after it."""

    def __init__(self, rule: Rule, function: str, parameters: Sequence[str]) -> None:
        super().__init__(rule, parameters)
        own = own_parameters(parameters)
        self.action = self._template("action", "{action}" if "action" in own else function.replace("{", "{{"))
        self.reason = self._template("reason", "{reason}" if "reason" in own else "")
        self.before = self._expression("before")
        self.after = self._expression("after")
        rest = [name for name in own if name not in {"action", "reason", "cell"}]
        default: Any = "values" if "values" in own else rest
        if "values" not in rule.mapping and (self.before or self.after):
            default = {}
        self.values = self._values("values", default)
        self.cell = self._values("cell", "cell" if "cell" in own else None)
        read = (self.action, self.reason, self.values, self.cell, self.when)
        self.waits = (
            self.before is not None
            or self.after is not None
            or any(one is not None and RESULT in one.names for one in read)
        )
        """Whether it can be told only when the call has ended."""

    def made(self, names: Mapping[str, Any], before: Any = None) -> tuple[Any, Any, Any, Any] | None:
        """Action, reason, values and cell of a call; None where the condition does not hold."""
        if self.when is not None and not self.when.run(names):
            return None
        values = self.values.run(names) if self.values is not None else None
        if self.before is not None or self.after is not None:
            moved = {}
            if self.before is not None:
                moved["before"] = before
            if self.after is not None:
                moved["after"] = self.after.run(names)
            values = {**moved, **values} if isinstance(values, Mapping) else {**moved, "value": values}
        cell = self.cell.run(names) if self.cell is not None else None
        return self.action.run(names), self.reason.run(names), values, cell


class SpanMap(_Map):
    """A task, a tool call, a generation or an agent's work."""

    def __init__(self, rule: Rule, function: str, parameters: Sequence[str]) -> None:
        super().__init__(rule, parameters)
        own, self.kind = own_parameters(parameters), rule.kind
        self.provider = self._template("provider", "") if "provider" in rule.mapping else None
        name = function.rpartition(".")[2] if rule.kind == "tool" else function
        given = "model" if rule.kind == "generation" else "name"
        default = "{model}" if given == "model" and "model" in own else name
        self.name = self._template(given, default)
        arguments = "input" if rule.kind == "generation" else "arguments"
        self.arguments = self._values(arguments, own) if rule.kind in {"tool", "generation"} else None
        self.attributes = self._values("attributes", None)
        self.call_id = self._expression("call_id")
        self.output = self._expression("output" if rule.kind == "generation" else "result", RESULT)
        self.usage = self._values("usage", None)
        self.finish_reasons = self._expression("finish_reasons")


def kept(value: Any) -> Any:
    """A value as it is now, whatever the call is going to do with it."""
    if isinstance(value, _PLAIN):
        return value
    from otel_replay.values import normalise  # what records loads it anyway, later

    return normalise(value)
