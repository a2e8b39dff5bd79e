"""What it costs to have us: the import, against that of OpenTelemetry's API; and the command line's start.

Fresh interpreters, turn by turn. Imports are timed inside of them, so that the interpreter's own start is not
in both figures; `--help` is timed from outside, beside `python -c pass`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Slice, compared, interleaved, spread, timed

__all__ = ["NAME", "command_line", "measure"]

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
    starts = interleaved(
        {
            "help": _command([*command_line(), "--help"]),
            "pass": _command([sys.executable, "-c", "pass"]),
        },
        scale.processes,
    )
    help_ms, pass_ms = (spread(starts[name]).times(1e-6) for name in ("help", "pass"))
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
        row(NAME, "otel-replay --help", help_ms, unit="ms", bar=150.0),
        row(
            NAME,
            "otel-replay --help / python -c pass",
            compared(starts["help"], starts["pass"]),
            bar=15.0,
            note=f"python -c pass: {pass_ms.median:.1f} ms, fastest {pass_ms.best:.1f}",
        ),
    ]


def command_line() -> list[str]:
    """How `otel-replay` is started here: the installed script, as a person does."""
    script = Path(sys.executable).parent / "otel-replay"
    if script.exists():
        return [str(script)]
    return [sys.executable, "-c", "from otel_replay.cli.main import main; main()"]


def _import(statement: str) -> Slice:
    def took() -> int:
        program = _TIMED.format(statement)
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
        return int(done.stdout)

    return took


def _command(words: Sequence[str]) -> Slice:
    return timed(lambda: subprocess.run(words, stdout=subprocess.DEVNULL, check=True))
