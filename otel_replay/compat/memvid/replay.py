"""A session done again, against a live memory: every result compared item by item with the recorded one.

What could not be done again is never called matched: it is told apart, with the reason. From a checkpoint on,
the memory is first brought into the checkpoint's state, and that state is compared too.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from otel_replay.compat.memvid.errors import InvalidQuery
from otel_replay.compat.memvid.recorded import INTERRUPTED
from otel_replay.compat.memvid.types import (
    ActionType,
    Checkpoint,
    ReplayAction,
    ReplaySession,
    StateSnapshot,
)
from otel_replay.errors import told
from otel_replay.replay.divergence import shown_pair
from otel_replay.replay.paths import Difference, differences
from otel_replay.values_json import AnyValue

__all__ = [
    "ActionReplayResult",
    "Operations",
    "Outcome",
    "ReplayExecutionConfig",
    "ReplayResult",
    "replay_session",
    "shown",
]

NO_INPUT = "its input was not recorded whole"

Verdict = Literal["matched", "diverged", "skipped", "not run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an action that was done again. None: it does not tell, and that is not compared.

    `output` must be an AnyValue, without what is another one each time.
    """

    frames: tuple[int, ...] | None = None
    output: AnyValue = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """How actions are done again: one callable for each kind; those without one are not run.

    Parameters
    ----------
    put, find, ask, call:
        Called with the recorded action. An exception is its outcome.
    state:
        Gives the state of the memory, to be compared at checkpoints.
    lasting:
        The part of a recorded output that must be the same; by default all of it.
    """

    put: Callable[[ReplayAction], Outcome] | None = None
    find: Callable[[ReplayAction], Outcome] | None = None
    ask: Callable[[ReplayAction], Outcome] | None = None
    call: Callable[[ReplayAction], Outcome] | None = None
    state: Callable[[], StateSnapshot] | None = None
    lasting: Callable[[AnyValue], AnyValue] = lambda value: value


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayExecutionConfig:
    """What is left out of a replay, and whether it ends with the first difference."""

    skip_puts: bool = False
    skip_finds: bool = False
    skip_asks: bool = False
    stop_on_mismatch: bool = False

    def skips(self, kind: str) -> bool:
        """Whether actions of this kind are left out."""
        return bool(getattr(self, f"skip_{kind}s", False))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReplayResult:
    """One action: whether it came out as recorded, where it did not, or why it was not done."""

    sequence: int
    action_type: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    why: str = ""
    duration_ms: int = 0

    @property
    def matched(self) -> bool:
        """Whether it was done and came out as recorded."""
        return self.verdict == "matched"

    @property
    def diff(self) -> str | None:
        """The differences in words, a line each, or why it was not done; None where there is nothing."""
        lines = [shown(one) for one in self.differences] or ([self.why] if self.why else [])
        return "\n".join(lines) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """A whole replay. `action_results` has what was reached; `total_actions` counts what was to be done."""

    session_id: uuid.UUID
    total_actions: int
    action_results: tuple[ActionReplayResult, ...] = ()
    from_checkpoint: int | None = None
    total_duration_ms: int = 0

    def count(self, verdict: Verdict) -> int:
        """How many actions had this verdict."""
        return sum(one.verdict == verdict for one in self.action_results)

    @property
    def matched_actions(self) -> int:
        """Actions that came out as recorded."""
        return self.count("matched")

    @property
    def mismatched_actions(self) -> int:
        """Actions that came out in another way."""
        return self.count("diverged")

    @property
    def skipped_actions(self) -> int:
        """Actions that were left out, or could not be done."""
        return self.count("skipped") + self.count("not run")

    @property
    def first_divergence(self) -> ActionReplayResult | None:
        """The first action that came out in another way."""
        return next((one for one in self.action_results if one.verdict == "diverged"), None)

    def is_success(self) -> bool:
        """Whether everything that was to be done was done, and came out as recorded."""
        reached = len(self.action_results) == self.total_actions
        return reached and not self.count("diverged") and not self.count("not run")

    def match_rate(self) -> float:
        """The share of all actions that came out as recorded, in per cent; 100 of none."""
        return 100.0 * self.matched_actions / self.total_actions if self.total_actions else 100.0

    def lines(self) -> Iterator[str]:
        """The replay for people: how it went, and the first difference."""
        parts = [f"{self.matched_actions} of {self.total_actions} actions as recorded"]
        for verdict in ("diverged", "not run", "skipped"):
            if self.count(verdict):
                parts.append(f"{self.count(verdict)} {verdict}")
        missing = self.total_actions - len(self.action_results)
        yield ", ".join([*parts, f"{missing} not reached"] if missing else parts)
        first = self.first_divergence
        if first is not None:
            yield f"first difference: action {first.sequence}, {first.action_type}"
            yield from (f"  {shown(one)}" for one in first.differences)


