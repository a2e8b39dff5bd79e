"""Commands as processes: how long one took by the clock, and how much of a processor it used meanwhile.

On a machine with other things to do the clock says how busy the machine was; the processor time says what the
command costs. On a quiet one they are the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter_ns

__all__ = ["Command", "command_line"]


class Command:
    """A command to be run again and again, its output thrown away. Calling it gives its processor time."""

    def __init__(self, words: Sequence[str], **environment: str) -> None:
        self._words = list(words)
        self._environment = {**os.environ, **environment}
        self.wall_ns: list[int] = []
        """By the clock, in the order of the calls."""

    def __call__(self) -> int:
        actions = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
        begin = perf_counter_ns()
        pid = os.posix_spawn(self._words[0], self._words, self._environment, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        self.wall_ns.append(perf_counter_ns() - begin)
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            raise RuntimeError(f"`{' '.join(self._words)}` left with {code}")
        return round((usage.ru_utime + usage.ru_stime) * 1e9)


def command_line() -> list[str]:
    """How `otel-replay` is started here: the installed script, as a person does."""
    script = Path(sys.executable).parent / "otel-replay"
    if script.exists():
        return [str(script)]
    return [sys.executable, "-c", "from otel_replay.cli.main import main; main()"]
