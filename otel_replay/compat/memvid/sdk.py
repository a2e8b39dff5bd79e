"""A memory of the real `memvid-sdk` with a recorder around it: each call becomes a span, and an action.

Only what the handle itself does is relied on; the package is not imported. The call is made exactly once
whatever happens to the recording, and what it returns or raises is passed on as it is.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from otel_replay.clock import SYSTEM_CLOCK, Clock
from otel_replay.compat.memvid.lasting import lasting
from otel_replay.compat.memvid.memory import Memvid
from otel_replay.compat.memvid.types import (
    ActionType,
    AnyAction,
    ReplayAction,
    StateSnapshot,
    content_hash,
)
from otel_replay.errors import told
from otel_replay.orjson_loading import orjson
from otel_replay.recording.decorators import tool
from otel_replay.recording.run import Run
from otel_replay.recording.spans import ToolCall
from otel_replay.settings import Settings
from otel_replay.values_json import AnyValue

__all__ = ["RecordedMemory", "frames_of", "record", "state_of"]

_log = logging.getLogger("otel_replay")

CHANGING = (
    *("put_many", "put_file", "put_files", "put_pdf_tables"),
    *("remove", "correct", "correct_many", "add_memory_cards", "enrich"),
)
"""Methods besides `put` that change what is in a memory: recorded as `ActionType.Call`."""

_MOST_FRAMES = 10_000


def record(
    memory: Any,
    *,
    run: Run | None = None,
    store: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> RecordedMemory:
    """A memory of `memvid-sdk`, recorded. It is used as the memory itself, and has the methods of `Memvid`.

    While a session is active, its calls are the session's actions. Without one they are spans of the current
    run, as other tool calls are, and cost nothing where none is recorded.

    Parameters
    ----------
    memory:
        What `memvid_sdk.create` or `memvid_sdk.use` returned.
    run, store, settings, clock:
        As for :class:`Memvid`.
    """
    return RecordedMemory(memory, run=run, store=store, settings=settings, clock=clock)


class RecordedMemory(Memvid):
    """A memory handle with a recorder around it; made by :func:`record`.

    `memory` is the handle itself; what is not recorded is asked of it (`stats`, `timeline`, `commit`, …).
    """

    def __init__(self, memory: Any, **options: Any) -> None:
        super().__init__(memory.path, state=lambda: state_of(memory), **options)
        self.memory = memory

    def __getattr__(self, name: str) -> Any:
        if name == "memory":
            raise AttributeError(name)  # not made yet
        if name in CHANGING:
            return lambda *args, **kwargs: self._recorded(name, args, kwargs)
        return getattr(self.memory, name)

    @property
    def path(self) -> Any:
        """The memory file, as the SDK says it."""
        return self.memory.path

    def put(self, *args: Any, **kwargs: Any) -> Any:
        """Put something into the memory; as the SDK's `put`."""
        return self._recorded("put", args, kwargs)

    def find(self, *args: Any, **kwargs: Any) -> Any:
        """Search the memory; as the SDK's `find`."""
        return self._recorded("find", args, kwargs)

    def ask(self, *args: Any, **kwargs: Any) -> Any:
        """Ask the memory; as the SDK's `ask`."""
        return self._recorded("ask", args, kwargs)

    def close(self) -> None:
        """Close the memory and stop recording. A session that is active can be gone on with."""
        super().close()
        self.memory.close()

    def _recorded(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        method = getattr(self.memory, name)
        if not self.is_recording():
            with tool(f"memory.{name}", _arguments(method, args, kwargs)) as call:
                result = method(*args, **kwargs)
                call.result(result)
                return result
        doing = _Doing(self, name, _arguments(method, args, kwargs))
        try:
            result = method(*args, **kwargs)
        except BaseException as error:
            doing.failed(error)
            raise
        doing.done(result)
        return result


class _Doing:
    """One call while it is made: its span is open and current. Nothing in here raises."""

    def __init__(self, memory: RecordedMemory, name: str, arguments: Mapping[str, Any]) -> None:
        self._memory = memory
        self._arguments = arguments
        self._action: ReplayAction | None = None
        self._call: ToolCall | None = None
        self._began = time.monotonic()
        try:
            self._action = memory.action(_type_of(name, arguments), arguments)
            self._call = memory.begin_action(self._action)
            if self._call is not None:
                self._call.attach()
        except Exception as error:
            _log.warning("memory.%s was not recorded: %s", name, told(error))

    def failed(self, error: BaseException) -> None:
        self._finish(lambda action: replace(action, error=str(self._memory.cleaning.value(told(error)))))

    def done(self, result: Any) -> None:
        self._finish(lambda action: self._with_result(action, result))

    def _with_result(self, action: ReplayAction, result: Any) -> ReplayAction:
        if action.kind == "put":
            result = {"frame_id": int(result), "timestamp": self._put_at(result)}
        output = self._memory.cleaning.value(result)
        frames = frames_of(output)
        return replace(
            action,
            action_type=_type_with(action.action_type, output, frames),
            output=output,
            output_hash=content_hash(lasting(output)),
            affected_frames=frames,
        )

    def _put_at(self, frame_id: Any) -> int | None:
        # A frame that is put again must get the same time, or searches would tell of another one.
        uri = self._arguments.get("uri") or f"mv2://frames/{frame_id}"
        try:
            return int(self._memory.memory.frame(uri)["timestamp"])
        except Exception:
            return None

    def _finish(self, complete: Callable[[ReplayAction], ReplayAction]) -> None:
        try:
            if self._call is not None:
                self._call.detach()
            if self._action is None:
                return
            duration_ms = round((time.monotonic() - self._began) * 1_000)
            action = complete(replace(self._action, duration_ms=duration_ms))
            self._memory.finish_action(self._call, action)
            if action.kind in ("put", "call"):
                self._memory.checkpoint_if_due()
        except Exception as error:
            _log.warning("an action of a memory was not recorded whole: %s", told(error))


# -- what calls and answers say ----------------------------------------------------------------------------


def _arguments(method: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(inspect.signature(method).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):
        # It does not fit: the method itself will say so.
        return {**{str(place): value for place, value in enumerate(args)}, **kwargs}


def _type_of(name: str, arguments: Mapping[str, Any]) -> AnyAction:
    if name == "put":
        return ActionType.Put(-1)
    if name == "find":
        return ActionType.Find(str(arguments.get("query", "")), str(arguments.get("mode") or "auto"), 0)
    if name == "ask":
        provider, _, model = str(arguments.get("model") or "").rpartition(":")
        return ActionType.Ask(str(arguments.get("question", "")), provider, model)
    return ActionType.Call(name)


def _type_with(action_type: AnyAction, output: AnyValue, frames: tuple[int, ...]) -> AnyAction:
    if isinstance(action_type, ActionType.Put):
        return ActionType.Put(frames[0] if frames else -1)
    if isinstance(action_type, ActionType.Find):
        return replace(action_type, result_count=len(frames))
    if isinstance(action_type, ActionType.Ask) and not action_type.model and isinstance(output, Mapping):
        return replace(action_type, model=str(output.get("model") or ""))
    return action_type


def frames_of(output: AnyValue) -> tuple[int, ...]:
    """The frames that an answer of the SDK tells of: a put's own, a search's hits, best first."""
    if isinstance(output, Mapping):
        hits = output.get("hits", [output])
        rows = hits if isinstance(hits, list) else []
        return tuple(int(row["frame_id"]) for row in rows if isinstance(row, Mapping) and "frame_id" in row)  # type: ignore[arg-type]  # a number or its text
    items = output if isinstance(output, list) else [output]
    return tuple(int(item) for item in items if isinstance(item, int) or str(item).isdecimal())  # type: ignore[arg-type]  # likewise


def state_of(memory: Any) -> StateSnapshot:
    """What is in a memory of the SDK now: its frames, and a hash of all that its timeline tells of them.

    Of a memory with more than 10,000 frames only their number is told.
    """
    stats = memory.stats()
    count = int(stats.get("frame_count", 0))
    frames = memory.timeline(limit=count) if 0 < count <= _MOST_FRAMES else []
    rows = sorted((int(row["frame_id"]), orjson.dumps(row, default=str).decode()) for row in frames)
    extra: dict[str, AnyValue] = {"active_frame_count": int(stats.get("active_frame_count", count))}
    if rows or not count:
        listed = "\n".join(row for _, row in rows).encode()
        extra["timeline_sha256"] = hashlib.sha256(listed).hexdigest()
    return StateSnapshot(
        frame_count=count,
        frame_ids=tuple(frame_id for frame_id, _ in rows),
        wal_sequence=int(stats.get("seq_no", 0)),
        extra=extra,
    )
