"""The call sites: the same loop calls ours and the yardstick, and builds its arguments as a program does."""

from __future__ import annotations

import itertools
from collections.abc import Callable

__all__ = ["WORKLOADS", "Decide", "Workload", "plain"]

Decide = Callable[..., None]
"""`otel_replay.decision`, or a yardstick of the same signature."""

Workload = Callable[[Decide, int], None]
"""Calls the first argument as often as the second one says."""

_ACTION = "AFR_CORRECTION"
_REASON = "Accepted AFR error sample for f cylinder"
_fresh = itertools.count()


def plain(decide: Decide, calls: int) -> None:
    """The seed's example: four floats, a cell of two integers and a text."""
    for _ in range(calls):
        decide(
            _ACTION,
            _REASON,
            values={"afr_error_pct": 0.73, "weight": 73.3, "afr_commanded": 12.5, "afr_measured": 12.41},
            cell={"rpm": 2000, "kpa": 65, "cylinder": "f"},
        )


def long_floats(decide: Decide, calls: int) -> None:
    """Floats as arithmetic leaves them, with all their digits."""
    error = 0.1
    for _ in range(calls):
        error += 0.123456789
        decide(
            _ACTION,
            _REASON,
            values={
                "afr_error_pct": error,
                "weight": error * 7.1,
                "afr_commanded": 12.5,
                "afr_measured": error / 3.3,
            },
            cell={"rpm": 2000, "kpa": 65, "cylinder": "f"},
        )


def told_in_words(decide: Decide, calls: int) -> None:
    """A reason with numbers in it."""
    for number in range(calls):
        decide(
            _ACTION,
            f"Sample {number} accepted: error {number / 7:.2f} % is below the limit of 15 %",
            values={"afr_error_pct": 0.73, "weight": 73.3, "afr_commanded": 12.5, "afr_measured": 12.41},
            cell={"rpm": 2000, "kpa": 65, "cylinder": "f"},
        )


def many_cells(decide: Decide, calls: int) -> None:
    """Another cell each time, one of 110."""
    for number in range(calls):
        decide(
            _ACTION,
            _REASON,
            values={"afr_error_pct": 0.73, "weight": 73.3, "afr_commanded": 12.5, "afr_measured": 12.41},
            cell={
                "rpm": 1500 + number % 11 * 500,
                "kpa": 35 + number % 5 * 15,
                "cylinder": "f" if number & 1 else "r",
            },
        )


def new_strings(decide: Decide, calls: int) -> None:
    """Each tenth call holds a text that was never seen before."""
    for number in range(calls):
        decide(
            _ACTION,
            f"Accepted sample of {_new_word()}" if number % 10 == 0 else _REASON,
            values={"afr_error_pct": 0.73, "weight": 73.3, "afr_commanded": 12.5, "afr_measured": 12.41},
            cell={"rpm": 2000, "kpa": 65, "cylinder": "f"},
        )


def _new_word() -> str:
    return f"{next(_fresh):x}".translate(_LETTERS)


_LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")


def without_maps(decide: Decide, calls: int) -> None:
    """An action and a reason, nothing else."""
    for _ in range(calls):
        decide(_ACTION, _REASON)


WORKLOADS: dict[str, Workload] = {
    "floats with all their digits": long_floats,
    "reason is an f-string with numbers": told_in_words,
    "another cell each time": many_cells,
    "1 of 10 holds a text never seen before": new_strings,
    "no values, no cell": without_maps,
}
"""Variants of :func:`plain`, by what is different in them."""
