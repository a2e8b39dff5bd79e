"""What a process has spent since it was asked last: time, processor time, and the memory that it holds.

Asked with each decision where a setting wants it; reading takes some microseconds.
"""

from __future__ import annotations

import os
import threading
from time import perf_counter_ns, process_time_ns

from otel_replay.attributes import RESOURCES_CPU_MS, RESOURCES_ELAPSED_MS, RESOURCES_RSS_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Meter"]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Meter:
    """The meter of one process; begins when it is made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._elapsed_ns, self._cpu_ns = perf_counter_ns(), process_time_ns()

    def read(self) -> dict[str, Any]:
        """Attributes: milliseconds since the last reading, processor milliseconds of all threads since then,
        resident memory in bytes (where the system tells it)."""
        if self._pid != os.getpid():
            # A forked child: its processor time began at nothing, and another thread may have held the lock.
            self._lock = threading.Lock()
            self._begin()
        with self._lock:
            elapsed_ns, cpu_ns = perf_counter_ns(), process_time_ns()
            since = {
                RESOURCES_ELAPSED_MS: (elapsed_ns - self._elapsed_ns) / 1e6,
                RESOURCES_CPU_MS: (cpu_ns - self._cpu_ns) / 1e6,
            }
            self._elapsed_ns, self._cpu_ns = elapsed_ns, cpu_ns
        rss_bytes = _memory.rss_bytes()
        return since if rss_bytes is None else {**since, RESOURCES_RSS_BYTES: rss_bytes}


class _Memory:
    """The kernel's file that says how much memory this process holds, kept open: opening it costs most."""

    def __init__(self) -> None:
        self._pid = -1
        self._fd = -1
        self._identity: tuple[int, int] | None = None

    def rss_bytes(self) -> int | None:
        """Resident memory in bytes; None where the system does not tell it."""
        try:
            if self._pid != os.getpid() or not self._is_ours():
                # After a fork it is the parent's; a program may have closed it and reused its number.
                self._fd = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
                self._pid, self._identity = os.getpid(), _identity(self._fd)
            return int(os.pread(self._fd, 128, 0).split()[1]) * _PAGE_BYTES
        except (OSError, ValueError, IndexError):
            return None  # not Linux: nothing cheap tells the present value

    def _is_ours(self) -> bool:
        try:
            return _identity(self._fd) == self._identity
        except OSError:
            return False


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


_memory = _Memory()
