"""How a run begins and ends in one process: made or joined, and at its end closed and summed up."""

from __future__ import annotations

import fcntl
import os
import threading
from functools import partial
from pathlib import Path

from otel_replay import log
from otel_replay.clock import SYSTEM_CLOCK, Clock, guarded, iso_milliseconds
from otel_replay.errors import OtelReplayError, StoreError, UsageError
from otel_replay.light import light, replace
from otel_replay.redaction import redactor_for
from otel_replay.settings import Settings
from otel_replay.storage import active_runs, last_sync
from otel_replay.storage.last_sync import sync_now, sync_soon
from otel_replay.storage.liveness import process_identity
from otel_replay.storage.run_header import HEADER_NAME, EndStatus, RunHeader
from otel_replay.storage.run_owner import wait_for_owner
from otel_replay.storage.run_writer import RunWriter
from otel_replay.storage.screen import Screen
from otel_replay.storage.store import RUNS_NAME, Store, validate_run_id
from otel_replay.storage.syncer import Syncer
from otel_replay.version import WRITER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from otel_replay.content import Content
    from otel_replay.storage.meter import Meter

__all__ = ["OpenedRun", "end_run", "name_root", "new_run_id", "open_run"]

_lock = threading.RLock()
_screens: dict[tuple[Any, ...], Screen] = {}
_syncers: dict[float, Syncer] = {}
_told: set[str] = set()
_LONGEST_MESSAGE = 300


@light(kw_only=True)
class OpenedRun:
    """A run that this process writes to. `joined`: another process began it and will end it."""

    writer: RunWriter
    header: RunHeader
    store: Store
    settings: Settings
    joined: bool


def new_run_id(time_ns: int) -> str:
    """An id that sorts by time and is told from others of the same second: `2025-12-15T17-28-01Z-e46826`."""
    moment = iso_milliseconds(time_ns)[:19].replace(":", "-")
    return f"{moment}Z-{os.urandom(3).hex()}"


