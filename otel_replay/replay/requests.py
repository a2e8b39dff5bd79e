"""What a call asks for, in a form in which equal requests have equal keys: recorded ones and those made now.

A recorded request went through the rules for values and lost its secrets before it was written; so does one
that is made now, before the two are compared. Keys of maps have no order; types and every digit count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from otel_replay.analysis.kinds import kind_of
from otel_replay.attributes import (
    GEN_AI_INPUT_MESSAGES,
    GEN_AI_OPERATION,
    GEN_AI_PROVIDER,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_REQUEST_PREFIX,
    GEN_AI_SYSTEM_INSTRUCTIONS,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_CALL_ID,
    GEN_AI_TOOL_DEFINITIONS,
    GEN_AI_TOOL_NAME,
)
from otel_replay.orjson_loading import orjson
from otel_replay.replay.paths import Path, Pattern, leaves, strip
from otel_replay.storage.screen import Screen
from otel_replay.values import ORJSON_OPTIONS, Notes, to_json

__all__ = ["ASKED", "CallKind", "Request", "Requests", "fields_of"]

CallKind = Literal["generation", "tool call"]

_NAMES: dict[CallKind, tuple[tuple[str, str], ...]] = {
    "generation": (
        (GEN_AI_OPERATION, "operation"),
        (GEN_AI_PROVIDER, "provider"),
        (GEN_AI_REQUEST_MODEL, "model"),
        (GEN_AI_SYSTEM_INSTRUCTIONS, "system_instructions"),
        (GEN_AI_INPUT_MESSAGES, "input_messages"),
        (GEN_AI_TOOL_DEFINITIONS, "tool_definitions"),
    ),
    "tool call": (
        (GEN_AI_TOOL_NAME, "tool"),
        (GEN_AI_TOOL_ARGUMENTS, "arguments"),
        (GEN_AI_TOOL_CALL_ID, "call_id"),
    ),
}
"""The attributes that make a request, and what they are called in it: as the recording API names them."""

ASKED = frozenset(key for names in _NAMES.values() for key, _ in names)
"""The attributes that a request is made of, but for `gen_ai.request.*`."""

_LISTS = ("input_messages", "system_instructions", "tool_definitions")
_MOST_CACHED_BYTES = 64 << 20
_LONGEST_CACHED_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """What a call asks for.

    Attributes
    ----------
    name:
        The model, or the tool.
    key:
        Equal for equal requests and for no others; empty where the request was not recorded.
    fields:
        The request by the names of the recording API, without what is ignored. Of one that is made now, as
        it is; `Requests.clean` gives what is compared.
    """

    kind: CallKind
    name: str
    key: bytes
    fields: Mapping[str, Any]
    _leaves: dict[Path, Any] = field(default_factory=dict, repr=False)

    def leaves(self) -> Mapping[Path, Any]:
        """Everything in `fields` that has no parts, by its place; looked up once."""
        if not self._leaves:
            self._leaves.update(leaves(self.fields))
        return self._leaves


def fields_of(attributes: Mapping[str, Any]) -> tuple[CallKind, dict[str, Any]] | None:
    """What the span of a call asks for; None for a span that is no call."""
    kind = kind_of(attributes)
    if kind != "generation" and kind != "tool call":
        return None
    fields = {name: attributes[key] for key, name in _NAMES[kind] if attributes.get(key) is not None}
    if kind == "generation":
        known = {key for key, _ in _NAMES[kind]}
        more = {
            key[len(GEN_AI_REQUEST_PREFIX) :]: attributes[key]
            for key in sorted(attributes)
            if key.startswith(GEN_AI_REQUEST_PREFIX) and key not in known
        }
        if more:
            fields["request"] = more
    return kind, fields


class Requests:
    """Makes requests comparable.

    Parameters
    ----------
    screen:
        Takes secrets out of requests that are made now, as it did of the recorded ones.
    ignore:
        Places that differ in every run and do not count, see :mod:`otel_replay.replay.paths`.
    """

    def __init__(self, screen: Screen, ignore: Sequence[str] = ()) -> None:
        self._screen = screen
        self._ignore = tuple(Pattern(text) for text in ignore)
        self._live: dict[bytes, bytes] = {}
        self._held_bytes = 0
        self._items: dict[bytes, Any] = {}
        self._one_by_one: dict[Path, bool] = {}

    def recorded(self, attributes: Mapping[str, Any]) -> Request | None:
        """The request of a recorded span. Equal messages of several requests are kept once."""
        found = fields_of(attributes)
        if found is None:
            return None
        kind, fields = found
        kept = strip(fields, (), self._ignore)
        key = self._key(kind, self._digests(kept, intern=True))
        return Request(kind=kind, name=_name(kind, fields), key=key, fields=kept)

    def live(self, attributes: Mapping[str, Any]) -> Request | None:
        """The request of a call that is made now."""
        found = fields_of(attributes)
        if found is None:
            return None
        kind, fields = found
        digests: dict[str, bytes] = {}
        rest: dict[str, Any] = {}
        for name, value in fields.items():
            parts = self._live_parts(name, value) if name in _LISTS else None
            if parts is None:
                rest[name] = value
            else:
                digests[name] = parts
        clean = strip(self._clean(kind, rest), (), self._ignore)
        key = self._key(kind, {**self._digests(clean, intern=False), **digests})
        return Request(kind=kind, name=_name(kind, fields), key=key, fields=fields)

    def clean(self, request: Request) -> dict[str, Any]:
        """The fields of a request that is made now, as they are compared with recorded ones."""
        kept = _named(strip(self._clean(request.kind, dict(request.fields)), (), self._ignore))
        assert isinstance(kept, dict)
        return kept

    # -- inside ----------------------------------------------------------------------------------------------

    def _clean(self, kind: CallKind, fields: Mapping[str, Any]) -> dict[str, Any]:
        # Under the names of the attributes, by which the rules know what they look at.
        keys = {name: key for key, name in _NAMES[kind]}
        given = {keys[name]: value for name, value in fields.items() if name in keys}
        more = fields.get("request", {})
        given.update({GEN_AI_REQUEST_PREFIX + name: value for name, value in more.items()})
        clean = self._screen.clean(given, Notes(), _nowhere)
        found = {name: clean.get(keys[name]) for name in fields if name in keys}
        if more:
            found["request"] = {name: clean.get(GEN_AI_REQUEST_PREFIX + name) for name in more}
        return found

    def _live_parts(self, name: str, value: Any) -> bytes | None:
        """The digest of a field that holds messages, message by message; None where that will not do."""
        if _is_list_of_maps(value) and self._goes_one_by_one((name,)):
            return self._live_list(name, value)
        # The arguments of a decorated function, by their names.
        if type(value) is not dict or "value" in value:
            return None
        lists = {
            key: item
            for key, item in value.items()
            if type(key) is str and key and _is_list_of_maps(item) and self._goes_one_by_one((name, key))
        }
        if not lists:
            return None
        rest = {key: item for key, item in value.items() if key not in lists}
        clean = strip(self._clean("generation", {name: rest})[name], (name,), self._ignore)
        digests = {key: self._live_list(name, item) for key, item in lists.items()}
        return _digest_of_map({**{key: _digest_of_part(item) for key, item in clean.items()}, **digests})

    def _goes_one_by_one(self, path: Path) -> bool:
        """Whether each item of the list at `path` may be looked at by itself: nothing around it matters."""
        known = self._one_by_one.get(path)
        if known is None:
            probe: Any = {str(path[-1]): [{"x": "x"}]}
            known = self._one_by_one[path] = not self._screen.redactor.redact(probe)[1] and not any(
                one.names_a_place_in_a_list or one.matches(path) or one.matches((*path, 0))
                for one in self._ignore
            )
        return known

    def _live_list(self, name: str, items: list[dict[str, Any]]) -> bytes:
        return _digest_of_list(self._live_item(name, item) for item in items)

    def _live_item(self, name: str, item: dict[str, Any]) -> bytes:
        """The digest of one message, which is the same in every request that has it."""
        try:
            raw = orjson.dumps(item, None, ORJSON_OPTIONS)
        except (TypeError, ValueError, RecursionError):
            return self._item_digest(name, item)
        # orjson writes null for NaN too: such an item says not all in its text.
        if b"null" in raw and _has_odd_float(item):
            return self._item_digest(name, item)
        known = self._live.get(raw)
        if known is None:
            known = self._item_digest(name, item)
            if len(raw) <= _LONGEST_CACHED_BYTES:
                self._held_bytes += len(raw)
                if self._held_bytes > _MOST_CACHED_BYTES:
                    self._live, self._held_bytes = {}, len(raw)
                self._live[raw] = known
        return known

    def _item_digest(self, name: str, item: dict[str, Any]) -> bytes:
        kind: CallKind = "generation"
        clean = self._clean(kind, {name: [item]})[name][0]
        return _digest(strip(clean, (name, 0), self._ignore))

    def _digests(self, fields: Mapping[str, Any], *, intern: bool) -> dict[str, bytes]:
        keep = self._intern if intern else None
        digests = {}
        for name, value in fields.items():
            if name in _LISTS and isinstance(value, dict):
                digests[name] = _digest_of_map(
                    {key: _digest_of_part(item, keep) for key, item in value.items() if key}
                )
            else:
                digests[name] = _digest_of_part(value, keep if name in _LISTS else None)
        return digests

    def _intern(self, items: list[Any], place: int, digest: bytes) -> None:
        """Keep equal messages of several requests once."""
        items[place] = self._items.setdefault(digest, items[place])

    def _key(self, kind: CallKind, digests: Mapping[str, bytes]) -> bytes:
        digest = hashlib.blake2b(kind.encode(), digest_size=16)
        for name in sorted(digests):
            digest.update(name.encode() + b"\0" + digests[name])
        return digest.digest()


def _is_list_of_maps(value: Any) -> bool:
    return type(value) is list and bool(value) and all(type(item) is dict for item in value)


def _name(kind: CallKind, fields: Mapping[str, Any]) -> str:
    return str(fields.get("model" if kind == "generation" else "tool", ""))


def _digest_of_part(value: Any, keep: Callable[[list[Any], int, bytes], None] | None = None) -> bytes:
    """The digest of what may be a list of messages."""
    if not _is_list_of_maps(value):
        return _digest(value)
    digests = [_digest(item) for item in value]
    if keep is not None:
        for place, digest in enumerate(digests):
            keep(value, place, digest)
    return _digest_of_list(digests)


def _digest_of_list(digests: Iterable[bytes]) -> bytes:
    return hashlib.blake2b(b"".join(digests), digest_size=16, person=b"list").digest()


def _digest_of_map(digests: Mapping[str, bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=16, person=b"map")
    for name in sorted(digests):
        digest.update(len(name).to_bytes(4, "big") + name.encode() + digests[name])
    return digest.digest()


def _digest(value: Any) -> bytes:
    return hashlib.blake2b(_canonical(value), digest_size=16).digest()


def _canonical(value: Any) -> bytes:
    """A text that two values share exactly when they are the same, whatever the order of their keys."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        if b'"":' in text:
            value = _named(value)
            text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        if b"null" not in text and b'{"$' not in text:
            return text
    except TypeError:
        value = _named(value)  # bytes
    return orjson.dumps(to_json(value), option=orjson.OPT_SORT_KEYS)


def _named(value: Any) -> Any:
    """The value without what stands under an empty name: OpenTelemetry does not let that into a recording."""
    if isinstance(value, dict):
        return {key: _named(item) for key, item in value.items() if key}
    return list(map(_named, value)) if isinstance(value, list) else value


def _has_odd_float(value: Any) -> bool:
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if isinstance(value, dict):
        return any(map(_has_odd_float, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_odd_float, value))


def _nowhere(_: bytes) -> None:
    """Large values of a request that is made now: their references are compared, nothing is kept."""
