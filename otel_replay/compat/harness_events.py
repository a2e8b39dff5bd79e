"""The events of harness-rs's session log: the same JSON lines, both ways.

What Rust would write is written: compact, in the order of the fields, the keys of free values sorted. Reading
takes what Rust takes; a line that is no event is named, and told apart from an empty one.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from otel_replay.errors import FormatError
from otel_replay.orjson_loading import orjson
from otel_replay.storage.refusals import could_not, shown

__all__ = [
    "Action",
    "End",
    "Heartbeat",
    "KINDS",
    "ModelOutput",
    "PostCompact",
    "PostModel",
    "PostTool",
    "PreCompact",
    "PreModel",
    "PreTool",
    "Sensor",
    "Session",
    "SessionEvent",
    "SkippedLine",
    "Start",
    "ToolCall",
    "ToolResult",
    "Usage",
    "decode_event",
    "encode_event",
    "plain",
    "read_session",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool that the model wants called."""

    id: str
    name: str
    args: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one model call."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOutput:
    """What a model answered. `stop_reason` is `end-turn`, `tool-use`, `max-tokens`, …"""

    text: str | None = None
    tool_calls: list[ToolCall] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    stop_reason: str = "end-turn"
    reasoning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A call of a tool that the loop is about to make."""

    tool: str
    call_id: str
    args: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool gave. `trace` is for logs, not for the model."""

    ok: bool
    content: Any = None
    trace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """One event of a session log; `ts_ms` is milliseconds since the epoch."""

    kind: ClassVar[str] = ""
    ts_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(SessionEvent):
    """The session began."""

    kind: ClassVar[str] = "start"
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreModel(SessionEvent):
    """The model is about to be asked. `request` is ours: what it is asked; Rust reads past it."""

    kind: ClassVar[str] = "pre_model"
    history_len: int
    tools_count: int
    request: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostModel(SessionEvent):
    """The model has answered."""

    kind: ClassVar[str] = "post_model"
    output: ModelOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTool(SessionEvent):
    """A tool is about to be called."""

    kind: ClassVar[str] = "pre_tool"
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class PostTool(SessionEvent):
    """A tool has answered."""

    kind: ClassVar[str] = "post_tool"
    call_id: str
    result: ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor(SessionEvent):
    """A sensor gave so many signals."""

    kind: ClassVar[str] = "sensor"
    id: str
    signals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreCompact(SessionEvent):
    """The history is about to be compacted: `budget-reduce`, `snip`, `microcompact`, …"""

    kind: ClassVar[str] = "pre_compact"
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCompact(SessionEvent):
    """The history has been compacted."""

    kind: ClassVar[str] = "post_compact"
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(SessionEvent):
    """The loop goes round once more."""

    kind: ClassVar[str] = "heartbeat"
    iter: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End(SessionEvent):
    """The session is over."""

    kind: ClassVar[str] = "end"


KINDS: dict[str, type[SessionEvent]] = {
    one.kind: one
    for one in (
        *(Start, PreModel, PostModel, PreTool, PostTool),
        *(Sensor, PreCompact, PostCompact, Heartbeat, End),
    )
}
"""The events by what stands under `kind`."""

_LEFT_OUT_WHEN_NONE = {"reasoning", "request"}
_MAY_BE_MISSING = {"reasoning", "request", "text", "trace", "cached_input_tokens"}


# -- writing


