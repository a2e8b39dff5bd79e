"""Any Python value becomes an OpenTelemetry AnyValue, by stated rules.

The rules are the table in `docs/values.md`. Nothing is imported for a value: numpy, pandas and their like are
recognised by the names of their classes. What cannot be kept exactly is counted in `Notes`.
"""

from __future__ import annotations

import collections
import collections.abc as abc
import datetime as dt
import enum
import functools
import itertools
import os
import sys
import types
from collections.abc import Callable

from otel_replay.interruptions import let_through
from otel_replay.json_bytes import PASS_DATACLASS, PASS_DATETIME, WITH_NEWLINE
from otel_replay.late import late
from otel_replay.values_foreign import Labelled, duration, is_array, npy_bytes, translation
from otel_replay.values_json import INT64, AnyValue, from_json, is_native_exact, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

__all__ = [
    "AnyValue", "KeepBlob", "Notes", "normalise", "to_json", "from_json", "is_native_exact",
    "ORJSON_OPTIONS", "INLINE_BYTES", "INLINE_ITEMS", "MAX_DEPTH", "MAX_ITEMS",
]  # fmt: skip

KeepBlob: TypeAlias = "Callable[[bytes, str], dict[str, AnyValue]]"

# orjson's own path must write what `normalise` would give: dates and dataclasses go through the rules.
ORJSON_OPTIONS: int = PASS_DATACLASS | PASS_DATETIME | WITH_NEWLINE

INLINE_BYTES = 65_536  # longer text and bytes become a blob where there is a place for blobs
INLINE_ITEMS = 1_024  # larger arrays likewise; a longer range stays the text of its repr
MAX_DEPTH = 64
MAX_ITEMS = (
    5_000_000  # in one value, counted each time met: ends infinite mappings and lists shared 2**60 times
)
TEXT_TYPE = "text/plain; charset=utf-8"
BYTES_TYPE = "application/octet-stream"
ARRAY_TYPE = "application/x-npy"
OMITTED = "<omitted>"

_LIBRARY = os.path.dirname(os.__file__)
_ADDRESS = late(r" at 0x[0-9A-Fa-f]+")
_MAX_DECIMAL_BITS = 14_000  # below the 4,300 digits at which Python refuses to write an integer in decimal


class Notes(dict[str, int]):
    """How often something could not be kept exactly, by the name of the rule that applied."""

    __slots__ = ()

    def count(self, name: str, times: int = 1) -> None:
        """Add to the count under `name`."""
        self[name] = self.get(name, 0) + times


def normalise(value: object, *, notes: Notes | None = None, keep_blob: KeepBlob | None = None) -> AnyValue:
    """`value` as an AnyValue. Never raises; what is not kept exactly is counted in `notes`.

    `keep_blob(data, media_type)` stores large content and returns the map that stands for it.
    """
    return _Walk(Notes() if notes is None else notes, keep_blob).value(value, 0)


