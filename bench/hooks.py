"""What hooking into a program costs it: importing, opening files, logging, each with and without.

Fresh interpreters, turn by turn, each timing itself. "With" is what `otel-replay run` puts into a process:
the hooks at imports, and the audit hook; the run has begun before the clock starts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Slice, compared, interleaved, spread

__all__ = ["NAME", "measure"]

NAME = "hooks"
_HOOKED = """
from otel_replay import decision, record_libraries, start_run
record_libraries()
"""
_RUN = """
run = start_run("bench")
decision("A", "b")
"""
_TIMED = """
import time
begin = time.perf_counter_ns()
{}
print(time.perf_counter_ns() - begin)
"""
_OPENS = """
for _ in range(20_000):
    open("data.csv").close()
"""
_LEFT_OUT = _OPENS.replace("data.csv", "data.py")
_LOGS = """
for number in range(5_000):
    log.info("fit %d", number)
"""
_LOGGING = """
import io, logging
logging.basicConfig(level=logging.INFO, stream=io.StringIO())
log = logging.getLogger("tuner")
"""
_PROGRAMS = {
    "import": ("", "import pandas", ""),
    "open": ("", _OPENS, _RUN),
    "left out": ("", _LEFT_OUT, _RUN),
    "log": (_LOGGING, _LOGS, _RUN),
}


def measure(scale: Scale) -> list[Row]:
    """Ratios of a program with hooks to the same one without."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for data in ("data.csv", "data.py"):
            (folder / data).write_text("")
        slices = {}
        for what, (before, timed, run) in _PROGRAMS.items():
            slices[f"{what} plain"] = _timed(folder, before + _TIMED.format(timed))
            slices[f"{what} hooked"] = _timed(folder, _HOOKED + run + before + _TIMED.format(timed))
        times = interleaved(slices, scale.processes)
    us = {what: spread(values).times(1e-3).median for what, values in times.items()}

    def ratio(what: str, told: str, each: int, unit: str = "µs") -> Row:
        by = each * (1_000 if unit == "ms" else 1)
        note = f"{us[f'{what} plain'] / by:.2f} {unit} and {us[f'{what} hooked'] / by:.2f} {unit}"
        return row(NAME, told, compared(times[f"{what} hooked"], times[f"{what} plain"]), note=note)

    return [
        ratio("import", "import pandas with hooks / without", 1, "ms"),
        ratio("open", "open() of a data file, again and again in one span / without", 20_000),
        ratio("left out", "open() of a file that is left out / without", 20_000),
        ratio("log", "logger.info() to a handler, recorded / without", 5_000),
    ]


def _timed(folder: Path, program: str) -> Slice:
    def took() -> int:
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True, cwd=folder)
        return int(done.stdout)

    return took
