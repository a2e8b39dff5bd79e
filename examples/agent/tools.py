"""What the agent can do besides talking: calculate, search its notes, convert units, look up a price."""

from __future__ import annotations

import ast
import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import otel_replay

__all__ = ["PriceList", "Tool", "ToolError", "Toolbox", "parse_arguments"]

LONGEST_EXPRESSION = 200
MOST_LINES = 20

OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
}
# The size of each unit in the base unit of its kind.
UNITS: dict[str, tuple[str, float]] = {
    "litre": ("volume", 1.0), "gallon": ("volume", 3.785411784), "millilitre": ("volume", 0.001),
    "kilopascal": ("pressure", 1.0), "psi": ("pressure", 6.894757293), "bar": ("pressure", 100.0),
    "metre": ("length", 1.0), "inch": ("length", 0.0254), "mile": ("length", 1609.344),
    "kilogram": ("mass", 1.0), "pound": ("mass", 0.45359237),
}  # fmt: skip


class ToolError(Exception):
    """A tool could not do what it was asked for; the model is told why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function together with what the model is told about it."""

    name: str
    description: str
    parameters: Mapping[str, str]
    function: Callable[..., Any]

    @property
    def schema(self) -> dict[str, Any]:
        """The tool as a chat-completions request lists it."""
        properties = {name: {"type": kind} for name, kind in self.parameters.items()}
        parameters = {"type": "object", "properties": properties, "required": list(properties)}
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


class Toolbox:
    """The tools by name, and what a model is told about them."""

    def __init__(self, notes: Path) -> None:
        tools = (
            Tool(
                name="calculator",
                description="Work out an arithmetic expression.",
                parameters={"expression": "string"},
                function=calculator,
            ),
            Tool(
                name="search_notes",
                description="Find the lines of the notes that hold all of some words.",
                parameters={"words": "string"},
                function=lambda words: search_notes(notes, words),
            ),
            Tool(
                name="convert_units",
                description="Convert a quantity to another unit.",
                parameters={"value": "number", "from_unit": "string", "to_unit": "string"},
                function=convert_units,
            ),
            Tool(
                name="fuel_price",
                description="The price of a litre of some fuel today.",
                parameters={"fuel": "string"},
                function=PriceList().price,
            ),
        )
        self._tools = {tool.name: tool for tool in tools}
        self.names = sorted(self._tools)
        self.schemas = [tool.schema for tool in tools]

    def call(self, name: str, arguments: Any) -> Any:
        """Call a tool by name; whatever goes wrong is a ToolError that says so."""
        if name not in self._tools:
            raise ToolError(f"there is no tool {name}; there are {', '.join(self.names)}")
        tool = self._tools[name]
        if not isinstance(arguments, dict):
            raise ToolError(f"the arguments of {name} are not a JSON object")
        if set(arguments) != set(tool.parameters):
            given = ", ".join(arguments) or "nothing"
            raise ToolError(f"{name} takes {', '.join(tool.parameters)}, not {given}")
        try:
            return tool.function(**arguments)
        except (ArithmeticError, ValueError, TypeError, OSError) as error:
            raise ToolError(f"{name} failed: {error}") from error


def parse_arguments(text: str) -> Any:
    """The arguments that a model wrote; where they are not JSON, the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def calculator(expression: str) -> float:
    """The value of an expression made of numbers, brackets and + - * /; nothing else is evaluated."""

    def value(node: ast.AST) -> float:
        match node:
            case ast.Expression(body=body):
                return value(body)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return number
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return OPERATORS[type(op)](value(left), value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return OPERATORS[ast.USub](value(operand))
        raise ToolError(f"`{expression}` holds more than numbers, brackets and + - * /")

    if len(expression) > LONGEST_EXPRESSION:
        raise ToolError(f"the expression is longer than {LONGEST_EXPRESSION} characters")
    try:
        result = value(ast.parse(expression.strip(), mode="eval"))
    except SyntaxError as error:
        raise ToolError(f"`{expression}` is not an expression") from error
    if not math.isfinite(result):
        raise ToolError(f"`{expression}` is too large")
    return result


def search_notes(folder: Path, words: str) -> list[dict[str, Any]]:
    """The lines of the text files in a folder that hold all of the words, with file and line number."""
    wanted = words.lower().split()
    if not wanted:
        raise ToolError("there are no words to look for")
    found = []
    for path in sorted(folder.glob("*.txt")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        otel_replay.file_read(path, lines=len(lines))
        for number, line in enumerate(lines, start=1):
            if all(word in line.lower() for word in wanted):
                found.append({"file": path.name, "line": number, "text": line.strip()})
    return found[:MOST_LINES]


def convert_units(value: float, from_unit: str, to_unit: str) -> float:
    """A quantity in another unit of the same kind."""
    (kind, size), (to_kind, to_size) = _unit(from_unit), _unit(to_unit)
    if kind != to_kind:
        raise ToolError(f"{from_unit} is a unit of {kind} and {to_unit} one of {to_kind}")
    return round(float(value) * size / to_size, 6)


def _unit(name: str) -> tuple[str, float]:
    known = name.lower().removesuffix("s").replace("liter", "litre").replace("meter", "metre")
    if known not in UNITS:
        raise ToolError(f"there is no unit {name}; there are {', '.join(UNITS)}")
    return UNITS[known]


class PriceList:
    """Prices by the litre, from a source that is not ready the first time that it is asked."""

    PRICES: Mapping[str, float] = {"petrol": 1.78, "diesel": 1.69, "ethanol": 1.12}

    def __init__(self) -> None:
        self._ready = False

    def price(self, fuel: str) -> float:
        """The price of a fuel; the first question always fails."""
        if not self._ready:
            self._ready = True
            raise ToolError("the price list is being updated, ask again")
        if fuel not in self.PRICES:
            raise ToolError(f"there is no price for {fuel}; there are {', '.join(self.PRICES)}")
        return self.PRICES[fuel]
