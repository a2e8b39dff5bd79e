"""The commit that a program was run from, and whether its files had been changed since."""

from __future__ import annotations

import os
import time

from otel_replay.attributes import VCS_DIRTY, VCS_HEAD_NAME, VCS_REVISION

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any
else:
    import _signal  # as in `launching`

__all__ = ["GitState"]

_COMMAND = (
    *("git", "--no-optional-locks", "status", "--porcelain=v2", "--branch"),
    *("--untracked-files=no", "--ignore-submodules=all"),
)
_BLOCK_BYTES = 65_536
_PATIENCE_SECONDS = 1.0


class GitState:
    """Asks git beside the program that runs: the program does not wait for it."""

    def __init__(self) -> None:
        self._output = bytearray()
        self._reads, self._pid = -1, 0
        if not _in_repository():
            return
        try:
            self._reads, writes = os.pipe()
        except OSError:
            return  # no descriptor left: nothing is known
        streams = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 2)]
        words = (*streams, (os.POSIX_SPAWN_DUP2, writes, 1))
        try:
            # No signal that the launcher waits for is blocked in it.
            self._pid = os.posix_spawnp("git", _COMMAND, os.environ, file_actions=words, setsigmask=())
        except OSError:
            pass  # no git here
        os.close(writes)

    def attributes(self) -> dict[str, Any]:
        """What git said; nothing where it did not, within a second from now. To be asked once."""
        if self._reads < 0:
            return {}
        said_all = self._read(time.monotonic() + _PATIENCE_SECONDS)
        os.close(self._reads)
        if not self._pid or not self._ended_well(said_all):
            return {}
        return attributes_of(self._output.decode("utf-8", "replace"))

    def _read(self, until: float) -> bool:
        import select

        while select.select([self._reads], (), (), max(0.0, until - time.monotonic()))[0]:
            data = os.read(self._reads, _BLOCK_BYTES)
            if not data:
                return True
            self._output += data
        return False

    def _ended_well(self, said_all: bool) -> bool:
        try:
            if not said_all:
                os.kill(self._pid, _signal.SIGKILL)  # one that hangs
            return os.waitpid(self._pid, 0)[1] == 0
        except OSError:
            return said_all  # where SIGCHLD is ignored nobody is told


def _in_repository() -> bool:
    """Whether git may find one from here, as it looks for it. To start it takes longer than to look."""
    if "GIT_DIR" in os.environ:
        return True
    try:
        folder = os.getcwd()
    except OSError:
        return False  # it was deleted
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True


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
