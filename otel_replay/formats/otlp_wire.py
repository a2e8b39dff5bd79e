"""Attributes on the wire: protobuf's encoding of `KeyValue` and `AnyValue`, written without message objects.

Building a protobuf message for every attribute costs four times as much as this, and a decision is nine
attributes. Field numbers are those of opentelemetry-proto, common/v1/common.proto; the tests hold every byte
against the official classes. What repeats (keys, short texts, small numbers) is encoded once and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from struct import Struct
from typing import Any

from otel_replay.values_json import INT64

__all__ = [
    "attributes_field",
    "bytes_field",
    "fixed32_field",
    "fixed64_field",
    "number_field",
    "tag",
    "text_field",
    "value",
    "varint",
]

_SHORT_TEXT = 128

_double = Struct("<d").pack
_fixed32 = Struct("<I").pack
_fixed64 = Struct("<Q").pack

# Tags: field number * 8 + wire type (0 varint, 1 fixed64, 2 bytes, 5 fixed32).
_KEY = b"\x0a"
_VALUE = b"\x12"
_LIST_ITEM = b"\x0a"


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


_VARINTS = tuple(_varint(number) for number in range(16_384))


def varint(number: int) -> bytes:
    """A number from 0 up as protobuf's base-128 varint."""
    return _VARINTS[number] if number < 16_384 else _varint(number)


def tag(number: int, wire_type: int) -> bytes:
    """The tag of field `number`."""
    return _varint(number << 3 | wire_type)


def bytes_field(field: bytes, body: bytes) -> bytes:
    """A field of bytes, text or a message; `field` is its tag."""
    return field + varint(len(body)) + body


def text_field(field: bytes, text: str) -> bytes:
    """A field of text, or nothing where the text is empty."""
    return bytes_field(field, text.encode()) if text else b""


def number_field(field: bytes, number: int) -> bytes:
    """A field with a number from 0 up, or nothing where it is 0."""
    return field + varint(number) if number else b""


def fixed32_field(field: bytes, number: int) -> bytes:
    """A fixed32 field, or nothing where the number is 0."""
    return field + _fixed32(number) if number else b""


def fixed64_field(field: bytes, number: int) -> bytes:
    """A fixed64 field, or nothing where the number is 0 or below (a clock before 1970)."""
    return field + _fixed64(number) if number > 0 else b""


def value(item: Any) -> bytes:
    """An `AnyValue` message; None is the empty message."""
    write = _WRITERS.get(type(item))
    return write(item) if write is not None else _other(item)


def attributes_field(field: bytes, attributes: Mapping[str, Any]) -> bytes:
    """A map as repeated `KeyValue` fields with the tag `field`, in its own order."""
    out: list[bytes] = []
    for key, item in attributes.items():
        kind: Any = type(item)
        if kind is float:
            out += _double_head(field, key), _double(item)
        elif kind is int or kind is bool or (kind is str and len(item) < _SHORT_TEXT):
            out.append(_remembered_pair(field, key, item, kind))
        else:
            out.append(_pair(field, key, value(item)))
    return b"".join(out)


def _pair(field: bytes, key: str, body: bytes) -> bytes:
    return bytes_field(field, text_field(_KEY, key) + bytes_field(_VALUE, body))


@lru_cache(maxsize=1_024)
def _double_head(field: bytes, key: str) -> bytes:
    whole = _pair(field, key, b"\x21" + bytes(8))
    return whole[:-8]


@lru_cache(maxsize=16_384)
def _remembered_pair(field: bytes, key: str, item: Any, kind: type[Any]) -> bytes:
    # `kind` is part of what is remembered: 1 == True.
    return _pair(field, key, _WRITERS[kind](item))


def _text(item: str) -> bytes:
    return bytes_field(b"\x0a", item.encode())


def _boolean(item: bool) -> bytes:
    return b"\x10\x01" if item else b"\x10\x00"


def _integer(item: int) -> bytes:
    # What int64 does not hold becomes text, as `values.normalise` has it.
    return b"\x18" + varint(item & 0xFFFF_FFFF_FFFF_FFFF) if item in INT64 else _text(str(item))


def _list(items: Iterable[Any]) -> bytes:
    return bytes_field(b"\x2a", b"".join([bytes_field(_LIST_ITEM, value(item)) for item in items]))


def _map(items: Mapping[str, Any]) -> bytes:
    return bytes_field(b"\x32", attributes_field(_LIST_ITEM, items))


def _other(item: Any) -> bytes:
    if item is None:
        return b""
    if isinstance(item, Mapping):
        return _map(item)
    raise TypeError(f"a {type(item).__name__} is no AnyValue; `values.normalise` makes one of it")


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    str: _text,
    bool: _boolean,
    int: _integer,
    float: lambda item: b"\x21" + _double(item),
    bytes: lambda item: bytes_field(b"\x3a", item),
    list: _list,
    tuple: _list,
    dict: _map,
}
