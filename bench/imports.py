"""What it costs to have us: the import, against that of OpenTelemetry's API; and the command line's start.

Fresh interpreters, turn by turn. Imports are timed inside of them, so that the interpreter's own start is not
in both figures; `--help` is timed from outside, beside `python -c pass`, in processor time.
"""

from __future__ import annotations

import subprocess
import sys

from bench.processes import Command, command_line
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Slice, compared, interleaved, spread

__all__ = ["NAME", "measure"]

NAME = "imports"
_TIMED = "import time; begin = time.perf_counter_ns(); {}; print(time.perf_counter_ns() - begin)"
_STATEMENTS = {
    "ours": "import otel_replay",
    "api": "import opentelemetry.trace",
    "first use": "from otel_replay import decision, start_run, task",
    "sdk": "import opentelemetry.sdk.trace",
}


def measure(scale: Scale) -> list[Row]:
    """Imports as ratios, the command line in milliseconds and as a multiple of the interpreter's start."""
    times = interleaved({name: _import(text) for name, text in _STATEMENTS.items()}, scale.processes)
    ms = {name: spread(values).times(1e-6) for name, values in times.items()}
    commands = {
        "help": Command([*command_line(), "--help"]),
        "pass": Command([sys.executable, "-c", "pass"]),
    }
    starts = interleaved(dict(commands), scale.processes)
    processor = {name: spread(values).times(1e-6) for name, values in starts.items()}
    wall = {name: spread(command.wall_ns[1:]).times(1e-6) for name, command in commands.items()}
    return [
        row(
            NAME,
            "import otel_replay / import opentelemetry.trace",
            compared(times["ours"], times["api"]),
            bar=1.2,
            note=f"{ms['ours'].median:.2f} ms and {ms['api'].median:.1f} ms",
        ),
        row(
            NAME,
            "  its recording names, used first / import opentelemetry.trace",
            compared(times["first use"], times["api"]),
            note=f"{ms['first use'].median:.1f} ms; import opentelemetry.sdk.trace {ms['sdk'].median:.1f} ms",
        ),
        row(
            NAME,
            "otel-replay --help, processor time",
            processor["help"],
            unit="ms",
            bar=150.0,
            note=f"by the clock {wall['help'].median:.0f} ms, fastest {wall['help'].best:.0f}",
        ),
        row(
            NAME,
            "otel-replay --help / python -c pass",
            compared(starts["help"], starts["pass"]),
            bar=15.0,
            note=f"python -c pass: {processor['pass'].median:.0f} ms, by the clock {wall['pass'].median:.0f},"
            f" fastest {wall['pass'].best:.0f}",
        ),
    ]


def _import(statement: str) -> Slice:
    def took() -> int:
        program = _TIMED.format(statement)
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
        return int(done.stdout)

    return took
