"""Journal format 1: one record is one line of JSON. `docs/format.md` is the norm; this is its codec.

Two tables, kinds and fields, prove both directions. A field that has its default is left out of the line.
Keys that the tables do not name are ignored, so that fields can be added; a kind that they do not name is
an error, so that nothing is passed over in silence.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any

import orjson

from otel_replay.errors import FormatError
from otel_replay.records import (
    Close,
    Decision,
    Event,
    JournalHeader,
    Link,
    LogEntry,
    Loss,
    Record,
    Resource,
    Scope,
    SpanEnd,
    SpanStart,
    SpanUpdate,
)
from otel_replay.values import ORJSON_OPTIONS, from_json, to_json

__all__ = ["FORMAT", "VERSION", "decode", "encode", "link_to_json"]

FORMAT = "otel-replay.journal"
VERSION = 1

_TYPES: dict[str, type[Any]] = {
    "journal": JournalHeader,
    "resource": Resource,
    "scope": Scope,
    "start": SpanStart,
    "update": SpanUpdate,
    "end": SpanEnd,
    "event": Event,
    "decision": Decision,
    "log": LogEntry,
    "loss": Loss,
    "close": Close,
}

_KEYS = {
    "time_ns": "t",
    "span_id": "span",
    "trace_id": "trace",
    "parent_id": "parent",
    "trace_state": "state",
    "run_id": "run",
    "event_name": "event",
    "observed_ns": "observed",
}
"""Field names that are shorter in a line; all others stand there as they are."""

_ANY = frozenset({"attributes", "values", "cell", "extra", "body", "process", "notes"})
"""Fields that hold values of the recorded program, in the JSON form of `otel_replay.values`."""

_CHECKS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "AnyMap": (dict,),
    "StatusCode": (str,),
    "tuple[Link, ...]": (list,),
}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    key: str
    allowed: tuple[type, ...] | None
    required: bool
    default: Any


def _table(record_type: type[Any]) -> tuple[_Field, ...]:
    rows = []
    for item in fields(record_type):
        if item.name == "kind":
            continue
        has_factory = item.default_factory is not MISSING
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        rows.append(
            _Field(
                name=item.name,
                key=_KEYS.get(item.name, item.name),
                allowed=_CHECKS.get(str(item.type)),
                required=item.default is MISSING and not has_factory,
                default=None if default is MISSING else default,
            )
        )
    return tuple(rows)


_FIELDS = {kind: _table(record_type) for kind, record_type in _TYPES.items()}
_LINK_FIELDS = _table(Link)


def encode(record: Record) -> bytes:
    """One record as one line, newline included.

    The values in it must already be AnyValues (`otel_replay.values.normalise`).
    """
    line: dict[str, Any] = {"kind": record.kind}
    if isinstance(record, JournalHeader):
        line["format"] = FORMAT
    _put_fields(record, _FIELDS[record.kind], line)
    return orjson.dumps(line, option=ORJSON_OPTIONS)


def _put_fields(record: Any, table: tuple[_Field, ...], into: dict[str, Any]) -> None:
    for row in table:
        value = getattr(record, row.name)
        if row.name == "links":
            value = [link_to_json(link) for link in value]
            if value:
                into["links"] = value
        elif row.required or value != row.default:
            into[row.key] = to_json(_plain(value)) if row.name in _ANY else value


def _plain(value: Any) -> Any:
    # An empty map by default is a read-only proxy, which JSON does not know.
    return dict(value) if hasattr(value, "items") else value


def link_to_json(link: Link) -> dict[str, Any]:
    """A link as it stands in a `start` or `end` line."""
    line: dict[str, Any] = {}
    _put_fields(link, _LINK_FIELDS, line)
    return line


def decode(line: bytes) -> Record:
    """The record that `line` holds (with or without its newline).

    Raises
    ------
    FormatError
        If the line is not a JSON object of a known kind with the fields that the kind needs.
    """
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise FormatError("not a JSON object")
    kind = body.get("kind")
    record_type = _TYPES.get(kind) if isinstance(kind, str) else None
    if record_type is None:
        raise FormatError(f"kind {kind!r} is not one of format {VERSION}'s")
    record: Record = record_type(**_take_fields(body, _FIELDS[str(kind)]))
    return record


def _take_fields(body: dict[str, Any], table: tuple[_Field, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for row in table:
        try:
            value = body[row.key]
        except KeyError:
            if row.required:
                raise FormatError(f"`{row.key}` is missing") from None
            continue
        if row.allowed is not None and (
            not isinstance(value, row.allowed) or (isinstance(value, bool) and bool not in row.allowed)
        ):
            raise FormatError(f"`{row.key}` is a {type(value).__name__}")
        if row.name in _ANY:
            value = from_json(value)
        elif row.name == "links":
            value = tuple(_link(item) for item in value)
        values[row.name] = value
    return values


def _link(item: Any) -> Link:
    if not isinstance(item, dict):
        raise FormatError("a link is not an object")
    return Link(**_take_fields(item, _LINK_FIELDS))
