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
from otel_replay.compat.memvid.active_file import sessions_of_run
from otel_replay.compat.memvid.compare import Comparison, compare_sessions
from otel_replay.compat.memvid.errors import InvalidQuery
from otel_replay.compat.memvid.memory import Memvid
from otel_replay.compat.memvid.original_file import read_original
from otel_replay.compat.memvid.replay import (
    ActionReplayResult,
    Operations,
    Outcome,
    ReplayExecutionConfig,
    ReplayResult,
    replay_session,
)
from otel_replay.compat.memvid.sdk import RecordedMemory, record
from otel_replay.compat.memvid.sdk_replay import operations_of
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
    "ActionReplayResult",
    "ActionType",
    "ActiveSession",
    "Checkpoint",
    "Comparison",
    "InvalidQuery",
    "Memvid",
    "Operations",
    "Outcome",
    "RecordedMemory",
    "ReplayAction",
    "ReplayConfig",
    "ReplayExecutionConfig",
    "ReplayManifest",
    "ReplayResult",
    "ReplaySession",
    "SessionSummary",
    "StateSnapshot",
    "compare_sessions",
    "operations_of",
    "read_original",
    "record",
    "replay_session",
    "sessions_of_run",
]
