"""The time that spans took themselves, against counting every moment."""

from __future__ import annotations

import random

import pytest

from otel_replay.analysis.self_time import SelfTime

Spans = dict[str, tuple[str, int, int]]
"""Parent, start and end of each."""


def trees(seed: int) -> Spans:
    """Spans with children side by side, children that outlive their parent, and some of no length."""
    chance = random.Random(seed)
    spans: Spans = {"root": ("", 0, 40)}
    for number in range(chance.randint(1, 7)):
        parent = chance.choice([name for name, (_, start, end) in spans.items() if end > start])
        _, first, last = spans[parent]
        start = chance.randint(first, last - 1)
        late = 10 if chance.random() < 0.3 else 0
        spans[f"span {number}"] = (parent, start, chance.randint(start, last + late))
    return spans


def counted(spans: Spans) -> dict[str, int]:
    """Of each span the moments in which none of its children ran."""
    return {
        name: sum(
            not any(above == name and begin <= now < stop for above, begin, stop in spans.values())
            for now in range(start, end)
        )
        for name, (_, start, end) in spans.items()
    }


def followed(spans: Spans) -> dict[str, int]:
    """The same by following them as they start and end."""
    moments = []
    for number, (name, (_, start, end)) in enumerate(spans.items()):
        moments.append((start, 1, float(number), name, True))
        # Of what ends in one moment the inner first; what has no length ends right after it began.
        moments.append(
            (end, 1, number + 0.5, name, False) if start == end else (end, 0, -number, name, False)
        )
    own, found = SelfTime(), {}
    for now, _, _, name, begins in sorted(moments):
        parent, start, end = spans[name]
        if begins:
            own.begin(name, parent, now)
        else:
            found[name] = own.end(name, parent, now, end - start)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_span_itself_took_the_moments_in_which_no_child_ran(seed: int) -> None:
    for number in range(100):
        spans = trees(100 * seed + number)
        assert followed(spans) == counted(spans), spans
