"""Two memory sessions side by side: which action of the one is which of the other, and what differs in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from otel_replay.analysis.alignment import align
from otel_replay.analysis.alike import alike
from otel_replay.analysis.moves import find_moves
from otel_replay.compat.memvid.lasting import lasting
from otel_replay.compat.memvid.replay import shown
from otel_replay.compat.memvid.types import ActionType, ReplayAction, ReplaySession, fields_of
from otel_replay.replay.paths import Difference, differences

__all__ = ["Comparison", "PairOfActions", "compare_sessions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOfActions:
    """An action of the left session, one of the right, or both; where they differ; whether it has moved."""

    left: ReplayAction | None
    right: ReplayAction | None
    similarity: float = 0.0
    differences: tuple[Difference, ...] = ()
    moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sessions side by side. `exact` says that no better alignment exists."""

    pairs: tuple[PairOfActions, ...]
    score: float
    exact: bool = True

    @property
    def first_divergence(self) -> PairOfActions | None:
        """The first row in which the two are not the same."""
        return next((pair for pair in self.pairs if _differs(pair)), None)

    @property
    def is_same(self) -> bool:
        """Whether the two sessions did the same, with the same results."""
        return self.first_divergence is None

    def lines(self) -> Iterator[str]:
        """What is not the same, for people."""
        for pair in self.pairs:
            if not _differs(pair):
                continue
            name = _name(pair.left or pair.right)
            if pair.moved and pair.left is not None and pair.right is not None:
                yield f"> {name} moved from action {pair.left.sequence} to {pair.right.sequence}"
            elif pair.right is None:
                yield f"- {name}"
            elif pair.left is None:
                yield f"+ {name}"
            else:
                yield f"~ {name}"
            yield from (f"    {shown(one)}" for one in pair.differences)


def compare_sessions(left: ReplaySession, right: ReplaySession) -> Comparison:
    """Lay two sessions side by side; an action that only came sooner or later is found again.

    Checkpoints are compared by their state, other actions by what was asked and what came of it. When they
    happened, how long they took and their numbers do not count.
    """
    lefts, rights = list(left.actions), list(right.actions)
    options: dict[str, Any] = {"key": _key, "group": _group}
    found = align(lefts, rights, _similarity, identity=_identity, **options)
    moves = find_moves(found, lefts, rights, _similarity, **options)
    moved_to = {move.left: move for move in moves}
    moved_from = {move.right for move in moves}
    pairs = []
    for pair in found.pairs:
        i, j, similarity = pair
        if i is None and j in moved_from:
            continue  # told where it was
        move = moved_to.get(i) if i is not None and j is None else None
        if move is not None:
            j, similarity = move.right, move.similarity
        one, other = (lefts[i] if i is not None else None), (rights[j] if j is not None else None)
        pairs.append(
            PairOfActions(
                left=one,
                right=other,
                similarity=similarity,
                differences=tuple(_differences(one, other)),
                moved=move is not None,
            )
        )
    return Comparison(pairs=tuple(pairs), score=found.score, exact=found.exact)


def _differs(pair: PairOfActions) -> bool:
    return bool(pair.left is None or pair.right is None or pair.moved or pair.differences)


def _content(action: ReplayAction) -> dict[str, Any]:
    """What an action is compared by."""
    content: dict[str, Any] = {"input": action.input, "frames": list(action.affected_frames)}
    if action.error:
        content["error"] = action.error
    if isinstance(action.action_type, ActionType.Checkpoint):
        return {"state": action.output}
    return {**content, **fields_of(action.action_type)}


def _key(action: ReplayAction) -> Any:
    # What the output's hash leaves out (times, costs) does not make two answers different.
    return action.kind, action.input_hash, action.output_hash, repr(_content(action))


def _identity(action: ReplayAction) -> Any:
    return action.kind, action.input_hash


def _group(action: ReplayAction) -> Any:
    return action.kind, action.action_type.name if isinstance(action.action_type, ActionType.Call) else ""


def _similarity(one: ReplayAction, other: ReplayAction) -> float:
    asked = alike(one.input, other.input)
    results = alike(_content(one), _content(other))
    answers = (
        1.0 if one.output_hash == other.output_hash else alike(lasting(one.output), lasting(other.output))
    )
    return 0.5 * asked + 0.25 * results + 0.25 * answers


def _differences(one: ReplayAction | None, other: ReplayAction | None) -> Iterator[Difference]:
    if one is None or other is None:
        return
    yield from differences(_content(one), _content(other))
    if one.output_hash != other.output_hash and one.kind != "checkpoint":
        found = differences(lasting(one.output), lasting(other.output), ("output",))
        yield from found or [Difference(("output_hash",), one.output_hash, other.output_hash)]


def _name(action: ReplayAction | None) -> str:
    if action is None:
        return ""
    asked = action.input_preview
    said = asked.splitlines()[0] if isinstance(action.input, Mapping | str) and asked else ""
    return f"{action.sequence} {action.kind} {said[:80]}".rstrip()
