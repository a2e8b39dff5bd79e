"""scikit-learn's searches: each candidate's folds are tasks, scores and the best candidate are decisions.

Only searches (GridSearchCV, RandomizedSearchCV, by halving) are recorded; estimators are left alone. Folds
are recorded in the process that fits them.
"""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

from otel_replay.attributes import TRIAL_PREFIX
from otel_replay.hooks.imported import when_imported
from otel_replay.hooks.wrapping import replace, watch
from otel_replay.libraries.trials import Block, search_task, tell_search
from otel_replay.recording import shapes
from otel_replay.recording.blocks import start_span
from otel_replay.recording.moments import decision
from otel_replay.recording.spans import Task

__all__ = ["install"]

DOING = "recording a search of scikit-learn"


def install(module: ModuleType) -> None:
    """Hook into searches, given the module `sklearn.model_selection._search`."""
    validation = sys.modules["sklearn.model_selection._validation"]  # it is imported by the other one
    watch(module.BaseSearchCV, "fit", _Searching, DOING)
    watch(validation, "_fit_and_score", _folding, DOING)
    # It is imported by name, and sent to workers by where it is defined: both must be the same function.
    replace(module, "_fit_and_score", lambda _: vars(validation)["_fit_and_score"])
    when_imported("sklearn.model_selection._search_successive_halving", _by_halving)


def _by_halving(module: ModuleType) -> None:
    watch(module, "_top_k", _kept, DOING)


class _Searching(Block):
    """`fit` of a search."""

    def __init__(self, search: Any, *_: Any, **__: Any) -> None:
        self.search = search
        estimator = type(search.estimator).__name__
        scoring = search.scoring
        given = {
            "library": "scikit-learn",
            "algorithm": type(search).__name__,
            "objective": scoring if isinstance(scoring, str) else None,
            "direction": "maximize",
            "jobs": search.n_jobs,
            "estimator": estimator,
        }
        self.span = search_task(f"{type(search).__name__} of {estimator}", given)
        self.span.attach()

    def tell(self, _value: Any) -> None:
        search = self.search
        best = getattr(search, "best_index_", None)
        tried = len(search.cv_results_["params"]) if hasattr(search, "cv_results_") else None
        found: dict[str, Any] | None = None
        if best is not None:
            score = getattr(search, "best_score_", None)
            params = search.cv_results_["params"][best]
            found = {"trial": int(best), "value": score, "params": params}
            values = {**({} if score is None else {"value": float(score)}), **params}
            reason = f"The best mean score over its folds, of {tried} candidates"
            self.span.decision("NEW_BEST", reason, values, {"trial": int(best)})
        tell_search(self.span, {"trials": tried}, found)


def _kept(_results: Any, k: int, itr: int) -> None:
    decision("HALVED", f"After round {itr} only the best candidates go on", {"round": itr, "kept": k})


def _folding(
    *_: Any, candidate_progress: Any = None, split_progress: Any = None, **given: Any
) -> _Fold | None:
    # Without a candidate it is no search: cross_validate, a learning curve.
    if candidate_progress is None or split_progress is None:
        return None
    return _Fold(candidate_progress, split_progress, given)


class _Fold(Block):
    """One candidate is fitted to the data without one fold, and scored on that."""

    def __init__(self, candidate: tuple[int, int], split: tuple[int, int], given: dict[str, Any]) -> None:
        # A search by halving counts anew in each round.
        rounds = getattr(given.get("caller"), "n_candidates_", None) or [0]
        number = candidate[0] + sum(rounds[:-1])
        self.cell = {"trial": number}
        self.fold = split[0]
        own = {TRIAL_PREFIX + "number": number, TRIAL_PREFIX + "fold": self.fold}
        self.span = start_span(Task, lambda: shapes.task_shape(f"trial {number} fold {self.fold}", own))
        self.span.attach()
        if self.fold == 0:
            reason = f"Candidate {candidate[0] + 1} of {candidate[1]}"
            self.span.decision("SUGGESTED", reason, dict(given.get("parameters") or {}), self.cell)

    def tell(self, value: Any) -> None:
        error = value.get("fit_error")
        if error:
            last = str(error).strip().rpartition("\n")[2]
            self.span.decision("FAILED", last, {"fold": self.fold}, self.cell)
            self.span.fail(last)
            return
        scores = value["test_scores"]
        shown = {"value": scores} if not isinstance(scores, dict) else dict(scores)
        # What comes from numpy is a number of Python's in the run.
        plain = {name: float(one) if _is_number(one) else one for name, one in shown.items()}
        self.span.decision(
            "REPORTED", f"The score of fold {self.fold}", {**plain, "fold": self.fold}, self.cell
        )


def _is_number(value: Any) -> bool:
    try:
        return not math.isnan(float(value))
    except (TypeError, ValueError):
        return False
