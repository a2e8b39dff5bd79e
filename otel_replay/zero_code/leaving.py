"""The launcher's own end: at once, and as the program ended."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from otel_replay.storage.active_runs import end_process
from otel_replay.storage.last_sync import sync_behind, sync_soon
from otel_replay.zero_code.waiting import die_alike

__all__ = ["leave"]


def leave(code: int, number: int, directory: Path | None) -> int:
    """End this process with an exit code, or by a signal. It does not return.

    Parameters
    ----------
    code:
        The exit code.
    number:
        The signal that ended the program; 0: none.
    directory:
        The run's; None: nothing was recorded.
    """
    # The program's caller does not wait for the disk, and neither have its processes.
    sync_soon(directory.glob("journal/*.jsonl") if directory is not None else ())
    sync_behind()
    end_process()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # nobody reads it any more, or it was closed before we began: then Python has None there
    if number:
        code = die_alike(number)
    os._exit(code)
