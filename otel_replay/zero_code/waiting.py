"""Waiting for the command as if it stood in our place: what is sent to us reaches it, and we end as it ends.

The command is in our process group: what a terminal sends (Ctrl-C, Ctrl-Z, a hang-up) it gets by itself, so
that only what another process sends to us is passed on. When it is stopped we are stopped, for the shell.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Sequence
else:
    import _signal  # as in `launching`

__all__ = ["die_alike", "exit_code", "wait_for"]

_STOPPED_SECONDS = 0.02


def wait_for(pid: int, taken: Sequence[int], resized: Callable[[], None] | None = None, also: int = 0) -> int:
    """Wait until the child `pid` has ended; gives its wait status.

    Parameters
    ----------
    taken:
        Signals, all of them blocked.
    resized:
        Called when the terminal has another size, before the child hears of it.
    also:
        Another child: should it end meanwhile, nobody is to find it still there.
    """
    if _signal.getsignal(_signal.SIGCHLD) == _signal.SIG_IGN:
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)  # ignored, nobody could say how the child ended
    while True:
        status = _ended(pid)
        if status is not None:
            return status
        also = 0 if also and _has_ended(also) else also
        told = _signal.sigtimedwait(taken, 60.0)
        if told is not None and told.si_signo == _signal.SIGWINCH and resized is not None:
            # The terminal has told the child already, which may have looked too early.
            resized()
            _send(pid, _signal.SIGWINCH)
            continue
        # From the kernel it came to all of the process group: a terminal, or a hang-up.
        if told is not None and told.si_signo != _signal.SIGCHLD and told.si_code <= 0:
            _send(pid, told.si_signo)


def _ended(pid: int) -> int | None:
    while True:
        found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if found == 0:
            return None
        if not os.WIFSTOPPED(status):
            return status
        # A shell that continues the job continues both of us: it may be running again by now.
        _signal.sigtimedwait([_signal.SIGCHLD], _STOPPED_SECONDS)
        if _is_stopped(pid):
            os.kill(os.getpid(), _signal.SIGSTOP)
            _send(pid, _signal.SIGCONT)


def _has_ended(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _is_stopped(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass  # it is gone, or became somebody else's


def exit_code(status: int) -> tuple[int, int]:
    """How a child ended by its wait status: its exit code and, where one ended it, the signal's number."""
    code = os.waitstatus_to_exitcode(status)
    return (code, 0) if code >= 0 else (128 - code, -code)


def die_alike(number: int) -> int:
    """End this process by a signal, without a core of its own; gives 128 and the number where it cannot."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number not in (_signal.SIGKILL, _signal.SIGSTOP):
        _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [number])
    return 128 + number
