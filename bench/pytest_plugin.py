"""What the pytest plugin costs a test: one that does not use it, and one that has a run and checks it.

Sessions of trivial tests in fresh interpreters, turn by turn; timed is the loop over the tests, by processor
time, which on a machine with other work says more than the clock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Slice, compared, difference, interleaved, spread

__all__ = ["NAME", "measure"]

NAME = "pytest_plugin"
_MOST_ROUNDS = 9
"""A session takes seconds, and processor time is steady."""
_TIMED = """
import os, time
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtestloop():
    begin = time.process_time_ns()
    yield
    with open(os.environ["BENCH_TOOK"], "w") as file:
        file.write(str(time.process_time_ns() - begin))
"""
_PLAIN = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_of(number{fixture}):
    {body}
"""
_WORK = "otel_run.run.decision('CLAMP', 'over', dict(after=number))"
_SESSIONS = {
    "without": (("-p", "no:otel_replay"), "", "assert number >= 0"),
    "unused": (("-p", "otel_replay.pytest_plugin"), "", "assert number >= 0"),
    "checked": (
        ("-p", "otel_replay.pytest_plugin"),
        ", otel_run",
        f"{_WORK}; otel_run.check.existence('decision(CLAMP)')",
    ),
}


def measure(scale: Scale) -> list[Row]:
    """The ratio that must not show, and the milliseconds of a test that records itself and checks it."""
    tests = scale.calls
    with tempfile.TemporaryDirectory() as folder:
        sessions = {name: _pytest_run(Path(folder, name), tests, *how) for name, how in _SESSIONS.items()}
        times = interleaved(sessions, min(scale.processes, _MOST_ROUNDS))
    each = {name: spread(values).times(1e-6 / tests) for name, values in times.items()}
    more = [used - bare for used, bare in zip(times["checked"], times["without"], strict=True)]
    return [
        row(
            NAME,
            "a test with the plugin there and not used / without the plugin",
            compared(times["unused"], times["without"]),
            bar=1.05,
            note=f"{each['unused'].median:.3f} ms and {each['without'].median:.3f} ms for a test",
        ),
        row(
            NAME,
            "what a test's own run and a check of it cost (otel_run), processor time",
            difference(more).times(1e-6 / tests),
            unit="ms",
            bar=5.0,
        ),
    ]


def _pytest_run(folder: Path, tests: int, options: tuple[str, ...], fixture: str, body: str) -> Slice:
    folder.mkdir()
    (folder / "conftest.py").write_text(_TIMED)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_many.py").write_text(_PLAIN.format(tests=tests, fixture=fixture, body=body))
    took = folder / "took"

    def run() -> int:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
            env={
                **os.environ,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTEST_DEBUG_TEMPROOT": str(folder),
                "BENCH_TOOK": str(took),
            },
        )
        return int(took.read_text())

    return run
