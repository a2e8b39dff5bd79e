"""Secrets are taken out of a value before its first byte is written, and counted.

`Redactor.suspicious` screens lines that are encoded already: it may suspect too many and never too few.
"""

from __future__ import annotations

import re
from functools import lru_cache

from otel_replay import json_bytes
from otel_replay.late import late
from otel_replay.redaction_names import (
    AUTHORIZATION,
    MASK,
    SKELETON_DROPS,
    TOKEN,
    Kind,
    SecretNames,
    skeleton_of,
)
from otel_replay.redaction_rules import (
    HEADER,
    SCHEMES,
    TEXT_RULES,
    Edit,
    Rule,
    is_working_directory,
    names_rule,
    pattern_edit,
)
from otel_replay.values_json import AnyValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["MASK", "SKELETON_DROPS", "Redactor", "redactor_for"]

_SCHEME = late(rf"(?:{SCHEMES}) {{1,4}}(?=\S)", re.IGNORECASE)
_SCHEMA_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))
_FLAG = late("--[A-Za-z0-9][A-Za-z0-9_-]*")
_LONGEST_NAME = 128
_LOOK_FOR_NUL_BYTES = 8_192
_NAME_KEYS = ("name", "key")
_FEW = 200


class Redactor:
    """Takes secrets out of values, by the names they stand under and by their own shape."""

    def __init__(
        self, *, enabled: bool = True, extra_keys: Iterable[str] = (), extra_patterns: Iterable[str] = ()
    ) -> None:
        """`extra_keys` name secrets as the built-in words do; of a pattern, group 1 (or all) is taken out.

        Raises ValueError for an empty key, re.error for a pattern that is none.
        """
        self.enabled = enabled
        names = SecretNames(extra_keys)
        rules = (*TEXT_RULES[:1], names_rule(names), *TEXT_RULES[1:])
        edits = tuple(pattern_edit(re.compile(pattern)) for pattern in extra_patterns)
        self._every = _Walk(names, (*(rule.edit for rule in rules), *edits))
        self._edits = edits
        # Nothing is known of what these match, so no line can be passed unseen.
        self._suspects_all = bool(edits or names.odd)
        self._markers = tuple((marker.hint, marker, rule) for rule in rules for marker in rule.markers)
        self._any_hint: re.Pattern[bytes] | None = None
        self._asked = 0

    def suspicious(self, skeleton: bytes) -> bool:
        """Whether any line that has this skeleton (the line without `SKELETON_DROPS`) may need redaction."""
        if not self.enabled:
            return False
        return self._suspects_all or next(self._suspects(skeleton), None) is not None

    def redact(self, value: AnyValue, key: str | None = None) -> tuple[AnyValue, int]:
        """The value without its secrets, and how many were taken out; the same object when there are none."""
        if not self.enabled:
            return value, 0
        try:
            line = json_bytes.dumps_with_bytes([key, value])
        except (TypeError, RecursionError):  # deeper than JSON goes
            return self._every.value(value, key)
        suspects = list(dict.fromkeys(self._suspects(skeleton_of(line))))
        if not suspects and not self._suspects_all:
            return value, 0
        walk = _Walk(self._every.names, (*(rule.edit for rule in suspects), *self._edits))
        return walk.value(value, key)

    def redact_unscreened(self, value: AnyValue, key: str | None = None) -> tuple[AnyValue, int]:
        """What `redact` must give, and slowly: every rule is tried on every text."""
        return self._every.value(value, key)

    def redact_blob(self, data: bytes, media_type: str) -> tuple[bytes, int]:
        """The same for content that is kept beside the journal, where that is text or may be text.

        Unknown bytes with a NUL near their beginning are no text: an image, an array, a compressed file.
        """
        is_text = media_type.startswith(("text/", "application/json"))
        if not is_text and b"\0" in data[:_LOOK_FOR_NUL_BYTES]:
            return data, 0
        clean, count = self.redact(data)
        return (clean, count) if isinstance(clean, bytes) else (data, 0)

    def _suspects(self, skeleton: bytes) -> Iterator[Rule]:
        """The rules that may match in a line with this skeleton; no other rule can."""
        folded = skeleton.lower()
        if self._any_hint is not None:
            if self._any_hint.search(folded) is None:
                return
        else:
            # To look for each hint takes forty times as long as to ask the pattern of all of them, and to
            # compile that a thousand times as long as to ask it.
            self._asked += 1
            if self._asked >= _FEW:
                hints = {hint.encode() for hint, _, _ in self._markers}
                self._any_hint = re.compile(_one_of(sorted(hints)))
        text = folded.decode("latin-1")  # Python finds text in text faster than bytes in bytes
        for hint, marker, rule in self._markers:
            if hint in text and marker.confirms(skeleton, folded):
                yield rule


@lru_cache(maxsize=8)
def redactor_for(enabled: bool, extra_keys: tuple[str, ...]) -> Redactor:
    """The redactor of these settings, made once: it holds no state, and everybody may use the same one."""
    return Redactor(enabled=enabled, extra_keys=extra_keys)


