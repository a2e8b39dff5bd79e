"""The decision call in other circumstances, each against the seed's `log_decision` in the same ones.

Other values and texts, mode `write`, four threads at once, inside an asyncio task, where nothing records; and
ours against `json.dumps`, `write` and `flush` to a log file, which is what survives `kill -9` without us.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from time import perf_counter_ns

import otel_replay
from bench.decision_call import decision_slices
from bench.recorded import bench_run, temporary_directory
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Slice, compared, interleaved, spread
from bench.workloads import WORKLOADS, Decide, Workload, plain
from bench.yardsticks import JsonLog, SeedLog

__all__ = ["NAME", "measure"]

NAME = "decision_variants"
_THREADS = 4

Around = Callable[[Workload, Decide, int], int]
"""Runs a workload somewhere else; returns its nanoseconds."""


def measure(scale: Scale) -> list[Row]:
    """A row for each variant."""
    rows = [_nothing_records(scale)]
    with bench_run():
        for what, workload in WORKLOADS.items():
            times = interleaved(decision_slices(workload, scale.calls), scale.rounds)
            rows.append(_told(what, times, scale.calls))
        rows.append(_elsewhere("inside an asyncio task", _in_a_task, scale, scale.calls))
        rows.append(_elsewhere("four threads at once", _in_threads, scale, scale.calls * 4))
        rows.append(_json_log(scale))
    with bench_run(journal_mode="write"):
        times = interleaved(decision_slices(plain, scale.calls), scale.rounds)
        rows.append(_told("mode `write`: one write(2) for each", times, scale.calls))
    with bench_run(redact=False):
        times = interleaved(decision_slices(plain, scale.calls), scale.rounds)
        rows.append(_told("redaction off", times, scale.calls))
    return rows


def _told(what: str, times: dict[str, list[int]], calls: int) -> Row:
    ours = spread(times["ours"]).times(1 / calls)
    note = f"fastest: {ours.best:,.0f} ns a call"
    return row(NAME, f"{what} / the seed's", compared(times["ours"], times["seed"]), note=note)


def _nothing_records(scale: Scale) -> Row:
    times = interleaved(decision_slices(plain, scale.calls), scale.rounds)
    return _told("nothing records", times, scale.calls)


def _json_log(scale: Scale) -> Row:
    with temporary_directory() as place, open(place / "log.jsonl", "w", encoding="utf-8") as stream:
        slices = decision_slices(plain, scale.calls)
        log = JsonLog(stream)

        def run_log() -> int:
            begin = perf_counter_ns()
            plain(log.log_decision, scale.calls)
            return perf_counter_ns() - begin

        times = interleaved({"ours": slices["ours"], "log": run_log}, scale.rounds)
    return row(NAME, "as `decision_call` / json.dumps, write, flush", compared(times["ours"], times["log"]))


def _elsewhere(what: str, around: Around, scale: Scale, calls: int) -> Row:
    seed = SeedLog()

    def run_seed() -> int:
        took = around(plain, seed.log_decision, calls)
        seed.clear()
        return took

    slices: dict[str, Slice] = {"ours": lambda: around(plain, otel_replay.decision, calls), "seed": run_seed}
    return _told(what, interleaved(slices, max(2, scale.rounds // 2)), calls)


def _in_a_task(workload: Workload, decide: Decide, calls: int) -> int:
    async def work() -> int:
        begin = perf_counter_ns()
        workload(decide, calls)
        return perf_counter_ns() - begin

    async def main() -> int:
        return await asyncio.create_task(work())

    return asyncio.run(main())


def _in_threads(workload: Workload, decide: Decide, calls: int) -> int:
    """All calls on four threads: from the first one's first call until the last one's last."""
    gate = threading.Barrier(_THREADS)
    moments: list[int] = []

    def work() -> None:
        gate.wait()
        moments.append(perf_counter_ns())
        workload(decide, calls // _THREADS)
        moments.append(perf_counter_ns())

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(moments) - min(moments)
