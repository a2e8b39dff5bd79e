"""One call of a program's own `log_decision`: plain, hooked by the convention, and beside `decision`.

The program's function is the seed's: a dict appended to a list. Hooked, its code is the same with one call
at its top, which records as `otel_replay.decision` does; so the bar is what the two cost one by one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType
from typing import Any

import otel_replay
from bench import yardsticks
from bench.recorded import bench_run, count_decisions
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Slice, compared, interleaved, spread
from bench.workloads import plain
from bench.yardsticks import SeedLog
from otel_replay.rules.hooking import hook_module

__all__ = ["NAME", "measure"]

NAME = "hooked_call"


def measure(scale: Scale) -> list[Row]:
    """The row with the bar, and the absolute times beside it."""
    hooked: SeedLog = _hooked().SeedLog()
    seed = SeedLog()

    def sliced(call: Callable[..., object], clear: Callable[[], object]) -> Slice:
        def run() -> int:
            begin = perf_counter_ns()
            plain(call, scale.calls)
            took = perf_counter_ns() - begin
            clear()
            return took

        return run

    def both(action: str, reason: str, values: Any = None, cell: Any = None) -> None:
        otel_replay.decision(action, reason, values, cell)
        seed.log_decision(action, reason, values, cell)

    with bench_run() as run:
        times = interleaved(
            {
                "hooked": sliced(hooked.log_decision, hooked.clear),
                "seed": sliced(seed.log_decision, seed.clear),
                "both": sliced(both, seed.clear),
            },
            scale.rounds,
        )
        made, kept = 2 * (scale.rounds + 1) * scale.calls, count_decisions(run.directory)
    if kept != made:
        raise RuntimeError(f"{made} decisions were made and {kept} are in the journal")
    each = {name: spread(values).times(1 / scale.calls).best for name, values in times.items()}
    note = ", ".join(f"{name} {best:,.0f} ns" for name, best in each.items())
    return [
        row(
            NAME,
            "a program's log_decision hooked / the same edited to call decision as well",
            compared(times["hooked"], times["both"]),
            bar=1.05,
            note=f"fastest: {note} a call",
        ),
        row(
            NAME,
            "a program's log_decision hooked / the same plain",
            compared(times["hooked"], times["seed"]),
        ),
    ]


def _hooked() -> ModuleType:
    """The module with the seed's function, its source copied to a file, hooked as a program's module is."""
    module = ModuleType("program")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_bytes(Path(yardsticks.__file__).read_bytes())
        module.__file__ = str(path)
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        _run(code, vars(module))
    return module


def _run(code: Any, variables: dict[str, Any]) -> None:
    hook_module(code, sys._getframe(), (), "", is_library=False, is_conventional=True)
    exec(code, variables)
