"""Golden runs as files that review well: one line of JSON for each thing, indented by what it happened in.

Ids, times and what else differs in each run of the same program are left out. Spans that overlap their
sibling before them say `"concurrent": true`; readers give all of them times of their own that tell the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.diffing.content import is_noise
from otel_replay.errors import FormatError
from otel_replay.orjson_loading import orjson
from otel_replay.records import Decision, Event, LogEntry, Record, SpanEnd, SpanStart
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.refusals import could_not
from otel_replay.storage.run_files import Located
from otel_replay.values import from_json, to_json

__all__ = ["FORMAT", "VERSION", "read_golden", "write_golden"]

FORMAT, VERSION = "otel-replay.golden", 1
_INDENT = "  "
_TRACE = "1" * 32
_STEP_NS = 1_000_000
_ANEW = "`pytest --otel-update` writes it anew"
_STATUSES = ("unset", "ok", "error")


def write_golden(path: Path, items: Items) -> None:
    """Write a run as a golden file; folders are made as needed.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        data = b"".join(_lines(items))
        write_atomically(path, data, durable=False)
        path.chmod(0o644)  # it is source, as the test is
    except OSError as error:
        raise could_not("write", path, error) from error


def _lines(items: Items) -> Iterator[bytes]:
    yield orjson.dumps({"format": FORMAT, "version": VERSION, "name": items.name}) + b"\n"
    todo = [(root, 0, together) for root, together in _with_concurrency(items.roots)][::-1]
    while todo:
        item, depth, together = todo.pop()
        body = _body(item)
        if together:
            body["concurrent"] = True
        yield (_INDENT * depth).encode() + orjson.dumps(body) + b"\n"
        todo += [(child, depth + 1, also) for child, also in _with_concurrency(item.children)][::-1]


def _with_concurrency(siblings: Any) -> Iterator[tuple[Item, bool]]:
    """Siblings, and whether each is a span that began before another one of them had ended."""
    reached = 0
    for item in siblings:
        yield item, item.is_span and item.start_ns < reached
        if item.is_span:
            reached = max(reached, item.start_ns if item.end_ns is None else item.end_ns)


def _body(item: Item) -> dict[str, Any]:
    record = item.record
    if isinstance(record, Decision):
        named = {"decision": record.action, "reason": record.reason}
        more = {"values": record.values, "cell": record.cell, "attributes": _kept(record.extra)}
    elif isinstance(record, Event):
        named, more = {"event": record.name}, {"attributes": _kept(record.attributes)}
    elif isinstance(record, LogEntry):
        named = {"log": record.event_name}
        more = {
            "severity": record.severity,
            "severity_text": record.severity_text,
            "body": record.body,
            "attributes": _kept(record.attributes),
        }
    else:
        named = {"span": item.name}
        more = {
            "kind": record.span_kind if record.span_kind != 1 else None,
            "status": item.status if item.status != "unset" else None,
            "message": item.message,
            "attributes": _kept(item.attributes),
        }
    empty: tuple[Any, ...] = (None, "", 0) if not isinstance(record, Decision) else (None,)
    told = {key: to_json(value) for key, value in more.items() if not any(value is one for one in empty)}
    return {**named, **{key: value for key, value in told.items() if key != "attributes" or value}}


def _kept(attributes: Any) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if not is_noise(key)}


