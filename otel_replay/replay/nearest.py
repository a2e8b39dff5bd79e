"""Which recorded call is most like one that is made now: by what stands at the same places in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from otel_replay.replay.paths import Path, leaves
from otel_replay.replay.recorded import RecordedCall

__all__ = ["nearest", "similarity"]

_MOST_COMPARED = 2_000
_LOOKED_AT_CLOSELY = 8
_LONGEST_TEXT = 2_000


def nearest(
    fields: Mapping[str, Any],
    site: tuple[str, ...],
    calls: Sequence[RecordedCall],
    expected_step: int,
    *,
    most: int = _MOST_COMPARED,
) -> tuple[RecordedCall, float] | None:
    """The most similar of `calls` and how similar it is, from 0 to 1; None without calls.

    Parameters
    ----------
    fields:
        What is asked now, as it is compared.
    site:
        Where: the same place counts when two are equally similar.
    calls:
        To choose from; of more than `most`, those around `expected_step`.
    expected_step:
        The step that would come next: the nearer one counts when all else is equal.
    """
    around = sorted(calls, key=lambda call: abs(call.step - expected_step))[:most]
    if not around:
        return None
    mine = _leaves(fields)

    def rank(call: RecordedCall, score: float) -> tuple[float, bool, float]:
        return score, call.site == site, -abs(call.step - expected_step)

    scored = [(rank(call, _share(mine, call.request.leaves())), call) for call in around]
    scored.sort(key=lambda one: one[0], reverse=True)
    closely = [
        (rank(call, similarity(fields, call.request.fields)), call) for _, call in scored[:_LOOKED_AT_CLOSELY]
    ]
    best, call = max(closely, key=lambda one: one[0])
    return call, best[0]


def similarity(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How much of two requests is the same, from 0 to 1; texts that are partly the same count in part."""
    mine, theirs = _leaves(one), _leaves(other)
    places = mine.keys() | theirs.keys()
    if not places:
        return 1.0
    return sum(
        _alike(mine[place], theirs[place]) for place in places if place in mine and place in theirs
    ) / len(places)


def _leaves(fields: Mapping[str, Any]) -> dict[Path, Any]:
    return dict(leaves(fields))


def _share(mine: Mapping[Path, Any], theirs: Mapping[Path, Any]) -> float:
    same = sum(1 for place, value in mine.items() if place in theirs and theirs[place] == value)
    return same / (len(mine.keys() | theirs.keys()) or 1)


def _alike(one: Any, other: Any) -> float:
    if type(one) is type(other) and one == other:
        return 1.0
    if isinstance(one, str) and isinstance(other, str):
        return SequenceMatcher(None, one[:_LONGEST_TEXT], other[:_LONGEST_TEXT], autojunk=False).quick_ratio()
    return 0.0
