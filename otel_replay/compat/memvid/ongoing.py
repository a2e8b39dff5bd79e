"""The session that is going on, as others find it: its run, and the file that names both."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from otel_replay.attributes import MEMORY_SERIES
from otel_replay.clock import Clock
from otel_replay.compat.memvid.active import ActiveSession
from otel_replay.compat.memvid.active_file import (
    RUN_PREFIX,
    ActiveFile,
    put_together,
    read_active,
    set_aside,
    write_active,
)
from otel_replay.compat.memvid.errors import InvalidQuery
from otel_replay.errors import FormatError, StoreError, told
from otel_replay.recording.run import Run, start_run
from otel_replay.settings import Settings
from otel_replay.storage.refusals import shown, told_as_store_error
from otel_replay.storage.run_files import RunFiles

__all__ = ["Ongoing"]

_log = logging.getLogger("otel_replay")


class Ongoing:
    """Where the active session of one memory is recorded.

    Parameters
    ----------
    path:
        The file that names the active session.
    given:
        The run to record into; None: each session, and each part of one that was interrupted, has its own.
    settings, clock:
        For runs of its own.
    """

    def __init__(self, path: Path, given: Run | None, settings: Settings, clock: Clock) -> None:
        self.path = path
        self.run: Run | None = None
        """The run that actions go into; None where no session is active, or nothing can be recorded."""
        self.runs: tuple[str, ...] = ()
        """The directories of all runs of the active session."""
        self._given = given
        self._settings = settings
        self._clock = clock

    def begin(self, session: ActiveSession) -> None:
        """Record the session from now on; says in the log where that is not possible.

        Raises
        ------
        InvalidQuery
            If another handle has begun one at the same moment.
        """
        fresh = not self.runs
        run = self._given if self._given is not None and self._given.recording else None
        if run is None:
            name = f"{RUN_PREFIX}{session.name or session.session_id()}"
            run = start_run(
                name, settings=self._settings, attributes={MEMORY_SERIES: str(session.session_id())}
            )
            run.detach()  # what the program does meanwhile is not part of the session
        if not run.recording:
            _log.warning("memory session %s is kept in memory only", session.session_id())
            return
        self.run = run
        try:
            self.save(session, fresh=fresh)
        except FileExistsError:
            self.end()
            raise InvalidQuery(f"Another session of {shown(self.path)} began at the same moment") from None

    def save(self, session: ActiveSession, *, fresh: bool = False) -> None:
        """Write the file; a warning in the log where that fails. FileExistsError: a `fresh` one is there."""
        if self.run is None:
            return
        self.runs = tuple(dict.fromkeys((*self.runs, os.path.abspath(self.run.directory))))
        try:
            write_active(self.path, ActiveFile.of(session, self.runs), fresh=fresh)
        except StoreError as error:
            _log.warning("memory session %s will not be found again: %s", session.session_id(), error)

    def end(self) -> None:
        """Stop recording. A run of its own ends."""
        run, self.run, self.runs = self.run, None, ()
        if run is not None and run is not self._given:
            run.end()

    def clear(self) -> None:
        """Take the file away. StoreError if that is not possible."""
        with told_as_store_error("delete", self.path):
            self.path.unlink(missing_ok=True)

    def left_over(self) -> ActiveFile | None:
        """What the file says, if a session was left without its end. One that cannot be read is set aside.

        Raises
        ------
        InvalidQuery
            If the session is being recorded right now.
        """
        if not os.path.lexists(self.path):
            return None
        try:
            active = read_active(self.path)
        except (FormatError, StoreError) as error:
            self.set_aside("unreadable", told(error))
            return None
        mine = os.path.abspath(self._given.directory) if self._given is not None else None
        for directory in active.runs:
            if directory != mine and RunFiles(Path(directory)).is_written():
                raise InvalidQuery(
                    f"Session {active.session_id} is being recorded elsewhere, into {shown(directory)}",
                    hint="end it there, or close that handle",
                )
        return active

    def set_aside(self, word: str, why: str) -> None:
        """Move the file out of the way, and say so."""
        with told_as_store_error("move", self.path):
            aside = set_aside(self.path, word)
        _log.warning("%s was set aside as %s: %s", shown(self.path), shown(aside), why)

    def recovered(self) -> ActiveSession | None:
        """The session that was left without its end, as it was recorded; :meth:`begin` goes on with it.

        One that cannot be put together is set aside, and named in the log. Raises as :meth:`left_over`.
        """
        active = self.left_over()
        if active is None:
            return None
        try:
            session = put_together(active)
        except (FormatError, StoreError) as error:
            self.set_aside("unreadable", told(error))
            return None
        self.runs = active.runs
        return session
