"""The text that `json.dump(indent=2)` gives, to the byte, without its cost.

orjson writes most of it, in a tenth of the time; what it would write differently (text that is not ASCII,
very small and very large numbers, what JSON cannot hold) is written here. NaN and the infinities become
their names, bytes their base64, and a map that refers to a blob what `resolve` gives for it.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping

from otel_replay.attributes import BLOB
from otel_replay.orjson_loading import orjson

try:
    from _json import encode_basestring_ascii as quoted  # without the rest of `json`
except ImportError:
    from json.encoder import encode_basestring_ascii as quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

__all__ = ["ITEMS_HEAD", "ITEMS_TAIL", "Resolve", "indented", "is_plain", "list_items", "quoted"]

Resolve: TypeAlias = "Callable[[Mapping[str, Any]], Any]"
"""Gives what stands in the text for a map that refers to a blob: its content, or the map itself."""

ITEMS_HEAD = len(b'{\n  "": [\n')
ITEMS_TAIL = len(b"\n  ]\n}")
"""What stands around the items of a list that is the only member of a map."""


def is_plain(value: object) -> bool:
    """Whether orjson writes `value` as json does, should its text be ASCII: a flat map of ordinary values."""
    if type(value) is not dict or BLOB in value:
        return False
    for item in value.values():
        kind = type(item)
        if kind is float:
            # Between these both write all digits; NaN is not between them.
            if not (1e-4 <= item < 1e16 or -1e16 < item <= -1e-4 or item == 0.0):
                return False
        elif kind is not str and kind is not int and kind is not bool and item is not None:
            return False
    return True


def list_items(items: list[dict[str, Any]], plain: bool, resolve: Resolve | None) -> bytes:
    """`items` as they stand in a list that is a member of the outermost object, without the brackets.

    Parameters
    ----------
    items:
        At least one map.
    plain:
        Whether each map inside of the items is plain (:func:`is_plain`) and the rest is text.
    resolve:
        See :data:`Resolve`.
    """
    if plain:
        try:
            data = orjson.dumps({"": items}, option=orjson.OPT_INDENT_2)[ITEMS_HEAD:-ITEMS_TAIL]
        except TypeError:
            pass  # a key or text with a lone surrogate, or an integer of more than 64 bits
        else:
            if data.isascii() and b"\x7f" not in data:
                return data
    return ",\n".join(["    " + indented(item, "\n    ", resolve) for item in items]).encode()


def indented(value: Any, indent: str, resolve: Resolve | None = None) -> str:
    """Any AnyValue. `indent` is a newline and the indent of the line on which the value begins."""
    plain = _PLAIN.get(type(value))
    if plain is not None:
        return plain(value)
    inner = indent + "  "
    if isinstance(value, Mapping):
        if resolve is not None and BLOB in value:
            shown = resolve(value)
            if shown is not value:
                return indented(shown, indent)
        if not value:
            return "{}"
        pairs = [f"{quoted(key)}: {indented(item, inner, resolve)}" for key, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(pairs)}{indent}}}"
    if not value:
        return "[]"
    return f"[{inner}{f',{inner}'.join([indented(item, inner, resolve) for item in value])}{indent}]"


def _float(value: float) -> str:
    text = repr(value)
    return _NAMES.get(text, text)


_NAMES = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
_WORDS = {True: "true", False: "false", None: "null"}
_PLAIN: dict[type, Callable[[Any], str]] = {
    float: _float,
    str: quoted,
    int: repr,
    bool: _WORDS.__getitem__,
    type(None): _WORDS.__getitem__,
    bytes: lambda value: f'"{binascii.b2a_base64(value, newline=False).decode()}"',
}
