"""JSON of any depth: orjson writes 254 levels, and as OTLP each level of a value is four."""

from __future__ import annotations

from typing import Any

from otel_replay.orjson_loading import orjson

__all__ = ["dumps"]

_TOO_DEEP = "Recursion limit reached"
"""What orjson says then."""
_INDENT = b"  "


def dumps(value: Any, option: int = 0) -> bytes:
    """As `orjson.dumps(value, option=option)`, whatever depth it has.

    Parameters
    ----------
    value:
        Maps, lists, and what orjson writes.
    option:
        orjson's. Of what is too deep for it, those for indents and for a newline at the end count for the
        whole, the others for what is no container.

    Raises
    ------
    TypeError
        If something in it cannot be JSON, as orjson does.
    """
    try:
        return orjson.dumps(value, option=option)
    except TypeError as error:
        if str(error) != _TOO_DEEP:
            raise
    layout = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    parts = _parts(value, bool(option & orjson.OPT_INDENT_2), option & ~layout)
    return b"".join(parts) + (b"\n" if option & orjson.OPT_APPEND_NEWLINE else b"")


def _parts(value: Any, indented: bool, option: int) -> list[bytes]:
    """The text in pieces. What is still to be written stands on a list: nothing calls itself."""
    parts: list[bytes] = []
    colon = b": " if indented else b":"
    todo: list[tuple[bytes, Any, int]] = [(b"", value, 0)]
    while todo:
        before, item, depth = todo.pop()
        parts.append(before)
        if item is _NOTHING:
            continue
        is_map = isinstance(item, dict)
        if not item or not (is_map or isinstance(item, list | tuple)):
            parts.append(orjson.dumps(item, option=option))
            continue
        line = b"\n" + _INDENT * (depth + 1) if indented else b""
        end = b"\n" + _INDENT * depth if indented else b""
        parts.append(b"{" if is_map else b"[")
        if is_map:
            inner = [(line + _key(key, option) + colon, one, depth + 1) for key, one in item.items()]
        else:
            inner = [(line, one, depth + 1) for one in item]
        inner[1:] = [(b"," + head, one, at) for head, one, at in inner[1:]]
        todo.append((end + (b"}" if is_map else b"]"), _NOTHING, depth))
        todo += reversed(inner)
    return parts


_NOTHING = object()


def _key(key: Any, option: int) -> bytes:
    """A key as it stands in a map, by what orjson makes of it: the options say what may be one."""
    return orjson.dumps({key: 0}, option=option)[1:-3]
