"""Memory sessions with checkpoints, as memvid's replay feature has them, recorded by us.

    from otel_replay.compat.memvid import Memvid, ReplayConfig

    memory = Memvid("notes.mv2")
    memory.start_session("first notes", ReplayConfig(auto_checkpoint_interval=10))
    memory.record_put_action(0, b"PostgreSQL is the main database.")
    memory.end_session()
    memory.save_replay_sessions()

`record` wraps a memory of the real `memvid-sdk`, `replay_session` does a session again and compares, and
`compare_sessions` lays two side by side.
"""

from otel_replay.compat.memvid.active import ActiveSession
from otel_replay.compat.memvid.errors import InvalidQuery
from otel_replay.compat.memvid.memory import Memvid
from otel_replay.compat.memvid.types import (
    ActionType,
    Checkpoint,
    ReplayAction,
    ReplayConfig,
    ReplayManifest,
    ReplaySession,
    SessionSummary,
    StateSnapshot,
)

__all__ = [
    "ActionType",
    "ActiveSession",
    "Checkpoint",
    "InvalidQuery",
    "Memvid",
    "ReplayAction",
    "ReplayConfig",
    "ReplayManifest",
    "ReplaySession",
    "SessionSummary",
    "StateSnapshot",
]
