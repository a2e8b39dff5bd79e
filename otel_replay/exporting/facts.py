"""What is said of a run beside its decisions, for whoever renders it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otel_replay.clock import iso_milliseconds
from otel_replay.records import Decision
from otel_replay.wording import duration

__all__ = ["RunFacts", "length_of", "length_text", "when_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run's head. `ended_ns` is None while it goes on; `chosen` says how many of all these are."""

    run_id: str
    name: str
    status: str
    started_ns: int
    ended_ns: int | None = None
    message: str = ""
    chosen: str = ""


def length_of(facts: RunFacts, decisions: Sequence[Decision]) -> int:
    """How long the run took, in nanoseconds: to its end or its last decision, whichever is later."""
    last_ns = max([facts.ended_ns or 0, *(decision.time_ns for decision in decisions)], default=0)
    return max(0, last_ns - facts.started_ns)


def length_text(length_ns: int) -> str:
    """A length of time for a head line, as the terminal says it: `27.0 ms`, `49.4 s`, `2h14m`."""
    return duration(length_ns) if length_ns else "0 ms"


def when_text(time_ns: int) -> str:
    """A time for a head line: `2026-11-20 14:13:35 UTC`."""
    return iso_milliseconds(time_ns).replace("T", " ").partition(".")[0] + " UTC"
