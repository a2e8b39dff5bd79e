"""Records a long run, its values as different as in a real one: `-m bench.many_decisions STORE RUN N`."""

from __future__ import annotations

import random
import sys

import otel_replay

__all__ = ["DECISIONS_A_TASK", "record"]

DECISIONS_A_TASK = 10_000
_REASONS = (
    ("AFR_CORRECTION", "Accepted AFR error sample for f cylinder"),
    ("AFR_CORRECTION", "Accepted AFR error sample for r cylinder"),
    ("GRADIENT_LIMITING", "Gradient above the threshold: the original value is kept"),
    ("CLAMPING_APPLIED", "Correction limited to 10 %"),
)


def record(store: str, run_id: str, decisions: int) -> None:
    """Record a run of so many decisions, a task for each 10,000 of them."""
    chance = random.Random(7)
    with otel_replay.start_run("long run", run_id=run_id, store=store):
        for first in range(0, decisions, DECISIONS_A_TASK):
            with otel_replay.task(f"stage {first // DECISIONS_A_TASK}"):
                for _ in range(min(DECISIONS_A_TASK, decisions - first)):
                    _decide(chance)


def _decide(chance: random.Random) -> None:
    action, reason = _REASONS[int(chance.random() ** 3 * len(_REASONS))]
    error = round(chance.gauss(0, 5), 2)
    otel_replay.decision(
        action,
        reason,
        values={
            "afr_error_pct": error,
            "weight": round(chance.uniform(20, 90), 1),
            "afr_commanded": 12.5 if chance.random() < 0.5 else 13.2,
            "afr_measured": round(12.5 / (1 + error / 100), 2),
        },
        cell={
            "rpm": 1500 + int(chance.random() * 11) * 500,
            "kpa": 35 + int(chance.random() * 5) * 15,
            "cylinder": "f" if chance.random() < 0.5 else "r",
        },
    )


if __name__ == "__main__":
    record(sys.argv[1], sys.argv[2], int(sys.argv[3]))
