"""Which recorded call is most like one that is made now: by what stands at the same places in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_replay.analysis.alike import alike
from otel_replay.replay.paths import Path, leaves
from otel_replay.replay.recorded import RecordedCall

__all__ = ["nearest"]

_LOOKED_AT_CLOSELY = 8
_LONGEST_TEXT = 2_000


def nearest(
    fields: Mapping[str, Any],
    site: tuple[str, ...],
    calls: Sequence[RecordedCall],
    expected_step: int,
    *,
    most: int,
) -> tuple[RecordedCall, float] | None:
    """The most similar of `calls` and how similar it is, from 0 to 1; None without calls.

    Parameters
    ----------
    fields:
        What is asked now, as it is compared.
    site:
        Where: the same place counts when two are equally similar.
    calls:
        To choose from; where they are too many, those around `expected_step`.
    expected_step:
        The step that would come next: the nearer one counts when all else is equal.
    most:
        How many are looked at.
    """
    around = sorted(calls, key=lambda call: abs(call.step - expected_step))[:most]
    if not around:
        return None
    mine = dict(leaves(fields))

    def rank(call: RecordedCall, score: float) -> tuple[float, bool, float]:
        return score, call.site == site, -abs(call.step - expected_step)

    scored = [(rank(call, _share(mine, call.request.leaves())), call) for call in around]
    scored.sort(key=lambda one: one[0], reverse=True)
    closely = [
        (rank(call, _similarity(mine, call.request.leaves())), call)
        for _, call in scored[:_LOOKED_AT_CLOSELY]
    ]
    best, call = max(closely, key=lambda one: one[0])
    return call, best[0]


def _similarity(mine: Mapping[Path, Any], theirs: Mapping[Path, Any]) -> float:
    """How alike two requests are, each place in them the same.

    Not `alike` of the whole: there a conversation of a hundred messages counts as much as the model's name.
    """
    same = sum(alike(_cut(mine[place]), _cut(theirs[place])) for place in mine if place in theirs)
    return same / (len(mine.keys() | theirs.keys()) or 1)


def _share(mine: Mapping[Path, Any], theirs: Mapping[Path, Any]) -> float:
    same = sum(1 for place, value in mine.items() if place in theirs and theirs[place] == value)
    return same / (len(mine.keys() | theirs.keys()) or 1)


def _cut(value: Any) -> Any:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else value
