"""What a person wrote on the command line, as the selection of decisions that it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_replay.analysis.conditions import Condition
    from otel_replay.analysis.selection import Selection

__all__ = ["conditions", "selection"]


def selection(
    start_ns: int,
    *,
    action: str = "",
    cell: Sequence[str] = (),
    where: Sequence[str] = (),
    reason: str = "",
    since: str | None = None,
    until: str | None = None,
) -> Selection:
    """The selection of these options; times may be lengths of time after `start_ns`.

    Raises
    ------
    UsageError
        If one of them makes no sense.
    """
    from otel_replay.analysis.selection import Selection, cell_rule
    from otel_replay.cli.times import read_time
    from otel_replay.errors import UsageError

    try:
        return Selection(
            action=action,
            reason=reason,
            cell=tuple(cell_rule(text) for text in cell),
            where=conditions(where),
            since_ns=None if since is None else read_time(since, start_ns),
            until_ns=None if until is None else read_time(until, start_ns),
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """The conditions that texts stand for.

    Raises
    ------
    UsageError
        If one of them is none.
    """
    from otel_replay.analysis.conditions import condition
    from otel_replay.errors import UsageError

    try:
        return tuple(condition(text) for text in texts)
    except ValueError as error:
        raise UsageError(str(error)) from None
