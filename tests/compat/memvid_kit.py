"""What tests of memory sessions share."""

from __future__ import annotations

from otel_replay.compat.memvid import Memvid, ReplaySession, StateSnapshot

STATE = StateSnapshot(frame_count=2, frame_ids=(0, 1), lex_index_hash="ab", wal_sequence=7, generation=3)


def a_session(memory: Memvid, name: str = "first", puts: int = 2) -> ReplaySession:
    memory.start_session(name)
    for number in range(puts):
        memory.record_put_action(number, f"{name} {number}".encode())
    return memory.end_session()
