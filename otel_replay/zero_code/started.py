"""A command as it was started: what its processes find in their environment, and what its run is to be."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal

    from otel_replay.zero_code.asked import Asked
else:
    import _signal  # as in `launching`

__all__ = ["TAKEN", "Started"]

TAKEN = tuple(
    getattr(_signal, name)
    for name in ("SIGCHLD", "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
    if hasattr(_signal, name)
)
"""The signals that the launcher waits for; all others do to it what they do."""


class Started:
    """A command that has been started, and what its run is to be.

    Attributes
    ----------
    run_id, trace_id, span_id:
        What its processes find in their environment: ids of the run and of its own span.
    parent:
        The `TRACEPARENT` of the run that this one is a part of; empty where it is a run of its own.
    notes:
        The folder in which its Python processes say that they are there.
    rules:
        The function rules that they follow, each as JSON.
    turn:
        The descriptor that keeps other starts that ask for an id waiting until the run is there; -1: none.
    """

    __slots__ = (
        "asked",
        "notes",
        "parent",
        "pid",
        "rules",
        "run_id",
        "span_id",
        "started_ns",
        "store",
        "trace_id",
        "turn",
    )

    def __init__(self, asked: Asked, store: str) -> None:
        self.asked = asked
        self.store = store
        self.started_ns = time.time_ns()
        inherited = os.environ.get("OTEL_REPLAY_RUN_ID", "") if asked.run_id is None else ""
        self.parent = os.environ.get("TRACEPARENT", "-") if inherited else ""
        self.run_id = inherited or asked.run_id or _new_run_id(self.started_ns)
        self.trace_id = self.parent.split("-")[1] if self.parent.count("-") == 3 else os.urandom(16).hex()
        self.span_id = os.urandom(8).hex()
        self.notes = ""
        self.rules: tuple[str, ...] = ()
        self.pid = 0
        self.turn = -1

    def end_turn(self) -> None:
        """The run is there, or is not going to be: others go on."""
        if self.turn >= 0:
            os.close(self.turn)
            self.turn = -1


def _new_run_id(time_ns: int) -> str:
    # As `otel_replay.storage.run_opening.new_run_id`, before that can be loaded.
    moment = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime(time_ns // 1_000_000_000))
    return f"{moment}-{os.urandom(3).hex()}"
