"""Two processes: one waits for the command and stays small, the other loads what records and makes the run.

What waits is gone at once when the run is written, while the other forces the run to the disk. They talk by
two pipes: the one that waits says the command's process and later how it ended; the other says that all is
written. Where either is killed, the other finds the end of its pipe.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from otel_replay.zero_code.started import Started

__all__ = ["Ended", "Launcher", "Recorder"]

_ALL_IS_WRITTEN = b"."


class Ended:
    """How a command ended.

    Attributes
    ----------
    code, number:
        Its exit code and, where one ended it, the signal's number.
    time_ns:
        When that was.
    tails:
        Attributes of the run: what is kept of its output.
    """

    __slots__ = ("code", "number", "tails", "time_ns")

    def __init__(self, code: int, number: int, time_ns: int, tails: dict[str, Any]) -> None:
        self.code = code
        self.number = number
        self.time_ns = time_ns
        self.tails = tails


class Recorder:
    """The process that records, as the launcher sees it. OSError where there can be no other process."""

    __slots__ = ("_hears", "_says", "pid")

    def __init__(self, started: Started) -> None:
        told, self._says, self._hears, answers = _pipes()
        try:
            self.pid = os.fork()
        except OSError:
            for fd in (told, self._says, self._hears, answers):
                os.close(fd)
            raise
        if not self.pid:
            _record(started, told, answers)
        os.close(told)
        os.close(answers)

    def command_runs(self, pid: int) -> None:
        """The command has been started as this process. Never raises."""
        self._say(b"%d\n" % pid)

    def dismiss(self) -> None:
        """There is no command after all: nothing is recorded."""
        os.kill(self.pid, 9)
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass  # the system does it, where SIGCHLD is ignored

    def command_ended(self, ended: Ended) -> bool:
        """Say how the command ended, and wait until the run is written; whether it is."""
        self._say(marshal.dumps((ended.code, ended.number, ended.time_ns, ended.tails)))
        os.close(self._says)
        return os.read(self._hears, 1) == _ALL_IS_WRITTEN

    def _say(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._says, rest) :]
        except OSError:
            return  # it was killed: that is found out when its answer is waited for


class Launcher:
    """The process that waits for the command, as the one that records sees it."""

    __slots__ = ("_answers", "_told")

    def __init__(self, told: int, answers: int) -> None:
        self._told = open(told, "rb")  # noqa: SIM115 - open for as long as this process lives
        self._answers = answers

    def pid(self) -> int:
        """The command's process; 0 where there is none: the launcher was killed before."""
        line = self._told.readline()
        return int(line) if line.endswith(b"\n") else 0

    def ended(self) -> Ended | None:
        """Wait for the command's end; None where nobody saw it: the launcher was killed."""
        try:
            return Ended(*marshal.loads(self._told.read()))
        except (EOFError, ValueError, TypeError):
            return None

    def all_is_written(self) -> None:
        """Let the launcher go, and hold nothing of what it was given: whoever waits for that goes on."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd, stream in ((1, sys.stdout), (2, sys.stderr)):
            try:
                stream.flush()  # what exporters may have said
            except (OSError, ValueError, AttributeError):
                pass  # as in `leaving`
            os.dup2(nowhere, fd)
        try:
            os.write(self._answers, _ALL_IS_WRITTEN)
        except OSError:
            return  # it was killed meanwhile
        if hasattr(os, "sched_yield"):
            os.sched_yield()  # where one processor has both, the one that is waited for goes first


def _pipes() -> list[int]:
    """Two pipes. A standard stream that was closed before us stays closed for the command."""
    ends, low = [*os.pipe(), *os.pipe()], []
    for number, fd in enumerate(ends):
        while fd <= 2:
            low.append(fd)
            fd = os.dup(fd)
        ends[number] = fd
    for fd in low:
        os.close(fd)
    return ends


def _record(started: Started, told: int, answers: int) -> NoReturn:
    """What the other process does, from its first line to its last."""
    gc.disable()  # nothing of what is loaded is garbage
    try:
        # No job of a shell: a terminal stops and interrupts the command and the launcher, and not this.
        os.setsid()
        launcher = Launcher(*_with_nothing_else(told, answers, started))
        _find_quickly()
        from otel_replay.zero_code.lean import load_lean

        load_lean()
        from otel_replay.zero_code.recording import record

        record(started, launcher)
    except Exception as error:
        # Whatever is wrong with us, the program that runs is waited for.
        print(f"warning: the run is not recorded: {error!r}", file=sys.stderr)
    finally:
        os._exit(0)


def _find_quickly() -> None:
    try:
        from otel_replay.own_modules import find_quickly

        find_quickly()
    except Exception:
        return  # then they are found as Python finds modules


def _with_nothing_else(told: int, answers: int, started: Started) -> tuple[int, int]:
    """Close what this process was given but the pipes, where it tells, and the turn; gives the pipes."""
    # Where standard streams were closed before us, others have taken their numbers.
    kept = []
    for fd in (told, answers, started.turn):
        while 0 <= fd <= 2:
            fd = os.dup(fd)
        kept.append(fd)
    told, answers, started.turn = kept
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    for fd, stream in ((1, sys.stdout), (2, sys.stderr)):
        if stream is None:
            os.dup2(nowhere, fd)
    for fd in _open_ones():
        if fd > 2 and fd not in kept:
            try:
                os.close(fd)
            except OSError:
                continue  # the one that listed them
    return told, answers


def _open_ones() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return list(range(256))  # a container without /proc
