"""The study: Optuna suggests, cross-validation measures, and each trial records what became of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import optuna

import otel_replay
from examples.hyperparameters.neighbours import Knobs, Point, fold_errors

__all__ = ["Study", "trials_table"]

FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study of some points, with a seed, so that one job gives the same trials every time."""

    points: Sequence[Point]
    seed: int

    def optimise(self, trials: int, jobs: int) -> optuna.Study:
        """Run so many trials, on so many threads."""
        study = optuna.create_study(
            direction="minimize",
            sampler=optuna.samplers.TPESampler(seed=self.seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        )
        study.optimize(self._objective, n_trials=trials, n_jobs=jobs, callbacks=[self._note_best])
        return study

    def _objective(self, trial: optuna.Trial) -> float:
        with otel_replay.task(f"trial {trial.number}"):
            knobs = suggest(trial)
            otel_replay.decision(
                "SUGGESTED",
                "The sampler chose these values",
                values=asdict(knobs),
                cell={"trial": trial.number},
            )
            error = self._measure(trial, knobs)
        if error is None:
            raise optuna.TrialPruned  # outside of the task: a trial that is cut short has not failed
        return error

    def _measure(self, trial: optuna.Trial, knobs: Knobs) -> float | None:
        """The mean error over all folds; None where the first folds were bad enough to leave it at that."""
        errors: list[float] = []
        for fold, error in enumerate(fold_errors(self.points, knobs, FOLDS)):
            errors.append(error)
            trial.report(fmean(errors), fold)
            if trial.should_prune():
                otel_replay.decision(
                    "PRUNED",
                    "Worse than the median of earlier trials at this fold",
                    values={"error": round(fmean(errors), 6), "fold": fold},
                    cell={"trial": trial.number},
                )
                return None
        return fmean(errors)

    def _note_best(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if study.best_trial.number == trial.number:
            otel_replay.decision(
                "NEW_BEST",
                "The smallest error so far",
                values={"error": round(study.best_value, 6), **trial.params},
                cell={"trial": trial.number},
            )


def suggest(trial: optuna.Trial) -> Knobs:
    """The knobs of a trial, from ranges that are wide on purpose."""
    return Knobs(
        neighbours=trial.suggest_int("neighbours", 1, 40, log=True),
        falloff=trial.suggest_float("falloff", 0.0, 4.0),
        second_scale=trial.suggest_float("second_scale", 0.05, 5.0, log=True),
        third_scale=trial.suggest_float("third_scale", 0.01, 5.0, log=True),
    )


def trials_table(study: optuna.Study) -> str:
    """Every trial as a line of CSV: number, state, error, values."""
    text = io.StringIO()
    names = list(Knobs.__dataclass_fields__)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "error", *names])
    for trial in study.get_trials():
        error = "" if trial.state is not optuna.trial.TrialState.COMPLETE else f"{trial.value:.6f}"
        values = [trial.params.get(name) for name in names]
        writer.writerow([trial.number, trial.state.name.lower(), error, *values])
    return text.getvalue()