def shown(one: Difference) -> str:
    """A difference on one line: `frames[0]: recorded 0, now 2`."""
    recorded, now = shown_pair(one.recorded, one.now)
    return f"{one.place}: recorded {recorded}, now {now}"


def replay_session(
    session: ReplaySession,
    operations: Operations,
    *,
    from_checkpoint: int | None = None,
    restore: Callable[[Checkpoint], object] | None = None,
    config: ReplayExecutionConfig | None = None,
) -> ReplayResult:
    """Do a session again and compare.

    Parameters
    ----------
    session:
        What was recorded.
    operations:
        How its actions are done; made by `operations_of` for a memory of the real SDK.
    from_checkpoint:
        Compare from this checkpoint on; what comes before it is not part of the result.
    restore:
        Brings the memory into the state of a checkpoint. Without it, what was put before the checkpoint is
        put again.
    config:
        What is left out, and whether to stop at the first difference.

    Raises
    ------
    InvalidQuery
        If there is no such checkpoint, or its state cannot be restored.
    """
    config = config or ReplayExecutionConfig()
    began = time.monotonic()
    start = 0
    if from_checkpoint is not None:
        checkpoint = session.checkpoint(from_checkpoint)
        if checkpoint is None:
            raise InvalidQuery(f"Checkpoint {from_checkpoint} not found in session")
        start = checkpoint.at_sequence
        if restore is not None:
            restore(checkpoint)
        else:
            _put_again([action for action in session.actions if action.sequence < start], operations)
    todo = [action for action in session.actions if action.sequence >= start]
    results = []
    for action in todo:
        result = _done_again(action, operations, config)
        results.append(result)
        if config.stop_on_mismatch and result.verdict == "diverged":
            break
    return ReplayResult(
        session_id=session.session_id,
        total_actions=len(todo),
        action_results=tuple(results),
        from_checkpoint=from_checkpoint,
        total_duration_ms=round((time.monotonic() - began) * 1_000),
    )


def _put_again(actions: list[ReplayAction], operations: Operations) -> None:
    """Do again what changed the memory, without comparing; InvalidQuery where that does not go."""
    for action in actions:
        operation = {"put": operations.put, "call": operations.call}.get(action.kind)
        if action.kind not in ("put", "call") or action.error:
            continue
        reason = "there is no operation for it"
        if action.input is None:
            reason = NO_INPUT
        elif operation is not None:
            reason = _outcome(operation, action).error
        if reason:
            raise InvalidQuery(
                f"the state before the checkpoint cannot be restored: action {action.sequence}, "
                f"{action.kind}: {reason}",
                hint="give a `restore` that brings the memory into the checkpoint's state",
            )


def _done_again(
    action: ReplayAction, operations: Operations, config: ReplayExecutionConfig
) -> ActionReplayResult:
    def result(verdict: Verdict, **more: Any) -> ActionReplayResult:
        return ActionReplayResult(sequence=action.sequence, action_type=action.kind, verdict=verdict, **more)

    if config.skips(action.kind):
        return result("skipped", why=f"skip_{action.kind}s")
    if action.error == INTERRUPTED:
        return result("not run", why="its recording was interrupted: nobody knows how it ended")
    if isinstance(action.action_type, ActionType.Checkpoint):
        if action.output is None:
            return result("not run", why="its state was not recorded whole")
        if operations.state is None:
            return result("not run", why="there is no operation that tells the state")
        now = operations.state().as_value()
        found = differences(action.output, now, ("state",))
        return result("diverged" if found else "matched", differences=tuple(found))
    if action.input is None:
        return result("not run", why=NO_INPUT)
    operation: Callable[[ReplayAction], Outcome] | None = getattr(operations, action.kind)
    if operation is None:
        return result("not run", why="there is no operation for it")
    began = time.monotonic()
    outcome = _outcome(operation, action)
    duration_ms = round((time.monotonic() - began) * 1_000)
    found = list(_compared(action, outcome, operations))
    if not found and outcome.frames is None and outcome.output is None and not outcome.error:
        return result("not run", why="its operation does not tell what came of it", duration_ms=duration_ms)
    return result("diverged" if found else "matched", differences=tuple(found), duration_ms=duration_ms)


def _outcome(operation: Callable[[ReplayAction], Outcome], action: ReplayAction) -> Outcome:
    try:
        return operation(action)
    except Exception as error:
        return Outcome(error=told(error))


def _compared(action: ReplayAction, outcome: Outcome, operations: Operations) -> Iterator[Difference]:
    if action.error or outcome.error:
        if action.error != outcome.error:
            yield Difference(("error",), action.error, outcome.error)
        return
    if outcome.frames is not None:
        yield from differences(list(action.affected_frames), list(outcome.frames), ("frames",))
    if outcome.output is not None and action.output is not None:
        yield from differences(operations.lasting(action.output), outcome.output, ("output",))
