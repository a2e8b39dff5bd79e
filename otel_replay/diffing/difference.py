"""What is not the same in two runs, as one value with everything that a report needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_replay.analysis.items import Items
from otel_replay.diffing.document import as_document
from otel_replay.diffing.findings import Finding, Findings, How, Picked
from otel_replay.diffing.grids import GridDifference
from otel_replay.diffing.markdown import as_markdown
from otel_replay.diffing.nearby import Neighbour
from otel_replay.diffing.totals import ActionTotals, Aggregate

__all__ = ["Difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What :func:`otel_replay.diffing.diff` found.

    Attributes
    ----------
    a, b:
        The runs: the one that was compared with, and the other.
    findings:
        Everything that is not the same, in the order in which it came about.
    same:
        How many decisions, events and spans are.
    decisions_only:
        One of the runs tells its decisions and nothing else, so nothing else was compared.
    places:
        Attributes that say where a run was made and are not the same. They count as no difference.
    first_divergence:
        The first finding; None where there is none but what one run did not reach.
    context:
        What stands next to it.
    actions:
        What became of the decisions, by action.
    aggregates:
        Counts, durations, tokens of both runs.
    grid:
        The table that both runs worked on; None where no decision changes a cell.
    followers:
        How many findings follow directly from one, by its number.
    """

    a: Items
    b: Items
    findings: Findings
    same: int
    first_divergence: Finding | None
    decisions_only: bool = False
    places: tuple[str, ...] = ()
    context: tuple[Neighbour, ...] = ()
    actions: tuple[ActionTotals, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    grid: GridDifference | None = None
    followers: Mapping[int, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return not self.equal

    @property
    def equal(self) -> bool:
        """Whether the runs are the same, to their ends: what one of them did not reach is a difference."""
        return not self.findings

    @property
    def equal_so_far(self) -> bool:
        """Whether they are the same as far as both of them got."""
        return self.first_divergence is None

    def _of(self, how: How) -> Picked:
        return self.findings.those(lambda is_so, _: is_so == how)

    @property
    def added(self) -> Sequence[Finding]:
        """What only the second run has."""
        return self._of("added")

    @property
    def removed(self) -> Sequence[Finding]:
        """What only the first run has."""
        return self._of("removed")

    @property
    def moved(self) -> Sequence[Finding]:
        """What stands elsewhere."""
        return self._of("moved")

    @property
    def changed(self) -> Sequence[Finding]:
        """What both have, with other values."""
        return self._of("changed")

    @property
    def not_reached(self) -> Sequence[Finding]:
        """What only one run has because the other's recording ended before."""
        return self._of("not reached")

    @property
    def independent(self) -> Sequence[Finding]:
        """Findings that no earlier one explains."""
        return self.findings.those(lambda how, cause: cause is None and how != "not reached")

    @property
    def following(self) -> Sequence[Finding]:
        """Findings that an earlier one explains."""
        return self.findings.those(lambda _, cause: cause is not None)

    def markdown(self, *, most_bytes: int = 60_000) -> str:
        """The report as Markdown for a comment on a pull request, of bounded length."""
        return as_markdown(self, most_bytes=most_bytes)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON types; `docs/diff.md` says what stands where."""
        return as_document(self)
