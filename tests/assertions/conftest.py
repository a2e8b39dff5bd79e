"""A recorded run that several tests of rules ask."""

from __future__ import annotations

import pytest

import otel_replay


@pytest.fixture
def tuned(store) -> otel_replay.Run:
    """A run with a table, of which two cells change, and two checkpoints."""
    with otel_replay.start_run("tuned", run_id="tuned") as run:

        def change(rpm: int, kpa: int, after: float) -> None:
            otel_replay.decision("SET", "better", values={"after": after}, cell={"rpm": rpm, "kpa": kpa})

        change(2000, 65, 90.0)
        otel_replay.checkpoint("post-clamp", {"ve": [[1.0, 2.0], [3.0, 4.5]], "steps": 3, "name": "first"})
        change(2000, 65, 98.25)
        change(3000, 65, 50.0)
        otel_replay.checkpoint("post-smooth", {"ve": [[1.0]], "steps": 4})
    return run
