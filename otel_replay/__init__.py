"""otel-replay: the flight recorder for tuning runs and agent runs, on OpenTelemetry.

    import otel_replay

    with otel_replay.start_run("ve tuning"):
        with otel_replay.task("smooth"):
            otel_replay.decision("CLAMPING", "over the limit", values={"before": 12.4, "after": 10.0})

Names are imported when they are first used, so that `import otel_replay` costs next to nothing.

PYTEST_DONT_REWRITE: in a recorded session this is imported before pytest, which would warn of it.
"""

from __future__ import annotations

from _thread import get_ident

TYPE_CHECKING = False  # typing is not loaded for it: each process of a recorded program imports this
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from otel_replay.libraries.installing import record_libraries
    from otel_replay.otel.exporter import ReplaySpanExporter
    from otel_replay.otel.processor import ReplaySpanProcessor
    from otel_replay.recording.children import child_environment
    from otel_replay.recording.decorators import agent, generation, task, tool
    from otel_replay.recording.moments import (
        artifact,
        checkpoint,
        decision,
        file_read,
        file_write,
        heartbeat,
    )
    from otel_replay.recording.run import Run, start_run
    from otel_replay.replay.divergence import ReplayDivergence
    from otel_replay.replay.player import replay_run

__all__ = [
    "start_run",
    "Run",
    "task",
    "tool",
    "generation",
    "agent",
    "decision",
    "checkpoint",
    "artifact",
    "file_read",
    "file_write",
    "heartbeat",
    "child_environment",
    "record_libraries",
    "ReplaySpanProcessor",
    "ReplaySpanExporter",
    "replay_run",
    "ReplayDivergence",
]

_PLACES = {
    "start_run": "recording.run",
    "Run": "recording.run",
    "task": "recording.decorators",
    "tool": "recording.decorators",
    "generation": "recording.decorators",
    "agent": "recording.decorators",
    "decision": "recording.moments",
    "checkpoint": "recording.moments",
    "artifact": "recording.moments",
    "file_read": "recording.moments",
    "file_write": "recording.moments",
    "heartbeat": "recording.moments",
    "child_environment": "recording.children",
    "record_libraries": "libraries.installing",
    "ReplaySpanProcessor": "otel.processor",
    "ReplaySpanExporter": "otel.exporter",
    "replay_run": "replay.player",
    "ReplayDivergence": "replay.divergence",
}


_importing: list[int] = []
"""The threads that import names of ours right now."""

_waiting: list[Callable[[], object]] = []
"""What signal handlers have recorded meanwhile."""


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module `otel_replay` has no attribute `{name}`")
    thread = get_ident()
    if place.startswith("recording.") and name != "Run" and thread in _importing:
        from otel_replay.half_imported import StandIn  # hardly ever needed

        return StandIn(name, lambda: globals().get(name), _waiting)
    _importing.append(thread)
    try:
        _import_package(place)
    finally:
        _importing.remove(thread)
    while _waiting and not _importing:
        _waiting.pop(0)()
    return globals()[name]


def _import_package(place: str) -> None:
    from importlib import import_module

    # The names of a package come together: an import that is going on in one thread while another one forks
    # would never end in the child.
    package = place.partition(".")[0]
    for other, where in _PLACES.items():
        if where == place or (package == "recording" and where.startswith("recording.")):
            globals()[other] = getattr(import_module(f"otel_replay.{where}"), other)


def __dir__() -> list[str]:
    return sorted(__all__)
