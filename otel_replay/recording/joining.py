"""A child process that records something joins its parent's run by itself.

The environment names the run (`OTEL_REPLAY_RUN_ID`). The first thing that is recorded in such a process
begins a span for the process, below the span that was current when it was started; it ends with the process.
"""

from __future__ import annotations

import os
import threading

from otel_replay.otel.keys import RUN_KEY
from otel_replay.recording.current import get_context
from otel_replay.settings import RUN_ID_VARIABLE
from otel_replay.storage import active_runs

__all__ = ["join_if_invited"]

_lock = threading.RLock()
# Read once: this is asked with every call where nothing records.
_invited = bool(os.environ.get(RUN_ID_VARIABLE))


def join_if_invited() -> bool:
    """Join the run that the environment names, or open the process's own; whether something records now.

    What was begun in a run may go on after its end, in another thread or task: that is recorded as well.
    """
    global _invited
    if active_runs.opener is not None:
        active_runs.opener()
        return bool(active_runs.WRITERS)
    if not _invited:
        return active_runs.over and get_context().get(RUN_KEY) is not None
    with _lock:
        if not _invited:
            return False
        _invited = False
        from otel_replay.recording.run import join_run

        return join_run()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