def open_run(
    name: str,
    *,
    settings: Settings,
    run_id: str | None = None,
    joins: bool = False,
    attributes: Mapping[str, Any] | None = None,
    parent_run_id: str = "",
    began_ns: int | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> OpenedRun:
    """Begin a run, or join one that another process began. Never raises.

    A run id that is not allowed or taken is replaced, and that is told; a store that cannot be written gives
    a run that counts what it loses.

    Parameters
    ----------
    run_id, joins:
        The id to use, made from the time if None; and whether such a run may be there already.
    attributes:
        What the run's header says besides.
    parent_run_id, began_ns:
        The run inside which this one begins; and when it began, now by default.
    """
    _tell_once(settings.problems)
    clock = guarded(clock)
    now = clock()
    store = Store(settings.store)
    wanted = _allowed(run_id, now)
    writer = _writer(store, wanted, settings, clock)
    blobs: list[bytes] = []
    header = RunHeader(
        run_id=wanted,
        name=writer.clean_text(name),
        started_ns=now if began_ns is None else began_ns,
        journal=writer.journal_name,
        # Its blobs are put when the run's directory is there: it must not be made by them.
        attributes=writer.clean(attributes or {}, blobs.append),
        process=process_identity(),
        parent_run_id=parent_run_id,
        writer=WRITER,
    )
    joined = False
    writer.begins = header.begins()
    try:
        store.ensure()
        made = _make(store, header, writer, settings, joins)
        joined = made is None
        writer = made or writer
        for data in blobs if made is not None else ():
            writer.put_blob(data)
    except (OtelReplayError, OSError) as error:
        log.warning("run %s is not recorded: %s (the program goes on)", wanted, error)
    writer.begins = None if joined else writer.begins
    active_runs.add(writer)
    # Of a process that is not the run's own, such as a forked child: it may live longer than the run.
    writer.on_exit = partial(_sum_up_again, writer, bool(settings.projections))
    header = replace(header, run_id=writer.run_id, journal=writer.journal_name)
    return OpenedRun(writer=writer, header=header, store=store, settings=settings, joined=joined)


def _tell_once(problems: Iterable[str]) -> None:
    for problem in problems:
        if problem not in _told:
            _told.add(problem)
            log.warning("%s", problem)


def _allowed(run_id: str | None, now: int) -> str:
    if run_id is None:
        return new_run_id(now)
    try:
        return validate_run_id(run_id)
    except UsageError as error:
        made = new_run_id(now)
        log.error("%s; recording as %s", error, made)
        return made


def _make(
    store: Store, header: RunHeader, writer: RunWriter, settings: Settings, joins: bool
) -> RunWriter | None:
    """Make the run's directory; under another id where it is taken. None: it is there by now, join it."""
    wanted = header.run_id
    if joins:
        wait_for_owner(store.directory(wanted), settings.run_owner)
        last_sync.owner = settings.run_owner
    for number in range(2, 1000):
        try:
            store.make(header.run_id, writer.begin)
            break
        except StoreError:
            if not os.path.lexists(store.directory(header.run_id)):
                raise
            if joins:
                return None
            other = f"{wanted[:120]}-{number}"
            writer = _writer(store, other, settings, writer.clock)
            writer.begins = header.begins()
            header = replace(header, run_id=other)
    if header.run_id != wanted:
        log.warning("run %s exists already; recording as %s", wanted, header.run_id)
    return writer


def _writer(store: Store, run_id: str, settings: Settings, clock: Clock) -> RunWriter:
    with _lock:
        key = (settings.redact, settings.redact_keys, settings.resources, settings.content)
        screen = _screens.get(key)
        if screen is None:
            screen = _screens[key] = Screen(
                redactor_for(settings.redact, settings.redact_keys),
                _meter() if settings.resources else None,
                _content(settings.content),
            )
        syncer = _syncers.get(settings.sync_seconds)
        if syncer is None:
            syncer = _syncers[settings.sync_seconds] = Syncer(settings.sync_seconds)
    return RunWriter(
        Path(f"{store.root}/{RUNS_NAME}/{run_id}").absolute(),
        run_id,
        screen=screen,
        clock=clock,
        mode=settings.journal_mode,
        syncer=syncer,
        writer=WRITER,
        as_logs=settings.decisions_as_logs,
    )


def _meter() -> Meter:
    from otel_replay.storage.meter import Meter  # few want it

    return Meter()


def _content(setting: str) -> Content | None:
    if setting == "full":
        return None  # nothing is loaded for it
    from otel_replay.content import content_for

    return content_for(setting)


def name_root(run: OpenedRun, trace_id: str, span_id: str) -> None:
    """Say which span is the run's own."""
    run.header = replace(run.header, trace_id=trace_id, span_id=span_id)


def end_run(run: OpenedRun, *, ended_ns: int, failed: bool = False, message: str = "") -> None:
    """Close this process's journal and sum the run up. Never raises.

    A process that joined the run says nothing of how it ended; it only brings what is derived up to date,
    should the run be over already.
    """
    with active_runs.summing_up(run.writer):
        _end_run(run, ended_ns, failed, message)


def _end_run(run: OpenedRun, ended_ns: int, failed: bool, message: str) -> None:
    writer = run.writer
    active_runs.remove(writer)
    home = os.getpid() == writer.home_pid and not run.joined
    message = writer.clean_message(message)
    status: EndStatus = "error" if failed else "ok"
    if home:
        cut = message[:_LONGEST_MESSAGE]  # all of it stands in the span's end
        writer.ends = {"ended_ns": ended_ns, "status": status, **({"message": cut} if cut else {})}
    writer.close("ended" if home else "exit")
    try:
        os.stat(writer.directory)
        if home:
            run.header = replace(run.header, ended_ns=ended_ns, status=status, message=message)
            if run.settings.projections is not None:
                _sum_up(writer, run.header, run.settings.projections)
        else:
            _sum_up_again(writer, bool(run.settings.projections))
    except FileNotFoundError:
        log.warning("run %s: nothing of it is kept in %s", writer.run_id, writer.directory)
    except Exception as error:
        # The program goes on whatever this is; the journals hold everything, and are not touched here.
        log.warning("run %s: not summed up: %s; `otel-replay recover` does it", writer.run_id, error)
    if run.settings.sync_seconds == 0:
        sync_now()  # there is no thread to do it


def _sum_up(writer: RunWriter, header: RunHeader, projections: bool) -> None:
    """Write what is derived; where there is no room for all of it, at least how the run ended."""
    try:
        _finalised(writer, header, projections)
    except StoreError:
        if projections and not (writer.directory / HEADER_NAME).exists():
            _finalised(writer, header, False)
        raise


_MOST_BYTES_AT_EXIT = 16 << 20
"""What came late is summed up while the process ends if all of the run's journals are no larger: a second."""


def _size_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in (directory / "journal").glob("*.jsonl"))


def _finalised(writer: RunWriter, header: RunHeader | None, projections: bool) -> None:
    from otel_replay.storage.finalise import finalise, names  # reading is not needed before a run's end

    directory = writer.directory
    finalise(directory, clock=writer.clock, header=header, projections=projections, durable=False)
    sync_soon([directory, *(directory / name for name in names(projections))])


def _sum_up_again(writer: RunWriter, projections: bool) -> None:
    """Bring what is derived up to date, should the run be over already. Never raises."""
    if writer.journal is None or not _is_summed_up(writer.directory):
        return  # nothing was added, or who ends the run will find it
    if active_runs.is_ending() and _size_bytes(writer.directory) > _MOST_BYTES_AT_EXIT:
        log.warning(
            "run %s: what came after its end is not summed up; `otel-replay recover` does it", writer.run_id
        )
        return
    try:
        if os.path.isdir(writer.directory):
            _finalised(writer, None, projections)
    except Exception as error:
        log.warning("run %s: not summed up: %s; `otel-replay recover` does it", writer.run_id, error)


def _is_summed_up(directory: Path) -> bool:
    """Whether there is something derived that may have to be brought up to date; waits for who makes it."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return True  # the next steps tell what is wrong
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError:
        pass  # no locks on this file system
    finally:
        os.close(fd)
    return os.path.lexists(directory / HEADER_NAME)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
