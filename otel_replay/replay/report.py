"""What came of a replay: counted while it runs, told when it is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_replay.replay.causes import Drift
from otel_replay.replay.divergence import Divergence, names_of
from otel_replay.replay.recorded import RecordedCall, Recording

__all__ = ["ReplayReport"]

_MOST_NOTES = 20


@dataclass(slots=True, kw_only=True)
class ReplayReport:
    """A replay so far.

    Attributes
    ----------
    calls:
        Calls that the program made.
    answered:
        Of these, calls that an equal recorded one answered.
    made:
        Calls that were made: tools that are not to be answered, and what comes after the last step that is.
    divergences:
        Calls that no equal recorded one was left for.
    drifts:
        Calls that were made although they were recorded, and gave something else.
    out_of_order:
        Calls that were asked for before one that had ended when they began.
    left:
        Recorded calls that nobody asked for.
    error:
        What ended the replay, where something did.
    """

    recording: Recording
    calls: int = 0
    answered: int = 0
    made: int = 0
    divergences: list[Divergence] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    left: list[RecordedCall] = field(default_factory=list)
    error: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the program asked for just what was recorded, and for all of it."""
        return not self.divergences and not self.left and not self.error

    @property
    def first(self) -> Divergence | None:
        """The first call that went another way."""
        return self.divergences[0] if self.divergences else None

    def restart(self) -> None:
        """Count from 0 again, in a forked child: what its parent did before stands in the parent's report."""
        self.calls = self.answered = self.made = 0
        self.divergences, self.drifts, self.out_of_order = [], [], []

    def count_call(self) -> int:
        """Count a call of the program; returns its number, from 1."""
        with self._lock:
            self.calls += 1
            return self.calls

    def note_answer(self, call: RecordedCall, late: RecordedCall | None) -> None:
        """A call was answered by an equal one."""
        with self._lock:
            self.answered += 1
            if late is not None and len(self.out_of_order) < _MOST_NOTES:
                self.out_of_order.append(f"step {call.step} was asked for before step {late.step}")

    def note_made(self) -> None:
        """A call was made."""
        with self._lock:
            self.made += 1

    def so_far(self) -> str:
        """In a few words."""
        return f"{self.answered} answered, {len(self.recording.calls) - self.answered} recorded calls left"

    def lines(self) -> Iterator[str]:
        """For people."""
        total = len(self.recording.calls)
        yield (
            f"{self.answered} of {total} recorded calls answered"
            + (f", {self.made} made" if self.made else "")
            + (f", {len(self.divergences)} not as recorded" if self.divergences else "")
        )
        for one in self.divergences:
            yield from one.lines()
        if self.error and not self.divergences:
            yield self.error
        if self.left:
            yield f"not asked for: {names_of(self.left)}"
        for drift in self.drifts:
            place = drift.differences[0].place if drift.differences else "it"
            yield f"made and not as recorded: step {drift.step} {drift.name} ({place})"
        yield from self.out_of_order
        yield from self.recording.notes

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "run_id": self.recording.run_id,
            "ok": self.ok,
            "recorded": len(self.recording.calls),
            "calls": self.calls,
            "answered": self.answered,
            "made": self.made,
            "divergences": [one.as_json() for one in self.divergences],
            "not_asked_for": _steps(self.left),
            "drifts": [
                {"step": one.step, "name": one.name, "places": [place.place for place in one.differences]}
                for one in self.drifts
            ],
            "out_of_order": list(self.out_of_order),
            "notes": list(self.recording.notes),
            "error": self.error,
            "text": list(self.lines()),
        }


def _steps(calls: Sequence[RecordedCall]) -> list[dict[str, Any]]:
    return [{"step": call.step, "kind": call.kind, "name": call.name} for call in calls]
