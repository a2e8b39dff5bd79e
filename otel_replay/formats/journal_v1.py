"""Journal format 1: one record is one line of JSON. `docs/format.md` is the norm; this is its codec.

A record is an object; a decision, of which there are most, may be an array in a fixed order instead.
Two tables, kinds and fields, prove both directions. A field that has its default is left out of the line.
Keys that the tables do not name are ignored, so that fields can be added; a kind that they do not name is
an error, so that nothing is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from otel_replay.errors import FormatError
from otel_replay.formats.journal_format import FORMAT, VERSION
from otel_replay.light import defaults_of, names_of
from otel_replay.orjson_loading import orjson
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "FORMAT", "LONGEST_LINE_BYTES", "VERSION",
    "decision_of_line", "decision_row", "decode", "encode", "link_to_json", "made_decision", "map_or_none",
    "plain_json", "read_json", "sorted_json",
]  # fmt: skip

read_json: Callable[[bytes], Any] = orjson.loads
"""What a line holds as plain values, or a ValueError; less work than `decode`, and no record."""

plain_json: Callable[[Any], bytes] = orjson.dumps
"""Plain values as text, or a TypeError."""

sorted_json: Callable[[Any], bytes] = partial(orjson.dumps, option=orjson.OPT_SORT_KEYS)
"""The same, whatever the order of keys; NaN is null in it."""

LONGEST_LINE_BYTES = 64 << 20
"""What readers take for a line; a longer one is damaged."""

MAX_LEVELS = 256
"""More than the encoders write that recorders use."""

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

_ANY = frozenset({"attributes", "values", "cell", "extra", "body", "process", "notes", "begins", "ends"})
"""Fields that hold values of the recorded program, in the JSON form of `otel_replay.values`."""

_CHECKS: dict[str, frozenset[type]] = {
    "str": frozenset({str}),
    "str | None": frozenset({str, type(None)}),
    "int": frozenset({int}),
    "int | None": frozenset({int, type(None)}),
    "AnyMap": frozenset({dict}),
    "StatusCode": frozenset({str}),
    "Literal['ended', 'exit', 'recovered']": frozenset({str}),
    "tuple[Link, ...]": frozenset({list}),
}
"""What JSON may hold for a field of this annotation; without a row, anything."""


class _Field:
    __slots__ = ("allowed", "default", "key", "name", "required")

    def __init__(self, name: str, annotation: str, defaults: Mapping[str, Any]) -> None:
        self.name = name
        self.key = _KEYS.get(name, name)
        self.allowed = _CHECKS.get(annotation)
        self.required = name not in defaults
        self.default = defaults.get(name)


def _table(record_type: type[Any]) -> tuple[_Field, ...]:
    annotations, defaults = record_type.__annotations__, defaults_of(record_type)
    return tuple(
        _Field(name, annotations[name], defaults) for name in names_of(record_type) if name != "kind"
    )


_FIELDS = {kind: _table(record_type) for kind, record_type in _TYPES.items()}
_LINK_FIELDS = _table(Link)


def encode(record: Record) -> bytes:
    """One record as one line, newline included.

    The values in it must already be AnyValues (`otel_replay.values.normalise`).
    """
    if isinstance(record, Decision) and not record.extra:
        row = decision_row(
            record.time_ns,
            record.span_id,
            record.action,
            record.reason,
            to_json(record.values),
            to_json(record.cell),
        )
        if row is not None:
            return orjson.dumps(row, option=ORJSON_OPTIONS)
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
    if len(line) > 2 * MAX_LEVELS and _is_too_deep(line, body):
        raise FormatError(f"it is nested more than {MAX_LEVELS} deep, as no recorder writes it")
    if type(body) is list:
        return _decision_of_row(body)
    if type(body) is not dict:
        raise FormatError("not a JSON object")
    kind = body.get("kind")
    known = _STEPS.get(kind) if type(kind) is str else None
    if known is None:
        raise FormatError(f"kind {kind!r:.80} is not one of format {VERSION}'s")
    try:
        record: Record = _take(body, *known)
    except (ValueError, RecursionError) as error:
        raise FormatError(str(error)) from None
    return record


def _is_too_deep(line: bytes, body: Any) -> bool:
    """Whether a line has more levels than any writer of ours gives it, and than what reads it goes down."""
    if line.count(b"[") + line.count(b"{") <= MAX_LEVELS:
        return False
    level = [body]
    for _ in range(MAX_LEVELS):
        level = [
            inner
            for item in level
            for inner in (item.values() if type(item) is dict else item)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _decision_of_row(row: list[Any]) -> Decision:
    """The short form of the commonest kind: `["decision", span, t, action, reason, values, cell]`.

    Written out, not left to the table: it is most of the work of reading a long run.
    """
    if not 5 <= len(row) <= 7 or row[0] != "decision":
        raise FormatError("an array that is not a decision")
    _, span_id, time_ns, action, reason, values, cell = row if len(row) == 7 else (*row, 0, 0)[:7]
    if type(time_ns) is not int:
        raise FormatError(f"`t` is a {type(time_ns).__name__}")
    if not (type(span_id) is str and type(action) is str and type(reason) is str):
        raise FormatError("span, action and reason are not all text")
    return made_decision(time_ns, span_id, action, reason, map_or_none(values), map_or_none(cell))


class _Made:
    """A decision while it is made: a frozen class refuses assignment, and its twin does not."""

    __slots__ = Decision.__slots__


def made_decision(time_ns: int, span_id: str, action: str, reason: str, values: Any, cell: Any) -> Decision:
    """As `Decision(…)`, in a fifth of its time: that sets the fields of a frozen object by function calls."""
    made: Any = _new(_Made)
    made.time_ns = time_ns
    made.span_id = span_id
    made.action = action
    made.reason = reason
    made.values = values
    made.cell = cell
    made.extra = _NO_EXTRA
    made.kind = "decision"
    made.__class__ = Decision
    decision: Decision = made
    return decision


def decision_of_line(line: bytes) -> tuple[int, str, str, Any, Any] | None:
    """Time, action, reason, values and cell of a line of ours in the short form; None if it has another."""
    if line[:1] != b"[":
        return None
    _, _, time_ns, action, reason, values, cell = (*orjson.loads(line), 0, 0)[:7]
    return time_ns, action, reason, map_or_none(values), map_or_none(cell)


def map_or_none(value: Any) -> Any:
    """The values or the cell of a row as recorded; None for the 0 that stands for none.

    Raises
    ------
    FormatError
        If it is neither a map nor 0.
    """
    if type(value) is dict:
        if len(value) > 1:
            # Nearly all are flat, and need no conversion.
            for item in value.values():
                kind = type(item)
                if kind is float or kind is str:
                    continue
                if kind is not int or not _INT64_LEAST <= item <= _INT64_MOST:
                    break
            else:
                return value
        try:
            return _value(value)
        except (ValueError, RecursionError) as error:
            raise FormatError(str(error)) from None
    if type(value) is not int or value:
        raise FormatError(f"values or cell is a {type(value).__name__}")
    return None


def decision_row(
    time_ns: int, span_id: str, action: str, reason: str, values: Any, cell: Any
) -> tuple[Any, ...] | None:
    """A decision as the array of its short form; None if it needs the long one.

    The short form is for values and cell that are maps, or absent: `0` stands for values that are absent
    before a cell that is not.
    """
    head = ("decision", span_id, time_ns, action, reason)
    if cell is None:
        if values is None:
            return head
        return (*head, values) if type(values) is dict else None
    if type(cell) is not dict:
        return None
    if values is None:
        return (*head, 0, cell)
    return (*head, values, cell) if type(values) is dict else None


if TYPE_CHECKING:
    _Put = Callable[[object, Any], None]
    _Step = tuple[_Put, Any, frozenset[type] | None, Callable[[Any], Any] | None, Any]
_ABSENT = object()
_REQUIRED = object()


def _steps(record_type: type[Any], table: tuple[_Field, ...], kind: str | None) -> tuple[_Step, ...]:
    """The table laid out for decoding: how a field is set, its key, what it may be, conversion, default.

    A frozen class refuses assignment; the descriptors of its slots do not, and are faster than `__init__`.
    """

    def setter(name: str) -> _Put:
        found: _Put = getattr(record_type, name).__set__
        return found

    steps: list[_Step] = [
        (
            setter(row.name),
            row.key,
            row.allowed,
            _value if row.name in _ANY else _links if row.name == "links" else None,
            _REQUIRED if row.required else row.default,
        )
        for row in table
    ]
    if kind is not None:
        steps.append((setter("kind"), None, None, None, kind))  # no line has the key None
    return tuple(steps)


def _take(body: dict[str, Any], record_type: type[Any], steps: tuple[_Step, ...]) -> Any:
    record = object.__new__(record_type)
    get = body.get
    for put, key, allowed, convert, default in steps:
        value = get(key, _ABSENT)
        if value is _ABSENT:
            if default is _REQUIRED:
                raise FormatError(f"`{key}` is missing")
            put(record, default)
        elif allowed is not None and type(value) not in allowed:
            raise FormatError(f"`{key}` is a {type(value).__name__}")
        else:
            put(record, value if convert is None else convert(value))
    return record


def _value(value: Any) -> Any:
    """As `from_json`, but in place: most values need no conversion, and then nothing is built anew."""
    kind = type(value)
    if kind is dict:
        if len(value) == 1 and next(iter(value)).startswith("$"):
            return from_json(value)
        for key, item in value.items():
            kind = type(item)
            if kind is float or kind is str or kind is bool or item is None:
                continue
            if kind is not int or not _INT64_LEAST <= item <= _INT64_MOST:
                value[key] = _value(item)
    elif kind is list:
        for index, item in enumerate(value):
            kind = type(item)
            if kind is not float and kind is not str:
                value[index] = _value(item)
    elif kind is int and not _INT64_LEAST <= value <= _INT64_MOST:
        return from_json(value)
    return value


_INT64_LEAST, _INT64_MOST = -(2**63), 2**63 - 1


def _links(items: list[Any]) -> tuple[Link, ...]:
    return tuple(_link(item) for item in items)


def _link(item: Any) -> Link:
    if not isinstance(item, dict):
        raise FormatError("a link is not an object")
    link: Link = _take(item, Link, _LINK_STEPS)
    return link


_STEPS = {
    kind: (record_type, _steps(record_type, _FIELDS[kind], kind)) for kind, record_type in _TYPES.items()
}
_LINK_STEPS = _steps(Link, _LINK_FIELDS, None)
_new = object.__new__
_NO_EXTRA = _STEPS["decision"][1][-2][-1]
