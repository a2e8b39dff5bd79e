"""Which names of decisions make the grid: options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from otel_replay.analysis.grid import Grid
    from otel_replay.records import Decision

__all__ = ["grid_of", "grid_options"]

Function = TypeVar("Function", bound=Callable[..., Any])


def grid_options(function: Function) -> Function:
    """`--axes`, `--value`, `--before`."""
    function = click.option(
        "--before",
        default="",
        metavar="NAME",
        help="What a cell held before (default: before, original, old).",
    )(function)
    function = click.option(
        "--value", default="", metavar="NAME", help="What a cell holds after (default: after, result, new)."
    )(function)
    return click.option(
        "--axes",
        default="",
        metavar="ROW,COLUMN",
        help="Two names in cells, such as rpm,kpa (default: those of the first decision with such a value).",
    )(function)


def grid_of(decisions: Sequence[Decision], axes: str, value: str, before: str) -> Grid | None:
    """The grid that the options ask for; None where nothing was asked for and no decision changes a cell.

    Raises
    ------
    UsageError
        If `axes` are not two names, or if what was asked for is in no decision.
    """
    from otel_replay.analysis.grid import find_grid
    from otel_replay.errors import UsageError

    names = [name.strip() for name in axes.split(",")] if axes else []
    if names and (len(names) != 2 or not all(names)):
        raise UsageError(f"--axes `{axes}` is not two names", hint="such as --axes rpm,kpa")
    grid = find_grid(decisions, names=names, value=value, before=before)
    if grid is None and (axes or value or before):
        raise UsageError(
            "no decision changes a cell with these --axes, --value and --before",
            hint="`otel-replay view RUN` shows what the decisions have",
        )
    return grid
