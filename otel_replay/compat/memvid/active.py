"""The session that is being recorded: what was done so far, in memory; the journal has the same."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping

from otel_replay.compat.memvid.types import (
    Checkpoint,
    ReplayAction,
    ReplayConfig,
    ReplaySession,
    StateSnapshot,
)
from otel_replay.values_json import AnyValue

__all__ = ["ActiveSession"]


class ActiveSession:
    """A session from its start to its end.

    Parameters
    ----------
    name, config:
        As they were given at its start.
    session_id, created_ns:
        Its identity, and when it began (nanoseconds since the epoch).
    """

    def __init__(
        self, name: str | None, config: ReplayConfig, *, session_id: uuid.UUID, created_ns: int
    ) -> None:
        self.name = name
        self.config = config
        self.created_ns = created_ns
        self.metadata: dict[str, AnyValue] = {}
        self._id = session_id
        self._actions: list[ReplayAction] = []
        self._checkpoints: list[Checkpoint] = []
        self._lock = threading.Lock()  # calls of several threads are numbered side by side
        self._next = 0
        self._last_checkpoint = 0

    def session_id(self) -> uuid.UUID:
        """The session's id."""
        return self._id

    def next_sequence(self) -> int:
        """The number of the action that comes next; each call gives another one."""
        with self._lock:
            number = self._next
            self._next = number + 1
            return number

    def record_action(self, action: ReplayAction) -> None:
        """Take an action in. Those of several threads may come out of order."""
        with self._lock:
            self._actions.append(action)
            self._next = max(self._next, action.sequence + 1)

    def should_checkpoint(self) -> bool:
        """Whether it is time for a checkpoint, by the configured interval."""
        interval = self.config.auto_checkpoint_interval
        return bool(interval) and self._next - self._last_checkpoint >= interval

    def create_checkpoint(self, snapshot: StateSnapshot, time_ns: int) -> Checkpoint:
        """The next checkpoint: before the action that comes next."""
        checkpoint = Checkpoint(len(self._checkpoints), self._next, time_ns, snapshot)
        self.record_checkpoint(checkpoint)
        return checkpoint

    def record_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take a checkpoint in that was made already."""
        self._checkpoints.append(checkpoint)
        self._last_checkpoint = checkpoint.at_sequence + 1  # the action that tells of it does not count

    def end(self, ended_ns: int | None, more: Mapping[str, AnyValue] | None = None) -> ReplaySession:
        """The session as it stands, in the order of its actions."""
        return ReplaySession(
            session_id=self._id,
            name=self.name,
            created_ns=self.created_ns,
            ended_ns=ended_ns,
            actions=tuple(sorted(self._actions, key=lambda action: action.sequence)),
            checkpoints=tuple(sorted(self._checkpoints, key=lambda one: one.id)),
            metadata={**self.metadata, **(more or {})},
        )
