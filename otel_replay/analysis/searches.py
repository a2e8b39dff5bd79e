"""Searches over parameters as the tasks of a run tell them: how many trials, and which was best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_replay.attributes import SEARCH_PREFIX

__all__ = ["Search", "search_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search.

    Attributes
    ----------
    title:
        The name of its task.
    trials:
        How many trials ended; None where the search did not come to its end.
    best_trial, best_value, best_params:
        The best of them; None where there is none, or none alone.
    """

    title: str
    library: str
    algorithm: str
    trials: int | None
    best_trial: Any
    best_value: Any
    best_params: Any


def search_of(title: str, attributes: Mapping[str, Any]) -> Search | None:
    """The search that a task's attributes tell; None where it is another task."""
    library = attributes.get(SEARCH_PREFIX + "library")
    if library is None:
        return None
    trials = attributes.get(SEARCH_PREFIX + "trials")
    return Search(
        title=title,
        library=str(library),
        algorithm=str(attributes.get(SEARCH_PREFIX + "algorithm", "")),
        trials=trials if isinstance(trials, int) else None,
        best_trial=attributes.get(SEARCH_PREFIX + "best_trial"),
        best_value=attributes.get(SEARCH_PREFIX + "best_value"),
        best_params=attributes.get(SEARCH_PREFIX + "best_params"),
    )
