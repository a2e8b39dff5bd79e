"""What rules say of a call's values: a part of Python's expressions, read by Python and run by this file.

Names are the function's parameters and `result`; there are fields, items, arithmetic, comparisons, `and`,
`or`, `not`, `X if C else Y`, lists and maps, and the functions of `FUNCTIONS`. Nothing of the program is
called but what fields, items and operators of its own classes call.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from otel_replay.light import light

__all__ = ["FUNCTIONS", "Expression", "expression", "template"]

Names = Mapping[str, Any]
_Run = Callable[[Names], Any]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "len": len,
    "max": max,
    "min": min,
    "round": round,
    "str": str,
    "sum": sum,
    "type": lambda value: type(value).__name__,
}
"""What an expression may call. `type` gives a class's name."""

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}


@light(frozen=True)
class Expression:
    """An expression that was read: what it stands for with given names, and which it uses."""

    run: _Run
    names: frozenset[str]


def expression(text: str) -> Expression:
    """Read an expression, such as `delta > 0` or `table[row][col]`.

    Raises
    ------
    ValueError
        If it is none, or says more than it may.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"`{text}` is no expression, such as `delta > 0` or `table[row][col]`") from None
    return Expression(_read(tree, text), _names(tree))


def template(text: str) -> Expression:
    """Read a text with expressions in braces, such as `over by {delta:.1f} %`, which gives text.

    Raises
    ------
    ValueError
        If what stands in braces is no expression, or a brace is left open.
    """
    try:
        pieces = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"`{text}`: {error} (a brace as such is written twice)") from None
    parts: list[_Run] = []
    names: frozenset[str] = frozenset()
    for literal, inner, spec, conversion in pieces:
        parts.append(_text(literal))
        if inner is not None:
            read = expression(inner)
            names |= read.names
            parts.append(_formatted(read.run, spec or "", conversion))
    return Expression(lambda given: "".join([part(given) for part in parts]), names)


def _text(literal: str) -> _Run:
    return lambda _names: literal


def _formatted(of: _Run, spec: str, conversion: str | None) -> _Run:
    convert = _CONVERSIONS[conversion]
    return lambda names: format(convert(of(names)), spec)


_CONVERSIONS: dict[str | None, Callable[[Any], Any]] = {
    None: lambda value: value,
    "s": str,
    "r": repr,
    "a": ascii,
}


def _names(tree: ast.AST) -> frozenset[str]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called
    )


def _read(node: ast.AST, text: str) -> _Run:
    read = _READERS.get(type(node))
    if read is None:
        what = type(node).__name__
        raise ValueError(f"`{text}` has a {what}, which a rule does not run: names, fields, items, operators")
    return read(node, text)


def _constant(node: Any, _text: str) -> _Run:
    value = node.value
    return lambda _names: value


def _name(node: Any, _text: str) -> _Run:
    name = node.id
    return lambda names: names[name]


def _attribute(node: Any, text: str) -> _Run:
    if node.attr.startswith("__"):
        raise ValueError(f"`{text}` uses `{node.attr}`, which is Python's own")
    of, name = _read(node.value, text), node.attr
    return lambda names: getattr(of(names), name)


def _subscript(node: Any, text: str) -> _Run:
    of, key = _read(node.value, text), _read(node.slice, text)
    return lambda names: of(names)[key(names)]


def _slice(node: Any, text: str) -> _Run:
    ends = [_read(end, text) if end is not None else None for end in (node.lower, node.upper, node.step)]
    return lambda names: slice(*(None if end is None else end(names) for end in ends))


def _binary(node: Any, text: str) -> _Run:
    sign = _BINARY.get(type(node.op))
    if sign is None:
        raise ValueError(f"`{text}` has an operator that a rule does not run: + - * / // %")
    left, right = _read(node.left, text), _read(node.right, text)
    return lambda names: sign(left(names), right(names))


def _unary(node: Any, text: str) -> _Run:
    sign = _UNARY.get(type(node.op))
    if sign is None:
        raise ValueError(f"`{text}` has an operator that a rule does not run: - + not")
    of = _read(node.operand, text)
    return lambda names: sign(of(names))


def _compare(node: Any, text: str) -> _Run:
    first = _read(node.left, text)
    rest = [
        (_BINARY[type(sign)], _read(right, text))
        for sign, right in zip(node.ops, node.comparators, strict=False)
    ]

    def run(names: Names) -> Any:
        left, holds = first(names), True
        for sign, right in rest:
            value = right(names)
            holds = sign(left, value)
            if not holds:
                return holds
            left = value
        return holds

    return run


def _boolean(node: Any, text: str) -> _Run:
    parts, is_and = [_read(value, text) for value in node.values], isinstance(node.op, ast.And)

    def run(names: Names) -> Any:
        value: Any = None
        for part in parts:
            value = part(names)
            if bool(value) is not is_and:
                return value
        return value

    return run


def _choice(node: Any, text: str) -> _Run:
    test, yes, no = _read(node.test, text), _read(node.body, text), _read(node.orelse, text)
    return lambda names: yes(names) if test(names) else no(names)


def _list(node: Any, text: str) -> _Run:
    items = [_read(item, text) for item in node.elts]
    return lambda names: [item(names) for item in items]


def _map(node: Any, text: str) -> _Run:
    if None in node.keys:
        raise ValueError(f"`{text}` has **, which a rule does not run")
    items = [
        (_read(key, text), _read(value, text)) for key, value in zip(node.keys, node.values, strict=False)
    ]
    return lambda names: {key(names): value(names) for key, value in items}


def _call(node: Any, text: str) -> _Run:
    function = FUNCTIONS.get(node.func.id) if isinstance(node.func, ast.Name) else None
    if function is None or node.keywords:
        raise ValueError(f"`{text}` calls what a rule does not: {', '.join(FUNCTIONS)}")
    given = [_read(one, text) for one in node.args]
    return lambda names: function(*(one(names) for one in given))


_READERS: dict[type[ast.AST], Callable[[Any, str], _Run]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _choice,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Dict: _map,
    ast.Call: _call,
}
