"""Processes that another process started: the same one still, or a stranger with its number?"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path


def start_mark(pid: int) -> str:
    """What tells this process from a later one with the same number; empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _start_mark_by_ps(pid)
    # The name, in parentheses, may hold anything; behind it come the state and, 20th, the start time.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _start_mark_by_ps(pid: int) -> str:
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def is_same(pid: int, mark: str) -> bool:
    """Whether the process that had this mark still runs."""
    return bool(mark) and start_mark(pid) == mark


def end(pid: int, mark: str, *, deadline_s: float = 30.0) -> bool:
    """Ask the process to end, wait until it has, kill it after the deadline; False if it was gone."""
    if not is_same(pid, mark):
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + deadline_s
    while is_same(pid, mark):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.05)  # not our child, so there is nothing to wait on
    return True
