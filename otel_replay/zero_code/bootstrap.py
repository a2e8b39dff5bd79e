"""What happens in each Python process of a recorded program before its own first line. It never raises.

Every process pays for what is imported here, also one that records nothing: next to nothing is. The run is
joined with the first thing to record.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import _count  # of threads besides the first

__all__ = ["begin", "begin_if_recorded"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_replay.zero_code.plan import Plan

_begun_in = 0


def begin() -> None:
    """Hook into what the program is going to import. Calling it again does nothing."""
    global _begun_in
    if _begun_in == os.getpid():
        return
    _begun_in = os.getpid()
    atexit.register(_stay_interrupted)  # the first to be registered is the last to be called
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork)
    try:
        from otel_replay.own_modules import find_quickly

        find_quickly()
    except (ImportError, NotImplementedError):
        pass  # a Python that lacks what it is made of, or byte code: its own way finds them
    except Exception as error:
        _failed("finding what records", error)
    plan: Plan | None = None
    try:
        from otel_replay.zero_code.plan import plan_of

        plan = plan_of(os.environ["OTEL_REPLAY_HOOKS"])
        if plan.notes:
            from otel_replay.zero_code.presence import say_so

            say_so(plan.notes)
    except Exception as error:
        _failed("reading what to hook into", error)
    for doing, hook in (("hooking into libraries", _libraries), ("hooking into functions", _functions)):
        try:
            if plan is not None:
                hook(plan)
        except Exception as error:
            _failed(doing, error)


def _before_fork() -> None:
    if not _count():
        return  # there is no other thread
    try:
        from otel_replay.hooks.forks import wait_for_imports

        wait_for_imports()
    except Exception as error:
        _failed("waiting for imports before a fork", error)


def _stay_interrupted() -> None:
    """End by the signal where Ctrl-C has ended the program, as Python does by itself.

    The interpreter forgets that it was interrupted when it runs any text as code, as our last work does with
    what it imports.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        try:
            exec("raise KeyboardInterrupt")
        except KeyboardInterrupt:
            return


def begin_if_recorded() -> None:
    """As :func:`begin`, in a process of a recorded program: `opentelemetry-instrument` calls this.

    Its own `sitecustomize` stands before ours, and imports no other.
    """
    if os.environ.get("OTEL_REPLAY_HOOKS"):
        begin()


def _libraries(plan: Plan) -> None:
    from otel_replay.libraries.installing import install

    install(plan.disabled)


def _functions(plan: Plan) -> None:
    from otel_replay.rules.watching import watch

    watch(plan.rules, plan.notes)


def _failed(doing: str, error: Exception) -> None:
    try:
        from otel_replay.hooks.guard import failed

        failed(doing, error)
    except Exception:  # there is nobody left to tell
        return
