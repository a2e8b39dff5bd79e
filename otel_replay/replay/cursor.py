"""Which recorded call answers which call of the program: by what is asked and where, never by position alone.

Each recorded call answers once. Calls may come from several threads and tasks, in any order: equal requests
at one place are told apart by nothing, so the earlier recorded one answers first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from otel_replay.replay.nearest import nearest
from otel_replay.replay.recorded import RecordedCall, Recording
from otel_replay.replay.requests import Request

__all__ = ["Cursor", "Found", "Match"]

Match = Literal["strict", "nearest", "ordered"]

_MOST_COMPARED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the cursor says of a call.

    Attributes
    ----------
    call:
        The recorded call that answers it; None where none does.
    exact:
        Whether it asked for just that.
    beyond:
        Whether the call comes after the step up to which is replayed: it is to be made.
    nearest, score:
        Where no equal call is left: the most similar one that is left, and how similar.
    used:
        How many equal calls have been used already.
    late:
        A call that had ended when this one began, and has not been asked for yet.
    """

    call: RecordedCall | None = None
    exact: bool = True
    beyond: bool = False
    nearest: RecordedCall | None = None
    score: float = 0.0
    used: int = 0
    late: RecordedCall | None = None


class Cursor:
    """Gives out the calls of a recording.

    Parameters
    ----------
    recording:
        The recorded calls.
    match:
        `strict`: only to equal requests; `nearest`: else to the most similar; `ordered`: else in their order.
    until:
        The last step that is replayed; None: all are.
    """

    def __init__(self, recording: Recording, match: Match = "strict", until: int | None = None) -> None:
        self._calls = recording.calls
        self._match = match
        self._until = until
        self._lock = threading.Lock()
        self._free = [True] * (len(self._calls) + 1)
        self._free[0] = False
        self._first_free = 1
        self._here: dict[tuple[bytes, tuple[str, ...]], deque[int]] = {}
        self._anywhere: dict[bytes, deque[int]] = {}
        self._equal: dict[bytes, int] = {}
        self._covered: set[int] = set()
        for call in self._calls:
            key = call.request.key
            if key:
                self._here.setdefault((key, call.site), deque()).append(call.step)
                self._anywhere.setdefault(key, deque()).append(call.step)
                self._equal[key] = self._equal.get(key, 0) + 1

    def take(
        self,
        request: Request,
        site: tuple[str, ...],
        *,
        made: Callable[[RecordedCall], bool],
        clean: Callable[[], Mapping[str, object]],
    ) -> Found:
        """The recorded call for a request; it is used then.

        Parameters
        ----------
        request, site:
            What is asked, and the names of the spans around.
        made:
            Whether a call is made although it was recorded: then those inside of it are made as well.
        clean:
            The request's fields as they are compared; asked for only where no equal one is left.
        """
        with self._lock:
            step = self._equal_step(request.key, site)
            if step is not None:
                if self._until is not None and step > self._until:
                    return Found(beyond=True)
                return self._use(step, made, exact=True)
            if self._until is not None and self._reached(self._until):
                return Found(beyond=True)
            left = [
                call
                for call in self._calls[self._first_free - 1 :]
                if self._is_left(call) and call.kind == request.kind
            ]
            if self._match == "ordered":
                same = [call for call in left if not call.request.key or call.name == request.name]
                if same:
                    return self._use(same[0].step, made, exact=not same[0].request.key)
            # Once for an error; with each changed call where that is to be answered nevertheless.
            most = _MOST_COMPARED if self._match == "nearest" else len(left)
            best = nearest(clean(), site, left, self._first_free, most=most)
            if best is not None and self._match == "nearest":
                return self._use(best[0].step, made, exact=False, score=best[1])
            call, score = best if best is not None else (None, 0.0)
            return Found(nearest=call, score=score, used=self._equal.get(request.key, 0))

    def left(self) -> list[RecordedCall]:
        """The calls that nobody has asked for, but for those inside of calls that were answered whole."""
        with self._lock:
            return [call for call in self._calls if self._is_left(call)]

    # -- inside; the lock is held ----------------------------------------------------------------------------

    def _equal_step(self, key: bytes, site: tuple[str, ...]) -> int | None:
        for steps in (self._here.get((key, site)), self._anywhere.get(key)):
            while steps:
                if self._free[steps[0]]:
                    return steps[0]
                steps.popleft()
        return None

    def _use(
        self,
        step: int,
        made: Callable[[RecordedCall], bool],
        *,
        exact: bool,
        score: float = 1.0,
    ) -> Found:
        call = self._calls[step - 1]
        self._free[step] = False
        if not made(call):
            self._covered.add(step)
        while self._first_free <= len(self._calls) and (
            not self._free[self._first_free] or self._is_covered(self._calls[self._first_free - 1])
        ):
            self._first_free += 1
        late = None
        if self._first_free < step:
            first = self._calls[self._first_free - 1]
            if first.ended_ns and first.ended_ns <= call.started_ns:
                late = first
        return Found(call=call, exact=exact, score=score, late=late)

    def _is_covered(self, call: RecordedCall) -> bool:
        inside = call.inside
        while inside is not None:
            if inside in self._covered:
                return True
            inside = self._calls[inside - 1].inside
        return False

    def _is_left(self, call: RecordedCall) -> bool:
        before_fork = self._until is None or call.step <= self._until
        return before_fork and self._free[call.step] and not self._is_covered(call)

    def _reached(self, until: int) -> bool:
        return not any(self._free[call.step] and not self._is_covered(call) for call in self._calls[:until])
