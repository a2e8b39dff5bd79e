"""Hyperopt's fmin, unmodified: what was chosen in each evaluation, its loss, and the best so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hyperopt import STATUS_FAIL, Trials, fmin, hp, tpe
from store_kit import Recorded

from otel_replay.hooks import guard

Recording = Callable[[Callable[[], object]], Recorded]

UNMODIFIED = """
    import numpy as np
    from hyperopt import Trials, fmin, hp, tpe

    trials = Trials()
    space = {"x": hp.uniform("x", -5, 5), "k": hp.choice("k", [0, 1])}
    best = fmin(
        lambda point: (point["x"] - 1) ** 2 + point["k"], space, algo=tpe.suggest, max_evals=8, trials=trials,
        rstate=np.random.default_rng(1), show_progressbar=False, verbose=False,
    )
    print(best, trials.losses(), trials.vals)
"""


def search(objective: Callable[[Any], Any], evaluations: int = 5) -> Trials:
    """A search with a seed."""
    trials = Trials()
    fmin(
        objective,
        {"x": hp.uniform("x", -5, 5)},
        algo=tpe.suggest,
        max_evals=evaluations,
        trials=trials,
        rstate=np.random.default_rng(1),
        show_progressbar=False,
        verbose=False,
    )
    return trials


@pytest.mark.slow
def test_an_unmodified_search_is_recorded_and_finds_the_same(
    unmodified: Callable[[str], Recorded],
) -> None:
    run = unmodified(UNMODIFIED)
    assert run.parents()["task trial 7"] == "task fmin"
    assert [one.action for one in run.decisions][:3] == ["SUGGESTED", "COMPLETED", "NEW_BEST"]


def test_each_evaluation_is_a_trial_with_its_loss(recorded: Recording) -> None:
    found: list[Trials] = []
    run = recorded(lambda: found.append(search(lambda point: point["x"] ** 2)))
    losses = found[0].losses()
    assert [one.values["value"] for one in run.decisions if one.action == "COMPLETED"] == losses
    falling = [loss for number, loss in enumerate(losses) if loss == min(losses[: number + 1])]
    assert [one.values["value"] for one in run.decisions if one.action == "NEW_BEST"] == falling
    first = run.decisions[0]
    assert (first.action, first.reason) == ("SUGGESTED", "tpe.suggest chose these values")
    assert first.values == {"x": found[0].vals["x"][0]}
    task = run.span("task fmin").attributes
    assert task["otel_replay.search.best_value"] == min(losses)
    assert task["otel_replay.search.trials"] == 5


def test_an_evaluation_that_gives_up_has_no_loss(recorded: Recording) -> None:
    def objective(point: Any) -> Any:
        return {"status": STATUS_FAIL} if point["x"] < 0 else point["x"]

    run = recorded(lambda: search(objective))
    failed = [one for one in run.decisions if one.action == "FAILED"]
    assert failed
    assert failed[0].reason == "The objective gave the status fail"


def test_an_objective_that_raises_ends_the_search_with_its_error(recorded: Recording) -> None:
    def objective(point: Any) -> Any:
        raise KeyError("no such knob")

    def run_it() -> None:
        with pytest.raises(KeyError):
            search(objective)

    run = recorded(run_it)
    assert run.span("task trial 0").status == "error"
    assert run.span("task fmin").status == "error"


@pytest.mark.parametrize("hook", ["Trial", "search_task", "tell_search", "is_better"])
def test_a_hook_that_fails_never_reaches_the_search(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken on purpose")

    plain, found = search(lambda point: point["x"] ** 2).losses(), []
    monkeypatch.setattr(f"otel_replay.libraries.hyperopt.{hook}", fails)
    recorded(lambda: found.append(search(lambda point: point["x"] ** 2).losses()))
    assert found == [plain]
    assert guard.FAILURES
    guard.FAILURES.clear()
