"""What a memory session consists of, as values: its actions, its checkpoints, the state at each of them.

The names are the original's. Unlike there, an action keeps its whole input and output, not a preview of them
alone: a preview proves nothing, and cannot be replayed.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

from otel_replay.orjson_loading import orjson
from otel_replay.values_json import AnyValue, to_json

__all__ = [
    "NAMES",
    "SEGMENT_VERSION",
    "VARIANTS",
    "ActionType",
    "AnyAction",
    "Checkpoint",
    "ReplayAction",
    "ReplayConfig",
    "ReplayManifest",
    "ReplaySession",
    "SessionSummary",
    "StateSnapshot",
    "content_hash",
    "fields_of",
    "text_or_bytes",
]

SEGMENT_VERSION = 1
PREVIEW_CHARACTERS = 200


class ActionType:
    """What was done. One class for each variant, as in `ActionType.Put(frame_id=3)`."""

    @dataclass(frozen=True, slots=True)
    class Put:
        """One frame was put into the memory."""

        frame_id: int

    @dataclass(frozen=True, slots=True)
    class Find:
        """The memory was searched."""

        query: str
        mode: str
        result_count: int

    @dataclass(frozen=True, slots=True)
    class Ask:
        """A question was answered from the memory; `provider` and `model` are empty where none was asked."""

        query: str
        provider: str
        model: str

    @dataclass(frozen=True, slots=True)
    class Checkpoint:
        """A checkpoint was made."""

        checkpoint_id: int

    @dataclass(frozen=True, slots=True)
    class Call:
        """Another method of the memory was called that changes what is in it (`put_many`, `remove`, …)."""

        name: str


AnyAction: TypeAlias = (
    ActionType.Put | ActionType.Find | ActionType.Ask | ActionType.Checkpoint | ActionType.Call
)

VARIANTS: dict[str, type[AnyAction]] = {
    "put": ActionType.Put,
    "find": ActionType.Find,
    "ask": ActionType.Ask,
    "checkpoint": ActionType.Checkpoint,
    "call": ActionType.Call,
}
NAMES = {variant: name for name, variant in VARIANTS.items()}


def fields_of(action_type: AnyAction) -> dict[str, Any]:
    """The fields of a variant, by their names."""
    return {name: getattr(action_type, name) for name in action_type.__slots__}


def content_bytes(value: AnyValue) -> bytes:
    """The bytes that stand for a value: its own, a text's UTF-8, else its canonical JSON."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return orjson.dumps(to_json(value), option=orjson.OPT_SORT_KEYS)


def content_hash(value: AnyValue) -> str:
    """The sha256 of a value's bytes, in hexadecimal; empty for None, which says that nothing was recorded."""
    return "" if value is None else hashlib.sha256(content_bytes(value)).hexdigest()


def _preview(value: AnyValue) -> str:
    if value is None:
        return ""
    text = content_bytes(value).decode("utf-8", "replace")
    return text if len(text) <= PREVIEW_CHARACTERS else text[:PREVIEW_CHARACTERS] + "…"


