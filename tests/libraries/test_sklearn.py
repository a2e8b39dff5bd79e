"""scikit-learn's searches, unmodified: candidates, folds, scores and the best; estimators are left alone."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - without it there is no halving
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV, cross_val_score
from store_kit import Recorded

from otel_replay.hooks import guard

Recording = Callable[[Callable[[], object]], Recorded]

X = np.linspace(0, 1, 60).reshape(30, 2)
Y = X[:, 0] * 2 + np.sin(X[:, 1])

UNMODIFIED = """
    import numpy as np
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV

    if __name__ == "__main__":
        X = np.linspace(0, 1, 60).reshape(30, 2)
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=2, n_jobs=2)
        search.fit(X, X[:, 0] * 2 + np.sin(X[:, 1]))
        print(search.best_params_, search.best_score_, search.cv_results_["mean_test_score"])
"""


@pytest.mark.slow
def test_an_unmodified_search_on_two_processes_is_recorded_and_finds_the_same(
    unmodified: Callable[[str], Recorded],
) -> None:
    run = unmodified(UNMODIFIED)
    assert Counter(one.action for one in run.decisions) == {"SUGGESTED": 3, "REPORTED": 6, "NEW_BEST": 1}
    names = {span.span_id: span for span in run.spans}
    folds = [span for span in run.spans if span.name.startswith("task trial ")]
    assert len(folds) == 6
    for fold in folds:
        batch = names[fold.parent_id]
        assert names[batch.parent_id].name == "task GridSearchCV of Ridge"


def test_a_search_says_what_each_candidate_scored_and_which_is_best(recorded: Recording) -> None:
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2)
    run = recorded(lambda: search.fit(X, Y))
    told = [(one.action, one.cell, one.values) for one in run.decisions]
    assert told[0] == ("SUGGESTED", {"trial": 0}, {"alpha": 0.1})
    scores = [
        values["value"] for action, cell, values in told if action == "REPORTED" and cell == {"trial": 1}
    ]
    assert scores == [search.cv_results_[f"split{fold}_test_score"][1] for fold in (0, 1)]
    best = {"value": search.best_score_, **search.best_params_}
    assert told[-1] == ("NEW_BEST", {"trial": int(search.best_index_)}, best)
    task = run.span("task GridSearchCV of Ridge").attributes
    assert task["otel_replay.search.trials"] == 2


def test_a_random_search_is_one_as_well(recorded: Recording) -> None:
    search = RandomizedSearchCV(Ridge(), {"alpha": [0.1, 1.0, 2.0]}, n_iter=2, cv=2, random_state=1)
    run = recorded(lambda: search.fit(X, Y))
    assert [one.values for one in run.decisions if one.action == "SUGGESTED"] == search.cv_results_["params"]


def test_a_search_by_halving_numbers_its_candidates_through(recorded: Recording) -> None:
    search = HalvingGridSearchCV(
        Ridge(), {"alpha": [0.1, 1.0, 2.0, 3.0]}, cv=2, min_resources=4, factor=2, random_state=1
    )
    run = recorded(lambda: search.fit(X, Y))
    numbers = [one.cell["trial"] for one in run.decisions if one.action == "SUGGESTED"]
    assert numbers == list(range(len(search.cv_results_["params"])))
    kept = [one.values["kept"] for one in run.decisions if one.action == "HALVED"]
    assert kept == [*search.n_candidates_[1:], 1]


def test_a_fit_that_fails_is_told_of_its_candidate(recorded: Recording) -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [-1.0, 1.0]}, cv=2)

    def fit() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn says as much
            search.fit(X, np.arange(30) % 2)

    run = recorded(fit)
    failed = [one for one in run.decisions if one.action == "FAILED"]
    assert [one.cell for one in failed] == [{"trial": 0}] * 2
    assert "'C' parameter" in failed[0].reason
    assert run.span("task trial 0 fold 0").status == "error"


def test_validation_that_is_no_search_leaves_nothing(recorded: Recording) -> None:
    run = recorded(lambda: (cross_val_score(Ridge(), X, Y), Ridge().fit(X, Y)))
    assert [span.name for span in run.spans] == ["run libraries"]


@pytest.mark.parametrize("hook", ["search_task", "start_span", "tell_search", "decision"])
def test_a_hook_that_fails_never_reaches_the_search(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken on purpose")

    def score() -> float:
        search = HalvingGridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 2.0]}, cv=2, factor=2, random_state=1)
        return float(search.fit(X, Y).best_score_)

    plain, found = score(), []
    monkeypatch.setattr(f"otel_replay.libraries.sklearn.{hook}", fails)
    recorded(lambda: found.append(score()))
    assert found == [plain]
    assert guard.FAILURES
    guard.FAILURES.clear()
