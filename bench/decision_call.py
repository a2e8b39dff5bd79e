"""One call of `otel_replay.decision` against one call of the seed's `log_decision`.

Ours: four floats, a cell of three fields, current span looked up, redaction on, journal `mmap`; when the call
returns the decision is in the kernel's hands and survives `kill -9`. Theirs: a dict appended to a list in
memory, that is gone with the process. Both build their arguments anew for each call, and the seed's list is
emptied between slices, so that it never grows beyond a session's length.
"""

from __future__ import annotations

from time import perf_counter_ns

import otel_replay
from bench.recorded import bench_run, count_decisions
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Slice, compared, interleaved, spread
from bench.workloads import Decide, Workload, plain
from bench.yardsticks import SeedLog

__all__ = ["NAME", "decision_slices", "measure"]

NAME = "decision_call"


def measure(scale: Scale) -> list[Row]:
    """The row with the bar, and the absolute times beside it."""
    with bench_run() as run:
        times = interleaved(decision_slices(plain, scale.calls), scale.rounds)
        made = (scale.rounds + 1) * scale.calls
        kept = count_decisions(run.directory)
    if kept != made:
        raise RuntimeError(f"{made} decisions were made and {kept} are in the journal")
    each = {name: spread(values).times(1 / scale.calls) for name, values in times.items()}
    note = f"fastest: ours {each['ours'].best:,.0f} ns, the seed's {each['seed'].best:,.0f} ns a call"
    return [
        row(
            NAME,
            "decision, safe from kill -9 on return / the seed's list in memory",
            compared(times["ours"], times["seed"]),
            bar=0.7,
            stretch=0.5,
            note=note,
        )
    ]


def decision_slices(workload: Workload, calls: int) -> dict[str, Slice]:
    """One slice of our calls, one of the seed's."""
    seed = SeedLog()

    def run(decide: Decide) -> int:
        begin = perf_counter_ns()
        workload(decide, calls)
        return perf_counter_ns() - begin

    def run_seed() -> int:
        took = run(seed.log_decision)
        seed.clear()
        return took

    return {"ours": lambda: run(otel_replay.decision), "seed": run_seed}
