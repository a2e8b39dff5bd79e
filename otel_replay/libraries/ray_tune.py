"""Ray Tune: each `Tuner.fit` a task, each of its trials a task in it, with configurations, results and stops.

What is recorded is what Tune's own loop tells its callbacks, in the process that runs the search; no callback
is added. Trials run side by side in other processes: their tasks say when they ran, and are never current.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from otel_replay.hooks.carrying import title_of
from otel_replay.hooks.wrapping import watch
from otel_replay.libraries.trials import Block, Trial, is_better, search_task, tell_search

__all__ = ["install"]

DOING = "recording a search of Ray Tune"


def install(module: ModuleType) -> None:
    """Hook into Tune's tuner and into what it tells its callbacks."""
    callbacks = sys.modules["ray.tune.callback"].CallbackList
    watch(module.Tuner, "fit", _Searching, DOING)
    watch(callbacks, "on_trial_start", _started, DOING)
    watch(callbacks, "on_trial_result", _reported, DOING)
    watch(callbacks, "on_trial_complete", _completed, DOING)
    watch(callbacks, "on_trial_error", _failed, DOING)


_searches: list[_Searching] = []
"""Those that go on; the innermost is last."""


class _Searching(Block):
    """`Tuner.fit`, from its first trial to its last."""

    def __init__(self, tuner: Any) -> None:
        local = getattr(tuner, "_local_tuner", None)
        config = getattr(local, "_tune_config", None)
        self.metric = getattr(config, "metric", None)
        self.direction = "maximize" if getattr(config, "mode", None) == "max" else "minimize"
        self.scheduler = _class_name(getattr(config, "scheduler", None))
        self.trials: dict[str, Trial] = {}
        self.finished = 0
        self.best: dict[str, Any] | None = None
        given = {
            "library": "ray",
            "algorithm": _class_name(getattr(config, "search_alg", None)) or "BasicVariantGenerator",
            "pruner": self.scheduler,
            "objective": self.metric,
            "direction": self.direction if self.metric else None,
            "jobs": getattr(config, "max_concurrent_trials", None),
            "most_trials": getattr(config, "num_samples", None),
        }
        trainable = getattr(local, "trainable", None)
        self.span = search_task(f"tune {title_of(trainable)}" if callable(trainable) else "tune", given)
        self.span.attach()
        _searches.append(self)

    def sum_up(self) -> None:
        _searches.remove(self)
        for trial in self.trials.values():
            trial.span.end()
        tell_search(self.span, {"trials": self.finished}, self.best)

    def trial(self, given: Any) -> Trial:
        """The trial of Tune's, begun if need be."""
        known = self.trials.get(given.trial_id)
        if known is None:
            # The first part of the id is made from chance, the second one counts.
            number = str(given.trial_id).rpartition("_")[2]
            known = self.trials[given.trial_id] = Trial(int(number) if number.isdigit() else given.trial_id)
            by = "The search" if self.scheduler is None else f"The search, under {self.scheduler},"
            known.decided("SUGGESTED", f"{by} has begun a trial with this configuration", given.config or {})
        return known

    def shown(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """What a result says: the metric where one is named, else everything that the program reported."""
        if self.metric is not None and self.metric in result:
            return {"value": result[self.metric]}
        own = getattr(sys.modules.get("ray.tune.result"), "AUTO_RESULT_KEYS", ())
        return {name: value for name, value in result.items() if name not in own and name != "trial_id"}


def _class_name(thing: Any) -> str | None:
    return None if thing is None else thing if isinstance(thing, str) else type(thing).__name__


def _started(_list: Any, *, trial: Any, **_: Any) -> None:
    if _searches:
        _searches[-1].trial(trial)


def _reported(_list: Any, *, trial: Any, result: Mapping[str, Any], **_: Any) -> None:
    if _searches:
        search = _searches[-1]
        known, step = search.trial(trial), result.get("training_iteration")
        known.reported = {**search.shown(result), "step": step}
        known.decided("REPORTED", f"The result of iteration {step}", known.reported)
        if result.get("done"):
            known.advice = f"The scheduler or a rule for stopping ended it at iteration {step}"


def _completed(_list: Any, *, trial: Any, **_: Any) -> None:
    if not _searches:
        return
    search = _searches[-1]
    known = search.trial(trial)
    search.finished += 1
    value = known.reported.get("value")
    known.tell(state="complete", value=value)
    if known.advice:
        known.decided("PRUNED", known.advice, known.reported)
    else:
        known.decided("COMPLETED", "The trial has ended by itself", known.reported)
    _best(search, known, value, trial.config)
    search.trials.pop(trial.trial_id).span.end()


def _best(search: _Searching, known: Trial, value: Any, config: Any) -> None:
    if value is not None and is_better(value, search.best, search.direction):
        before = search.best
        search.best = {"trial": known.number, "value": value, "params": dict(config or {})}
        known.is_best(search.best, before, search.direction)


def _failed(_list: Any, *, trial: Any, **_: Any) -> None:
    if _searches:
        search = _searches[-1]
        search.finished += 1
        known = search.trial(trial)
        why = f"The trial failed; its error is in {getattr(trial, 'error_file', None) or 'its folder'}"
        known.tell(state="fail")
        known.fail(why, why)
        search.trials.pop(trial.trial_id).span.end()
