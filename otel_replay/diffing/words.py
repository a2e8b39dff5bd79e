"""Findings in words: values short enough for a line, what changed by how much, how much there is of what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from otel_replay.diffing.findings import Finding
from otel_replay.diffing.totals import Aggregate
from otel_replay.diffing.values import MISSING, Change
from otel_replay.values import to_json
from otel_replay.wording import counted, duration

if TYPE_CHECKING:
    from otel_replay.diffing.difference import Difference

__all__ = [
    "MARKS",
    "amount_text",
    "cause_text",
    "delta_text",
    "excerpts",
    "headline",
    "name_of_run",
    "notes",
    "number_text",
    "value_text",
]

MARKS = {"same": " ", "changed": "~", "added": "+", "removed": "-", "moved": ">", "not reached": "?"}
"""One sign for each state of an item, as in a patch."""

_LONGEST = 60


def number_text(number: float) -> str:
    """A number with six digits that count: 76.2280082457942 is told as 76.228."""
    return str(number) if isinstance(number, int) else f"{number:.6g}"


def value_text(value: Any) -> str:
    """A value on one line, whole: numbers as they were recorded, everything else as JSON."""
    if value is MISSING:
        return "(none)"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if not value or value != value.strip() else value
    if isinstance(value, bool) or value is None or not isinstance(value, int | float):
        return json.dumps(to_json(value), ensure_ascii=False, default=str)
    return repr(value)


def excerpts(change: Change, longest: int = _LONGEST) -> tuple[str, str]:
    """Both values in at most so many characters, from where they part: long texts mostly begin alike."""
    before, after = value_text(change.before), value_text(change.after)
    if max(len(before), len(after)) <= longest:
        return before, after
    parting = next(
        (place for place, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    start = max(0, parting - longest // 3)
    return _excerpt(before, start, longest), _excerpt(after, start, longest)


def _excerpt(text: str, start: int, longest: int) -> str:
    start = min(start, max(0, len(text) - longest))
    head, tail = "…" if start else "", "…" if start + longest < len(text) else ""
    return f"{head}{text[start : start + longest]}{tail}"


def delta_text(change: Change) -> str:
    """By how much a number changed: `+0.05`, and as a share where there is one: `+0.05, +1.2%`."""
    a, b = change.before, change.after
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in (a, b)):
        return {"added": "new", "removed": "gone", "type": "another type"}.get(change.how, "")
    if change.how == "type":
        return f"{type(a).__name__} became {type(b).__name__}"
    delta = b - a
    share = f", {_share(delta / abs(a))}" if a and abs(delta / a) < 100 else ""
    return f"{delta:+.6g}{share}"


def _share(part: float) -> str:
    """In percent with one decimal; what would be 0 then, with its first digit."""
    return f"{part:+.1%}" if abs(part) >= 0.0005 else f"{part * 100:+.1g}%"


def cause_text(finding: Finding) -> str:
    """What a finding follows from."""
    if finding.how == "not reached":
        return ""
    if finding.follows is None:
        return "independent"
    return f"follows #{finding.follows}: {finding.why}"


_WORDS = (
    ("changed", "changed"),
    ("added", "added"),
    ("removed", "removed"),
    ("moved", "moved"),
    ("not_reached", "not reached"),
)


def headline(found: Difference) -> str:
    """The whole difference in one sentence."""
    numbers = [(len(getattr(found, name)), word) for name, word in _WORDS]
    counts = [f"{number:,} {word}" for number, word in numbers if number]
    same = counted(found.same, "item")
    if not counts:
        return f"no difference: {same} the same"
    if found.equal_so_far:
        return f"the same as far as both got ({same}); {', '.join(counts)}"
    return f"{', '.join(counts)}; {same} the same"


def notes(found: Difference) -> Iterator[str]:
    """What a reader must know of the runs themselves: which was cut, which lost something."""
    if found.decisions_only:
        yield "one of them tells its decisions and nothing else: only decisions are compared"
    for letter, items in (("A", found.a), ("B", found.b)):
        if items.status == "running":
            yield f"{letter} is still running: it is compared as far as it is"
        elif not items.complete:
            yield f"{letter} was interrupted: what only the other has after that was not reached"
        if items.lost:
            yield f"{letter} lost {counted(items.lost, 'record')}: what seems to be missing may be among them"
        bad = sum(not line.torn for line in items.bad_lines)
        if bad:
            yield f"{letter} has {counted(bad, 'damaged line')}: what seems to be missing may be in them"
        for damage in items.damage[:3]:
            yield f"{letter}: {damage}"
    if found.places:
        count = len(found.places)
        facts = "1 fact of the places differs" if count == 1 else f"{count} facts of the places differ"
        yield f"{facts}, which is no difference; --all-attributes shows them"


def name_of_run(found: Difference, letter: str) -> str:
    """A run's name and id, or the file that it came from."""
    items = found.a if letter == "a" else found.b
    told = items.run_id or items.source
    return f"{items.name} {told}".strip() if items.name and items.name != told else told


def amount_text(figure: Aggregate, value: float | None) -> str:
    """One figure of a run, with its unit."""
    if value is None:
        return "not recorded"
    if figure.unit == "ns":
        return duration(round(value))
    if figure.unit == "usd":
        return f"{value:.4f} USD"
    return f"{value:,.0f}"
