"""Stepping through the decisions of a run: where one is, what the grid holds there, when to stop.

A state machine without a screen or a clock: keys and ticks come in as calls. Position `k` means that `k`
decisions have been made. Moving costs the changes between, not the whole run.
"""

from __future__ import annotations

from collections.abc import Sequence

from otel_replay.analysis.conditions import Condition
from otel_replay.analysis.grid import Change, Grid, Place
from otel_replay.analysis.selection import Selection
from otel_replay.records import Decision

__all__ = ["SPEEDS", "Playback"]

SPEEDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Decisions a second, slowest first."""

_FIRST_SPEED = SPEEDS.index(5.0)


class Playback:
    """A run that is played; begins before its first decision, and stands still.

    Parameters
    ----------
    decisions:
        All decisions, in order.
    grid:
        What they do to the table; None where they change none.
    """

    def __init__(self, decisions: Sequence[Decision], grid: Grid | None = None) -> None:
        self.decisions = decisions
        self.grid = grid
        self.position = 0
        self.playing = False
        self.stopped_by: Condition | None = None
        """The breakpoint that playing has just met."""
        self.breakpoints: tuple[Condition, ...] = ()
        self.filter = Selection()
        self.values: dict[Place, float] = {}
        """What the cells hold now: only those that decisions have spoken of so far."""
        self._speed = _FIRST_SPEED
        self._changes: Sequence[Change] = grid.changes if grid is not None else ()
        self._replaced: list[float | None] = []

    @property
    def current(self) -> Decision | None:
        """The decision that was made last; None at the beginning."""
        return self.decisions[self.position - 1] if self.position else None

    @property
    def last_change(self) -> Change | None:
        """The last change that has been made to the grid."""
        done = len(self._replaced)
        return self._changes[done - 1] if done else None

    @property
    def change(self) -> Change | None:
        """What the current decision did to the grid."""
        last = self.last_change
        return last if last is not None and last.number == self.position else None

    @property
    def at_end(self) -> bool:
        """Whether every decision has been made."""
        return self.position == len(self.decisions)

    @property
    def speed(self) -> float:
        """Decisions a second."""
        return SPEEDS[self._speed]

    # -- moving ----------------------------------------------------------------------------------------------

    def go(self, position: int) -> None:
        """To any position; beyond an end, to that end."""
        self.position = max(0, min(position, len(self.decisions)))
        self.stopped_by = None
        changes, replaced = self._changes, self._replaced
        while len(replaced) < len(changes) and changes[len(replaced)].number <= self.position:
            change = changes[len(replaced)]
            replaced.append(self.values.get(change.place))
            self.values[change.place] = change.after
        while replaced and changes[len(replaced) - 1].number > self.position:
            place = changes[len(replaced) - 1].place
            before = replaced.pop()
            if before is None:
                del self.values[place]
            else:
                self.values[place] = before

    def step(self, count: int = 1) -> bool:
        """On by so many decisions that pass the filter, or back by them; whether it moved."""
        target = self.position
        for _ in range(abs(count)):
            found = self._next(target) if count > 0 else self._previous(target)
            if found is None:
                break
            target = found
        moved = target != self.position
        self.go(target)
        return moved

    def first(self) -> None:
        """Before the first decision."""
        self.go(0)

    def last(self) -> None:
        """After the last decision that passes the filter."""
        found = self._previous(len(self.decisions) + 1)
        self.go(found or 0)

    def _next(self, position: int) -> int | None:
        for number in range(position + 1, len(self.decisions) + 1):
            if self.filter.matches(self.decisions[number - 1]):
                return number
        return None

    def _previous(self, position: int) -> int | None:
        for number in range(min(position, len(self.decisions) + 1) - 1, 0, -1):
            if self.filter.matches(self.decisions[number - 1]):
                return number
        return 0 if position > 0 else None

    # -- playing ---------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Play, or stand still. Played to the end, it begins anew."""
        self.playing = not self.playing
        if self.playing and self._next(self.position) is None:
            self.first()
        self.stopped_by = None

    def tick(self) -> bool:
        """The time of one decision has gone by; whether anything changed."""
        if not self.playing:
            return False
        if not self.step():
            self.playing = False
            return True
        self._stop_at_breakpoint()
        return True

    def run_to_breakpoint(self) -> None:
        """On to the next decision at which a breakpoint holds; to the last one where there is none."""
        self.playing = False
        position = self.position
        while (found := self._next(position)) is not None:
            position = found
            if any(one.matches(self.decisions[position - 1]) for one in self.breakpoints):
                break
        self.go(position)
        self._stop_at_breakpoint()

    def _stop_at_breakpoint(self) -> None:
        current = self.current
        for one in self.breakpoints:
            if current is not None and one.matches(current):
                self.playing = False
                self.stopped_by = one
                return

    def faster(self) -> None:
        """The next of :data:`SPEEDS`."""
        self._speed = min(self._speed + 1, len(SPEEDS) - 1)

    def slower(self) -> None:
        """The one before."""
        self._speed = max(self._speed - 1, 0)
