"""Decides, mostly by one look-up, whether a line can be written as it was encoded.

A line's *skeleton* is the line without its digits and dots. Programs record the same shapes over and over
with other numbers, so the skeletons repeat, and one that was found to be harmless is harmless again: no
secret in it, nothing that JSON cannot hold. Only lines with a new skeleton are looked at more closely.
"""

from __future__ import annotations

from collections.abc import Callable

from otel_replay import json_bytes
from otel_replay.attributes import BLOB
from otel_replay.interruptions import let_through
from otel_replay.redaction import SKELETON_DROPS, Redactor
from otel_replay.values import ORJSON_OPTIONS, Notes, is_native_exact, normalise, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from otel_replay.content import Content
    from otel_replay.storage.meter import Meter

__all__ = ["PutBlob", "Screen"]

PutBlob = Callable[[bytes], object]
"""Keeps bytes outside the journal, under their sha256."""

_LONGEST_CACHED_BYTES = 2_048
_MOST_CACHED = 4_096
_LARGE_BYTES = 65_536
_PROGRAM_KEYS = ("attributes", "values", "cell", "extra", "body", "process", "notes")
_TEXT_KEYS = ("action", "reason", "name", "message", "event", "severity_text", "state", "schema_url")


class Screen:
    """Encodes the bodies of records as lines: by the rules for values, without secrets.

    One screen serves a process. `known` may be read by callers who do the look-up themselves, and
    `known_decisions` by those who write decisions. With a `meter`, each decision is measured. `content`
    says what is kept of messages, where that is not all.
    """

    __slots__ = ("content", "known", "known_decisions", "meter", "redactor")

    def __init__(
        self, redactor: Redactor, meter: Meter | None = None, content: Content | None = None
    ) -> None:
        self.redactor = redactor
        self.content = content
        self.meter = meter
        self.known: set[bytes] = set()
        """Skeletons of lines that may be written as they are."""
        # Where decisions are measured none is known: they all go by the rules, and no other pays for it.
        self.known_decisions: Collection[bytes] = self.known if meter is None else ()

    def line(self, body: dict[str, Any], offset: int, notes: Notes, put_blob: PutBlob | None) -> bytes:
        """`body` as one line.

        Parameters
        ----------
        body:
            The record's keys and values, as `docs/format.md` names them. Values may be anything.
        offset:
            Bytes at the line's beginning that are ours (kind, time, ids) and never screened.
        notes:
            Counts what was redacted or could not be kept exactly.
        put_blob:
            Where large values go; None keeps them in the line.
        """
        if self.content is not None:
            body = self.content.body(body, notes)
        try:
            line = json_bytes.dumps(body, None, ORJSON_OPTIONS)
        except (TypeError, ValueError, RecursionError) as raised:
            let_through(raised)
            return self._by_the_rules(body, notes, put_blob)
        return self.checked(line, body, offset, notes, put_blob)

    def checked(
        self, line: bytes, body: dict[str, Any], offset: int, notes: Notes, put_blob: PutBlob | None
    ) -> bytes:
        """`line`, if it is known or found to be harmless; otherwise `body` encoded by all the rules."""
        skeleton = line[offset:].translate(None, SKELETON_DROPS)
        if skeleton in self.known:
            return line
        # Large values must not stand in a line, and text that is none would make it no record.
        if (
            len(line) > _LARGE_BYTES
            or not is_native_exact(skeleton)
            or not all(isinstance(body.get(key, ""), str) for key in _TEXT_KEYS)
            or self.redactor.suspicious(skeleton)
        ):
            return self._by_the_rules(body, notes, put_blob)
        self._remember(skeleton, line)
        return line

    def logged(self, body: dict[str, Any], logger: str, notes: Notes, _: PutBlob | None) -> dict[str, Any]:
        """The body of a log record, without what `logger` quotes in it, where content is not kept."""
        return body if self.content is None else self.content.log(body, logger, notes)

    def message(self, message: str, notes: Notes, _: PutBlob | None) -> str:
        """What a failure says, without what it quotes, where content is not kept."""
        return message if self.content is None else self.content.message(message, notes)

    def clean(self, attributes: Mapping[str, Any], notes: Notes, put_blob: PutBlob | None) -> dict[str, Any]:
        """`attributes` as AnyValues without secrets; large values as references to blobs."""
        if self.content is not None:
            attributes = self.content.attributes(attributes, notes)
        if self._is_harmless(attributes):
            return dict(attributes)
        held = _Held(self.redactor, notes)
        keep = held if put_blob is not None else None
        plain: dict[str, Any] = self._redacted(
            normalise(dict(attributes), notes=notes, keep_blob=keep), notes
        )
        if held.blobs and put_blob is not None:
            text = repr(plain)
            for sha256, data in held.blobs.items():
                if sha256 in text:
                    put_blob(data)
        return plain

    def _is_harmless(self, attributes: Mapping[str, Any]) -> bool:
        """Whether `attributes` are AnyValues as they are, with nothing large or secret in them."""
        try:
            line = json_bytes.dumps(attributes, None, ORJSON_OPTIONS)
        except (TypeError, ValueError, RecursionError) as raised:
            let_through(raised)
            return False
        if len(line) > _LARGE_BYTES or not _is_plain(attributes):
            return False
        skeleton = line.translate(None, SKELETON_DROPS)
        if skeleton in self.known:
            return True
        if not is_native_exact(skeleton) or self.redactor.suspicious(skeleton):
            return False
        self._remember(skeleton, line)
        return True

    def _remember(self, skeleton: bytes, line: bytes) -> None:
        if len(line) <= _LONGEST_CACHED_BYTES:
            if len(self.known) >= _MOST_CACHED:
                self.known.clear()
            self.known.add(skeleton)

    def _by_the_rules(self, body: dict[str, Any], notes: Notes, put_blob: PutBlob | None) -> bytes:
        held = _Held(self.redactor, notes) if put_blob is not None else None
        clean: dict[str, Any] = {}
        for key, value in body.items():
            if key in _PROGRAM_KEYS:
                clean[key] = to_json(self._redacted(normalise(value, notes=notes, keep_blob=held), notes))
            elif key in _TEXT_KEYS:
                text = normalise(value, notes=notes)
                clean[key] = self._redacted(text if isinstance(text, str) else str(text), notes)
            elif key == "links":
                clean[key] = [self._link(link, notes) for link in value]
            else:
                clean[key] = value
        line = json_bytes.dumps(clean, None, ORJSON_OPTIONS)
        if held is not None and put_blob is not None:
            for sha256, data in held.blobs.items():
                # A reference under a secret key is gone from the line by now, and so its blob is not kept.
                if sha256.encode() in line:
                    put_blob(data)
        return line

    def _redacted(self, value: Any, notes: Notes) -> Any:
        clean, count = self.redactor.redact(value)
        if count:
            notes["redacted"] = notes.get("redacted", 0) + count
        return clean

    def _link(self, link: dict[str, Any], notes: Notes) -> dict[str, Any]:
        clean = dict(link)
        if link.get("state"):
            clean["state"] = self._redacted(link["state"], notes)
        if link.get("attributes"):
            attributes = normalise(link["attributes"], notes=notes)
            clean["attributes"] = to_json(self._redacted(attributes, notes))
        return clean


class _Held:
    """Large values that are to become blobs: redacted where they hold text, held until it is sure they go."""

    def __init__(self, redactor: Redactor, notes: Notes) -> None:
        self.blobs: dict[str, bytes] = {}
        self._redactor = redactor
        self._notes = notes

    def __call__(self, data: bytes, media_type: str) -> dict[str, Any]:
        data, count = self._redactor.redact_blob(data, media_type)
        if count:
            self._notes["redacted"] = self._notes.get("redacted", 0) + count
        import hashlib

        sha256 = hashlib.sha256(data).hexdigest()
        self.blobs[sha256] = data
        return {BLOB: sha256, "size_bytes": len(data), "media_type": media_type}


_INT64 = range(-(2**63), 2**63)


def _is_plain(value: Any) -> bool:
    """Whether a value that orjson takes is of the plain types themselves, which others can take as well."""
    kind = value.__class__
    if kind is str or kind is float or kind is bool or value is None:
        return True
    if kind is int:
        return value in _INT64
    if kind is dict:
        return all(map(_is_plain, value.values()))
    return kind is list and all(map(_is_plain, value))
