"""Waiting for the process that makes a run's directory, where it makes it beside those that join the run."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["is_there", "wait_for_owner"]

_LONGEST_SECONDS = 10.0
_STEP_SECONDS = 0.001


def wait_for_owner(directory: Path, owner: int) -> None:
    """Wait until `directory` is there, for as long as the process `owner` lives, and ten seconds at most.

    `otel-replay run` starts the program first, and makes the run while the program starts: there is hardly
    ever anything to wait for.

    Parameters
    ----------
    directory:
        The run's directory.
    owner:
        The id of the process that makes it; 0: nobody in particular.
    """
    until = time.monotonic() + _LONGEST_SECONDS
    while owner > 0 and not os.path.isdir(directory) and is_there(owner) and time.monotonic() < until:
        time.sleep(_STEP_SECONDS)


def is_there(pid: int) -> bool:
    """Whether there is a process of this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, and somebody else's
    return True