def text_or_bytes(data: bytes) -> str | bytes:
    """Bytes as the text that they are, where they are one."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


@dataclass(frozen=True, slots=True)
class ReplayAction:
    """One thing that was done with the memory. `error` says how it failed, and is empty where it did not.

    `input` and `output` are AnyValues (None: not recorded), without secrets. `output_hash` is the sha256 of
    what must be the same when it is done again: for an SDK's answer, all but its times.
    """

    sequence: int
    action_type: AnyAction
    time_ns: int = 0
    input: AnyValue = None
    output: AnyValue = None
    input_hash: str = ""
    output_hash: str = ""
    duration_ms: int = 0
    affected_frames: tuple[int, ...] = ()
    error: str = ""

    @property
    def kind(self) -> str:
        """`put`, `find`, `ask`, `checkpoint` or `call`."""
        return NAMES[type(self.action_type)]

    @property
    def timestamp_secs(self) -> int:
        """When it began, in seconds since the epoch."""
        return self.time_ns // 1_000_000_000

    @property
    def input_preview(self) -> str:
        """The beginning of the input as text."""
        return _preview(self.input)

    @property
    def output_preview(self) -> str:
        """The beginning of the output as text."""
        return _preview(self.output)

    def with_input(self, data: bytes) -> ReplayAction:
        """The action with its input and the hash of it."""
        value = text_or_bytes(data)
        return replace(self, input=value, input_hash=content_hash(value))

    def with_output(self, data: bytes) -> ReplayAction:
        """The action with its output and the hash of it."""
        value = text_or_bytes(data)
        return replace(self, output=value, output_hash=content_hash(value))

    def with_duration_ms(self, duration_ms: int) -> ReplayAction:
        """The action with how long it took."""
        return replace(self, duration_ms=duration_ms)

    def with_affected_frames(self, frames: Sequence[int]) -> ReplayAction:
        """The action with the frames that it made or found."""
        return replace(self, affected_frames=tuple(frames))


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """How a session is recorded.

    `auto_checkpoint_interval`: a checkpoint is made after a put when so many actions were recorded since the
    last one; 0: never by itself.
    """

    auto_checkpoint_interval: int = 0

    def __post_init__(self) -> None:
        if self.auto_checkpoint_interval < 0:
            raise ValueError(f"auto_checkpoint_interval={self.auto_checkpoint_interval} is not 0 or more")


@dataclass(frozen=True, slots=True)
class StateSnapshot:
    """What is in a memory at one moment: its frames, and what tells whether an index or a file is the same.

    `extra` holds what else the memory says of itself.
    """

    frame_count: int = 0
    frame_ids: tuple[int, ...] = ()
    lex_index_hash: str | None = None
    vec_index_hash: str | None = None
    wal_sequence: int = 0
    generation: int = 0
    extra: Mapping[str, AnyValue] = field(default_factory=dict)

    def as_value(self) -> dict[str, AnyValue]:
        """The snapshot as an AnyValue."""
        value = {row.name: getattr(self, row.name) for row in fields(self)}
        return {**value, "frame_ids": list(self.frame_ids), "extra": dict(self.extra)}

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> StateSnapshot:
        """The inverse of :meth:`as_value`."""
        return cls(**{**value, "frame_ids": tuple(value["frame_ids"])})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place in a session from which it can be replayed: before the action `at_sequence`."""

    id: int
    at_sequence: int
    time_ns: int
    snapshot: StateSnapshot


@dataclass(frozen=True, slots=True)
class ReplaySession:
    """A session that is over, or what is left of one that was interrupted (`ended_ns` is None then)."""

    session_id: uuid.UUID
    name: str | None
    created_ns: int
    ended_ns: int | None
    actions: tuple[ReplayAction, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    metadata: Mapping[str, AnyValue] = field(default_factory=dict)
    version: int = SEGMENT_VERSION

    def checkpoint(self, checkpoint_id: int) -> Checkpoint | None:
        """The checkpoint of this number."""
        return next((one for one in self.checkpoints if one.id == checkpoint_id), None)


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session in one line of a list."""

    session_id: uuid.UUID
    name: str | None
    created_secs: int
    ended_secs: int | None
    action_count: int
    checkpoint_count: int

    @classmethod
    def of(cls, session: ReplaySession) -> SessionSummary:
        """The summary of a session."""
        ended_ns = session.ended_ns
        return cls(
            session_id=session.session_id,
            name=session.name,
            created_secs=session.created_ns // 1_000_000_000,
            ended_secs=None if ended_ns is None else ended_ns // 1_000_000_000,
            action_count=len(session.actions),
            checkpoint_count=len(session.checkpoints),
        )


@dataclass(frozen=True, slots=True)
class ReplayManifest:
    """What a segment file says of itself: where the sessions are, how many they are and hold."""

    segment_offset: int
    segment_size: int
    session_count: int
    total_actions: int
    version: int
