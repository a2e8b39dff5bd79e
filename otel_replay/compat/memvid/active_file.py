"""The file beside a memory that names the session being recorded, and the runs that hold its actions.

It is written when recording begins and taken away when the session ends. What was done in between stands in
the journals of these runs: after a crash the session is put together again from them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from otel_replay.attributes import MEMORY_SERIES
from otel_replay.compat.memvid.active import ActiveSession
from otel_replay.compat.memvid.recorded import checkpoint_of, read_actions
from otel_replay.compat.memvid.types import ReplayAction, ReplayConfig, ReplaySession
from otel_replay.errors import FormatError
from otel_replay.storage.atomic import write_atomically
from otel_replay.storage.documents import encode_document, read_document
from otel_replay.storage.refusals import shown, told_as_store_error
from otel_replay.storage.run_files import RunFiles
from otel_replay.values_json import AnyValue

__all__ = [
    "RUN_PREFIX",
    "ActiveFile",
    "put_together",
    "read_active",
    "sessions_of_run",
    "set_aside",
    "write_active",
]

RUN_PREFIX = "memory "
"""What the name of a session's own run begins with."""

FORMAT = "otel-replay.memory-session"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveFile:
    """What the file says. `runs` are directories, in the order in which they were recorded."""

    session_id: uuid.UUID
    name: str | None
    created_ns: int
    config: ReplayConfig
    runs: tuple[str, ...] = ()

    @classmethod
    def of(cls, session: ActiveSession, runs: Sequence[str]) -> ActiveFile:
        """What the file says of a session."""
        return cls(
            session_id=session.session_id(),
            name=session.name,
            created_ns=session.created_ns,
            config=session.config,
            runs=tuple(runs),
        )


def write_active(path: Path, active: ActiveFile, *, fresh: bool = False) -> None:
    """Make the file, in place of what was there.

    Raises
    ------
    FileExistsError
        If it is to be a `fresh` one, and another handle was faster.
    StoreError
        If it cannot be written.
    """
    body = {
        "session_id": str(active.session_id),
        "name": active.name,
        "created_ns": active.created_ns,
        "auto_checkpoint_interval": active.config.auto_checkpoint_interval,
        "runs": list(active.runs),
    }
    data = encode_document(FORMAT, VERSION, body)
    if not fresh:
        write_atomically(path, data)
        return
    new = path.with_name(f".{path.name[:200]}.{active.session_id}")
    write_atomically(new, data)
    try:
        os.link(new, path)  # unlike a rename, it does not take the place of what is there
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with told_as_store_error("write", path):
            os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def read_active(path: Path) -> ActiveFile:
    """What the file says.

    Raises
    ------
    StoreError, FormatError
        If it cannot be read, or is not such a file.
    """
    body = read_document(path, FORMAT, VERSION)
    try:
        return ActiveFile(
            session_id=uuid.UUID(body["session_id"]),
            name=None if body["name"] is None else str(body["name"]),
            created_ns=int(body["created_ns"]),
            config=ReplayConfig(auto_checkpoint_interval=int(body["auto_checkpoint_interval"])),
            runs=tuple(map(str, body["runs"])),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"{shown(path)} does not name a session: {type(error).__name__}: {error}") from None


def put_together(active: ActiveFile) -> ActiveSession:
    """The session as far as it was recorded, from the journals of its runs.

    Lines that could not be read are named in its metadata, under `bad_lines`.

    Raises
    ------
    StoreError, FormatError
        If a run or something in it cannot be read.
    """
    session = ActiveSession(
        active.name, active.config, session_id=active.session_id, created_ns=active.created_ns
    )
    bad_lines: list[AnyValue] = []
    for directory in active.runs:
        files = RunFiles(Path(directory))
        _ = files.header  # a run that is not there is not one without actions
        found, bad = read_actions(files)
        bad_lines += [f"{directory}: {line}" for line in bad]
        _take_in(session, found.get(str(active.session_id), []))
    if bad_lines:
        session.metadata["bad_lines"] = bad_lines
    return session


def sessions_of_run(run: str | os.PathLike[str]) -> list[ReplaySession]:
    """The memory sessions that a run holds, from its journals: also of one that was ended and never saved.

    Parameters
    ----------
    run:
        The run's directory, as :attr:`Run.directory` and a session's metadata name it.

    Raises
    ------
    StoreError, FormatError
        If the run or something in it cannot be read.
    """
    files = RunFiles(Path(run))
    header = files.header
    found, bad = read_actions(files)
    own = header.attributes.get(MEMORY_SERIES)
    sessions = []
    for session_id in dict.fromkeys((*([own] if isinstance(own, str) else []), *found)):
        actions = found.get(session_id, [])
        times = [action.time_ns for action in actions]
        name = header.name.removeprefix(RUN_PREFIX) if session_id == own else None
        session = ActiveSession(
            None if name == session_id else name,
            ReplayConfig(),
            session_id=uuid.UUID(session_id),
            created_ns=header.started_ns if session_id == own else min(times),
        )
        _take_in(session, actions)
        ended_ns = header.ended_ns if session_id == own and not header.recovered else None
        more: dict[str, AnyValue] = {"runs": [os.path.abspath(run)]}
        sessions.append(session.end(ended_ns, {**more, **({"bad_lines": [*bad]} if bad else {})}))
    return sessions


def _take_in(session: ActiveSession, actions: Iterable[ReplayAction]) -> None:
    for action in actions:
        session.record_action(action)
        checkpoint = checkpoint_of(action)
        if checkpoint is not None:
            session.record_checkpoint(checkpoint)


def set_aside(path: Path, word: str) -> Path:
    """Move a file out of the way, to a name that is free; returns it. StoreError if that is not possible."""
    number = 0
    while True:
        aside = path.with_name(f"{path.name}.{word}" + (f".{number}" if number else ""))
        if not os.path.lexists(aside):
            os.rename(path, aside)
            return aside
        number += 1
