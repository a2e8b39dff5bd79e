"""Many decisions side by side, value by value: where two runs have drifted apart, nearly all have few forms.

Those of one form have the same names in the same order. Their values stand in columns of one type each, and
each step is taken for a column and not for a decision. What has no such form is told decision by decision
(`diffing.leaves`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter, ne
from typing import Any, NamedTuple

from otel_replay.diffing.findings import Where
from otel_replay.diffing.rules import Path
from otel_replay.diffing.sides import Side

__all__ = ["MOST", "Column", "Columns", "Form", "columns_of"]

MOST = 500
"""So many decisions are taken at once: one that is odd is the end of columns for those beside it."""

_LEAST = 8
_NUMBERS: frozenset[type] = frozenset({int, float, bool})
_SAME_WHERE_EQUAL: frozenset[type] = frozenset({*_NUMBERS, str, bytes, type(None)})


class Column(NamedTuple):
    """A number that is not the same in all of the decisions, or in some.

    Attributes
    ----------
    path:
        Where it stands.
    kind:
        The type of all of them, before and after.
    before, after:
        The values.
    differs:
        Which of them are not the same; None for all.
    """

    path: Path
    kind: type
    before: list[Any]
    after: list[Any]
    differs: list[bool] | None


class Form(NamedTuple):
    """Those that have the same names: which of the decisions these are, and their numbers that changed."""

    names: tuple[str, ...]
    places: Sequence[int]
    columns: list[Column]


class Columns(NamedTuple):
    """Decisions that stand together and were all changed, in nothing but numbers.

    Attributes
    ----------
    left, right:
        The `seq` of each in both runs.
    where:
        Where they stand.
    forms:
        What changed in them.
    """

    left: list[int]
    right: list[int]
    where: Where
    forms: list[Form]


def columns_of(left: Side, right: Side, seqs: tuple[list[int], list[int]], where: Where) -> Columns | None:
    """The columns of these decisions of both runs; None where they cannot be told so."""
    if len(seqs[0]) < _LEAST:
        return None
    before = list(map(left.values.__getitem__, seqs[0]))
    after = list(map(right.values.__getitem__, seqs[1]))
    if {*map(type, before), *map(type, after)} != {dict}:
        return None
    reasons = map(left.reasons.__getitem__, seqs[0]), map(right.reasons.__getitem__, seqs[1])
    if any(map(ne, *reasons)):
        return None
    shapes = list(map(tuple, before))
    places: dict[tuple[str, ...], Sequence[int]] = dict.fromkeys(shapes, range(len(shapes)))
    if len(places) > 1:
        by_shape = defaultdict(list)
        for place, shape in enumerate(shapes):
            by_shape[shape].append(place)
        places = {**by_shape}
    forms = []
    for names, some in places.items():
        whole = len(places) == 1
        sides = (before, after) if whole else ([before[n] for n in some], [after[n] for n in some])
        columns = _columns(names, *sides)
        if columns is None:
            return None
        forms.append(Form(names, some, columns))
    return Columns(*seqs, where, forms)


def _columns(
    names: tuple[str, ...], before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> list[Column] | None:
    """What changed in decisions of one form; None if one of them did not, or anything but a number did."""
    if set(map(len, after)) != {len(names)}:
        return None
    found = []
    for name in names:
        get = itemgetter(name)
        try:
            sides = list(map(get, before)), list(map(get, after))
        except KeyError:
            return None
        kinds = {*map(type, sides[0]), *map(type, sides[1])}
        if len(kinds) > 1 or not _SAME_WHERE_EQUAL.issuperset(kinds):
            return None
        differs = list(map(ne, *sides))
        if True in differs and float in kinds and any(map(ne, sides[0], sides[0])):
            # NaN is NaN, and is not equal to itself.
            rows = zip(differs, *sides, strict=True)
            differs = [one and (a == a or b == b) for one, a, b in rows]
        if True in differs:
            if not _NUMBERS.issuperset(kinds):
                return None
            [kind] = kinds
            found.append(Column(("values", name), kind, *sides, differs if False in differs else None))
    flags = [column.differs for column in found if column.differs is not None]
    if len(flags) == len(found) and not all(map(any, zip(*flags, strict=True))):
        return None
    return found or None
