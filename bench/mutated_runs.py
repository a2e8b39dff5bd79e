"""Runs made from a seed, and what became of each: with the pairs that a perfect alignment would find.

An agent's run has tasks with tool calls, a tuning run tasks with decisions on the cells of a table. In the
other run some steps are gone, some new, some elsewhere, some have another argument, and of a tuning run every
value may have drifted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from otel_replay.analysis.items import Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.attributes import (
    GEN_AI_OPERATION,
    GEN_AI_TOOL_ARGUMENTS,
    GEN_AI_TOOL_NAME,
    GEN_AI_TOOL_RESULT,
    SPAN_TYPE,
)
from otel_replay.records import Decision, Record, SpanEnd, SpanStart
from otel_replay.storage.run_files import Located

__all__ = ["Kind", "Mutated", "Mutation", "mutated", "records_of"]

Kind = Literal["agent", "tuning"]

_START_NS = 1_767_225_600_000_000_000
_TRACE = "a" * 32
_TOOLS = ("search", "read", "write", "list", "calculate")
_ACTIONS = ("AFR_CORRECTION", "CLAMPING_APPLIED", "SMOOTHING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """Shares of all steps; `drift` is added to every value of a decision."""

    gone: float = 0.1
    new: float = 0.1
    moved: float = 0.02
    changed: float = 0.3
    drift: float = 0.0


@dataclass(frozen=True, slots=True)
class _Step:
    """A tool call or a decision; the other run has it under the same number."""

    number: int
    name: str
    given: dict[str, Any]
    cell: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutated:
    """Two runs, and which item (by `seq`) of the first is which of the second."""

    before: Items
    after: Items
    truth: frozenset[tuple[int, int]]


def mutated(seed: int, kind: Kind, mutation: Mutation, *, steps: int = 60, tasks: int = 3) -> Mutated:
    """A run of so many steps in so many tasks, and what became of it."""
    rng = random.Random(f"{seed} {kind}")
    before = [_step(rng, kind, number) for number in range(steps)]
    later = _later(rng, kind, before, mutation)
    length = -(-steps // tasks)
    first = [before[place : place + length] for place in range(0, steps, length)]
    # The same tasks: a step that is neither new nor moved stays in its own.
    home = {step.number: place // length for place, step in enumerate(before)}
    second: list[list[_Step]] = [[] for _ in first]
    here = 0
    for step, moved in later:
        if not moved:
            here = home.get(step.number, here)
        second[here].append(step)
    a, numbers_a = _items(first)
    b, numbers_b = _items(second)
    pairs = {(seq, numbers_b[number]) for number, seq in numbers_a.items() if number in numbers_b}
    return Mutated(before=a, after=b, truth=frozenset(pairs))


def _step(rng: random.Random, kind: Kind, number: int) -> _Step:
    if kind == "agent":
        given = {"path": f"p{rng.randrange(40)}", "count": rng.randrange(50), "flag": rng.choice("abcdefgh")}
        return _Step(number, rng.choice(_TOOLS), given)
    before = round(rng.uniform(60, 120), 3)
    given = {"before": before, "after": round(before * rng.uniform(0.9, 1.1), 3), "weight": rng.random()}
    cell = (1500 + 500 * rng.randrange(11), 35 + 15 * rng.randrange(5))
    return _Step(number, rng.choice(_ACTIONS), given, cell)


def _changed(rng: random.Random, step: _Step, kind: Kind) -> _Step:
    if kind == "agent":
        new = {
            "path": f"new{rng.randrange(40)}",
            "count": rng.randrange(100, 200),
            "flag": rng.choice("ijkl"),
        }
        name = rng.choice(list(new))
        return replace(step, given={**step.given, name: new[name]})
    return replace(step, given={**step.given, "after": round(step.given["after"] * rng.uniform(0.8, 1.2), 3)})


def _later(
    rng: random.Random, kind: Kind, before: list[_Step], mutation: Mutation
) -> Iterator[tuple[_Step, bool]]:
    """The steps of the other run, and whether each was moved there."""
    count = len(before)
    leaving = set(rng.sample(range(count), round(mutation.gone * count)))
    moving = set(rng.sample(sorted(set(range(count)) - leaving), round(mutation.moved * count)))
    slots: dict[int, list[tuple[_Step, bool]]] = {}
    for number in range(round(mutation.new * count)):
        slots.setdefault(rng.randrange(count), []).append((_step(rng, kind, count + number), False))
    for place in moving:
        slots.setdefault(rng.randrange(count), []).append((_drifted(before[place], mutation), True))
    for place, step in enumerate(before):
        yield from slots.get(place, ())
        if place not in leaving and place not in moving:
            other = _changed(rng, step, kind) if rng.random() < mutation.changed else step
            yield _drifted(other, mutation), False


def _drifted(step: _Step, mutation: Mutation) -> _Step:
    if not mutation.drift or step.cell is None:
        return step
    return replace(step, given={name: value + mutation.drift for name, value in step.given.items()})


# -- as records ----------------------------------------------------------------------------------------------


def records_of(tasks: list[list[_Step]]) -> Iterator[Record]:
    """The records of such a run, a millisecond after one another."""
    clock = iter(range(_START_NS, _START_NS + 10**18, 1_000_000))
    run = "1".rjust(16, "0")
    yield _start(next(clock), run, "run made", "", {SPAN_TYPE: "run"})
    for number, steps in enumerate(tasks):
        task = f"{number + 2:016x}"
        yield _start(next(clock), task, f"task stage {number}", run, {SPAN_TYPE: "task"})
        for place, step in enumerate(steps):
            if step.cell is not None:
                cell = {"rpm": step.cell[0], "kpa": step.cell[1]}
                yield Decision(
                    time_ns=next(clock),
                    span_id=task,
                    action=step.name,
                    reason="why",
                    values=step.given,
                    cell=cell,
                )
                continue
            call = f"{(number + 1) * 1_000_000 + place:016x}"
            attributes = {
                GEN_AI_OPERATION: "execute_tool",
                GEN_AI_TOOL_NAME: step.name,
                GEN_AI_TOOL_ARGUMENTS: step.given,
            }
            yield _start(next(clock), call, f"execute_tool {step.name}", task, attributes)
            yield SpanEnd(
                time_ns=next(clock), span_id=call, status="ok", attributes={GEN_AI_TOOL_RESULT: "done"}
            )
        yield SpanEnd(time_ns=next(clock), span_id=task)
    yield SpanEnd(time_ns=next(clock), span_id=run, status="ok")


def _start(time_ns: int, span_id: str, name: str, parent: str, attributes: dict[str, Any]) -> SpanStart:
    return SpanStart(
        time_ns=time_ns, trace_id=_TRACE, span_id=span_id, name=name, parent_id=parent, attributes=attributes
    )


def _items(tasks: list[list[_Step]]) -> tuple[Items, dict[int, int]]:
    """The run, and the `seq` of each step by its number."""
    located = (Located(record, "made.jsonl", line) for line, record in enumerate(records_of(tasks), 1))
    items = build_items(located)
    kinds = {"decision", "tool call"}
    seqs = [item.seq for item in items if item.kind in kinds]
    numbers = [step.number for steps in tasks for step in steps]
    return items, dict(zip(numbers, seqs, strict=True))
