"""Hooks that fail alone: what goes wrong in one is counted and told once, and never reaches the program."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])

__all__ = ["FAILURES", "Attempts", "failed", "guarded"]

FAILURES: dict[str, int] = {}
"""How often each hook has failed in this process, by what it does."""


def failed(doing: str, error: Exception) -> None:
    """Note that a hook has failed. The first time for each `doing` it is told in the log.

    Parameters
    ----------
    doing:
        What went wrong, for a person: `recording a trial of optuna`.
    error:
        What was raised. An exception of the program's own signal handler is let through.
    """
    try:
        # Each process of a recorded program loads this, and few ever fail.
        apart = sys.modules.get("otel_replay.hooks.apart")
        logging = getattr(apart, "import_apart", __import__)("logging")
        from otel_replay.errors import told
        from otel_replay.interruptions import let_through
    except Exception:
        # No descriptor left, no rights any more, or the interpreter is ending: what tells cannot be loaded.
        _say_plainly(doing, error)
        return
    let_through(error)
    FAILURES[doing] = FAILURES.get(doing, 0) + 1
    if FAILURES[doing] > 1:
        return
    text = f"{doing} failed: {told(error)} (the program goes on; further failures are counted)"
    try:
        logging.getLogger("otel_replay").warning("%s", text)
    except AttributeError:  # it is a stub of the program's
        _print(text)


def _say_plainly(doing: str, error: Exception) -> None:
    try:
        FAILURES[doing] = FAILURES.get(doing, 0) + 1
        if FAILURES[doing] > 1:
            return
        _print(f"{doing} failed: {type(error).__name__} (the program goes on)")
    except Exception:  # there is nobody left to tell
        return


def _print(text: str) -> None:
    try:
        print(text, file=sys.stderr)
    except Exception:  # it is closed, or full
        return


class Attempts:
    """Whether something that has failed each time is tried again: less and less often.

    What records cannot be loaded where a program has put a stub in the place of a module of Python's. To find
    that out again with each decision would hold the program up.
    """

    __slots__ = ("_asked", "_failures")

    _MANY = 8

    def __init__(self) -> None:
        self._failures = 0
        self._asked = 0

    def are_due(self, doing: str) -> bool:
        """Whether to try it now; where not, that counts as one more failure of `doing`."""
        if self._failures < self._MANY:
            return True
        self._asked += 1
        if self._asked & (self._asked - 1) == 0:
            return True
        FAILURES[doing] = FAILURES.get(doing, 0) + 1
        return False

    def failed(self) -> None:
        """It has failed once more."""
        self._failures += 1

    def succeeded(self) -> None:
        """It has not failed: it is tried each time again."""
        self._failures = self._asked = 0


def guarded(doing: str) -> Callable[[_F], _F]:
    """Decorate a hook: it gives None where it fails. It must call nothing of the program's own."""

    import functools

    def around(function: _F) -> _F:
        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                failed(doing, error)
                return None

        return called  # type: ignore[return-value]  # wraps() forgets the type

    return around
