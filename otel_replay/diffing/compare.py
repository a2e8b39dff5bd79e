"""Two runs compared: aligned first, then value by value, and what came of it as one value."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.analysis.garbage import no_garbage_yet
from otel_replay.analysis.items import Items
from otel_replay.diffing.causes import Causes
from otel_replay.diffing.columns import Columns
from otel_replay.diffing.content import Contents
from otel_replay.diffing.difference import Difference
from otel_replay.diffing.find import Finder
from otel_replay.diffing.findings import Brief, Findings
from otel_replay.diffing.grids import grid_difference
from otel_replay.diffing.nearby import neighbours
from otel_replay.diffing.pairing import Row, pair_runs
from otel_replay.diffing.places import differing_places
from otel_replay.diffing.rules import Rules, Tolerance, make_rules
from otel_replay.diffing.sides import Side, make_sides
from otel_replay.diffing.totals import ActionTable, aggregates_of
from otel_replay.errors import FormatError
from otel_replay.loading import load_items

if TYPE_CHECKING:
    from otel_replay.loading import RecordedRun
    from otel_replay.storage.run_files import RunFiles
    from otel_replay.storage.store import Store

__all__ = ["compare", "diff"]


def diff(
    a: str | os.PathLike[str] | RunFiles | RecordedRun | Items,
    b: str | os.PathLike[str] | RunFiles | RecordedRun | Items,
    *,
    tolerances: Mapping[str, float | Tolerance] | None = None,
    identity: Mapping[str, Sequence[str]] | None = None,
    ignore: Iterable[str] = (),
    only: Iterable[str] = (),
    strict: bool = False,
    times: bool | float | Tolerance = False,
    all_attributes: bool = False,
    store: Store | None = None,
) -> Difference:
    """What is not the same in two runs.

    Parameters
    ----------
    a, b:
        The runs, the one that is compared with first: what `otel_replay.loading.load_items` takes, that is
        names of runs, paths of packs and of files of others, runs themselves.
    tolerances:
        How far numbers may be apart and still be equal, by patterns of attributes: `{"values.*": 0.05}`, or a
        `Tolerance`. The first pattern that fits counts. See `otel_replay.diffing.rules` for patterns.
    identity:
        Which attributes say what an item is about, by globs of names: `{"AFR_*": ["cell.rpm", "cell.kpa"]}`.
        By default a decision is about its whole cell, and anything else about its name.
    ignore:
        Patterns of attributes, and globs of decisions, events and spans, that are left out.
    only:
        Globs of decisions, events and spans: nothing else is compared, but what is below them.
    strict:
        Whether 1 and 1.0 differ.
    times:
        Whether the lengths of spans count, and how far they may be apart in milliseconds (or a `Tolerance`).
    all_attributes:
        Whether what says where a run was made counts too (`otel_replay.diffing.places`): the machine, the
        environment, directories in the command, versions.
    store:
        Where names of runs are looked up; None: the store of the settings.

    Raises
    ------
    UsageError
        If there is no such run, or a pattern is none.
    StoreError, FormatError
        If a run cannot be read.
    """
    rules = make_rules(
        tolerances=tolerances or {},
        identity=identity,
        ignore=ignore,
        only=only,
        strict=strict,
        times=times,
        all_attributes=all_attributes,
    )
    with no_garbage_yet(stays=True):
        lines = DecisionLines(numbered=True)
        base = load_items(a, store=store, lines=lines)
        return compare(base, load_items(b, store=store, lines=lines.enough()), rules)


def compare(
    a: Items, b: Items, rules: Rules, *, axes: Sequence[str] = (), value: str = "", before: str = ""
) -> Difference:
    """As :func:`diff`, for runs that are loaded; `axes`, `value` and `before` name the grid's parts."""
    try:
        with no_garbage_yet(stays=True):
            return _compare(a, b, rules, axes, value, before)
    except RecursionError:
        raise FormatError(
            "a value in one of the runs is nested too deeply to be compared",
            hint="leave it out with --ignore, or compare what matters with --only",
        ) from None


def _compare(a: Items, b: Items, rules: Rules, axes: Sequence[str], value: str, before: str) -> Difference:
    contents = Contents(rules)
    left, right = make_sides(a, b, contents)
    top = pair_runs(left, right, contents)
    actions = ActionTable(a, b)
    findings, same = _find(top, left, right, contents, actions)
    reached = (place for place in range(len(findings)) if findings.how(place) != "not reached")
    first = next((findings[place] for place in reached), None)
    return Difference(
        a=a,
        b=b,
        findings=findings,
        same=same,
        decisions_only=left.flat,
        places=tuple(_places(a, b, rules, left.flat)),
        first_divergence=first,
        context=() if first is None else tuple(neighbours(top, first, left, right)),
        actions=actions.rows(),
        aggregates=tuple(aggregates_of(a, b, decisions_only=left.flat)),
        grid=grid_difference(a, b, rules, findings, names=axes, value=value, before=before),
        followers=Counter(filter(None, findings.follows)),
    )


def _find(
    top: Row, left: Side, right: Side, contents: Contents, actions: ActionTable
) -> tuple[Findings, int]:
    """All findings, with what each follows from and counted, and how many items are the same.

    In one go: what changed in a decision is not kept.
    """
    finder, causes = Finder(left, right, contents), Causes()
    findings = Findings(left.items.items, right.items.items, finder.leaves)
    about, groups, values = contents.about, left.groups, left.values
    for told in finder.below(top):
        number = len(findings) + 1
        if isinstance(told, Columns):
            subjects = [about[groups[seq]] for seq in told.left]
            found = causes.of_columns(number, told, [one.cell for one in subjects])
            findings.add_briefly((told.left, told.right), told.where, *found)
            actions.count_columns([one.action for one in subjects], told)
            continue
        entry, leaves = told
        if isinstance(entry, Brief):
            i, j, where = entry
            action, cell = about[groups[i]]
            follows, why = causes.of_brief(number, values[i], leaves, cell, where.span)
            findings.add_briefly(([i], [j]), where, [follows], [why])
            actions.count_brief(action, leaves)
        else:
            entry.number = number
            entry.follows, entry.why = causes.of(entry)
            findings.add(entry)
            actions.count(entry)
    return findings, finder.same


def _places(a: Items, b: Items, rules: Rules, flat: bool) -> Sequence[str]:
    """What was left out because it only says where the runs were made."""
    return () if flat or rules.all_attributes or rules.only_items else differing_places(a, b)
