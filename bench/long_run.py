"""Commands on runs of 10,000 to 1,000,000 decisions: the memory at its peak, and records a second.

The memory is what the kernel says of the finished process (`ru_maxrss`); it is constant if the longest run
takes no more of it than the shortest. The pace is that of the records between the two lengths, so that the
start of the process does not count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench.processes import command_line
from bench.recorded import temporary_directory
from bench.rows import Row, row
from bench.scale import Scale

__all__ = ["NAME", "measure"]

NAME = "long_run"
_BAR = 1.1
_COMMANDS = {
    "dump --format json": ("dump", "--format", "json", "--run-id"),
    "view": ("view",),
    "summary": ("summary",),
    "stats": ("stats",),
}
_SQL = "SELECT action, avg((values->>'afr_error_pct')::double) FROM decisions GROUP BY ALL"
_QUERY_BAR_MB = 500.0
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
# A process inherits the peak of the one that starts it; so that is one with next to nothing in it.
_LAUNCHER = """
import json, os, sys, time
output = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
actions = [(os.POSIX_SPAWN_DUP2, output, 1)]
begin = time.perf_counter()
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - begin
json.dump([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss], sys.stdout)
"""


class _Done(NamedTuple):
    seconds: float
    peak_bytes: int


def measure(scale: Scale) -> list[Row]:
    """A row for each command."""
    rows: list[Row] = []
    with temporary_directory() as place:
        store = place / "store"
        for decisions in scale.decisions:
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "bench.many_decisions",
                    str(store),
                    f"run-{decisions}",
                    str(decisions),
                ],
                check=True,
            )
        for what, words in _COMMANDS.items():
            done = [_run([*words, f"run-{decisions}"], store, place) for decisions in scale.decisions]
            rows += _rows(what, scale.decisions, done)
        rows.append(_query(scale.decisions[-1], store, place))
    return rows


def _query(decisions: int, store: Path, place: Path) -> Row:
    """SQL goes over a database on disk, of which DuckDB holds a part in memory: no more than it may."""
    done = _run(["query", _SQL, "--run", f"run-{decisions}"], store, place)
    return row(
        NAME,
        f"query: peak memory at {decisions:,} decisions",
        done.peak_bytes / 1e6,
        unit="MB",
        bar=_QUERY_BAR_MB,
        note=f"{done.seconds:.1f} s, loading included",
    )


def _rows(what: str, lengths: tuple[int, ...], done: list[_Done]) -> list[Row]:
    peaks = ", ".join(
        f"{item.peak_bytes / 1e6:.1f} MB at {length:,}" for length, item in zip(lengths, done, strict=True)
    )
    first, last = done[0], done[-1]
    # The pace between the two lengths: the start of the process is in both.
    per_second = (lengths[-1] - lengths[0]) / max(last.seconds - first.seconds, 1e-9)
    return [
        row(
            NAME,
            f"{what}: peak memory at {lengths[-1]:,} decisions / at {lengths[0]:,}",
            last.peak_bytes / first.peak_bytes,
            bar=_BAR,
            note=f"{peaks}; {per_second:,.0f} records/s, {last.seconds:.1f} s for {lengths[-1]:,}",
        )
    ]


def _run(words: list[str], store: Path, place: Path) -> _Done:
    """Run one command, its output into a file; time and peak memory."""
    output = place / "output"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(output), *command_line(), *words],
        stdout=subprocess.PIPE,
        env={**os.environ, "OTEL_REPLAY_STORE": str(store)},
        check=True,
    )
    code, seconds, peak = json.loads(done.stdout)
    output.unlink()
    if code != 0:
        raise RuntimeError(f"`otel-replay {' '.join(words)}` left with {code}")
    return _Done(seconds, peak * _RSS_UNIT)
