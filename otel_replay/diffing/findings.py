"""A difference between two runs, and all of them in their order: made when somebody asks, counted without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeGuard, overload

from otel_replay import attributes as names
from otel_replay.analysis.grid import AFTER_NAMES
from otel_replay.analysis.items import Item
from otel_replay.analysis.titles import title_of
from otel_replay.diffing.content import DURATION, MESSAGE, STATUS
from otel_replay.diffing.leaves import Leaves
from otel_replay.diffing.values import Change
from otel_replay.records import Decision

__all__ = [
    "OF_AFTER",
    "Brief",
    "Finding",
    "Findings",
    "How",
    "Picked",
    "Where",
    "are_outcomes",
    "is_map",
    "is_outcome",
]

How = Literal["changed", "added", "removed", "moved", "not reached"]

_OUTCOMES = frozenset(
    {
        *(STATUS, MESSAGE, DURATION, "reason", "error.type"),
        *(names.GEN_AI_OUTPUT_MESSAGES, names.GEN_AI_TOOL_RESULT, names.GEN_AI_RESPONSE_MODEL),
        *(names.MEMORY_OUTPUT_SHA256, names.MEMORY_FRAMES, names.MEMORY_ERROR),
        *("output.value", "output.mime_type", "traceloop.entity.output"),
    }
)
_OUTCOME_PREFIXES = (
    "gen_ai.response.",
    "gen_ai.usage.",
    "gen_ai.completion.",
    "llm.output_messages.",
    "llm.token_count.",
)

OF_AFTER = frozenset(AFTER_NAMES)
"""Names of what a decision leaves behind, to be asked for all at once."""


@dataclass(slots=True, kw_only=True)
class Finding:
    """One thing that is not the same in both runs.

    Attributes
    ----------
    number:
        Its place among the findings, from 1, in the order in which things happened.
    how:
        `changed`, `added` (only the second run has it), `removed` (only the first), `moved`, or
        `not reached`: the other run's recording ended before.
    path:
        The titles of the spans that it is in, outermost first.
    before, after:
        The item in the first run and in the second.
    changes:
        The values that are not the same.
    items:
        How many decisions, events and spans it stands for: a removed task takes all below it with it.
    follows:
        The number of the earlier finding that explains it; None for one that nothing before explains.
    why:
        In a few words, how it is known what it follows from, or that it is independent.
    """

    number: int = 0
    how: How
    path: tuple[str, ...]
    before: Item | None
    after: Item | None
    changes: tuple[Change, ...] = ()
    items: int = 1
    follows: int | None = None
    why: str = ""

    @property
    def title(self) -> str:
        """What it is, for a person: `AFR_CORRECTION rpm=2000 kpa=65`."""
        return title_of(self.item)

    @property
    def item(self) -> Item:
        """The item, of the first run where that has it."""
        found = self.before if self.before is not None else self.after
        assert found is not None
        return found

    @property
    def independent(self) -> bool:
        """Whether nothing that differed before explains it."""
        return self.follows is None

    @property
    def where(self) -> str:
        """The path and the title as one text."""
        return " > ".join((*self.path, self.title))


class Where(NamedTuple):
    """Where something stands: the titles of the spans around it, and the innermost one of the first run."""

    path: tuple[str, ...] = ()
    span: Item | None = None


class Brief(NamedTuple):
    """A decision that was changed and nothing but its values and its reason, by its `seq` in both runs.

    A run whose every value has drifted has 100,000 of these, and hardly anyone is shown to anybody.
    """

    before: int
    after: int
    where: Where


class _Listed(Sequence[Finding]):
    """Findings by their places, of which one is made when it is asked for."""

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> list[Finding]: ...
    def __getitem__(self, place: int | slice) -> Finding | list[Finding]:
        places = range(len(self))[place]
        return self.at(places) if isinstance(places, int) else list(map(self.at, places))

    def at(self, place: int) -> Finding:
        """The one at a place from 0."""
        raise NotImplementedError


class Findings(_Listed):
    """All findings in their order; what is kept in brief is made into a :class:`Finding` when asked for.

    Parameters
    ----------
    left, right:
        The items of both runs.
    leaves:
        What tells the changes of those in brief.
    """

    def __init__(self, left: Sequence[Item], right: Sequence[Item], leaves: Leaves) -> None:
        self.follows: list[int | None] = []
        """What each follows from, as `Finding.follows`."""
        self.whys: list[str] = []
        self._made: list[Finding | None] = []
        self._seqs: tuple[list[int], list[int]] = [], []
        self._wheres: list[Where] = []
        self._left, self._right, self._leaves = left, right, leaves

    def __len__(self) -> int:
        return len(self._made)

    def add(self, made: Finding) -> None:
        """Put in the next one."""
        self._put([made], ([-1], [-1]), Where())
        self.follows.append(made.follows)
        self.whys.append(made.why)

    def add_briefly(
        self,
        seqs: tuple[list[int], list[int]],
        where: Where,
        follows: Sequence[int | None],
        whys: Sequence[str],
    ) -> None:
        """Put in the next ones: changed decisions of one place, by their `seq` in both runs."""
        self._put([None] * len(whys), seqs, where)
        self.follows += follows
        self.whys += whys

    def _put(self, made: Sequence[Finding | None], seqs: tuple[list[int], list[int]], where: Where) -> None:
        self._made += made
        self._seqs[0].extend(seqs[0])
        self._seqs[1].extend(seqs[1])
        self._wheres += [where] * len(made)

    def at(self, place: int) -> Finding:
        """The one at a place from 0; it stays the same one from then on."""
        made = self._made[place] = self._make(place)
        return made

    def __iter__(self) -> Iterator[Finding]:
        # Not kept: who goes through all of them wants each once.
        return map(self._make, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def how(self, place: int) -> How:
        """The `how` of one of them, which is not made for that."""
        made = self._made[place]
        return "changed" if made is None else made.how

    def those(self, wanted: Callable[[How, int | None], bool]) -> Picked:
        """Those whose `how` and `follows` are wanted, in their order."""
        return Picked(self, [n for n, cause in enumerate(self.follows) if wanted(self.how(n), cause)])

    def _make(self, place: int) -> Finding:
        made = self._made[place]
        if made is not None:
            return made
        i, j = (seqs[place] for seqs in self._seqs)
        return Finding(
            number=place + 1,
            how="changed",
            path=self._wheres[place].path,
            before=self._left[i],
            after=self._right[j],
            changes=tuple(Change(*leaf) for leaf in self._leaves.of(i, j) or ()),
            follows=self.follows[place],
            why=self.whys[place],
        )


class Picked(_Listed):
    """Some of the findings."""

    def __init__(self, findings: Findings, places: list[int]) -> None:
        self._findings, self._places = findings, places

    def __len__(self) -> int:
        return len(self._places)

    def at(self, place: int) -> Finding:
        """The one at a place from 0 among these."""
        return self._findings.at(self._places[place])


def is_outcome(item: Item, change: Change) -> bool:
    """Whether a value is what came of an item, and not what it began with."""
    first = str(change.path[0])
    if first in _OUTCOMES or first.startswith(_OUTCOME_PREFIXES):
        return True
    record = item.record
    if isinstance(record, Decision) and first == "values" and isinstance(record.values, Mapping):
        if any(name in record.values for name in AFTER_NAMES):
            return len(change.path) > 1 and change.path[1] in AFTER_NAMES
        return True
    return False


def is_map(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is a map; asking an abstract class takes ten times as long."""
    return type(value) is dict or isinstance(value, Mapping)


def are_outcomes(item: Item, changes: Sequence[Change]) -> list[bool]:
    """As :func:`is_outcome`, for several changes of an item."""
    values = item.record.values if isinstance(item.record, Decision) else None
    if not is_map(values):
        return [is_outcome(item, change) for change in changes]
    says = not OF_AFTER.isdisjoint(values)
    return [
        (not says or (len(change.path) > 1 and change.path[1] in OF_AFTER))
        if change.path[0] == "values"
        else is_outcome(item, change)
        for change in changes
    ]
