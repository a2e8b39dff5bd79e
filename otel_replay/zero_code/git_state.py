"""The commit that a program was run from, and whether its files had been changed since."""

from __future__ import annotations

import subprocess
import threading
from typing import Any

from otel_replay.attributes import VCS_DIRTY, VCS_HEAD_NAME, VCS_REVISION

__all__ = ["GitState"]

_COMMAND = (
    *("git", "--no-optional-locks", "status", "--porcelain=v2", "--branch"),
    *("--untracked-files=no", "--ignore-submodules=all"),
)
_LONGEST_SECONDS = 10.0
_PATIENCE_SECONDS = 1.0


class GitState:
    """Asks git beside the program that runs: the program does not wait for it."""

    def __init__(self) -> None:
        self._output = b""
        self._thread = threading.Thread(target=self._ask, name="otel-replay-git", daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        try:
            done = subprocess.run(
                _COMMAND,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_LONGEST_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return  # no git here, or one that hangs: nothing is known
        self._output = done.stdout if done.returncode == 0 else b""

    def attributes(self) -> dict[str, Any]:
        """What git said; nothing where it did not, within a second from now."""
        self._thread.join(_PATIENCE_SECONDS)
        return attributes_of(self._output.decode("utf-8", "replace"))


def attributes_of(status: str) -> dict[str, Any]:
    """Attributes from what `git status --porcelain=v2 --branch` prints."""
    told: dict[str, Any] = {}
    lines = status.splitlines()
    for line in lines:
        if line.startswith("# branch.oid ") and not line.endswith("(initial)"):
            told[VCS_REVISION] = line.split()[2]
        elif line.startswith("# branch.head ") and not line.endswith("(detached)"):
            told[VCS_HEAD_NAME] = line.partition("head ")[2]
    if told:
        told[VCS_DIRTY] = any(not line.startswith("#") for line in lines)
    return told