def plain(value: Any) -> Any:
    """An event, or a part of one, as plain JSON values in the order in which they are written."""
    if isinstance(value, SessionEvent):
        return {"kind": value.kind, **_fields(value)}
    if isinstance(value, (ToolCall, Usage, ModelOutput, Action, ToolResult)):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _fields(value: Any) -> dict[str, Any]:
    named = {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return {name: item for name, item in named.items() if item is not None or name not in _LEFT_OUT_WHEN_NONE}


def encode_event(event: SessionEvent) -> bytes:
    """The event as one line, with its newline."""
    return orjson.dumps(plain(event), option=orjson.OPT_APPEND_NEWLINE)


# -- reading


def decode_event(line: bytes | str) -> SessionEvent:
    """The event that a line holds.

    Raises
    ------
    FormatError
        If it holds none; the message says why.
    """
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise FormatError("it is not a JSON object")
    kind = KINDS.get(str(document.get("kind")))
    if kind is None:
        raise FormatError(f"there is no kind {document.get('kind')!r:.80}")
    event = _object(kind, document, "")
    assert isinstance(event, SessionEvent)
    return event


def _object(kind: type[Any], document: Any, place: str) -> Any:
    if not isinstance(document, Mapping):
        raise FormatError(f"{place or 'it'} is not an object")
    given: dict[str, Any] = {}
    hints = get_type_hints(kind)
    for one in fields(kind):
        where = f"{place}.{one.name}" if place else one.name
        if one.name in document:
            given[one.name] = _value(hints[one.name], document[one.name], where)
        elif one.name not in _MAY_BE_MISSING:
            raise FormatError(f"it has no {where}")
    return kind(**given)


def _value(hint: Any, value: Any, place: str) -> Any:
    if hint is Any:
        return value
    if get_origin(hint) in (Union, types.UnionType):
        inner = next(one for one in get_args(hint) if one is not type(None))
        return None if value is None else _value(inner, value, place)
    if get_origin(hint) is list:
        if not isinstance(value, list):
            raise FormatError(f"{place} is not a list")
        return [_value(get_args(hint)[0], item, f"{place}[{at}]") for at, item in enumerate(value)]
    if hint in (int, str, bool):
        if type(value) is not hint:
            raise FormatError(f"{place} is not {_WORDS[hint]}")
        if hint is int and value < 0 and place != "ts_ms":
            raise FormatError(f"{place} is below 0")
        return value
    return _object(hint, value, place)


_WORDS = {int: "a whole number", str: "text", bool: "true or false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedLine:
    """A line that is no event: its number from 1, and why."""

    number: int
    reason: str


class Session(list[SessionEvent]):
    """The events of a log, and the lines that are none.

    Attributes
    ----------
    skipped:
        The damaged lines, in order.
    name:
        What the log is called in messages.
    """

    def __init__(
        self, events: Iterable[SessionEvent] = (), skipped: Iterable[SkippedLine] = (), name: str = "the log"
    ) -> None:
        super().__init__(events)
        self.skipped = list(skipped)
        self.name = name

    def refuse_damage(self) -> None:
        """Nothing, unless lines are missing from what was read.

        Raises
        ------
        FormatError
            If there are damaged lines: each of them may hold an answer, and all later ones would move up.
        """
        if self.skipped:
            first = self.skipped[0]
            more = len(self.skipped) - 1
            raise FormatError(
                f"line {first.number} of {self.name} is damaged ({first.reason})"
                + (f", and {more} more" if more else ""),
                hint="mend the line or record the session anew; what stands in it cannot be guessed",
            )


def read_session(path: str | Path, *, strict: bool = False) -> Session:
    """The events of a log. Damaged lines are skipped and named in `skipped`; empty ones are nothing.

    Parameters
    ----------
    path:
        The JSONL file.
    strict:
        Refuse a damaged line instead of skipping it.

    Raises
    ------
    StoreError
        If the file cannot be read.
    FormatError
        If a line is damaged and `strict` says that this matters.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise could_not("read", path, error) from error
    session = Session(name=shown(path))
    for number, line in enumerate(data.split(b"\n"), 1):
        _read_line(line.strip(), number, session.append, session.skipped)
    if strict:
        session.refuse_damage()
    return session


def _read_line(
    line: bytes, number: int, keep: Callable[[SessionEvent], None], skipped: list[SkippedLine]
) -> None:
    if not line:
        return
    try:
        keep(decode_event(line))
    except FormatError as error:
        skipped.append(SkippedLine(number=number, reason=error.message))
