"""The launcher's own end: at once, and as the program ended."""

from __future__ import annotations

import os
import sys

from otel_replay.zero_code.waiting import die_alike

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["leave"]


def leave(code: int, number: int) -> NoReturn:
    """End this process with an exit code, or by the signal `number`, if it is not 0."""
    # Inside another recorded run this process is one of its programs, and has a journal there.
    runs = sys.modules.get("otel_replay.storage.active_runs")
    if runs is not None:
        runs.end_process()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # nobody reads it any more, or it was closed before we began: then Python has None there
    if number:
        code = die_alike(number)
    os._exit(code)
