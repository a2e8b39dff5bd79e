"""The value of an expression on many items at once: what most of them say is read without a step between.

It gives what `expressions.evaluator` gives for each item, only sooner: a long run is mostly decisions, and
most names mean one of their values or a part of their cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otel_replay.analysis.items import Item
from otel_replay.queries.expressions import FUNCTIONS, Called, Expression, Name, evaluator
from otel_replay.queries.names import reader
from otel_replay.records import Decision

__all__ = ["NOTHING", "Several", "values_at_once"]


class Several(tuple[Any, ...]):
    """Values of an item of which any counts; never one alone."""

    __slots__ = ()


NOTHING = Several()
"""What stands for an item that has no such value."""


def values_at_once(expression: Expression, items: Sequence[Item]) -> list[Any]:
    """For each item its value; `Several` where it has more than one or none (`NOTHING`)."""
    if isinstance(expression, Name):
        return _named(expression.name, items)
    if isinstance(expression, Called):
        return _called(expression, items)
    read = evaluator(expression)
    return [_one(read(item)) for item in items]


def _one(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else Several(values) if values else NOTHING


def _called(expression: Called, items: Sequence[Item]) -> list[Any]:
    function = FUNCTIONS[expression.function]
    found: list[Any] = []
    for value in values_at_once(expression.of, items):
        kind = value.__class__
        if kind is Several:
            results = [function(one) for one in value]
            found.append(_one(tuple(result for result in results if result is not None)))
        elif kind is float and function is _ABS:
            found.append(abs(value))
        else:
            result = function(value)
            found.append(NOTHING if result is None else result)
    return found


_ABS = FUNCTIONS["abs"]


def _named(name: str, items: Sequence[Item]) -> list[Any]:
    """As `names.reader` finds it; of decisions, what stands under the name itself goes first there, too."""
    read = reader(name)
    first, _, rest = name.casefold().partition(".")
    if not rest and first in {"action", "reason"}:
        return [
            getattr(item.record, first) if item.record.__class__ is Decision else _one(read(item))
            for item in items
        ]
    inner = name[len(first) + 1 :] if rest and first in {"cell", "values"} else None
    in_cell = first == "cell"
    found: list[Any] = []
    put = found.append
    for item in items:
        record = item.record
        if record.__class__ is Decision:
            values = record.values
            if values.__class__ is dict and name in values:
                put(values[name])
                continue
            if inner is not None:
                base = record.cell if in_cell else values
                if base.__class__ is dict and inner in base:
                    put(base[inner])
                    continue
        put(_one(read(item)))
    return found
