"""A session as the JSON of one segment entry, and back, exactly."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from otel_replay.compat.memvid.types import (
    NAMES,
    VARIANTS,
    AnyAction,
    Checkpoint,
    ReplayAction,
    ReplaySession,
    StateSnapshot,
    fields_of,
)
from otel_replay.errors import FormatError
from otel_replay.orjson_loading import orjson
from otel_replay.values_json import from_json, to_json

__all__ = ["action_type_from", "action_type_value", "decode", "encode", "entry_id"]


def encode(session: ReplaySession) -> bytes:
    """The session as JSON; the id comes first, so that an entry can be told without reading all of it."""
    return orjson.dumps(
        {
            "session_id": str(session.session_id),
            "version": session.version,
            "name": session.name,
            "created_ns": session.created_ns,
            "ended_ns": session.ended_ns,
            "metadata": to_json(dict(session.metadata)),
            "checkpoints": [
                {
                    "id": one.id,
                    "at_sequence": one.at_sequence,
                    "time_ns": one.time_ns,
                    "snapshot": to_json(one.snapshot.as_value()),
                }
                for one in session.checkpoints
            ],
            "actions": [_action(action) for action in session.actions],
        }
    )


def _action(action: ReplayAction) -> dict[str, Any]:
    return {
        "sequence": action.sequence,
        "type": to_json(action_type_value(action.action_type)),
        "time_ns": action.time_ns,
        "input": to_json(action.input),
        "output": to_json(action.output),
        "input_hash": action.input_hash,
        "output_hash": action.output_hash,
        "duration_ms": action.duration_ms,
        "frames": list(action.affected_frames),
        "error": action.error,
    }


def action_type_value(action_type: AnyAction) -> dict[str, Any]:
    """What was done as a map: `kind`, and the fields of the variant."""
    return {"kind": NAMES[type(action_type)], **fields_of(action_type)}


def action_type_from(value: Mapping[str, Any]) -> AnyAction:
    """The inverse of :func:`action_type_value`; KeyError or TypeError where it is none."""
    return VARIANTS[value["kind"]](**{key: item for key, item in value.items() if key != "kind"})


def entry_id(payload: bytes) -> uuid.UUID | None:
    """The id of the session in an entry; None where there is none."""
    try:
        return uuid.UUID(orjson.loads(payload)["session_id"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def decode(payload: bytes) -> ReplaySession:
    """The session of an entry.

    Raises
    ------
    FormatError
        If it is not one.
    """
    try:
        body = orjson.loads(payload)
        return ReplaySession(
            session_id=uuid.UUID(body["session_id"]),
            name=body["name"],
            created_ns=body["created_ns"],
            ended_ns=body["ended_ns"],
            actions=tuple(map(_action_from, body["actions"])),
            checkpoints=tuple(map(_checkpoint_from, body["checkpoints"])),
            metadata=from_json(body["metadata"]),  # type: ignore[arg-type]  # a map was written
            version=body["version"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"an entry is not a session: {type(error).__name__}: {error}") from None


def _action_from(body: Mapping[str, Any]) -> ReplayAction:
    return ReplayAction(
        sequence=body["sequence"],
        action_type=action_type_from(from_json(body["type"])),  # type: ignore[arg-type]  # a map was written
        time_ns=body["time_ns"],
        input=from_json(body["input"]),
        output=from_json(body["output"]),
        input_hash=body["input_hash"],
        output_hash=body["output_hash"],
        duration_ms=body["duration_ms"],
        affected_frames=tuple(body["frames"]),
        error=body["error"],
    )


def _checkpoint_from(body: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint(
        id=body["id"],
        at_sequence=body["at_sequence"],
        time_ns=body["time_ns"],
        snapshot=StateSnapshot.from_value(from_json(body["snapshot"])),  # type: ignore[arg-type]  # a map
    )
