"""The JSON form of an AnyValue, exact in both directions: what JSON cannot say is a map with one `$` key."""

from __future__ import annotations

import binascii
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

__all__ = ["INT64", "AnyValue", "from_json", "is_native_exact", "to_json"]

AnyValue: TypeAlias = "str | bool | int | float | bytes | list[AnyValue] | dict[str, AnyValue] | None"

INT64 = range(-(2**63), 2**63)
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def is_native_exact(line: bytes) -> bool:
    """Whether a line that orjson wrote without `to_json` can be read back exactly.

    False when it may hold a map that looks like an escape, or a null that was a float without a JSON form.
    Digits and dots may have been taken out of the line.
    """
    return b'{"$' not in line and b"null" not in line


def to_json(value: AnyValue) -> Any:
    """The value as plain JSON types; what JSON has no form for becomes a map with one `$` key."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": _float_name(value)}
    if isinstance(value, bytes):
        return {"$bytes": binascii.b2a_base64(value, newline=False).decode()}
    if isinstance(value, list):
        return list(map(to_json, value))
    if isinstance(value, dict):
        if len(value) == 1:
            [(key, item)] = value.items()
            if key.startswith("$"):
                return {"$map": [[key, to_json(item)]]}
        return dict(zip(value, map(to_json, value.values()), strict=True))
    return value


def from_json(value: Any) -> AnyValue:
    """The AnyValue that `to_json` was given; ValueError for an escape that it does not write."""
    if isinstance(value, list):
        return list(map(from_json, value))
    if isinstance(value, dict):
        if len(value) == 1:
            [(key, item)] = value.items()
            if key in _ESCAPES:
                return _ESCAPES[key](item)
        return dict(zip(value, map(from_json, value.values()), strict=True))
    if type(value) is int and value not in INT64:
        return str(value)
    plain: AnyValue = value
    return plain


def _float_name(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _short(item: Any) -> str:
    import reprlib

    return reprlib.repr(item)


def _read_float(item: Any) -> AnyValue:
    if not isinstance(item, str) or item not in _FLOATS:
        raise ValueError(f"`$float` names one of {', '.join(_FLOATS)}, not {_short(item)}")
    return _FLOATS[item]


def _read_bytes(item: Any) -> AnyValue:
    import base64

    try:
        return base64.b64decode(item, validate=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`$bytes` is not base64: {error}") from None


def _read_map(item: Any) -> AnyValue:
    match item:
        case [[str() as key, inner]]:
            return {key: from_json(inner)}
    raise ValueError(f"`$map` holds one pair of a key and a value, not {_short(item)}")


_ESCAPES: dict[str, Callable[[Any], AnyValue]] = {
    "$float": _read_float,
    "$bytes": _read_bytes,
    "$map": _read_map,
}