class _Walk:
    """One way through a value, with the edits that are to be tried on its texts."""

    __slots__ = ("edits", "names")

    def __init__(self, names: SecretNames, edits: tuple[Edit, ...]) -> None:
        self.names = names
        self.edits = edits

    def value(self, value: AnyValue, key: str | None = None) -> tuple[AnyValue, int]:
        kind = self.names.kind(key) if key else None
        if kind is not None and not _is_schema(value):
            return self.taken_out(value, kind, key or "", top=True)
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, dict):
            return self.in_map(value)
        if isinstance(value, list):
            return self.in_list(value)
        return self.in_bytes(value) if isinstance(value, bytes) else (value, 0)

    def in_text(self, text: str) -> tuple[str, int]:
        total = 0
        for edit in self.edits:
            text, count = edit(text)
            total += count
        return text, total

    def in_bytes(self, data: bytes) -> tuple[bytes, int]:
        # Every rule is about ASCII, so any superset of it will do; this one gives the same bytes back.
        text, count = self.in_text(data.decode("latin-1"))
        return (text.encode("latin-1"), count) if count else (data, 0)

    def in_map(self, value: dict[str, AnyValue]) -> tuple[AnyValue, int]:
        given = next((text for key in _NAME_KEYS if isinstance(text := value.get(key), str)), None)
        kept: dict[str, AnyValue] = {}
        total = 0
        for key, item in value.items():
            name: str | None = key
            if key == "value" and given and self.names.kind(given):
                name = given
            elif "logprob" in value and self.names.kind(key) is TOKEN:
                name = None  # a language model's token, not a key to anything
            new_item, count = self.value(item, name)
            total += count + self.put(kept, value, key, new_item)
        return (kept, total) if total else (value, 0)

    def put(self, kept: dict[str, AnyValue], given: dict[str, AnyValue], key: str, item: AnyValue) -> int:
        """Keep the item under its key without the secrets in that; says how many those were."""
        new_key, count = self.in_text(key)
        while count and (new_key in kept or new_key in given):
            new_key += "#"
        kept[new_key] = item
        return count

    def in_list(self, value: list[AnyValue]) -> tuple[AnyValue, int]:
        kept: list[AnyValue] = []
        total = 0
        for place, item in enumerate(value):
            new_item, count = self.value(item, _name_before(value, place) if place else None)
            kept.append(new_item)
            total += count
        return (kept, total) if total else (value, 0)

    def taken_out(self, value: AnyValue, kind: Kind, name: str, *, top: bool) -> tuple[AnyValue, int]:
        """What stands under a secret name: every text goes, and a number right under `password`."""
        if isinstance(value, str):
            masked = value if is_working_directory(name, value) else _mask(value, kind)
            return (masked, 1) if masked != value else (value, 0)
        if isinstance(value, bytes):
            return (MASK.encode(), 1) if value and value != MASK.encode() else (value, 0)
        total = 0
        if isinstance(value, list):
            items = [self.taken_out(item, kind, name, top=False) for item in value]
            total = sum(count for _, count in items)
            return ([item for item, _ in items], total) if total else (value, 0)
        if isinstance(value, dict):
            kept: dict[str, AnyValue] = {}
            for key, item in value.items():
                new_item, count = self.taken_out(item, kind, name, top=False)
                total += count + self.put(kept, value, key, new_item)
            return (kept, total) if total else (value, 0)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return (MASK, 1) if is_number and top and kind.numbers else (value, 0)


def _one_of(words: Sequence[bytes]) -> bytes:
    """A pattern that matches any of the words and looks at each letter once."""
    by_letter: dict[bytes, list[bytes]] = {}
    for word in words:
        by_letter.setdefault(word[:1], []).append(word[1:])
    if b"" in by_letter:
        return b""
    return b"(?:" + b"|".join(re.escape(letter) + _one_of(rest) for letter, rest in by_letter.items()) + b")"


def _name_before(value: list[AnyValue], place: int) -> str | None:
    """The name that the item before gives to this one: a header in a pair, a flag in a command."""
    before, item = value[place - 1], value[place]
    if isinstance(before, bytes) and len(before) <= _LONGEST_NAME:
        before = before.decode("latin-1")
    if not isinstance(before, str) or len(before) > _LONGEST_NAME or not isinstance(item, (str, bytes)):
        return None
    is_header = len(value) == 2 and HEADER.fullmatch(before)
    is_flag = _FLAG.fullmatch(before) and item[:1] not in ("-", b"-")
    return before if is_header or is_flag else None


def _is_schema(value: AnyValue) -> bool:
    """Whether this describes a parameter that is called `password`, as the schema of a tool does."""
    return isinstance(value, dict) and "value" not in value and value.get("type") in _SCHEMA_TYPES


def _mask(value: str, kind: Kind) -> str:
    if not value:
        return value
    scheme = _SCHEME.match(value) if kind is AUTHORIZATION else None
    return f"{scheme[0]}{MASK}" if scheme else MASK
