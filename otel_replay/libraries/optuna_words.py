"""What Optuna's samplers, distributions and studies are called in a run. Pure: they are only looked at."""

from __future__ import annotations

from typing import Any

__all__ = ["as_text", "chosen_from", "direction", "study_title", "title_in_cells", "why_chosen"]

_MADE_UP = "no-name-"


def study_title(study: Any) -> str:
    """What a study's task is called: by its name, unless Optuna has made that up from chance."""
    name = title_in_cells(study)
    return f"study {name}" if name else "study"


def title_in_cells(study: Any) -> str:
    """A study's name; empty where Optuna has made it up."""
    name = str(study.study_name)
    return "" if name.startswith(_MADE_UP) else name


def direction(study: Any) -> str:
    """`minimize`, `maximize`, or several of them with commas between."""
    return ", ".join(one.name.lower() for one in study.directions)


def as_text(thing: Any) -> str:
    """A sampler or pruner by its class."""
    return type(thing).__name__


def chosen_from(distribution: Any) -> str:
    """The range that a value was chosen from, for a person: `from 1 to 40, log`."""
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        shown = ", ".join(str(one) for one in choices[:6])
        return f"one of {shown}" + (", …" if len(choices) > 6 else "")
    text = f"from {distribution.low:g} to {distribution.high:g}"
    step = getattr(distribution, "step", None)
    if getattr(distribution, "log", False):
        return text + ", log"
    return text + f", step {step:g}" if step not in (None, 1) else text


def why_chosen(trial: Any, name: str, distribution: Any) -> str:
    """Who has chosen a trial's value, as far as Optuna says."""
    where = chosen_from(distribution)
    if name in (getattr(trial, "_fixed_params", None) or {}):
        return f"Asked for by enqueue_trial, {where}"
    if distribution.single():
        return f"There is no other value: {where}"
    sampler = as_text(trial.study.sampler)
    if name in (getattr(trial, "_relative_params", None) or {}):
        return f"{sampler} chose it together with others, {where}"
    return f"{sampler} chose it, {where}"
