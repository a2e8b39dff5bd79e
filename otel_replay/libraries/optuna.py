"""Optuna: each study a task, each trial a task in it; what sampler, pruner and objective say, decisions.

Methods of Optuna's own classes are watched: no callback, sampler or pruner is added to the program's study.
What is asked of the study beside that, its best trial, is read only where a value may be the best.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from otel_replay.hooks.calls import Looking
from otel_replay.hooks.wrapping import watch
from otel_replay.libraries.optuna_words import as_text, direction, study_title, title_in_cells, why_chosen
from otel_replay.libraries.trials import Block, Trial, is_better, search_task, tell_search
from otel_replay.recording.moments import decision

__all__ = ["install"]

DOING = "recording an Optuna study"


def install(module: ModuleType) -> None:
    """Hook into Optuna 4 and 5, at its study and its trial."""
    study, loop, trial = module.study.study, module.study._optimize, module.trial.Trial
    watch(study.Study, "optimize", _Optimizing, DOING)
    watch(study.Study, "ask", _Asking, DOING)
    watch(study.Study, "stop", _stopped, DOING)
    watch(study.Study, "enqueue_trial", _enqueued, DOING)
    watch(loop, "_run_trial", _Running, DOING)
    watch(loop, "_log_failed_trial", _failed, DOING)
    watch(loop, "_tell_with_warning", _told, DOING)
    watch(study, "_tell_with_warning", _told, DOING)
    watch(trial, "_suggest", _suggested, DOING)
    watch(trial, "report", _reported, DOING)
    watch(trial, "should_prune", _Asked, DOING)
    if hasattr(trial, "set_constraint"):  # since 5
        watch(trial, "set_constraint", _constrained, DOING)


class _Known:
    """What this process knows of a study: how many trials ended here, and the best values that it saw."""

    def __init__(self) -> None:
        self.finished = 0
        self.best: dict[str, Any] | None = None
        self.front: list[tuple[float, ...]] = []


class _Here(threading.local):
    """The trials that `Study.optimize` is inside of in this thread."""

    def __init__(self) -> None:
        self.running: list[_Running] = []


_trials: WeakKeyDictionary[Any, Trial] = WeakKeyDictionary()
"""By Optuna's trials, those that are open here. A trial that nobody asks for any more is forgotten."""
_studies: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()
_here = _Here()


def _open(trial: Any) -> Trial:
    known = _trials.get(trial)
    if known is None:
        known = _trials[trial] = Trial(trial.number, study=title_in_cells(trial.study))
    return known


def _known(study: Any) -> _Known:
    return _studies.setdefault(study, _Known())


# -- the study -----------------------------------------------------------------------------------------------


class _Optimizing(Block):
    """`Study.optimize`, from the first trial to the last."""

    def __init__(
        self,
        study: Any,
        func: Any,
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        *_: Any,
        **__: Any,
    ) -> None:
        self.study = study
        self.before = _known(study).finished
        given = {
            "library": "optuna",
            "name": title_in_cells(study) or None,
            "direction": direction(study),
            "algorithm": as_text(study.sampler),
            "pruner": as_text(study.pruner),
            "objective": getattr(func, "__qualname__", None) or type(func).__qualname__,
            "most_trials": n_trials,
            "timeout_s": timeout,
            "jobs": n_jobs,
        }
        self.span = search_task(study_title(study), given)
        self.span.attach()

    def sum_up(self) -> None:
        known = _known(self.study)
        tell_search(self.span, {"trials": known.finished - self.before}, known.best)


def _stopped(_study: Any) -> None:
    decision("STOPPED", "Study.stop was called: no further trial is begun")


def _enqueued(study: Any, params: Mapping[str, Any], *_: Any, **__: Any) -> None:
    name = title_in_cells(study)
    decision(
        "ENQUEUED", "The next trial is to try these values", dict(params), {"study": name} if name else None
    )


# -- one trial -----------------------------------------------------------------------------------------------


class _Asking(Looking):
    """`Study.ask`: inside `optimize` the trial is what goes on; without it any number may be open."""

    def __init__(self, study: Any, *_: Any, **__: Any) -> None:
        self.study = study

    def returned(self, trial: Any) -> None:
        known = _open(trial)
        running = _here.running[-1] if _here.running else None
        if running is not None and running.study is self.study and running.trial is None:
            running.trial = known
            known.span.attach()


class _Running(Looking):
    """One turn of `Study.optimize`: a trial is asked for, the objective called, its value told."""

    def __init__(self, study: Any, *_: Any, **__: Any) -> None:
        self.study = study
        self.trial: Trial | None = None
        _here.running.append(self)

    def returned(self, _value: Any) -> None:
        self._end()

    def raised(self, error: BaseException) -> None:
        if self.trial is not None and not self.trial.failed:
            self.trial.span.fail(error)
        self._end()

    def _end(self) -> None:
        _here.running.remove(self)
        if self.trial is not None:
            self.trial.span.detach()
            self.trial.span.end()


def _suggested(trial: Any, name: str, distribution: Any) -> _Suggesting | None:
    return None if name in trial._cached_frozen_trial.params else _Suggesting(trial, name, distribution)


class _Suggesting(Looking):
    """A value is chosen for a parameter for the first time in this trial."""

    def __init__(self, trial: Any, name: str, distribution: Any) -> None:
        self.trial, self.name, self.distribution = trial, name, distribution
        _open(trial)  # it has begun before the sampler does its work

    def returned(self, value: Any) -> None:
        why = why_chosen(self.trial, self.name, self.distribution)
        _open(self.trial).decided("SUGGESTED", why, {self.name: value})


