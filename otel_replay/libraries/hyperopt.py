"""Hyperopt: each `fmin` a task, each evaluation a trial in it, with what was chosen and the loss."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from otel_replay.hooks.carrying import title_of
from otel_replay.hooks.wrapping import watch
from otel_replay.libraries.trials import Block, Trial, is_better, search_task, tell_search

__all__ = ["install"]

DOING = "recording a search of Hyperopt"


def install(module: ModuleType) -> None:
    """Hook into Hyperopt's loop over trials and into what evaluates one."""
    base = module.base
    loop = sys.modules["hyperopt.fmin"]  # the package has a function of that name
    watch(loop.FMinIter, "exhaust", _Searching, DOING)
    watch(base.Domain, "evaluate", _Evaluating, DOING)


_searches: list[_Searching] = []
"""Those that go on; the innermost is last."""


class _Searching(Block):
    """`fmin`, from its first evaluation to its last."""

    def __init__(self, loop: Any) -> None:
        self.trials = 0
        self.best: dict[str, Any] | None = None
        self.chosen_by = _algorithm(loop.algo)
        endless = loop.max_evals is None or loop.max_evals >= 2**31
        given = {
            "library": "hyperopt",
            "algorithm": self.chosen_by,
            "objective": title_of(loop.domain.fn),
            "direction": "minimize",
            "most_trials": None if endless else loop.max_evals,
            "timeout_s": loop.timeout,
        }
        self.span = search_task("fmin", given)
        self.span.attach()
        _searches.append(self)

    def sum_up(self) -> None:
        _searches.remove(self)
        tell_search(self.span, {"trials": self.trials}, self.best)


def _algorithm(algo: Any) -> str:
    inner = getattr(algo, "func", algo)  # partial(tpe.suggest, …)
    return f"{str(getattr(inner, '__module__', '')).rpartition('.')[2]}.{title_of(inner)}".lstrip(".")


class _Evaluating(Block):
    """One evaluation of the objective. Of `hp.choice` the number of the choice is what was chosen."""

    def __init__(self, _domain: Any, config: Mapping[str, Any], ctrl: Any, *_: Any, **__: Any) -> None:
        current = getattr(ctrl, "current_trial", None) or {}
        self.search = _searches[-1] if _searches else None
        self.params = dict(config)
        self.trial = Trial(current.get("tid", 0))
        self.span = self.trial.span
        self.span.attach()
        by = self.search.chosen_by if self.search is not None else "Hyperopt"
        self.trial.decided("SUGGESTED", f"{by} chose these values", self.params)

    def raised(self, error: BaseException) -> None:
        self.trial.fail(error, f"{type(error).__name__}: {error}")
        self.end()

    def tell(self, value: Mapping[str, Any]) -> None:
        state, loss = value.get("status"), value.get("loss")
        self.trial.tell(state=state, value=loss)
        if self.search is not None:
            self.search.trials += 1
        if state != "ok" or loss is None:
            self.trial.decided("FAILED", f"The objective gave the status {state}", {})
            return
        self.trial.decided("COMPLETED", "The objective gave its loss", {"value": loss})
        if self.search is not None and is_better(loss, self.search.best, "minimize"):
            before = self.search.best
            self.search.best = {"trial": self.trial.number, "value": loss, "params": self.params}
            self.trial.is_best(self.search.best, before, "minimize")
