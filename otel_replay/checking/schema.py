"""The JSON Schema of files of rules, made from the table of the rules: editors complete and check by it."""

from __future__ import annotations

import inspect
from typing import Any

from otel_replay.assertions.table import RULES
from otel_replay.checking.parameters import KINDS, Parameter, parameters_of
from otel_replay.checking.reading import SEVERITIES, VERSION

__all__ = ["make_schema"]

_LENGTH = r"^\s*(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|min|m|h)\s*$"


_EXPECTED: dict[str, Any] = {
    "value": {
        "description": "any value, or {approx: 98.2, abs: 0.1, rel: 0.01}",
        "if": {
            "type": "object",
            "required": ["approx"],
            "propertyNames": {"enum": ["approx", "abs", "rel"]},
        },
        "then": {
            "properties": {
                "approx": {"type": "number"},
                "abs": {"type": "number", "minimum": 0},
                "rel": {"type": "number", "minimum": 0},
            }
        },
    },
    "call": {
        "description": "search, {search: {q: x}}, or {tool: search, arguments: {q: x}}",
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "required": ["tool"],
                "properties": {"tool": {"type": "string"}, "arguments": {"$ref": "#/$defs/value"}},
                "additionalProperties": False,
            },
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "propertyNames": {"not": {"const": "tool"}},
                "additionalProperties": {"$ref": "#/$defs/value"},
            },
        ],
    },
    "calls": {
        "description": "tools, tools with arguments, lists of parallel ones; or a run",
        "oneOf": [
            {
                "type": "array",
                "items": {
                    "anyOf": [
                        {"$ref": "#/$defs/call"},
                        {"type": "array", "items": {"$ref": "#/$defs/call"}},
                    ]
                },
            },
            {
                "type": "object",
                "required": ["run"],
                "properties": {"run": {"type": "string"}},
                "additionalProperties": False,
            },
        ],
    },
}
"""What is expected: values, and tool calls."""


def make_schema() -> dict[str, Any]:
    """The schema as plain data, by JSON Schema 2020-12."""
    names = sorted(RULES)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of otel-replay check",
        "oneOf": [{"$ref": "#/$defs/file"}, {"$ref": "#/$defs/rules"}],
        "$defs": {
            "file": {
                "type": "object",
                "additionalProperties": False,
                "anyOf": [{"required": ["rules"]}, {"required": ["include"]}],
                "properties": {
                    "$schema": {"type": "string"},
                    "version": {"const": VERSION},
                    "name": {"type": "string"},
                    "description": {"type": "string"},
                    "include": {
                        "description": "other files of rules, from this file's folder",
                        "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                    },
                    "rules": {"$ref": "#/$defs/rules"},
                },
            },
            "rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}},
            "rule": {"oneOf": [_alone(), *({"$ref": f"#/$defs/rule {name}"} for name in names)]},
            **{f"rule {name}": _item(name) for name in names},
            "selector": {
                "description": "a selector: tool(delete_*), decision(CLAMP*)[after <= 7]",
                "oneOf": [
                    {"type": "string", "minLength": 1},
                    {"type": "array", "minItems": 1, "items": {"type": "string"}},
                ],
            },
            "length": {"type": "string", "pattern": _LENGTH, "description": "500ms, 5s, 2min"},
            **_EXPECTED,
        },
    }


def _alone() -> dict[str, Any]:
    """Rules that need nothing may stand by their name alone."""
    names = [name for name in sorted(RULES) if not any(one.required for one in parameters_of(name))]
    return {"enum": [name for name in names if name != "budget"]}


def _item(name: str) -> dict[str, Any]:
    said = inspect.getdoc(RULES[name]) or ""
    return {
        "type": "object",
        "required": [name],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string"},
            "description": {"type": "string"},
            "severity": {"enum": list(SEVERITIES)},
            name: {"description": " ".join(said.split("\n\n")[0].split()), **_demand(name)},
        },
    }


def _demand(name: str) -> dict[str, Any]:
    parameters = parameters_of(name)
    required = [one.name for one in parameters if one.required]
    named: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {one.name: _value(one) for one in parameters},
    }
    if required:
        named["required"] = required
    elif name == "budget":
        named["minProperties"] = 1
    ways: list[dict[str, Any]] = [named]
    if not required and name != "budget":
        ways.append({"enum": [None, True]})
    if parameters and parameters[0].kind == "calls":
        ways = [{"$ref": "#/$defs/calls"}, {**named, "required": ["expected"]}]
        return {"anyOf": ways}
    if parameters:
        ways.append(
            {
                "type": "array",
                "minItems": 1 if name == "budget" else len(required),
                "maxItems": len(parameters),
                "prefixItems": [_value(one) for one in parameters],
            }
        )
        if len(required) <= 1 and parameters[0].kind == "selector":
            ways.append({"type": "string", "minLength": 1})
    return {"anyOf": ways}


def _value(parameter: Parameter) -> dict[str, Any]:
    if parameter.choices:
        return {"enum": list(parameter.choices)}
    return dict(KINDS[parameter.kind].schema)
