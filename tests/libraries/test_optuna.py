"""Optuna's own studies, unmodified: what a run says of their trials, and that they go as without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from store_kit import Recorded

from otel_replay.hooks import guard

Recording = Callable[[Callable[[], object]], Recorded]


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Without Optuna's lines on standard error."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def new_study(**given: Any) -> optuna.Study:
    """A study with a seed."""
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1), **given)


def parabola(trial: optuna.Trial) -> float:
    """An objective with two parameters."""
    x = trial.suggest_float("x", -5, 5)
    return (x - 1) ** 2 + trial.suggest_int("n", 1, 40, log=True) / 10


def in_trial(run: Recorded, number: int) -> list[tuple[str, dict[str, Any]]]:
    """Actions and values of one trial, in order."""
    return [(one.action, one.values) for one in run.decisions if (one.cell or {}).get("trial") == number]


UNMODIFIED = """
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        x = trial.suggest_float("x", -5, 5)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        for step in range(4):
            trial.report((x - 1) ** 2 + step * (kind == "b"), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        if trial.number == 5:
            raise ValueError("a bad one")
        return (x - 1) ** 2

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=1), pruner=optuna.pruners.MedianPruner(n_startup_trials=3)
    )
    study.optimize(objective, n_trials=15, catch=(ValueError,))
    for trial in study.trials:
        print(trial.number, trial.state, trial.values, trial.params, trial.intermediate_values)
