"""Two runs of 100,000 decisions compared, from their journals to the whole difference: seconds and memory.

In processor time. Each measurement is a process of its own, so that the memory is that of one comparison. In
the one pair 6% of the decisions are not the same, in the other none is. Loading is told apart.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import otel_replay
from bench.recorded import temporary_directory
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import spread
from otel_replay.settings import read_settings

__all__ = ["NAME", "measure"]

NAME = "diff_runs"
_BAR_SECONDS, _BAR_MB = 2.0, 500.0
_ACTIONS = ("AFR_CORRECTION", "CLAMPING_APPLIED", "SMOOTHING")

# The calls of `otel-replay diff`, so that one process tells both: all of it, and what of it is loading.
_PROGRAM = """
import json, os, resource, sys, time
from pathlib import Path
from otel_replay.analysis.decision_lines import DecisionLines
from otel_replay.diffing.compare import compare
from otel_replay.diffing.rules import make_rules
from otel_replay.loading import load_items
from otel_replay.storage.store import Store

store = Store(Path(sys.argv[1]))
lines = DecisionLines(numbered=True)
begin, wall = time.process_time(), time.perf_counter()
base = load_items("base", store=store, lines=lines)
other = load_items(sys.argv[2], store=store, lines=lines.enough())
loading = time.process_time() - begin
found = compare(base, other, make_rules())
seconds, wall = time.process_time() - begin, time.perf_counter() - wall
memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
print(json.dumps([seconds, memory_mb, wall, len(found.findings), loading]), flush=True)
# What was made need not be taken apart.
os._exit(0)
"""


def measure(scale: Scale) -> list[Row]:
    """Seconds, and the most memory that the process had."""
    decisions = scale.decisions[1]
    rows = []
    with temporary_directory() as place:
        record(place, "base", decisions)
        record(place, "some", decisions, mutated=0.06)
        record(place, "drifted", decisions, mutated=0.01, drift=0.05)
        for name, what in (("some", "6% are not the same"), ("drifted", "none is the same")):
            runs = [_run(place, name) for _ in range(scale.diffs)]
            loading = [one[4] for one in runs]
            title = f"two runs of {decisions:,} decisions, {what}"
            wall = spread([one[2] for one in runs])
            note = (
                f"{runs[0][3]:,} findings; of it loading both {spread(loading).median:.2f} s; "
                f"by the clock {wall.median:.2f} s, fastest {wall.best:.2f}"
            )
            rows.append(
                row(NAME, title, spread([one[0] for one in runs]), unit="s", bar=_BAR_SECONDS, note=note)
            )
            rows.append(row(NAME, f"{title}: memory", max(one[1] for one in runs), unit="MB", bar=_BAR_MB))
    return rows


def _run(place: Path, name: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(place), name], stdout=subprocess.PIPE, check=True
    )
    found: list[float] = json.loads(done.stdout)
    return found


def record(place: Path, run_id: str, decisions: int, *, mutated: float = 0.0, drift: float = 0.0) -> None:
    """A run of twenty tasks. Of `mutated` a tenth is gone, the rest changed; `drift` moves every value."""
    values, mutations = random.Random(1), random.Random(2)
    settings = read_settings({}, store=place, projections=False)
    with otel_replay.start_run("tuning", run_id=run_id, settings=settings):
        for stage in range(20):
            with otel_replay.task(f"stage {stage}"):
                for number in range(decisions // 20):
                    before, weight, chance = values.uniform(60, 120), values.random(), mutations.random()
                    if chance < mutated * 0.1:
                        continue
                    before += drift + (1.0 if chance < mutated else 0.0)
                    otel_replay.decision(
                        _ACTIONS[number % 3],
                        "Accepted AFR error sample",
                        values={"before": before, "after": before * 1.01, "weight": weight, "number": number},
                        cell={"rpm": 1500 + number % 11 * 500, "kpa": 35 + number // 11 % 10 * 10},
                    )
