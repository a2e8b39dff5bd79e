"""OTLP JSON read back: our own lines, the Collector's file exporter's, and what Jaeger's query API answers.

Takes integers as text or numbers, ids in either case, enumerations by number or name, and ignores fields that
it does not know. A line that cannot be read costs that line; a span that cannot be read costs that span. Both
are reported with number and reason, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeAlias

from otel_replay.errors import FormatError
from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.otlp_json_value import attributes_from_json, integer, value_from_json
from otel_replay.formats.spans import STATUS_CODES, Log, Moment, Span, moments_owner
from otel_replay.orjson_loading import orjson
from otel_replay.records import BadLine, Link, LogEntry, Resource, Scope

__all__ = ["LONGEST_LINE_BYTES", "Lines", "Read", "read_document", "read_lines"]

LONGEST_LINE_BYTES = 256 * 1024 * 1024

Read: TypeAlias = Span | Log | BadLine

_ReadItem: TypeAlias = Callable[[dict[str, Any], Resource, Scope], Span | Log]


class Lines(Protocol):
    """What gives lines, as a file does."""

    def readline(self, size: int, /) -> bytes:
        """The next line with its end, or so much of it."""


# Go writes the double -0.0 as `-0`, which any JSON reader takes for the integer 0.
_MINUS_ZERO = re.compile(rb'"doubleValue"\s*:\s*-0(?=[\s,}])')

_UINT32 = range(2**32)
_UINT64 = range(2**64)
_ENUM = range(-(2**31), 2**31)

_SPAN_KINDS = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
_STATUSES = {f"STATUS_CODE_{name}": number for number, name in enumerate(("UNSET", "OK", "ERROR"))}


def read_lines(stream: Lines, *, longest_bytes: int = LONGEST_LINE_BYTES) -> Iterator[Read]:
    """The spans and log entries of a file of OTLP JSON lines, and a `BadLine` for each that is damaged.

    Holds one line at a time. A last line without a newline counts if it can be read, and is torn if not.
    """
    offset_bytes = number = 0
    while line := stream.readline(longest_bytes):
        number += 1
        size_bytes = len(line)
        if size_bytes == longest_bytes and not line.endswith(b"\n"):
            size_bytes += _skip_line(stream, longest_bytes)
            yield _bad(number, offset_bytes, size_bytes, f"longer than {longest_bytes} bytes")
        elif line.strip():
            torn = not line.endswith(b"\n")
            yield from _read_text(line, number, offset_bytes, torn=torn)
        offset_bytes += size_bytes


def read_document(text: bytes) -> Iterator[Read]:
    """The spans and log entries of one JSON document, or of several that stand one after another on lines.

    A document may be a list of requests.
    Jaeger's `/api/v3/traces/…?rawTraces=true` answers in this form, with each document under `result`.
    """
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        offset_bytes = 0
        for number, line in enumerate(text.splitlines(keepends=True), 1):
            if line.strip():
                yield from _read_text(line, number, offset_bytes, torn=not line.endswith(b"\n"))
            offset_bytes += len(line)
    else:
        yield from _read_text(text, 1, 0, torn=False)


def _skip_line(stream: Lines, step_bytes: int) -> int:
    skipped = 0
    while piece := stream.readline(step_bytes):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _bad(number: int, offset_bytes: int, size_bytes: int, reason: str, torn: bool = False) -> BadLine:
    return BadLine(number=number, offset_bytes=offset_bytes, size_bytes=size_bytes, reason=reason, torn=torn)


def _read_text(text: bytes, number: int, offset_bytes: int, *, torn: bool) -> Iterator[Read]:
    try:
        body = orjson.loads(_MINUS_ZERO.sub(rb"\g<0>.0", text) if b"-0" in text else text)
    except orjson.JSONDecodeError as error:
        yield _bad(number, offset_bytes, len(text), f"not JSON: {error}", torn)
        return
    several = isinstance(body, list)
    for at, request in enumerate(body if several else (body,), 1):
        where = f"item {at} of the list: " if several else ""

        def bad(reason: str, where: str = where) -> BadLine:
            return _bad(number, offset_bytes, len(text), where + reason)

        try:
            yield from _read_body(request, bad)
        except FormatError as error:
            yield bad(error.message)


def _read_body(body: Any, bad: Callable[[str], BadLine]) -> Iterator[Read]:
    body = _object(body, "line")
    body = _object(body.get("result", body), "result")
    if body and not any(key in body for key in _KNOWN_TOP):
        raise FormatError("neither `resourceSpans` nor `resourceLogs` is there")
    for outer, middle, inner, read in _SIGNALS:

        def of_resource(body: dict[str, Any], middle: str = middle) -> Iterator[Read]:
            resource = _resource(body)
            return _each(body, middle, lambda body: of_scope(body, resource), bad)

        def of_scope(
            body: dict[str, Any], resource: Resource, inner: str = inner, read: _ReadItem = read
        ) -> Iterator[Read]:
            scope = _scope(body)
            return _each(body, inner, lambda body: (read(body, resource, scope),), bad)

        yield from _each(body, outer, of_resource, bad)


def _each(
    body: dict[str, Any],
    key: str,
    take: Callable[[dict[str, Any]], Iterable[Read]],
    bad: Callable[[str], BadLine],
) -> Iterator[Read]:
    """What is in the objects of a list; one that cannot be read costs what is in it, and no other."""
    items = body.get(key)
    if items is not None and not isinstance(items, list):
        yield bad(f"`{key}` is not a list")
        return
    for item in items or ():
        try:
            yield from take(_object(item, key))
        except FormatError as error:
            yield bad(error.message)
        except RecursionError:
            yield bad("a value is nested too deep")


# --- fields ---


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError(f"`{name}` is not an object")
    return value


def _items(body: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    items = body.get(key)
    if items is not None and not isinstance(items, list):
        raise FormatError(f"`{key}` is not a list")
    return (_object(item, key) for item in items or ())


def _text(body: dict[str, Any], key: str) -> str:
    text = body.get(key)
    if text is not None and not isinstance(text, str):
        raise FormatError(f"`{key}` is not text")
    return text or ""


def _number(body: dict[str, Any], key: str, allowed: range) -> int:
    value = body.get(key)
    return 0 if value is None else integer(value, key, allowed)


def _count(body: dict[str, Any], key: str) -> int:
    return _number(body, key, _UINT32)


def _enum(body: dict[str, Any], key: str, names: dict[str, int]) -> int:
    value = body.get(key)
    return names[value] if isinstance(value, str) and value in names else _number(body, key, _ENUM)


_HEX_ID = {size: re.compile(rf"[0-9a-fA-F]{{{size}}}") for size in (16, 32)}


def _id(body: dict[str, Any], key: str, size: int) -> str:
    text = _text(body, key)
    if not text:
        return ""
    if not _HEX_ID[size].fullmatch(text):
        raise FormatError(f"`{key}` is not {size} hexadecimal digits: {text!r:.40}")
    return "" if text.count("0") == size else text.lower()


def _needed_id(body: dict[str, Any], key: str, size: int) -> str:
    text = _id(body, key, size)
    if not text:
        raise FormatError(f"`{key}` is missing")
    return text


# --- one function for each message ---


def _resource(body: dict[str, Any]) -> Resource:
    resource = _object(body.get("resource") or {}, "resource")
    return Resource(
        id=0,
        attributes=attributes_from_json(resource.get("attributes")),
        schema_url=_text(body, "schemaUrl"),
    )


def _scope(body: dict[str, Any]) -> Scope:
    scope = _object(body.get("scope") or {}, "scope")
    return Scope(
        id=0,
        name=_text(scope, "name"),
        version=_text(scope, "version"),
        schema_url=_text(body, "schemaUrl"),
        attributes=attributes_from_json(scope.get("attributes")),
    )


def _span(body: dict[str, Any], resource: Resource, scope: Scope) -> Span:
    span_id = _needed_id(body, "spanId", 16)
    attributes = attributes_from_json(body.get("attributes"))
    owner = moments_owner(span_id, attributes)
    status = _object(body.get("status") or {}, "status")
    code = _enum(status, "code", _STATUSES)
    return Span(
        trace_id=_needed_id(body, "traceId", 32),
        span_id=span_id,
        name=_text(body, "name"),
        start_ns=_number(body, "startTimeUnixNano", _UINT64),
        end_ns=_number(body, "endTimeUnixNano", _UINT64),
        parent_id=_id(body, "parentSpanId", 16),
        span_kind=_enum(body, "kind", _SPAN_KINDS),
        attributes=attributes,
        events=tuple(_event(event, owner) for event in _items(body, "events")),
        links=tuple(_link(link) for link in _items(body, "links")),
        status=STATUS_CODES[code] if code in range(len(STATUS_CODES)) else "unset",
        message=_text(status, "message"),
        trace_state=_text(body, "traceState"),
        flags=_count(body, "flags"),
        dropped_attributes=_count(body, "droppedAttributesCount"),
        dropped_events=_count(body, "droppedEventsCount"),
        dropped_links=_count(body, "droppedLinksCount"),
        resource=resource,
        scope=scope,
    )


def _event(body: dict[str, Any], owner: str) -> Moment:
    return event_to_record(
        _number(body, "timeUnixNano", _UINT64),
        owner,
        _text(body, "name"),
        attributes_from_json(body.get("attributes")),
        _count(body, "droppedAttributesCount"),
    )


def _link(body: dict[str, Any]) -> Link:
    return Link(
        trace_id=_id(body, "traceId", 32),
        span_id=_id(body, "spanId", 16),
        trace_state=_text(body, "traceState"),
        flags=_count(body, "flags"),
        attributes=attributes_from_json(body.get("attributes")),
        dropped_attributes=_count(body, "droppedAttributesCount"),
    )


def _log(body: dict[str, Any], resource: Resource, scope: Scope) -> Log:
    entry = LogEntry(
        time_ns=_number(body, "timeUnixNano", _UINT64),
        span_id=_id(body, "spanId", 16),
        trace_id=_id(body, "traceId", 32),
        event_name=_text(body, "eventName"),
        severity=_number(body, "severityNumber", _ENUM),
        severity_text=_text(body, "severityText"),
        body=value_from_json(body.get("body")),
        attributes=attributes_from_json(body.get("attributes")),
        observed_ns=_number(body, "observedTimeUnixNano", _UINT64),
        flags=_count(body, "flags"),
        dropped_attributes=_count(body, "droppedAttributesCount"),
    )
    return Log(entry=entry, resource=resource, scope=scope)


_SIGNALS: tuple[tuple[str, str, str, _ReadItem], ...] = (
    ("resourceSpans", "scopeSpans", "spans", _span),
    ("resourceLogs", "scopeLogs", "logRecords", _log),
)
_KNOWN_TOP = {"resourceSpans", "resourceLogs", "resourceMetrics", "resourceProfiles"}