class _Walk:
    """One conversion: its counts, the place for blobs, the containers we are inside of, the items left."""

    __slots__ = ("inside", "keep_blob", "left", "notes")

    def __init__(self, notes: Notes, keep_blob: KeepBlob | None) -> None:
        self.notes = notes
        self.keep_blob = keep_blob
        self.inside: set[int] = set()
        self.left = MAX_ITEMS

    def value(self, value: object, depth: int) -> AnyValue:
        """One value, whatever it does; `depth` containers are around it."""
        self.left -= 1
        try:
            kind: Any = type(value)
            exact = _EXACT.get(kind)
            if exact is not None:
                return exact(self, value)
            rule, has_parts = _rule(kind)
            return self.enter(value, depth, rule) if has_parts else rule(self, value, depth)
        except Exception as raised:  # a hostile object may raise anything from anywhere
            let_through(raised)
            self.notes.count("unreadable")
            return self.by_repr(value)

    def enter(self, value: object, depth: int, rule: _Rule) -> AnyValue:
        """A value with parts: not when we are inside of it already, and not too deep."""
        if id(value) in self.inside:
            self.notes.count("cycle")
            return "<cycle>"
        if depth >= MAX_DEPTH:
            self.notes.count("too_deep")
            import reprlib

            return self.text(_ADDRESS.sub("", reprlib.repr(value)))
        self.inside.add(id(value))
        try:
            return rule(self, value, depth)
        finally:
            self.inside.discard(id(value))

    def items(self, values: Iterable[object], depth: int) -> list[AnyValue]:
        """The items of a container that stands at `depth`."""
        kept: list[AnyValue] = []
        for value in values:
            if self.left <= 0:
                self.notes.count("omitted")
                kept.append(OMITTED)
                break
            kept.append(self.value(value, depth + 1))
        return kept

    def pairs(self, pairs: Iterable[tuple[object, object]], depth: int) -> dict[str, AnyValue]:
        """Names and values of a container that stands at `depth`; two equal names are both kept."""
        pairs = list(itertools.islice(pairs, max(self.left, 0) + 1))
        own_names: set[object] | None = None  # names that are text keep them; needed only beside other keys
        kept: dict[str, AnyValue] = {}
        suffixes: dict[str, int] = {}
        for key, value in pairs:
            if self.left <= 0:
                self.notes.count("omitted")
                kept[OMITTED] = OMITTED
                break
            name = self.key(key, depth + 1)
            if name is not key and own_names is None:
                own_names = {key for key, _ in pairs if type(key) is str}
            if name in kept or (name is not key and name in (own_names or ())):
                self.notes.count("key_collision")
                name = _free_name(name, kept.keys() | (own_names or set()), suffixes)
            kept[name] = self.value(value, depth + 1)
        return kept

    def key(self, key: object, depth: int) -> str:
        """What stands for a key: its value where that is text, else what `str` or `repr` make of it."""
        if type(key) is str:
            return key if key.isascii() else _unicode(self, key)
        plain = _Walk(self.notes, None).value(key, depth)
        if isinstance(plain, str):
            return plain
        self.notes.count("key_as_text")
        is_scalar = plain is None or isinstance(plain, (bool, int, float))
        return _unicode(self, str(plain) if is_scalar else _clean_repr(key))

    def text(self, text: str) -> AnyValue:
        """Text as it is, or the blob that holds it."""
        if not text.isascii():
            text = _unicode(self, text)
        if self.keep_blob is None or len(text) * 4 <= INLINE_BYTES:
            return text
        data = text.encode()
        return self.blob(data, TEXT_TYPE, text) if len(data) > INLINE_BYTES else text

    def integer(self, number: int) -> AnyValue:
        """A number that fits 64 bits, or its decimal text (hexadecimal where Python refuses decimal)."""
        if number in INT64:
            return number
        return self.text(str(number) if number.bit_length() < _MAX_DECIMAL_BITS else hex(number))

    def binary(self, data: bytes) -> AnyValue:
        """Bytes as they are, or the blob that holds them."""
        return self.blob(data, BYTES_TYPE, data) if len(data) > INLINE_BYTES else data

    def blob(self, data: bytes, media_type: str, otherwise: AnyValue) -> AnyValue:
        """The map that stands for large content, or `otherwise` where there is no place for blobs."""
        if self.keep_blob is not None:
            try:
                return self.keep_blob(data, media_type)
            except Exception as raised:  # a full disk must not cost the value
                let_through(raised)
                self.notes.count("blob_not_kept")
        return otherwise

    def by_repr(self, value: object) -> AnyValue:
        """For a value that no rule knows: its repr, without the address that differs in every run."""
        self.notes.count("by_repr")
        try:
            return self.text(_clean_repr(value))
        except Exception as raised:
            let_through(raised)
            self.notes.count("unprintable")
            return f"<unprintable {_type_name(type(value))}>"


_Rule: TypeAlias = "Callable[[_Walk, Any, int], AnyValue]"


def _free_name(name: str, taken: abc.Set[object], suffixes: dict[str, int]) -> str:
    number = suffixes.get(name, 1) + 1
    while f"{name}#{number}" in taken:
        number += 1
    suffixes[name] = number
    return f"{name}#{number}"


