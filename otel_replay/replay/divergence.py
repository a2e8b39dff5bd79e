"""A call that the recording does not have: which, where, what differs from the nearest one, likely why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from otel_replay.errors import OtelReplayError
from otel_replay.orjson_loading import orjson
from otel_replay.replay.causes import Cause
from otel_replay.replay.paths import MISSING, Difference
from otel_replay.replay.recorded import RecordedCall
from otel_replay.replay.requests import CallKind
from otel_replay.values import to_json

__all__ = ["Divergence", "ReplayDivergence", "names_of", "shown_pair"]

_MOST_SHOWN = 5
_WIDEST = 70
_BEFORE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """One call that was not answered, or not by an equal one.

    Attributes
    ----------
    step:
        The how-manieth call of the program it is.
    site:
        The names of the spans around it.
    caller:
        File and line of the program that made it.
    differences:
        Where it differs from `nearest`.
    similarity:
        How much of the two is the same, from 0 to 1.
    answered:
        Whether `nearest` answered it nevertheless.
    """

    step: int
    kind: CallKind
    name: str
    run_id: str
    cause: Cause
    site: tuple[str, ...] = ()
    caller: str = ""
    nearest: RecordedCall | None = None
    similarity: float = 0.0
    differences: tuple[Difference, ...] = ()
    answered: bool = False
    so_far: str = ""

    def lines(self) -> Iterator[str]:
        """For people."""
        place = f"  in {' / '.join(self.site)}" if self.site else ""
        caller = f"  at {self.caller}" if self.caller else ""
        yield f"call {self.step}, {self.kind} {self.name}, is not as recorded{place}{caller}"
        for one in self.differences[:_MOST_SHOWN]:
            recorded, now = shown_pair(one.recorded, one.now)
            yield f"  {one.place}"
            yield f"    recorded  {recorded}"
            yield f"    now       {now}"
        more = len(self.differences) - _MOST_SHOWN
        if more > 0:
            yield f"  … and {more} more places"
        yield f"  cause     {self.cause.text}"
        if self.nearest is not None:
            how = "which answered it" if self.answered else "not asked for yet"
            near = f"step {self.nearest.step} of {self.run_id}"
            yield f"  nearest   {near}, {self.similarity:.0%} the same, {how}"
        if self.so_far:
            yield f"  so far    {self.so_far}"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "step": self.step,
            "kind": self.kind,
            "name": self.name,
            "site": list(self.site),
            "caller": self.caller,
            "cause": self.cause.name,
            "text": self.cause.text,
            "hint": self.cause.hint,
            "nearest_step": None if self.nearest is None else self.nearest.step,
            "similarity": round(self.similarity, 4),
            "answered": self.answered,
            "differences": [_as_json(one) for one in self.differences],
        }


class ReplayDivergence(OtelReplayError):
    """The program does not do what was recorded.

    Attributes
    ----------
    first:
        The first call that went another way; None where every call was answered and some were not made.
    report:
        The whole replay so far, as one JSON document.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        first: Divergence | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.first = first
        self.report = report

    def __str__(self) -> str:
        return f"{self.message}\n  next      {self.hint}" if self.hint else self.message


def _as_json(one: Difference) -> dict[str, Any]:
    document: dict[str, Any] = {"path": one.place}
    if one.recorded is not MISSING:
        document["recorded"] = to_json(one.recorded)
    if one.now is not MISSING:
        document["now"] = to_json(one.now)
    return document


def shown_pair(recorded: Any, now: Any) -> tuple[str, str]:
    """Two values, each on one line; of long texts the part in which they begin to differ."""
    one, other = _shown(recorded), _shown(now)
    if max(len(one), len(other)) <= _WIDEST:
        return one, other
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    begin = max(0, same - _BEFORE)
    return _cut(one, begin), _cut(other, begin)


def _shown(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    try:
        return orjson.dumps(to_json(value)).decode()
    except (TypeError, RecursionError):
        return repr(value)


def _cut(text: str, begin: int) -> str:
    end = begin + _WIDEST
    return ("…" if begin else "") + text[begin:end] + ("…" if end < len(text) else "")


def names_of(calls: Sequence[RecordedCall], most: int = 3) -> str:
    """Some calls in words: `step 4 tool call search, step 5 generation gpt-x and 3 more`."""
    told = ", ".join(f"step {call.step} {call.kind} {call.name}" for call in calls[:most])
    return told + (f" and {len(calls) - most} more" if len(calls) > most else "")
