"""What each rule can be told, by the fields of its class: the table that reader and schema are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from otel_replay.analysis.comparisons import Word
from otel_replay.assertions.rule import Rule
from otel_replay.assertions.table import RULES
from otel_replay.assertions.trajectory import Call, calls_of
from otel_replay.errors import UsageError
from otel_replay.queries.conditions_text import read_conditions
from otel_replay.queries.expressions import Expression
from otel_replay.queries.nodes import Exists
from otel_replay.queries.parse import selector
from otel_replay.queries.query import Query
from otel_replay.queries.reading import Text
from otel_replay.queries.words import approx

__all__ = ["KINDS", "Kind", "Parameter", "parameters_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: how it is read from plain data, and as what JSON Schema it is described."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that a rule can be told."""

    name: str
    kind: str
    required: bool
    choices: tuple[str, ...] = ()

    def read(self, value: Any) -> Any:
        """The value as the rule takes it.

        Raises
        ------
        UsageError
            If it is none.
        """
        if self.choices:
            if value not in self.choices:
                raise UsageError(f"`{value}` is none of {', '.join(self.choices)}")
            return value
        return KINDS[self.kind].read(value)


@cache
def parameters_of(name: str) -> tuple[Parameter, ...]:
    """What rule `name` can be told, in the order of its class."""
    return tuple(_parameters(RULES[name]))


def _parameters(rule: type[Rule]) -> list[Parameter]:
    hints = get_type_hints(rule)
    found = []
    for field in fields(rule):
        hint = hints[field.name]
        choices = get_args(hint) if get_origin(hint) is Literal else ()
        kind = "choice" if choices else _kind_of(rule.name, field.name, hint)
        found.append(Parameter(field.name, kind, field.default is MISSING, choices))
    return found


def _kind_of(rule: str, name: str, hint: Any) -> str:
    if name == "cell":
        return "cell"
    if name in {"within", "duration"}:
        return "length"
    plain = (
        [one for one in get_args(hint) if one is not type(None)] if type(None) in get_args(hint) else [hint]
    )
    if hint == Expression:
        return "expression"
    if hint == tuple[Call, ...]:
        return "calls"
    if hint is Any:
        return "value"
    by_type = {Query: "selector", bool: "truth", int: "count", float: "number", str: "text"}
    if len(plain) == 1 and plain[0] in by_type:
        return by_type[plain[0]]
    raise TypeError(f"rule `{rule}`: there is no way to write {name}, which is {hint!r}, in a file")


# -- how each kind is read -----------------------------------------------------------------------------------


def _query(value: Any) -> Query:
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        # YAML reads `holds: [after <= 7]` as a list; it is meant as the selector that it looks like.
        value = f"[{', '.join(value)}]"
    if not isinstance(value, str):
        raise UsageError(f"{_said(value)} is no selector", hint='such as "tool(delete_*)" or "[after <= 7]"')
    return selector(value)


def _expression(value: Any) -> Expression:
    if isinstance(value, str):
        found = read_conditions(Text(f"{value}]"))
        if len(found) == 1 and isinstance(found[0], Exists):
            return found[0].left
    raise UsageError(
        f"{_said(value)} is no name of a value", hint="such as duration_ms or abs(after - before)"
    )


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{_said(value)} is neither true nor false")
    return value


def _count(value: Any) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < 0:
        raise UsageError(f"{_said(value)} is no whole number from 0")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise UsageError(f"{_said(value)} is no number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{_said(value)} is no text", hint="a number that is meant as text stands in quotes")
    return value


def _length(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{_said(value)} is no length of time", hint='with its unit: "500ms", "5s", "2min"')
    return value


def _cell(value: Any) -> tuple[Any, Any]:
    if isinstance(value, dict) and len(value) == 2:
        value = list(value.values())
    if not isinstance(value, list) or len(value) != 2:
        raise UsageError(f"{_said(value)} is no cell", hint="a cell is its row and its column: [2000, 65]")
    return (value[0], value[1])


def _value(value: Any) -> Any:
    """What is expected: any plain data, in which `{approx: 98.2, abs: 0.1}` is a number with a tolerance."""
    if isinstance(value, dict):
        if "approx" in value and set(value) <= {"approx", "abs", "rel"}:
            return _approx(value)
        return {key: _value(one) for key, one in value.items()}
    return [_value(one) for one in value] if isinstance(value, list) else value


def _approx(value: Mapping[str, Any]) -> Word:
    return approx(
        _number(value["approx"]), abs=_number(value.get("abs", 0.0)), rel=_number(value.get("rel", 0.0))
    )


def _calls(value: Any) -> tuple[Call, ...]:
    if not isinstance(value, list):
        raise UsageError(f"{_said(value)} is no list of tool calls")
    return calls_of(
        [[_call(one) for one in step] if isinstance(step, list) else _call(step) for step in value]
    )


def _call(value: Any) -> Any:
    # `search: {q: x}` is short for `tool: search, arguments: {q: x}`.
    if isinstance(value, dict) and len(value) == 1 and "tool" not in value:
        [(name, arguments)] = value.items()
        return {"tool": name, "arguments": _value(arguments)}
    if isinstance(value, dict):
        if more := set(value) - {"tool", "arguments"}:
            raise UsageError(f"a call has `tool` and `arguments`, and no `{min(map(str, more))}`")
        return {key: _value(one) if key == "arguments" else one for key, one in value.items()}
    return value


def _said(value: Any) -> str:
    return f"`{value!r:.60}`"


_SELECTOR = {"$ref": "#/$defs/selector"}
KINDS: dict[str, Kind] = {
    "selector": Kind(_query, _SELECTOR),
    "expression": Kind(_expression, {"type": "string", "description": "duration_ms, abs(after - before)"}),
    "truth": Kind(_truth, {"type": "boolean"}),
    "count": Kind(_count, {"type": "integer", "minimum": 0}),
    "number": Kind(_number, {"type": "number"}),
    "text": Kind(_text, {"type": "string"}),
    "length": Kind(_length, {"$ref": "#/$defs/length"}),
    "cell": Kind(
        _cell,
        {
            "description": "row and column: [2000, 65]",
            "oneOf": [
                {"type": "array", "minItems": 2, "maxItems": 2},
                {"type": "object", "minProperties": 2, "maxProperties": 2},
            ],
        },
    ),
    "value": Kind(_value, {"$ref": "#/$defs/value"}),
    "calls": Kind(_calls, {"$ref": "#/$defs/calls"}),
}
"""The kinds of values that rules are told."""
