"""Searches over parameters, whichever library makes them: tasks for a search and its trials, and decisions.

The decisions of a trial are in the cell `{"trial": number}`, with `study` where the search has a name:
`SUGGESTED` a value was chosen for a parameter; `REPORTED` the trial said how it goes; `PRUNED` it was cut
short; `CONSTRAINT` it meets a constraint, or breaks it; `COMPLETED` it gave a value; `FAILED` it gave none;
`NEW_BEST` no trial before was better. Of the search: `ENQUEUED` values were asked for; `STOPPED` it was ended
early.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_replay.attributes import SEARCH_PREFIX, TRIAL_PREFIX
from otel_replay.hooks.calls import Looking
from otel_replay.recording import shapes
from otel_replay.recording.blocks import start_span
from otel_replay.recording.spans import RecordedSpan, Task

__all__ = ["Block", "Trial", "is_better", "search_task", "tell_search"]


def _given(prefix: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: value for name, value in attributes.items() if value is not None}


def search_task(title: str, attributes: Mapping[str, Any]) -> RecordedSpan:
    """The task of a search, begun: `task {title}`.

    Parameters
    ----------
    title:
        The same for the same search in two runs: no numbers that chance gives.
    attributes:
        `library`, `name`, `algorithm`, `pruner`, `direction`, `jobs`, `most_trials`, …; None is left out.
    """
    return start_span(Task, lambda: shapes.task_shape(title, _given(SEARCH_PREFIX, attributes)))


def tell_search(
    span: RecordedSpan, attributes: Mapping[str, Any], best: Mapping[str, Any] | None = None
) -> None:
    """What came of a search.

    Parameters
    ----------
    attributes:
        `trials`, …; None is left out.
    best:
        `trial`, `value` and `params` of the best trial, where there is one.
    """
    told = {"best_" + name: value for name, value in (best or {}).items()}
    span.set_all(_given(SEARCH_PREFIX, {**attributes, **told}))


def is_better(value: float, best: Mapping[str, Any] | None, direction: str) -> bool:
    """Whether a value is better than the best so far; NaN never is. `direction`: `minimize`, `maximize`."""
    if best is None:
        return value == value
    return bool(value > best["value"] if direction == "maximize" else value < best["value"])


class Block(Looking):
    """A watched call that is a span while it lasts, and the current one.

    Attributes
    ----------
    span:
        It, begun and attached by who derives from this.
    """

    span: RecordedSpan

    def returned(self, value: Any) -> None:
        """Tell what came of it, and end it."""
        try:
            self.tell(value)
        finally:
            self.end()

    def raised(self, error: BaseException) -> None:
        """It failed."""
        self.span.fail(error)
        self.end()

    def tell(self, value: Any) -> None:
        """Say what there is to say of what the call returned."""

    def sum_up(self) -> None:
        """Say what there is to say at the end, however the call has ended."""

    def end(self) -> None:
        """End the span."""
        try:
            self.sum_up()
        finally:
            self.span.detach()
            self.span.end()


class Trial:
    """One trial of a search, which has begun.

    Parameters
    ----------
    number:
        Its number in the search, or its id where the library gives none.
    study:
        The search's name where it has one that stays the same from run to run.
    """

    def __init__(self, number: int | str, *, study: str = "") -> None:
        self.number = number
        self.advice = ""
        """Who advises to cut it short, once somebody does."""
        self.reported: dict[str, Any] = {}
        """What it has said last."""
        self.failed = False
        self.cell: dict[str, Any] = {"study": study, "trial": number} if study else {"trial": number}
        given = _given(TRIAL_PREFIX, {"number": number})
        self.span = start_span(Task, lambda: shapes.task_shape(f"trial {number}", given))

    def decided(self, action: str, reason: str, values: Mapping[str, Any]) -> None:
        """A decision in this trial, wherever it is made."""
        self.span.decision(action, reason, dict(values), self.cell)

    def is_best(self, found: Mapping[str, Any], before: Mapping[str, Any] | None, direction: str) -> None:
        """It is the best so far.

        Parameters
        ----------
        found, before:
            `trial`, `value` and `params` of this one, and of the one that was the best before.
        direction:
            `minimize` or `maximize`.
        """
        beaten = {"before": before["value"]} if before else {}
        values = {"value": found["value"], **beaten, **found["params"]}
        self.decided("NEW_BEST", _best_reason(direction, before), values)

    def fail(self, error: BaseException | str, why: str) -> None:
        """It failed: a decision, and the span's status."""
        self.failed = True
        self.decided("FAILED", why, self.reported)
        self.span.fail(error)

    def tell(self, **attributes: Any) -> None:
        """What came of it: `state`, `value`, `params`."""
        self.span.set_all(_given(TRIAL_PREFIX, attributes))


def _best_reason(direction: str, before: Mapping[str, Any] | None) -> str:
    which = "largest" if direction == "maximize" else "smallest"
    if before is None:
        return f"The first value is the {which} so far"
    return f"The {which} value so far; before it was {before['value']:.6g} of trial {before['trial']}"
