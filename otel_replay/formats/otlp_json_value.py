"""AnyValue in OTLP/JSON, both ways: integers as decimal text, bytes as base64, NaN and infinities by name.

After opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding". A reader takes integers as text or
as numbers and ignores what it does not know.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from otel_replay.errors import FormatError
from otel_replay.values_json import INT64

__all__ = [
    "attributes_from_json",
    "attributes_to_json",
    "integer",
    "value_from_json",
    "value_to_json",
]

MAX_DEPTH = 254
"""How deep values may be nested in what is read, as in a line of a journal."""

_NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def value_to_json(value: Any) -> dict[str, Any]:
    """`value`, an AnyValue, as an OTLP/JSON `AnyValue` object; None is the empty object."""
    write = _WRITERS.get(type(value))
    return write(value) if write is not None else _other(value)


def attributes_to_json(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A map as a list of OTLP/JSON `KeyValue` objects, in its own order."""
    writers = _WRITERS
    pairs = []
    for key, value in attributes.items():
        write = writers.get(type(value))
        pairs.append({"key": key, "value": write(value) if write is not None else _other(value)})
    return pairs


def _integer(value: int) -> dict[str, Any]:
    return {"intValue" if value in INT64 else "stringValue": str(value)}


def _double(value: float) -> dict[str, Any]:
    if math.isfinite(value):
        return {"doubleValue": value}
    return {"doubleValue": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def _bytes(value: bytes) -> dict[str, Any]:
    return {"bytesValue": base64.b64encode(value).decode()}


def _list(value: Iterable[Any]) -> dict[str, Any]:
    return {"arrayValue": {"values": [value_to_json(item) for item in value]}}


def _map(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"kvlistValue": {"values": attributes_to_json(value)}}


_WRITERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    str: lambda value: {"stringValue": value},
    bool: lambda value: {"boolValue": value},
    int: _integer,
    float: _double,
    bytes: _bytes,
    list: _list,
    tuple: _list,
    dict: _map,
}


def _other(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return _map(value)
    raise TypeError(f"a {type(value).__name__} is no AnyValue; `values.normalise` makes one of it")


def value_from_json(value: Any, depth: int = 0) -> Any:
    """The AnyValue that an OTLP/JSON `AnyValue` object holds.

    Raises
    ------
    FormatError
        If the object does not hold what it says, or is nested deeper than `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise FormatError(f"a value is nested more than {MAX_DEPTH} deep")
    if value is None:
        return None
    for key, item in _object(value, "value").items():
        if item is None:
            continue
        if key in _SCALARS:
            return _SCALARS[key](item)
        if key in _NESTED:
            return _NESTED[key](item, depth + 1)
    return None


def attributes_from_json(pairs: Any, depth: int = 0) -> dict[str, Any]:
    """The map that a list of OTLP/JSON `KeyValue` objects holds; of two equal keys the last counts."""
    attributes: dict[str, Any] = {}
    for pair in _list_of(pairs, "attributes"):
        key = _object(pair, "attribute").get("key", "")
        if not isinstance(key, str):
            raise FormatError(f"an attribute's key is a {type(key).__name__}")
        attributes[key] = value_from_json(pair.get("value"), depth)
    return attributes


def integer(value: Any, name: str, allowed: range) -> int:
    """An integer that may stand as a number or as decimal text, within `allowed`."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise FormatError(f"`{name}` is not an integer: {value!r:.40}") from None
    if isinstance(value, bool) or (isinstance(value, float) and number != value) or number not in allowed:
        raise FormatError(f"`{name}` is out of range: {value!r:.40}")
    return number


def _read_text(item: Any) -> str:
    if not isinstance(item, str):
        raise FormatError(f"`stringValue` is a {type(item).__name__}")
    return item


def _read_boolean(item: Any) -> bool:
    if not isinstance(item, bool):
        raise FormatError(f"`boolValue` is a {type(item).__name__}")
    return item


def _read_double(item: Any) -> float:
    if isinstance(item, str) and item in _NAMES:
        return _NAMES[item]
    if isinstance(item, (int, float, str)) and not isinstance(item, bool):
        try:
            return float(item)
        except (ValueError, OverflowError):
            pass
    raise FormatError(f"`doubleValue` is not a number: {item!r:.40}")


def _read_bytes(item: Any) -> bytes:
    try:
        text = item.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (AttributeError, ValueError, binascii.Error):
        raise FormatError("`bytesValue` is not base64") from None


def _read_list(item: Any, depth: int) -> list[Any]:
    values = _list_of(_object(item, "arrayValue").get("values"), "values")
    return [value_from_json(value, depth) for value in values]


def _read_map(item: Any, depth: int) -> dict[str, Any]:
    return attributes_from_json(_object(item, "kvlistValue").get("values"), depth)


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "stringValue": _read_text,
    "boolValue": _read_boolean,
    "intValue": lambda item: integer(item, "intValue", INT64),
    "doubleValue": _read_double,
    "bytesValue": _read_bytes,
}
_NESTED: dict[str, Callable[[Any, int], Any]] = {"arrayValue": _read_list, "kvlistValue": _read_map}


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError(f"`{name}` is not an object")
    return value


def _list_of(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise FormatError(f"`{name}` is not a list")
    return value
