"""The whole cost of recording a tuning run against the processing that it records.

The program is `examples/ve_tuning` on a generated log of 3,600 rows: 219 decisions, 7 tasks, 4 checkpoints,
10 files kept as artifacts. Its processing time is that of the same program with recording off. The cost is
measured apart, so that a thousandth of it shows: the program's calls are taken down once and made again
without the processing between them, inside a run that is started and ended each time. Rows: the whole, its
parts, the difference of both programs as a check (in processor time, which waiting for others does not
blur), what the seed's own log takes, what the first run of a process pays for importing the SDK, and what
the thread that syncs does later, or the end of the process: wait until the run is on the disk.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any

import otel_replay
from bench.recorded import temporary_directory
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Measured, compared, difference, interleaved, spread, timed
from bench.yardsticks import SeedLog
from examples.ve_tuning.generate import generate_log
from examples.ve_tuning.tuner import Settings, tune
from otel_replay.settings import read_settings
from otel_replay.storage.last_sync import sync_now

__all__ = ["NAME", "Call", "calls_of", "measure", "replay"]

NAME = "tuning_run"
_BAR = 0.01
_PARTS = {
    "start": "start_run",
    "decisions": "the decisions",
    "tasks": "the tasks (spans)",
    "files": "checkpoints, artifacts, file accesses",
    "end": "the end of the run",
}
_PART_OF = {"decision": "decisions", "task": "tasks", "end": "tasks"}
_RECORDING = ("decision", "file_read", "file_write", "checkpoint", "artifact", "heartbeat")

Call = tuple[str, tuple[Any, ...], dict[str, Any]]
"""A call of the recording API; `task` opens a task and `end` closes it."""


def measure(scale: Scale) -> list[Row]:
    """The whole and its parts, as shares of the processing time."""
    with temporary_directory() as place:
        log, out = place / "log.csv", place / "out"
        log.write_text("".join(generate_log(scale.log_rows, 7)), encoding="utf-8")
        on = read_settings({}, store=place / "store")
        off = dataclasses.replace(on, disabled=True)
        calls = calls_of(lambda: tune(log, out, Settings()))
        parts: dict[str, list[int]] = {name: [] for name in _PARTS}
        apart: dict[str, list[int]] = {"processor": [], "disk": []}

        def recording_alone() -> int:
            processor_begin = process_time_ns()
            begin = perf_counter_ns()
            run = otel_replay.start_run("ve tuning", settings=on)
            started = perf_counter_ns()
            took = replay(calls)
            done = perf_counter_ns()
            run.end()
            ended = perf_counter_ns()
            apart["processor"].append(process_time_ns() - processor_begin)
            sync_now()
            apart["disk"].append(perf_counter_ns() - ended)
            for name, value in {**took, "start": started - begin, "end": ended - done}.items():
                parts[name].append(value)
            return ended - begin

        processor: dict[str, list[int]] = {"on": [], "off": []}

        def whole(name: str, settings: Any) -> None:
            begin = process_time_ns()
            with otel_replay.start_run("ve tuning", settings=settings):
                tune(log, out, Settings())
            processor[name].append(process_time_ns() - begin)

        def as_the_seed() -> None:
            log_of_session = SeedLog()
            for name, values, named in calls:
                if name == "decision":
                    log_of_session.log_decision(*values, **named)
            log_of_session.write_session_replay(out, "run")

        sides = {
            "alone": recording_alone,
            "seed": timed(as_the_seed),
            "off": timed(lambda: whole("off", off)),
            "on": timed(lambda: whole("on", on)),
        }
        times = interleaved(sides, scale.tunings)
        first = _first_run(place, scale)
    return [*_rows(times, parts, processor, calls, first), *_apart(apart, processor)]


def _rows(
    times: dict[str, list[int]],
    parts: dict[str, list[int]],
    processor: dict[str, list[int]],
    calls: list[Call],
    first: Measured,
) -> list[Row]:
    off = times["off"]
    decisions = sum(name == "decision" for name, _, _ in calls)
    ms = {name: spread(values).times(1e-6) for name, values in {**times, **parts}.items()}
    rows = [
        row(
            NAME,
            "recording, start to end / processing with recording off",
            compared(times["alone"], off),
            bar=_BAR,
            note=f"{decisions} decisions; recording {ms['alone'].median:.2f} ms"
            f" (fastest {ms['alone'].best:.2f}), processing {ms['off'].median:.1f} ms"
            f" (fastest {ms['off'].best:.1f})",
        )
    ]
    for name, what in _PARTS.items():
        rows.append(
            row(
                NAME,
                f"  of it: {what}",
                compared(parts[name][1:], off),
                note=f"{ms[name].median:.2f} ms, fastest {ms[name].best:.2f}",
            )
        )
    rows.append(_check(processor["on"][1:], processor["off"][1:]))
    rows.append(
        row(
            NAME,
            "  the seed's log in memory and its session_replay.json, no more",
            compared(times["seed"], off),
            note=f"{ms['seed'].median:.2f} ms, fastest {ms['seed'].best:.2f}",
        )
    )
    rows.append(row(NAME, "  apart: first start_run of a process, imports included", first, unit="ms"))
    return rows


def _apart(apart: dict[str, list[int]], processor: dict[str, list[int]]) -> list[Row]:
    return [
        row(
            NAME,
            "  the same in processor time: recording / processing",
            compared(apart["processor"][1:], processor["off"][1:]),
            note=f"fastest {min(apart['processor']) / 1e6:.2f} ms of {min(processor['off']) / 1e6:.1f}",
        ),
        row(
            NAME,
            "  apart: forcing the run to the disk, which no call waits for",
            spread(apart["disk"][1:]).times(1e-6),
            unit="ms",
        ),
    ]


def _check(on: list[int], off: list[int]) -> Row:
    shares = [(mine - other) / other for mine, other in zip(on, off, strict=True)]
    measured = difference(shares, best=(min(on) - min(off)) / min(off))
    return row(NAME, "  check: processor time recorded less unrecorded / unrecorded", measured)


def calls_of(program: Callable[[], object]) -> list[Call]:
    """What `program` calls of the recording API, in order."""
    calls: list[Call] = []

    def taken(name: str) -> Callable[..., None]:
        return lambda *values, **named: calls.append((name, values, named))

    @contextmanager
    def task(name: str, **attributes: Any) -> Iterator[None]:
        calls.append(("task", (name,), attributes))
        yield
        calls.append(("end", (), {}))

    before = {name: getattr(otel_replay, name) for name in (*_RECORDING, "task")}
    try:
        for name in _RECORDING:
            setattr(otel_replay, name, taken(name))
        otel_replay.task = task  # type: ignore[assignment]  # to time it
        program()
    finally:
        for name, function in before.items():
            setattr(otel_replay, name, function)
    return calls


def replay(calls: list[Call]) -> dict[str, int]:
    """Make the calls again, in the run that is current; the nanoseconds of each part of :data:`_PARTS`."""
    took = dict.fromkeys(_PARTS, 0)
    tasks: list[Any] = []
    for name, values, named in calls:
        begin = perf_counter_ns()
        if name == "task":
            tasks.append(otel_replay.task(*values, **named))
            tasks[-1].__enter__()
        elif name == "end":
            tasks.pop().__exit__(None, None, None)
        else:
            getattr(otel_replay, name)(*values, **named)
        took[_PART_OF.get(name, "files")] += perf_counter_ns() - begin
    return took


_FIRST = """
import json, sys, time
from pathlib import Path
import otel_replay
begin = time.perf_counter_ns()
run = otel_replay.start_run("first", store=Path(sys.argv[1]) / "first")
print(json.dumps(time.perf_counter_ns() - begin))
run.end()
"""


def _first_run(place: Path, scale: Scale) -> Measured:
    """The first `start_run` of fresh interpreters: what is imported is imported then."""
    times = []
    for _ in range(scale.processes + 1):
        done = subprocess.run([sys.executable, "-c", _FIRST, str(place)], stdout=subprocess.PIPE, check=True)
        times.append(json.loads(done.stdout))
    return spread(times[1:]).times(1e-6)
