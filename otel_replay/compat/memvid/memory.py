"""The sessions of one memory file: start, record, checkpoint, end; list, get, delete; save, load, recover.

The methods are the original's. What is different: an action is in a journal when its call has returned, a
session that was not ended is never overwritten or deleted, and several handles add to one segment file.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from otel_replay.clock import SYSTEM_CLOCK, Clock, guarded
from otel_replay.compat.memvid.active import ActiveSession
from otel_replay.compat.memvid.cleaning import Cleaning
from otel_replay.compat.memvid.errors import InvalidQuery
from otel_replay.compat.memvid.kept import KeptSessions
from otel_replay.compat.memvid.ongoing import Ongoing
from otel_replay.compat.memvid.recorded import INTERRUPTED, begin, finish
from otel_replay.compat.memvid.types import (
    ActionType,
    AnyAction,
    ReplayAction,
    ReplayConfig,
    ReplayManifest,
    ReplaySession,
    SessionSummary,
    StateSnapshot,
    content_hash,
)
from otel_replay.recording.moments import checkpoint as record_checkpoint
from otel_replay.recording.run import Run
from otel_replay.recording.spans import ToolCall
from otel_replay.settings import Settings, read_settings

__all__ = ["Memvid"]

_log = logging.getLogger("otel_replay")


class Memvid:
    """The recording side of a memory file. Files beside it: `<path>.replay` (sessions), `<path>.session`.

    Parameters
    ----------
    path:
        The memory file. It is not opened, and need not be there.
    state:
        Called at each checkpoint; gives the state of the memory. Without one, checkpoints hold none.
    run:
        Record into this run; by default each session is a run of its own.
    store, settings:
        As for :func:`otel_replay.start_run`.
    clock:
        Nanoseconds since the epoch; for tests.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        state: Callable[[], StateSnapshot] | None = None,
        run: Run | None = None,
        store: str | os.PathLike[str] | None = None,
        settings: Settings | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._path = Path(path)
        self.active_session: ActiveSession | None = None
        self._kept = KeptSessions(self._path.with_name(self._path.name + ".replay"))
        self._state = state
        self._clock = guarded(clock)
        self._lock = threading.RLock()
        settings = settings or read_settings(store=store)
        self.cleaning = Cleaning(settings)
        active_file = self._path.with_name(self._path.name + ".session")
        self._ongoing = Ongoing(active_file, run, settings, self._clock)

    @property
    def path(self) -> Any:
        """The memory file."""
        return self._path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop recording. A session that is active stays so on the disk, for :meth:`load_active_session`."""
        with self._lock:
            self.active_session = None
            self._ongoing.end()

    # -- a session -------------------------------------------------------------------------------------------

    def start_session(self, name: str | None = None, config: ReplayConfig | None = None) -> uuid.UUID:
        """Begin a session; returns its id.

        A session that was left without its end is set aside, and its file named in the log.

        Raises
        ------
        InvalidQuery
            If a session is active already, here or in another handle that is being recorded.
        """
        with self._lock:
            self._refuse_active()
            left = self._ongoing.left_over()
            if left is not None:
                why = f"session {left.session_id} was not ended; its actions are in {', '.join(left.runs)}"
                self._ongoing.set_aside("interrupted", why)
            named = None if name is None else str(self.cleaning.value(name))
            session = ActiveSession(
                named, config or ReplayConfig(), session_id=uuid.uuid4(), created_ns=self._clock()
            )
            self._ongoing.begin(session)
            self.active_session = session
            _log.info("memory session %s started", session.session_id())
            return session.session_id()

    def end_session(self) -> ReplaySession:
        """End the active session and keep it; :meth:`save_replay_sessions` writes it to the segment file.

        Raises
        ------
        InvalidQuery
            If none is active.
        """
        with self._lock:
            session = self._active("to end")
            completed = session.end(self._clock(), {"runs": list(self._ongoing.runs)})
            self.active_session = None
            self._kept.keep(completed)
            self._ongoing.end()
            self.clear_active_session_file()
            _log.info("memory session %s ended", completed.session_id)
            return completed

    def active_session_id(self) -> uuid.UUID | None:
        """The id of the active session."""
        return self.active_session.session_id() if self.active_session is not None else None

    def is_recording(self) -> bool:
        """Whether a session is active."""
        return self.active_session is not None

    def create_checkpoint(self) -> int:
        """Note the state of the memory, as a place to replay from; returns the checkpoint's number.

        Raises
        ------
        InvalidQuery
            If no session is active.
        """
        with self._lock:
            session = self._active("for checkpoint")
            snapshot = self._state() if self._state is not None else StateSnapshot()
            checkpoint = session.create_checkpoint(snapshot, self._clock())
            value = self.cleaning.value(snapshot.as_value())
            action = ReplayAction(
                session.next_sequence(),
                ActionType.Checkpoint(checkpoint.id),
                checkpoint.time_ns,
                output=value,
                output_hash=content_hash(value),
            )
            call = self._begin(action)
            if call is not None:
                with call:
                    record_checkpoint(f"memory checkpoint {checkpoint.id}", value)
            session.record_action(action)
            return checkpoint.id

    def checkpoint_if_due(self) -> None:
        """Make a checkpoint if the configured number of actions was recorded since the last one."""
        with self._lock:
            if self.active_session is not None and self.active_session.should_checkpoint():
                self.create_checkpoint()

    def _refuse_active(self) -> None:
        if self.active_session is not None:
            raise InvalidQuery("A session is already active. End it before starting a new one.")

    def _active(self, for_what: str) -> ActiveSession:
        if self.active_session is None:
            raise InvalidQuery(f"No active session {for_what}", hint="`start_session()` begins one")
        return self.active_session

    # -- a session that another process left -----------------------------------------------------------------

    def load_active_session(self) -> bool:
        """Go on with the session that was left without its end; whether there was one.

        Its actions come from the journals: every one whose call had returned is there. A session that cannot
        be read is set aside, and named in the log.

        Raises
        ------
        InvalidQuery
            If a session is active already, here or in another handle.
        """
        with self._lock:
            self._refuse_active()
            session = self._ongoing.recovered()
            if session is None:
                return False
            self._ongoing.begin(session)
            self.active_session = session
            _log.info("memory session %s goes on", session.session_id())
            return True

    def save_active_session(self) -> None:
        """Write the file that names the active session; takes it away where none is active.

        There is no need to: it is written when a session begins, and each action when it is recorded.
        """
        with self._lock:
            if self.active_session is None:
                self.clear_active_session_file()
            else:
                self._ongoing.save(self.active_session)

    def clear_active_session_file(self) -> None:
        """Take away the file that names the active session. Its run and what is in it stay.

        Raises
        ------
        StoreError
            If that is not possible.
        """
        self._ongoing.clear()

    # -- actions ---------------------------------------------------------------------------------------------

    def record_put_action(self, frame_id: int, input: bytes) -> None:
        """Record that `input` was put into the memory as a frame. Does nothing where no session is active."""
        with self._lock:
            self._record_done(ActionType.Put(frame_id), input, frames=[frame_id])
            self.checkpoint_if_due()

    def record_find_action(
        self, query: str, mode: str, result_count: int, result_frames: Sequence[int]
    ) -> None:
        """Record a search and the frames that it found, best first."""
        self._record_done(ActionType.Find(query, mode, result_count), query, frames=result_frames)

    def record_ask_action(
        self,
        query: str,
        provider: str,
        model: str,
        response: bytes,
        duration_ms: int,
        retrieved_frames: Sequence[int],
    ) -> None:
        """Record a question, who answered it and what, how long it took, and the frames it was taken from."""
        made = ActionType.Ask(query, provider, model)
        self._record_done(made, query, response=response, duration_ms=duration_ms, frames=retrieved_frames)

    def _record_done(
        self,
        action_type: AnyAction,
        given: str | bytes,
        *,
        response: bytes | None = None,
        duration_ms: int = 0,
        frames: Sequence[int] = (),
    ) -> None:
        with self._lock:
            if self.active_session is None:
                return
            started_ns = self._clock() - duration_ms * 1_000_000
            action = self.action(action_type, given, started_ns=started_ns)
            output = self.cleaning.value(response)
            action = replace(
                action,
                output=output,
                output_hash=content_hash(output),
                duration_ms=duration_ms,
                affected_frames=tuple(int(frame) for frame in frames),
            )
            call = self._begin(action)
            if call is not None:
                call.end()
            self.active_session.record_action(action)

    # -- actions that take their time, for the recorder of a real memory ------------------------------------

    def action(self, action_type: AnyAction, given: object, *, started_ns: int | None = None) -> ReplayAction:
        """The next action of the active session, with its input; not recorded yet."""
        session = self._active("to record in")
        kept = self.cleaning.value(given)
        return ReplayAction(
            session.next_sequence(),
            self.cleaning.action_type(action_type),
            self._clock() if started_ns is None else started_ns,
            input=kept,
            input_hash=content_hash(kept),
        )

    def begin_action(self, action: ReplayAction) -> ToolCall | None:
        """Record that an action begins; what it does is recorded inside its span."""
        return self._begin(replace(action, error=INTERRUPTED))

    def finish_action(self, call: ToolCall | None, action: ReplayAction) -> None:
        """Record an action whose call has come back."""
        action = replace(action, action_type=self.cleaning.action_type(action.action_type))
        if call is not None:
            finish(call, action)
            call.end()
        with self._lock:
            if self.active_session is not None:
                self.active_session.record_action(action)

    def _begin(self, action: ReplayAction) -> ToolCall | None:
        if self._ongoing.run is None or self.active_session is None:
            return None
        return begin(self._ongoing.run, str(self.active_session.session_id()), action)

    # -- sessions that are over ------------------------------------------------------------------------------

    @property
    def completed_sessions(self) -> list[ReplaySession]:
        """The sessions that are over, in the order in which they ended or were read."""
        return self._kept.sessions

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong with the segment file when it was last read or written, in words."""
        return self._kept.problems

    @property
    def replay_manifest(self) -> ReplayManifest | None:
        """What the segment file holds; None where there is none."""
        return self._kept.manifest()

    def list_sessions(self) -> list[SessionSummary]:
        """The sessions of this handle that are over, and those that :meth:`load_replay_sessions` has read."""
        return [SessionSummary.of(session) for session in self._kept.sessions]

    def get_session(self, session_id: uuid.UUID) -> ReplaySession | None:
        """The session of this id; None where there is none."""
        return self._kept.get(session_id)

    def delete_session(self, session_id: uuid.UUID) -> None:
        """Take a session out; the next save takes it out of the file. InvalidQuery: there is none."""
        with self._lock:
            self._kept.delete(session_id)
            _log.info("memory session %s deleted", session_id)

    def save_replay_sessions(self) -> None:
        """Add this handle's new sessions to the segment file; what other handles saved stays.

        Raises
        ------
        StoreError, FormatError
            If the file cannot be read or written, or is something else.
        """
        with self._lock:
            self._kept.save()
            self._tell_problems()

    def load_replay_sessions(self) -> None:
        """Read the sessions of the segment file; what is damaged in it is named in `problems` and the log.

        Raises
        ------
        StoreError, FormatError
            If the file cannot be read, or is something else.
        """
        with self._lock:
            self._kept.load()
            self._tell_problems()

    def _tell_problems(self) -> None:
        for problem in self._kept.problems:
            _log.warning("%s.replay: %s", self._path, problem)
