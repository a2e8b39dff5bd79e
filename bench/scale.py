"""How much each measurement does: the full size, a quick look, and the tiny size that the tests run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SCALES", "Scale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Sizes of the measurements.

    Attributes
    ----------
    rounds:
        How often each side of a comparison runs, turn by turn.
    calls:
        Calls in one slice: so few that a slice is shorter than what a scheduler hands out.
    processes:
        How often an interpreter is started for each side, where that is what is measured.
    tunings:
        How often the tuning run is done.
    log_rows:
        Rows of the log that is tuned from.
    decisions:
        Lengths of the long runs, ascending.
    runs:
        Runs in the store that is listed.
    replayed_calls, replayed_loops:
        Calls of the agent loop that is replayed, and how often it is.
    mutated_runs, diffs:
        Pairs of runs that are aligned, and how often two long runs are compared.
    """

    rounds: int
    calls: int
    processes: int
    tunings: int
    log_rows: int
    decisions: tuple[int, ...]
    runs: int
    replayed_calls: int
    replayed_loops: int
    mutated_runs: int
    diffs: int


SCALES = {
    "full": Scale(
        rounds=400,
        calls=300,
        processes=31,
        tunings=41,
        log_rows=3_600,
        decisions=(10_000, 100_000, 1_000_000),
        runs=10_000,
        replayed_calls=1_000,
        replayed_loops=7,
        mutated_runs=300,
        diffs=3,
    ),
    "quick": Scale(
        rounds=80,
        calls=300,
        processes=9,
        tunings=11,
        log_rows=3_600,
        decisions=(1_000, 10_000, 100_000),
        runs=2_000,
        replayed_calls=1_000,
        replayed_loops=3,
        mutated_runs=60,
        diffs=3,
    ),
    "tiny": Scale(
        rounds=2,
        calls=30,
        processes=1,
        tunings=1,
        log_rows=200,
        decisions=(20, 40, 200),
        runs=15,
        replayed_calls=20,
        replayed_loops=2,
        mutated_runs=3,
        diffs=1,
    ),
}
