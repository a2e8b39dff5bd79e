"""Listing a store of 10,000 runs: the listing alone, the whole command, the first time without a catalog.

In processor time. A store in which no run has come or gone for two seconds is listed by its catalog;
otherwise each run's directory is looked at too.
"""

from __future__ import annotations

import time
from time import process_time_ns

from bench.processes import Command, command_line
from bench.recorded import temporary_directory
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import Measured, Slice, interleaved, spread
from otel_replay.storage.run_header import RunHeader, write_header
from otel_replay.storage.store import Store

__all__ = ["NAME", "fill", "measure"]

NAME = "many_runs"
_BAR_MS = 100.0
_AT_REST_SECONDS = 2.5
_DAY_NS = 86_400_000_000_000


def measure(scale: Scale) -> list[Row]:
    """Milliseconds."""
    with temporary_directory() as place:
        store = Store(place / "store")
        fill(store, scale.runs)
        if scale.processes > 1:
            time.sleep(_AT_REST_SECONDS)
        command = Command([*command_line(), "list"], OTEL_REPLAY_STORE=str(store.root))
        start = Command([*command_line(), "--help"])

        def after_a_change() -> int:
            _change(store)
            return _list(store, scale.runs)

        sides: dict[str, Slice] = {
            "rest": lambda: _list(store, scale.runs),
            "command": command,
            "help": start,
        }
        ms = _milliseconds(interleaved(sides, scale.processes))
        ms |= _milliseconds(interleaved({"changed": after_a_change}, scale.processes))
        first = []
        for _ in range(max(1, scale.processes // 10)):
            (store.root / "catalog.jsonl").unlink()
            first.append(_list(store, scale.runs))
        ms |= _milliseconds({"first": first})
    runs = f"{scale.runs:,} runs"
    wall = spread(command.wall_ns[1:]).times(1e-6)
    return [
        row(NAME, f"{runs}: the listing alone", ms["rest"], unit="ms", bar=_BAR_MS),
        row(NAME, f"{runs}: the same, a run has come or gone since", ms["changed"], unit="ms", bar=_BAR_MS),
        row(
            NAME,
            f"{runs}: `otel-replay list`, the whole process",
            ms["command"],
            unit="ms",
            note=f"of it the start of the command line: {ms['help'].median:.0f} ms (--help);"
            f" by the clock {wall.median:.0f} ms, fastest {wall.best:.0f}",
        ),
        row(NAME, f"{runs}: the first time, without a catalog", ms["first"], unit="ms"),
    ]


def _milliseconds(times: dict[str, list[int]]) -> dict[str, Measured]:
    return {name: spread(values).times(1e-6) for name, values in times.items()}


def fill(store: Store, runs: int) -> None:
    """Runs that are over, as their `run.json` and the catalog say them."""
    store.ensure()
    for number in range(runs):
        header = RunHeader(
            run_id=f"2026-01-01T00-00-00Z-{number:06x}",
            name=f"ve tuning {number % 7}",
            started_ns=1_767_225_600_000_000_000 + number * _DAY_NS // 100,
            ended_ns=1_767_225_600_000_000_000 + number * _DAY_NS // 100 + 90_000_000,
            status="ok" if number % 11 else "error",
            attributes={"log": f"log_{number}.csv", "clamp": 10.0},
            counts={"decisions": 120, "spans": 8, "events": 15, "logs": 0},
        )
        write_header(store.create(header), header, durable=False)
        store.record_end(header)


def _list(store: Store, runs: int) -> int:
    begin = process_time_ns()
    found = len(store.runs())
    took = process_time_ns() - begin
    if found != runs:
        raise RuntimeError(f"{found} of {runs} runs were listed")
    return took


def _change(store: Store) -> None:
    """What a run that comes, or goes, does to the directory of the runs."""
    passing = store.root / "runs" / ".passing"
    passing.mkdir()
    passing.rmdir()