"""


def test_an_unmodified_study_is_recorded_and_finds_the_same(unmodified: Callable[[str], Recorded]) -> None:
    run = unmodified(UNMODIFIED)
    assert run.parents()["task trial 14"] == "task study"
    actions = Counter(one.action for one in run.decisions)
    assert actions["SUGGESTED"] == 30
    assert actions["PRUNED"] + actions["COMPLETED"] + actions["FAILED"] == 15
    assert actions["PRUNED"] > 0
    assert actions["REPORTED"] > 15


def test_a_trial_says_what_was_chosen_and_by_whom(recorded: Recording) -> None:
    run = recorded(lambda: new_study().optimize(parabola, n_trials=2))
    first = in_trial(run, 0)
    assert [action for action, _ in first] == ["SUGGESTED", "SUGGESTED", "COMPLETED", "NEW_BEST"]
    reasons = [one.reason for one in run.decisions]
    assert reasons[0] == "TPESampler chose it, from -5 to 5"
    assert reasons[1] == "TPESampler chose it, from 1 to 40, log"
    assert list(first[0][1]) == ["x"]
    assert first[3][1]["value"] == first[2][1]["value"]


def test_a_new_best_is_the_record_of_all_trials_before(recorded: Recording) -> None:
    study = new_study(direction="maximize")
    run = recorded(lambda: study.optimize(lambda trial: -parabola(trial), n_trials=20))
    bests, high = [], None
    for trial in study.trials:
        if high is None or trial.value > high:
            high = trial.value
            bests.append(trial.number)
    assert [one.cell["trial"] for one in run.decisions if one.action == "NEW_BEST"] == bests
    assert len(bests) > 1
    task = run.span("task study").attributes
    assert task["otel_replay.search.best_trial"] == study.best_trial.number
    assert task["otel_replay.search.trials"] == 20
    assert task["otel_replay.search.direction"] == "maximize"


def constrained(trial: optuna.Trial) -> float:
    """An objective that every other trial must not count for."""
    trial.set_constraint("odd", float(trial.number % 2))
    return float(-trial.number)


def test_a_trial_that_breaks_a_constraint_is_no_best(recorded: Recording) -> None:
    run = recorded(lambda: new_study().optimize(constrained, n_trials=5))
    assert [one.cell["trial"] for one in run.decisions if one.action == "NEW_BEST"] == [0, 2, 4]
    assert [one.reason.split(":")[0] for one in run.decisions if one.action == "CONSTRAINT"][:2] == [
        "It is met",
        "It is broken",
    ]


def test_a_trial_that_breaks_a_constraint_is_not_on_the_front(recorded: Recording) -> None:
    study = optuna.create_study(directions=["minimize", "minimize"])
    run = recorded(lambda: study.optimize(lambda trial: (constrained(trial), 1.0), n_trials=5))
    assert [one.cell["trial"] for one in run.decisions if one.action == "NEW_BEST"] == [0, 2, 4]


def test_a_warning_shows_the_line_of_the_program(recorded: Recording) -> None:
    def study() -> None:
        trial = new_study().ask()
        trial.report(1.0, 0)
        with pytest.warns(UserWarning, match="already reported") as told:
            trial.report(1.0, 0)
        assert "otel_replay" not in told[0].filename

    recorded(study)


def test_a_pruned_trial_says_who_advised_it_and_when(recorded: Recording) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.report(trial.number, 0)
        if trial.should_prune():
            raise optuna.TrialPruned
        return trial.number

    study = new_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=1))
    run = recorded(lambda: study.optimize(objective, n_trials=3))
    pruned = [one for one in run.decisions if one.action == "PRUNED"]
    assert [one.cell for one in pruned] == [{"trial": 1}, {"trial": 2}]
    assert pruned[0].reason == "MedianPruner advised it at step 0"
    assert pruned[0].values == {"value": 1, "step": 0}
    assert run.span("task trial 1").attributes["otel_replay.trial.state"] == "pruned"


def test_advice_that_is_not_taken_is_told_with_the_value(recorded: Recording) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.report(trial.number, 0)
        trial.should_prune()
        return trial.number

    study = new_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=1))
    run = recorded(lambda: study.optimize(objective, n_trials=2))
    told = [one.reason for one in run.decisions if one.action == "COMPLETED"]
    assert told[1] == "The objective gave its value, although MedianPruner advised it at step 0"


def test_an_objective_that_raises_fails_its_trial_and_the_program(recorded: Recording) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("x", 0, 1)
        raise KeyError("no such knob")

    def study() -> None:
        with pytest.raises(KeyError) as raised:
            new_study().optimize(objective, n_trials=3)
        assert not [entry.path for entry in raised.traceback if "otel_replay" in str(entry.path)]

    run = recorded(study)
    assert [action for action, _ in in_trial(run, 0)] == ["SUGGESTED", "FAILED"]
    assert run.span("task trial 0").status == "error"
    assert run.span("task study").status == "error"


def test_two_threads_have_their_trials_in_the_study(recorded: Recording) -> None:
    def objective(trial: optuna.Trial) -> float:
        import otel_replay

        with otel_replay.task(f"inside {trial.number}"):
            return parabola(trial)

    run = recorded(lambda: new_study().optimize(objective, n_trials=12, n_jobs=2))
    parents = run.parents()
    for number in range(12):
        assert parents[f"task trial {number}"] == "task study"
        assert parents[f"task inside {number}"] == f"task trial {number}"


def test_trials_that_are_asked_for_side_by_side_keep_apart(recorded: Recording) -> None:
    def study() -> None:
        made = new_study(study_name="side by side")
        trials = [made.ask({"x": optuna.distributions.FloatDistribution(0, 1)}) for _ in range(3)]
        made.tell(trials[2], 3.0)
        made.tell(1, 2.0)
        made.tell(trials[0], state=optuna.trial.TrialState.FAIL)
        made.tell(0, 1.0, skip_if_finished=True)

    run = recorded(study)
    assert {name: parent for name, parent in run.parents().items() if "trial" in name} == {
        f"task trial {number}": "run libraries" for number in range(3)
    }
    assert [action for action, _ in in_trial(run, 0)] == ["SUGGESTED", "FAILED"]
    assert [action for action, _ in in_trial(run, 1)] == ["SUGGESTED", "COMPLETED", "NEW_BEST"]
    assert {one.cell["study"] for one in run.decisions} == {"side by side"}


def test_of_several_objectives_the_front_is_told(recorded: Recording) -> None:
    values = [(1.0, 1.0), (2.0, 2.0), (3.0, 1.0), (0.5, 3.0)]
    study = optuna.create_study(directions=["minimize", "maximize"])
    run = recorded(lambda: study.optimize(lambda trial: values[trial.number], n_trials=4))
    assert [one.cell["trial"] for one in run.decisions if one.action == "NEW_BEST"] == [0, 1, 3]


def test_what_is_enqueued_and_who_stops_is_told(recorded: Recording) -> None:
    def study() -> None:
        made = new_study()
        made.enqueue_trial({"x": 4.0})
        made.optimize(parabola, n_trials=9, callbacks=[lambda study, _trial: study.stop()])

    run = recorded(study)
    assert run.owners()["ENQUEUED"] == "run libraries"
    assert run.owners()["STOPPED"] == "task study"
    assert next(one.reason for one in run.decisions if one.action == "SUGGESTED").startswith("Asked for by")


def test_workers_that_share_a_storage_tell_their_own_trials(recorded: Recording, tmp_path: Any) -> None:
    storage = f"sqlite:///{tmp_path}/study.db"

    def work() -> None:
        for _ in range(2):
            study = optuna.create_study(storage=storage, study_name="shared", load_if_exists=True)
            study.optimize(lambda trial: 5.0 - trial.number, n_trials=2)

    run = recorded(work)
    told = [one.values for one in run.decisions if one.action == "NEW_BEST"]
    assert [one["value"] for one in told] == [5.0, 4.0, 3.0, 2.0]


@pytest.mark.parametrize(
    "hook", ["_open", "search_task", "why_chosen", "_known", "decision", "title_in_cells", "as_text"]
)
def test_a_hook_that_fails_never_reaches_the_study(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken on purpose")

    def objective(trial: optuna.Trial) -> float:
        value = parabola(trial)
        trial.report(value, 0)
        trial.should_prune()
        return value

    def values() -> list[float | None]:
        study = new_study()
        study.enqueue_trial({"x": 2.0})
        study.optimize(objective, n_trials=4)
        return [trial.value for trial in study.trials]

    plain, found = values(), []
    monkeypatch.setattr(f"otel_replay.libraries.optuna.{hook}", fails)
    recorded(lambda: found.extend(values()))
    assert found == plain
    assert guard.FAILURES
    guard.FAILURES.clear()
