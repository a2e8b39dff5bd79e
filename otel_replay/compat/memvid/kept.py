"""The sessions that are over: in memory, and in a segment file that several handles add to."""

from __future__ import annotations

import uuid
from pathlib import Path

from otel_replay.compat.memvid.codec import decode, encode, entry_id
from otel_replay.compat.memvid.errors import InvalidQuery
from otel_replay.compat.memvid.segment import Segment, SegmentFile
from otel_replay.compat.memvid.types import SEGMENT_VERSION, ReplayManifest, ReplaySession
from otel_replay.errors import FormatError

__all__ = ["KeptSessions"]


class KeptSessions:
    """Completed sessions, and what is to be done with them at the next :meth:`save`.

    Parameters
    ----------
    path:
        The segment file.
    """

    def __init__(self, path: Path) -> None:
        self.sessions: list[ReplaySession] = []
        self.problems: tuple[str, ...] = ()
        """What was wrong with the segment file when it was last read or written."""
        self._file = SegmentFile(path)
        self._unsaved: set[uuid.UUID] = set()
        self._deleted: set[uuid.UUID] = set()

    def keep(self, session: ReplaySession) -> None:
        """Take a session in; the next save writes it."""
        self.sessions.append(session)
        self._unsaved.add(session.session_id)

    def get(self, session_id: uuid.UUID) -> ReplaySession | None:
        """The session of this id."""
        return next((one for one in self.sessions if one.session_id == session_id), None)

    def delete(self, session_id: uuid.UUID) -> None:
        """Take a session out; the next save takes it out of the file.

        Raises
        ------
        InvalidQuery
            If there is none of this id.
        """
        if self.get(session_id) is None:
            raise InvalidQuery(
                f"Session {session_id} not found",
                hint="`list_sessions()` names what is there; `load_replay_sessions()` reads what was saved",
            )
        self.sessions = [one for one in self.sessions if one.session_id != session_id]
        self._unsaved.discard(session_id)
        self._deleted.add(session_id)

    def save(self) -> None:
        """Add what is new to the file, take out what was deleted here; other handles' sessions stay.

        Raises
        ------
        StoreError, FormatError
            If the file cannot be read or written.
        """
        new = [encode(one) for one in self.sessions if one.session_id in self._unsaved]
        if not new and not self._deleted:
            return
        gone = frozenset(self._deleted)
        keep = (lambda payload: entry_id(payload) not in gone) if gone else None
        self.problems = self._file.update(new, keep=keep).problems
        self._unsaved.clear()
        self._deleted.clear()

    def load(self) -> None:
        """Read the file's sessions; those of this handle that are not saved yet stay.

        Raises
        ------
        StoreError, FormatError
            If the file cannot be read.
        """
        segment = self._file.read()
        saved, problems = _decoded(segment)
        unsaved = [one for one in self.sessions if one.session_id in self._unsaved]
        there = {one.session_id: one for one in (*saved, *unsaved) if one.session_id not in self._deleted}
        self.sessions = list(there.values())
        self.problems = (*segment.problems, *problems)

    def manifest(self) -> ReplayManifest | None:
        """What the file holds; None where there is none. Raises as :meth:`load`."""
        segment = self._file.read()
        if not segment.whole_bytes:
            return None
        saved, _ = _decoded(segment)
        return ReplayManifest(
            segment_offset=0,
            segment_size=segment.whole_bytes,
            session_count=len(saved),
            total_actions=sum(len(one.actions) for one in saved),
            version=SEGMENT_VERSION,
        )


def _decoded(segment: Segment) -> tuple[list[ReplaySession], list[str]]:
    sessions, problems = [], []
    for number, payload in enumerate(segment.payloads):
        try:
            sessions.append(decode(payload))
        except FormatError as error:
            problems.append(f"entry {number}: {error}")
    return sessions, problems