def _reported(trial: Any, value: Any, step: Any) -> None:
    known = _open(trial)
    known.reported = {"value": value, "step": step}
    known.decided("REPORTED", f"The value at step {step}", known.reported)


def _constrained(trial: Any, key: str, value: float) -> None:
    met = "met" if value <= 0 else "broken"
    _open(trial).decided("CONSTRAINT", f"It is {met}: no more than 0 is allowed", {key: value})


class _Asked(Looking):
    """`Trial.should_prune`: what the pruner advises."""

    def __init__(self, trial: Any) -> None:
        self.trial = trial

    def returned(self, value: Any) -> None:
        if value:
            known = _open(self.trial)
            known.advice = f"{as_text(self.trial.study.pruner)} advised it"
            if known.reported:
                known.advice += f" at step {known.reported['step']}"


# -- how a trial ends ----------------------------------------------------------------------------------------


def _failed(*arguments: Any, exc_info: Any = None, **_: Any) -> None:
    """The objective raised, or gave what is no value: Optuna writes that to its log, after it has told it."""
    known = _here.running[-1].trial if _here.running else None
    if known is not None:
        error = exc_info[1] if exc_info else None
        message = str(arguments[-1])
        known.fail(error if error is not None else message, message)


def _told(
    study: Any,
    trial: Any,
    _values: Any = None,
    _state: Any = None,
    skip_if_finished: bool = False,
    **more: Any,
) -> _Telling | None:
    known = _found(study, trial)
    if known is None:
        if skip_if_finished or more.get("skip_if_finished"):
            return None  # ended already, or somewhere else
        known = Trial(getattr(trial, "number", trial), study=title_in_cells(study))
    return _Telling(study, trial, known)


def _found(study: Any, trial: Any) -> Trial | None:
    """The open trial that is told: by itself or by its number."""
    if not isinstance(trial, int):
        return _trials.get(trial)
    numbered = [
        one for one in list(_trials) if one.number == trial and one.study.study_name == study.study_name
    ]
    mine = [one for one in numbered if one.study is study] or numbered
    return _trials[mine[0]] if mine else None


class _Telling(Looking):
    """The study learns how a trial ended."""

    def __init__(self, study: Any, trial: Any, known: Trial) -> None:
        self.study, self.trial, self.known = study, trial, known
        self.by_optimize = bool(_here.running) and _here.running[-1].trial is known

    def returned(self, told: Any) -> None:
        state, values = (told.state, told.values) if hasattr(told, "state") else told[:2]
        try:
            self._tell(state.name, values)
        finally:
            self._close()

    # Where the study does not take it, it raises: the trial may go on; in `optimize` the error ends it.

    def _close(self) -> None:
        for one in [one for one, known in list(_trials.items()) if known is self.known]:
            del _trials[one]
        if not self.by_optimize:
            self.known.span.end()

    def _tell(self, state: str, values: Any) -> None:
        _known(self.study).finished += 1
        shown: Any = None
        if values is not None:
            shown = values[0] if len(values) == 1 else list(values)
        self.known.tell(state=state.lower(), value=shown)
        if state == "PRUNED":
            why = self.known.advice or "The objective raised TrialPruned"
            self.known.decided("PRUNED", why, self.known.reported or {})
        elif state == "COMPLETE":
            ignored = f", although {self.known.advice}" if self.known.advice else ""
            self.known.decided("COMPLETED", f"The objective gave its value{ignored}", {"value": shown})
            self._best(values)
        elif not self.by_optimize:
            self.known.decided("FAILED", "The trial was told to have failed", self.known.reported or {})

    def _best(self, values: Any) -> None:
        if len(values) == 1:
            self._smallest_or_largest(values[0])
        else:
            self._on_front(values)

    def _smallest_or_largest(self, value: float) -> None:
        known, which = _known(self.study), direction(self.study)
        before = known.best
        if not is_better(value, before, which):
            return
        try:
            best = self.study.best_trial  # who knows which trials meet the constraints, and what others found
        except ValueError:
            return  # none that meets them yet
        found = {"trial": best.number, "value": best.value, "params": best.params}
        if best.number == self.known.number:
            known.best = found
            self.known.is_best(found, before, which)
        elif before is None or before["trial"] != best.number:
            known.best = found  # found by another worker, or before this one began

    def _on_front(self, values: Any) -> None:
        signs = [-1 if one.name == "MAXIMIZE" else 1 for one in self.study.directions]
        costs = tuple(sign * value for sign, value in zip(signs, values, strict=True))
        front = _known(self.study).front
        if any(all(a <= b for a, b in zip(one, costs, strict=True)) for one in front):
            return
        if self._violates():
            return
        front[:] = [one for one in front if not all(a <= b for a, b in zip(costs, one, strict=True))]
        front.append(costs)
        reason = f"No trial here is better in every objective ({direction(self.study)})"
        self.known.decided("NEW_BEST", reason, {"values": list(values)})

    def _violates(self) -> bool:
        trials = self.study.get_trials(deepcopy=False)
        told: Mapping[str, Any] = next(
            (one.system_attrs for one in trials if one.number == self.known.number), {}
        )
        # As Optuna keeps constraints: a list, and since 5 one attribute for each.
        values = [
            *(told.get("constraints") or ()),
            *(v for k, v in told.items() if k.startswith("constraints:")),
        ]
        return any(value > 0 for value in values)
