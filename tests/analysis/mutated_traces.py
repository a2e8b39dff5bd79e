"""Traces of tool calls, and what became of them: some calls gone, some new, some with another argument.

Made from a seed, with the pairs that a perfect alignment would find.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

TOOLS = ("search", "read", "write", "list", "calculate")

Call = dict[str, Any]


@dataclass(frozen=True)
class Mutated:
    """A trace, what became of it, and which call became which."""

    before: list[Call]
    after: list[Call]
    truth: frozenset[tuple[int, int]]


def call(rng: random.Random) -> Call:
    """One call of one of five tools with three arguments."""
    arguments = {"path": f"p{rng.randrange(40)}", "count": rng.randrange(50), "flag": rng.choice("abcdefgh")}
    return {"tool": rng.choice(TOOLS), "arguments": arguments}


def changed(rng: random.Random, one: Call) -> Call:
    """The same call with one argument that it never had before."""
    new = {"path": f"new{rng.randrange(40)}", "count": rng.randrange(100, 200), "flag": rng.choice("ijkl")}
    name = rng.choice(list(new))
    return {"tool": one["tool"], "arguments": {**one["arguments"], name: new[name]}}


def mutated(seed: int, *, steps: int = 60, gone: int = 6, new: int = 6, change: float = 0.3) -> Mutated:
    """A trace of `steps` calls that loses `gone`, gains `new`; a share `change` of the others is changed."""
    rng = random.Random(seed)
    before = [call(rng) for _ in range(steps)]
    leaving = set(rng.sample(range(steps), gone))
    slots = [rng.randrange(steps + 1) for _ in range(new)]
    after: list[Call] = []
    truth = set()
    for place in range(steps + 1):
        after += [call(rng) for _ in range(slots.count(place))]
        if place < steps and place not in leaving:
            truth.add((place, len(after)))
            after.append(changed(rng, before[place]) if rng.random() < change else before[place])
    return Mutated(before, after, frozenset(truth))


def key(one: Call) -> tuple[Any, ...]:
    """Equal for equal calls."""
    return one["tool"], *one["arguments"].items()


def tool(one: Call) -> str:
    """The tool that is called."""
    return str(one["tool"])