def _unicode(walk: _Walk, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        walk.notes.count("surrogate_text")
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _clean_repr(value: object) -> str:
    return _ADDRESS.sub("", str.__str__(repr(value)))


def _type_name(kind: type) -> str:
    try:
        return str.__str__(kind.__name__)
    except Exception as raised:
        let_through(raised)
        return "object"


# --- rules ---


def _timedelta(value: dt.timedelta) -> str:
    return duration((value.days * 86_400 + value.seconds) * 10**6 + value.microseconds, 6)


def _exception(value: BaseException) -> str:
    return f"{_type_name(type(value))}: {value}".removesuffix(": ")


def _qualified(value: Any) -> str:
    module = getattr(value, "__module__", None)
    name: str = value.__qualname__
    return name if module in (None, "builtins") else f"{module}.{name}"


def _mapping(walk: _Walk, value: Any, depth: int) -> AnyValue:
    return walk.pairs(((key, value[key]) for key in value), depth)


def _set(walk: _Walk, value: Any, depth: int) -> AnyValue:
    some = itertools.islice(value, max(walk.left, 0) + 1)
    return walk.items(sorted(some, key=lambda item: (type(item).__name__, repr(item))), depth)


def _range(walk: _Walk, value: range, depth: int) -> AnyValue:
    # A range may be longer than any memory; its repr says the same, exactly. (len() fails beyond 2**63.)
    return repr(value) if value[INLINE_ITEMS:] else walk.items(value, depth)


def _items(walk: _Walk, value: Any, depth: int) -> AnyValue:
    return walk.items(value, depth)


def _dataclass_fields(value: Any) -> Iterable[Any]:
    from dataclasses import fields  # who has such a value has loaded them

    return fields(value)


def _fields(fields: Callable[[Any], Iterable[Any]]) -> _Rule:
    def rule(walk: _Walk, value: Any, depth: int) -> AnyValue:
        names = [field.name for field in fields(value)]
        return walk.pairs([(name, getattr(value, name)) for name in names if hasattr(value, name)], depth)

    return rule


def _array(walk: _Walk, value: Any, depth: int) -> AnyValue:
    if walk.keep_blob is not None and value.size > INLINE_ITEMS and not value.dtype.hasobject:
        kept = walk.blob(npy_bytes(value), ARRAY_TYPE, None)
        if isinstance(kept, dict):
            return {**kept, "dtype": str(value.dtype), "shape": [int(length) for length in value.shape]}
    return _foreign(walk, value, depth)


def _foreign(walk: _Walk, value: Any, depth: int) -> AnyValue:
    known = translation(type(value))
    plain = known.plain(value) if known is not None else value.__array__()
    return walk.pairs(plain.pairs, depth) if type(plain) is Labelled else walk.value(plain, depth)


def _is(*bases: type) -> Callable[[type], bool]:
    return lambda kind: issubclass(kind, bases)


def _of(*names: str) -> Callable[[type], bool]:
    """As :func:`_is`, for classes of modules that are loaded where there is such a value at all."""
    places = [name.split(".") for name in names]

    def matches(kind: type) -> bool:
        found = [getattr(sys.modules.get(module), name, None) for module, name in places]
        # A program may have a module of the same name, with classes of its own.
        return any(isinstance(base, type) and issubclass(kind, base) and _is_pythons(base) for base in found)

    return matches


def _is_pythons(kind: type) -> bool:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or _LIBRARY
    return file.startswith(_LIBRARY) and "-packages" not in file


def _has(*names: str) -> Callable[[type], bool]:
    return lambda kind: all(hasattr(kind, name) for name in names)


def _by(convert: Callable[[Any], object]) -> _Rule:
    return lambda walk, value, depth: walk.value(convert(value), depth)


# The first that matches the class holds. An enum is its value, a list what the list itself holds, whatever
# a subclass makes of iteration: so does orjson, whose own path must give the same line.
_RULES: tuple[tuple[Callable[[type], bool], bool, _Rule], ...] = (
    (_is(enum.Enum), False, _by(lambda value: value.value)),
    (is_array, True, _array),
    (lambda kind: (known := translation(kind)) is not None and not known.has_parts, False, _foreign),
    (lambda kind: translation(kind) is not None, True, _foreign),
    (_is(str), False, _by(str.__str__)),
    (_is(int), False, _by(int.__int__)),
    (_is(float), False, _by(float.__float__)),
    (_is(bytes, bytearray, memoryview), False, _by(lambda value: memoryview(value).tobytes())),
    (_is(list), True, lambda walk, value, depth: walk.items(list.copy(value), depth)),
    (_is(dict), True, lambda walk, value, depth: walk.pairs(list(dict.items(value)), depth)),
    (_is(dt.date, dt.time), False, _by(lambda value: value.isoformat())),
    (_is(dt.timedelta), False, _by(_timedelta)),
    (_of("decimal.Decimal", "fractions.Fraction", "uuid.UUID"), False, _by(str)),
    (_is(collections.UserString), False, _by(str)),
    (_is(complex), False, _by(complex.__repr__)),
    (_is(BaseException), False, _by(_exception)),
    (_is(types.ModuleType), False, _by(lambda value: value.__name__)),
    (_is(type, types.FunctionType, types.BuiltinFunctionType, types.MethodType), False, _by(_qualified)),
    (lambda kind: issubclass(kind, tuple) and hasattr(kind, "_fields"), True,
     lambda walk, value, depth: walk.pairs(zip(value._fields, value, strict=True), depth)),
    (_has("__dataclass_fields__"), True, _fields(_dataclass_fields)),
    (_has("__attrs_attrs__"), True, _fields(lambda value: value.__attrs_attrs__)),
    (_has("model_dump"), True, _by(lambda value: value.model_dump())),
    (_has("__fspath__"), False, _by(os.fspath)),
    (_is(range), True, _range),
    (_is(tuple, collections.deque, abc.KeysView, abc.ValuesView, abc.ItemsView), True, _items),
    (_of("array.array"), True, _items),
    (_is(abc.Mapping), True, _mapping),
    (_is(abc.Set), True, _set),
    (_is(abc.Sequence), True, _items),
    (_has("__array__", "dtype"), True, _foreign),
    (_is(object), False, lambda walk, value, _depth: walk.by_repr(value)),
)  # fmt: skip

_EXACT: dict[type, Callable[[_Walk, Any], AnyValue]] = {
    str: _Walk.text,
    int: _Walk.integer,
    bytes: _Walk.binary,
    bool: lambda _walk, value: bool(value),
    float: lambda _walk, value: float(value),
    type(None): lambda _walk, _value: None,
}


@functools.lru_cache(maxsize=1024)
def _rule(kind: type) -> tuple[_Rule, bool]:
    return next((rule, has_parts) for matches, has_parts, rule in _RULES if matches(kind))