def read_golden(path: Path) -> Items:
    """The run that a golden file tells.

    Raises
    ------
    StoreError
        If it cannot be read.
    FormatError
        If it is none, or of a version that this program does not know.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise could_not("read", path, error) from error
    head = _object(path, 1, lines[0] if lines else b"")
    if head.get("format") != FORMAT:
        raise FormatError(f"{path} is no golden run: its first line has no format {FORMAT}", hint=_ANEW)
    if head.get("version") != VERSION:
        raise FormatError(
            f"{path} is a golden run of version {head.get('version')}, and this program reads {VERSION}",
            hint="a newer otel-replay reads it; or " + _ANEW,
        )
    items = build_items(_Reader(path).records(lines[1:]))
    items.source, items.name = path.name, str(head.get("name", ""))
    return items


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(line.strip())
    except ValueError as error:
        raise FormatError(f"{path}, line {number} is not JSON: {error}", hint=_ANEW) from None
    if not isinstance(found, dict):
        raise FormatError(f"{path}, line {number} is not a JSON object", hint=_ANEW)
    return found


class _Reader:
    """Turns the lines into records with ids and times."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 1
        self.now_ns = 0
        self.open: list[str] = []
        self.held: list[tuple[int, str]] = []
        self.ends: dict[str, dict[str, Any]] = {}

    def records(self, lines: list[bytes]) -> Iterator[Located]:
        for line in lines:
            self.number += 1
            if not line.strip():
                continue
            depth, odd = divmod(len(line) - len(line.lstrip(b" ")), len(_INDENT))
            body = _object(self.path, self.number, line)
            if odd or depth > len(self.open):
                raise self.wrong("is indented below nothing")
            for record in (*self.close(depth, bool(body.get("concurrent"))), self.record(body)):
                yield Located(record, "golden", self.number)
        for record in self.close(0, False):
            yield Located(record, "golden", self.number)

    def wrong(self, what: str) -> FormatError:
        return FormatError(f"{self.path}, line {self.number} {what}", hint=_ANEW)

    def tick(self) -> int:
        self.now_ns += _STEP_NS
        return self.now_ns

    def close(self, depth: int, concurrent: bool) -> list[Record]:
        """End the spans that end before a line of this depth; a concurrent one lets its sibling go on."""
        ending: list[tuple[int, str]] = []
        while len(self.open) > depth:
            ending.append((len(self.open) - 1, self.open.pop()))
        if concurrent and ending and ending[-1][0] == depth:
            self.held.append(ending.pop())
        elif not concurrent:
            ending += [one for one in self.held if one[0] >= depth]
            self.held = [one for one in self.held if one[0] < depth]
        # What lies deeper ends first.
        deeper = [one for one in self.held if one[0] > depth]
        self.held = [one for one in self.held if one[0] <= depth]
        return [self.end(span_id) for _, span_id in sorted(ending + deeper, key=lambda one: -one[0])]

    def end(self, span_id: str) -> SpanEnd:
        body = self.ends.pop(span_id)
        status = body.get("status", "unset")
        if status not in _STATUSES:
            raise self.wrong(f"has a status that is none: {status!r}")
        return SpanEnd(
            time_ns=self.tick(), span_id=span_id, status=status, message=str(body.get("message", ""))
        )

    def record(self, body: dict[str, Any]) -> Record:
        parent = self.open[-1] if self.open else ""
        try:
            attributes: Any = from_json(body.get("attributes", {}))
            if not isinstance(attributes, dict):
                raise ValueError("attributes are no map")
            return self.made(body, parent, attributes)
        except (TypeError, ValueError) as error:
            raise self.wrong(f"cannot be read: {error}") from None

    def made(self, body: dict[str, Any], parent: str, attributes: dict[str, Any]) -> Record:
        at = {"time_ns": self.tick(), "span_id": parent}
        if "span" in body:
            span_id = format(self.number, "016x")
            self.open.append(span_id)
            self.ends[span_id] = body
            return SpanStart(
                time_ns=self.now_ns,
                trace_id=_TRACE,
                span_id=span_id,
                parent_id=parent,
                name=str(body["span"]),
                span_kind=int(body.get("kind", 1)),
                attributes=attributes,
            )
        if "decision" in body:
            values, cell = (from_json(body[key]) if key in body else None for key in ("values", "cell"))
            said = {"action": str(body["decision"]), "reason": str(body.get("reason", ""))}
            return Decision(**at, **said, values=values, cell=cell, extra=attributes)  # type: ignore[arg-type]  # a time and an id
        if "event" in body:
            return Event(**at, name=str(body["event"]), attributes=attributes)  # type: ignore[arg-type]  # as above
        if "log" in body:
            return LogEntry(
                **at,  # type: ignore[arg-type]  # a time and an id
                event_name=str(body["log"]),
                severity=int(body.get("severity", 0)),
                severity_text=str(body.get("severity_text", "")),
                body=from_json(body.get("body")),
                attributes=attributes,
            )
        raise ValueError("it is no span, decision, event or log")
