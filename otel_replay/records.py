"""What a journal holds, as frozen values: one type for each kind of record, and no behaviour.

A span is two records, its start and its end; what happened in between are events, and a decision is an
event that has an action and a reason. Readers derive the tree. Times are nanoseconds since the epoch
(`_ns`), ids are lower-case hexadecimal text (16 characters for a span, 32 for a trace), attribute values
are OpenTelemetry's AnyValue as Python holds it (`otel_replay.values`).
"""

from __future__ import annotations

from types import MappingProxyType

from otel_replay.light import light

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal, TypeAlias

    AnyMap = Mapping[str, Any]
    StatusCode = Literal["unset", "ok", "error"]
else:
    AnyMap, StatusCode = dict, str

__all__ = [
    "AnyMap",
    "BadLine",
    "Close",
    "Decision",
    "Event",
    "JournalHeader",
    "Link",
    "LogEntry",
    "Loss",
    "Record",
    "Resource",
    "Scope",
    "SpanEnd",
    "SpanStart",
    "SpanUpdate",
    "StatusCode",
]

_EMPTY: AnyMap = MappingProxyType({})


@light(frozen=True, slots=True, kw_only=True)
class JournalHeader:
    """The first line of a journal: which format, which run, which process.

    `begins` stands in the journal of the process that began the run: what the run is.
    """

    version: int
    run_id: str
    time_ns: int
    process: AnyMap = _EMPTY
    writer: str = ""
    event_limit: int = 128
    begins: AnyMap = _EMPTY
    kind: Literal["journal"] = "journal"


@light(frozen=True, slots=True, kw_only=True)
class Resource:
    """An OpenTelemetry resource; later records of the same journal name it by `id`."""

    id: int
    attributes: AnyMap = _EMPTY
    schema_url: str = ""
    kind: Literal["resource"] = "resource"


@light(frozen=True, slots=True, kw_only=True)
class Scope:
    """An instrumentation scope; later records of the same journal name it by `id`."""

    id: int
    name: str = ""
    version: str = ""
    schema_url: str = ""
    attributes: AnyMap = _EMPTY
    kind: Literal["scope"] = "scope"


@light(frozen=True, slots=True, kw_only=True)
class Link:
    """A link from a span to another one, perhaps of another trace."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    flags: int = 0
    attributes: AnyMap = _EMPTY
    dropped_attributes: int = 0


@light(frozen=True, slots=True, kw_only=True)
class SpanStart:
    """A span began. `span_kind` is OTLP's number (1 internal … 5 consumer)."""

    time_ns: int
    trace_id: str
    span_id: str
    name: str
    parent_id: str = ""
    span_kind: int = 1
    attributes: AnyMap = _EMPTY
    links: tuple[Link, ...] = ()
    trace_state: str = ""
    flags: int = 0
    resource: int = 0
    scope: int = 0
    kind: Literal["start"] = "start"


@light(frozen=True, slots=True, kw_only=True)
class SpanUpdate:
    """Attributes that an open span got after its start, kept at once so that a kill does not take them."""

    time_ns: int
    span_id: str
    attributes: AnyMap = _EMPTY
    kind: Literal["update"] = "update"


@light(frozen=True, slots=True, kw_only=True)
class SpanEnd:
    """A span ended. `attributes` holds what is new or changed since its start; the rest stands there.

    `room`: so many moments of the recording API went out with the span itself, where it had no room for more.
    """

    time_ns: int
    span_id: str
    status: StatusCode = "unset"
    message: str = ""
    name: str | None = None
    attributes: AnyMap = _EMPTY
    links: tuple[Link, ...] = ()
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    room: int | None = None
    kind: Literal["end"] = "end"


@light(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at one moment in a span: file access, checkpoint, artifact, exception, …"""

    time_ns: int
    span_id: str
    name: str
    attributes: AnyMap = _EMPTY
    dropped_attributes: int = 0
    kind: Literal["event"] = "event"


@light(frozen=True, slots=True, kw_only=True)
class Decision:
    """An event with an action, a reason, values (before and after) and a subject such as a table cell.

    `values` and `cell` are maps as a rule; None says that none were given, which an empty map does not.
    """

    time_ns: int
    span_id: str
    action: str
    reason: str
    values: Any = None
    cell: Any = None
    extra: AnyMap = _EMPTY
    kind: Literal["decision"] = "decision"


@light(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """An OpenTelemetry log record that is not one of our events. Ids are empty where it had none."""

    time_ns: int
    span_id: str = ""
    trace_id: str = ""
    event_name: str = ""
    severity: int = 0
    severity_text: str = ""
    body: Any = None
    attributes: AnyMap = _EMPTY
    scope: int = 0
    resource: int = 0
    observed_ns: int = 0
    flags: int = 0
    dropped_attributes: int = 0
    kind: Literal["log"] = "log"


@light(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something could not be kept: how many records, and why. Losses are never silent."""

    time_ns: int
    records: int
    reason: str
    kind: Literal["loss"] = "loss"


@light(frozen=True, slots=True, kw_only=True)
class Close:
    """The last line of a journal that was closed. `how` says who closed it.

    `notes` counts what was changed on the way in: redacted values, values kept by their repr, and so on.
    `ends` stands in the journal of the process that ended the run: how it ended.
    """

    time_ns: int
    how: Literal["ended", "exit", "recovered"]
    notes: AnyMap = _EMPTY
    ends: AnyMap = _EMPTY
    kind: Literal["close"] = "close"


@light(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is not a record: its number (from 1), its place in the file, and why."""

    number: int
    offset_bytes: int
    size_bytes: int
    reason: str
    torn: bool = False
    kind: Literal["bad line"] = "bad line"


Record: TypeAlias = (
    JournalHeader
    | Resource
    | Scope
    | SpanStart
    | SpanUpdate
    | SpanEnd
    | Event
    | Decision
    | LogEntry
    | Loss
    | Close
)
