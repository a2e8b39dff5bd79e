"""Is the process that writes a journal still there? Its lock says so; where locks do not work, its identity.

A writer holds `flock` on its journal while it lives, and the kernel lets go of it at any kind of death. On a
file system without flock the journal's header names the process: machine, boot, pid and start time, so that
another process that was given the same pid is not taken for it. What another machine wrote and no lock can
tell counts as alive while its journal was changed a moment ago.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from otel_replay.storage.own_file import is_closed_here
from otel_replay.storage.run_owner import is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    Verdict = Literal["alive", "dead", "unknown"]

__all__ = ["is_alive", "is_local", "is_process_alive", "lock_state", "process_identity"]

_FRESH_SECONDS = 60.0
_HEADER_BYTES = 65_536

_known: dict[int, dict[str, Any]] = {}


def process_identity() -> dict[str, Any]:
    """Who this process is, for the headers of what it writes: `pid`, `host`, and where the system tells them
    `boot` (which start of the machine), `pid_namespace` and `start_ticks` (when the process began)."""
    pid = os.getpid()
    identity = _known.get(pid)
    if identity is None:
        identity = {"pid": pid, "host": os.uname().nodename} | _kernel_says(pid)
        _known.clear()  # what is known of the process before a fork is of no use in the child
        _known[pid] = identity
    return dict(identity)


def _kernel_says(pid: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    boot = _read("/proc/sys/kernel/random/boot_id")
    if boot:
        told["boot"] = boot
    try:
        told["pid_namespace"] = os.readlink("/proc/self/ns/pid")
    except OSError:
        pass
    ticks = _start_ticks(pid)
    if ticks is not None:
        told["start_ticks"] = ticks
    return told


def _start_ticks(pid: int) -> int | None:
    # After the command's closing bracket come state, ppid, …: the start time is the 20th of them.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if fields[:1] in (["Z"], ["X"]):
        return None  # it has ended, and nobody has asked how
    return int(fields[19]) if len(fields) > 19 and fields[19].isdigit() else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def is_process_alive(process: Mapping[str, Any]) -> bool | None:
    """Whether the process that `process` identifies (:func:`process_identity`) still runs.

    None: it ran where this process cannot look (another machine, another container).
    """
    mine = process_identity()
    pid = process.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return None
    if not _same_kernel(process, mine):
        # The same machine, started again since: nothing that ran before does now.
        return False if process.get("host") == mine["host"] else None
    if process.get("pid_namespace") != mine.get("pid_namespace"):
        return None
    ticks = process.get("start_ticks")
    if ticks is not None and "start_ticks" in mine:
        return bool(_start_ticks(pid) == ticks)
    return is_there(pid)


def is_local(process: Mapping[str, Any]) -> bool:
    """Whether locks and pids can tell of the process here; also where nobody says which it was."""
    return not process or _same_kernel(process, process_identity())


def _same_kernel(process: Mapping[str, object], mine: Mapping[str, object]) -> bool:
    if "boot" in process and "boot" in mine:
        return process["boot"] == mine["boot"]
    return process.get("host") == mine["host"]


def lock_state(fd: int) -> Verdict:
    """What the lock on an open journal says: held (alive), free (dead), nothing where there are no locks."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "alive"
    except OSError:
        return "unknown"
    fcntl.flock(fd, fcntl.LOCK_UN)
    return "dead"


def is_alive(journal: Path, process: Mapping[str, Any] | None = None) -> bool:
    """Whether the process that writes the journal still runs. Looks, and changes nothing.

    Parameters
    ----------
    journal:
        The journal.
    process:
        Who made the run, in case that the journal has no header yet.
    """
    from otel_replay.storage.inside import open_file  # who only records looks at nobody

    try:
        fd = open_file(journal)
    except OSError:
        return False
    try:
        lock = lock_state(fd)
        if lock == "alive":
            return not is_closed_here(fd)
        head = os.pread(fd, _HEADER_BYTES, 0).partition(b"\n")[0]
        writer = _process_of(head)
        if writer is None:
            # Made a moment ago, and not locked yet; or its process died at just that moment.
            return is_process_alive(process or {}) is True
        if lock == "dead" and is_local(writer):
            return False
        alive = is_process_alive(writer)
        if alive is None:
            # The locks of another machine are not seen on every network file system.
            return abs(time.time() - os.fstat(fd).st_mtime) < _FRESH_SECONDS
        return alive and not _is_closed(fd)
    finally:
        os.close(fd)


def _process_of(head: bytes) -> Mapping[str, Any] | None:
    """Who wrote a journal, by its first line; nothing, where it does not say; None where it is no header."""
    from otel_replay.orjson_loading import orjson  # a small program records without

    try:
        body = orjson.loads(head)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None
    process = body.get("process", {})
    return process if isinstance(process, dict) else {}


def _is_closed(fd: int) -> bool:
    size = os.fstat(fd).st_size
    last = os.pread(fd, 4096, max(0, size - 4096)).rstrip(b"\n").rpartition(b"\n")[2]
    return last.startswith(b'{"kind":"close"')
