"""What stands on the left of a sign: a name, or a number worked out of names, as plain data.

An expression gives every value that it may have on an item: none where the name is not there.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from otel_replay.analysis.comparisons import is_number
from otel_replay.analysis.items import Item
from otel_replay.queries.names import Reader, reader
from otel_replay.queries.text import NAME

__all__ = ["FUNCTIONS", "OPERATORS", "Calculated", "Called", "Expression", "Name", "Number", "evaluator"]


@dataclass(frozen=True, slots=True)
class Name:
    """The value under a name."""

    name: str

    def __str__(self) -> str:
        return self.name if NAME.fullmatch(self.name) else json.dumps(self.name, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was written down."""

    value: float

    def __str__(self) -> str:
        return f"{self.value!r}"


@dataclass(frozen=True, slots=True)
class Called:
    """A function of :data:`FUNCTIONS` of an expression."""

    function: str
    of: Expression

    def __str__(self) -> str:
        return f"{self.function}({self.of})"


@dataclass(frozen=True, slots=True)
class Calculated:
    """Two expressions with an operator of :data:`OPERATORS` between; `grouped`: written in brackets."""

    left: Expression
    sign: str
    right: Expression
    grouped: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        left, right = (
            f"({side})" if isinstance(side, Calculated) else str(side) for side in (self.left, self.right)
        )
        return f"{left} {self.sign} {right}"


Expression = Name | Number | Called | Calculated

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def _length(value: Any) -> Any:
    return len(value) if hasattr(value, "__len__") else None


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": lambda value: abs(value) if is_number(value) else None,
    "len": _length,
}
"""Functions by name; None where there is no such value of it."""


def evaluator(expression: Expression) -> Reader:
    """What gives the values of an expression on an item."""
    if isinstance(expression, Name):
        return reader(expression.name)
    if isinstance(expression, Number):
        value = expression.value
        return lambda _item: (value,)
    if isinstance(expression, Called):
        function, of = FUNCTIONS[expression.function], evaluator(expression.of)
        return lambda item: tuple(result for value in of(item) if (result := function(value)) is not None)
    return _calculator(expression)


def _calculator(expression: Calculated) -> Reader:
    left, right = evaluator(expression.left), evaluator(expression.right)
    calculate = OPERATORS[expression.sign]

    def read(item: Item) -> tuple[Any, ...]:
        found = []
        for one in left(item):
            for other in right(item):
                if is_number(one) and is_number(other):
                    try:
                        found.append(calculate(one, other))
                    except (ZeroDivisionError, OverflowError):
                        continue
        return tuple(found)

    return read
