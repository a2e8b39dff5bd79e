"""The JSON of Jaeger's older query API and of its UI's download, `{"data": [{"spans": […]}]}`, read as spans.

Jaeger's translation of OpenTelemetry is undone as far as it goes: `otel.status_code`, `otel.scope.name`,
`span.kind` and the field `event` of a log are what they were. Maps and lists are JSON text in this format,
and stay text; times have microseconds. The names are those of Jaeger's `model/json/model.go`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from otel_replay.errors import FormatError
from otel_replay.formats.event_shape import event_to_record
from otel_replay.formats.spans import Moment, Span, moments_owner
from otel_replay.orjson_loading import orjson
from otel_replay.records import BadLine, Link, Resource, Scope, StatusCode

__all__ = ["read_traces"]

_SPAN_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_STATUS: dict[Any, StatusCode] = {"OK": "ok", "ERROR": "error"}
_TRANSLATED = frozenset(
    {
        *("span.kind", "otel.status_code", "otel.status_description", "otel.scope.name"),
        *("otel.scope.version", "w3c.tracestate", "internal.span.format"),
    }
)
_HEX = re.compile(r"[0-9a-fA-F]{1,32}")
_MOST_US = (2**63 - 1) // 1000


def read_traces(text: bytes) -> Iterator[Span | BadLine]:
    """The spans of a document, and a `BadLine` for each that cannot be read, with the span's number.

    Raises
    ------
    FormatError
        If it is no such document.
    """
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error}") from None
    traces = body.get("data") if isinstance(body, dict) else None
    if not isinstance(traces, list):
        raise FormatError("`data` is not a list of traces")
    number = 0
    for trace in traces:
        if not isinstance(trace, dict) or not isinstance(trace.get("spans"), list):
            raise FormatError("a trace in `data` has no list of `spans`")
        processes = trace.get("processes")
        for span in trace["spans"]:
            number += 1
            try:
                yield _span(span, processes if isinstance(processes, dict) else {})
            except (FormatError, KeyError, TypeError, ValueError, AttributeError) as error:
                reason = error.message if isinstance(error, FormatError) else repr(error)
                yield BadLine(number=number, offset_bytes=0, size_bytes=0, reason=f"span {number}: {reason}")


def _span(body: dict[str, Any], processes: Mapping[str, Any]) -> Span:
    tags = _fields(body.get("tags"))
    own = {name: value for name, value in tags.items() if name not in _TRANSLATED}
    status = _STATUS.get(tags.get("otel.status_code"), "unset")
    if own.get("error") is True and "otel.status_code" in tags:
        del own["error"]
    elif own.get("error") is True:
        status = "error"
    span_id = _id(body["spanID"], 16)
    parent_id, links = _references(body)
    start_ns = _ns(body["startTime"])
    owner = moments_owner(span_id, own)
    return Span(
        trace_id=_id(body["traceID"], 32),
        span_id=span_id,
        name=_text(body.get("operationName", "")),
        start_ns=start_ns,
        end_ns=start_ns + _ns(body.get("duration", 0)),
        parent_id=parent_id,
        span_kind=_SPAN_KINDS.get(str(tags.get("span.kind")), 0),
        attributes=own,
        events=tuple(_event(log, owner) for log in body.get("logs") or ()),
        links=links,
        status=status,
        message=str(tags.get("otel.status_description", "")),
        trace_state=str(tags.get("w3c.tracestate", "")),
        resource=_resource(processes.get(str(body.get("processID"))) or body.get("process")),
        scope=Scope(
            id=0,
            name=str(tags.get("otel.scope.name", "")),
            version=str(tags.get("otel.scope.version", "")),
        ),
    )


def _references(body: dict[str, Any]) -> tuple[str, tuple[Link, ...]]:
    """The parent's id, and links to the spans that are no parent."""
    parent_id = _id(body["parentSpanID"], 16) if body.get("parentSpanID") else ""
    trace_id = _id(body["traceID"], 32)
    links = []
    for reference in body.get("references") or ():
        one = Link(trace_id=_id(reference["traceID"], 32), span_id=_id(reference["spanID"], 16))
        if not parent_id and reference.get("refType") == "CHILD_OF" and one.trace_id == trace_id:
            parent_id = one.span_id
        elif one.span_id != parent_id:
            links.append(one)
    return parent_id, tuple(links)


def _event(body: dict[str, Any], owner: str) -> Moment:
    attributes = _fields(body.get("fields"))
    name = attributes.pop("event", "")
    return event_to_record(_ns(body["timestamp"]), owner, str(name), attributes)


def _resource(process: Any) -> Resource:
    if not isinstance(process, dict):
        return Resource(id=0)
    attributes = {"service.name": process.get("serviceName", ""), **_fields(process.get("tags"))}
    return Resource(id=0, attributes=attributes)


def _fields(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs or ():
        value = pair.get("value")
        if pair.get("type") == "binary" and isinstance(value, str):
            try:
                value = base64.b64decode(value, validate=True)
            except binascii.Error:
                raise FormatError(f"`{pair.get('key')}` is not base64") from None
        elif pair.get("type") == "int64" and isinstance(value, str):
            value = int(value)
        elif pair.get("type") == "float64" and isinstance(value, int):
            value = float(value)
        found[_text(pair["key"])] = value
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise FormatError(f"a name is a {type(value).__name__}")
    return value


def _id(value: Any, size: int) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value) or len(value) > size:
        raise FormatError(f"an id is not {size} hexadecimal digits: {value!r:.40}")
    return value.lower().zfill(size)


def _ns(microseconds: Any) -> int:
    if isinstance(microseconds, bool) or not isinstance(microseconds, int):
        raise FormatError(f"a time is not a number of microseconds: {microseconds!r:.40}")
    if not 0 <= microseconds <= _MOST_US:
        raise FormatError(f"a time is out of range: {microseconds}")
    return microseconds * 1000
