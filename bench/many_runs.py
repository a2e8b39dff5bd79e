"""Listing a store of 10,000 runs: the listing alone, the whole command, the first time without a catalog."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from bench.imports import command_line
from bench.recorded import temporary_directory
from bench.rows import Row, row
from bench.scale import Scale
from bench.timing import interleaved, spread, timed
from otel_replay.storage.run_header import RunHeader, write_header
from otel_replay.storage.store import Store

__all__ = ["NAME", "fill", "measure"]

NAME = "many_runs"
_BAR_MS = 100.0
_SILENT: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
_DAY_NS = 86_400_000_000_000


def measure(scale: Scale) -> list[Row]:
    """Milliseconds."""
    with temporary_directory() as place:
        store = Store(place / "store")
        fill(store, scale.runs)
        environment = {**os.environ, "OTEL_REPLAY_STORE": str(store.root)}
        command = [*command_line(), "list"]

        def list_command() -> None:
            subprocess.run(command, env=environment, check=True, **_SILENT)

        def help_command() -> None:
            subprocess.run([*command_line(), "--help"], check=True, **_SILENT)

        sides = {
            "listing": timed(lambda: _list(store, scale.runs)),
            "command": timed(list_command),
            "help": timed(help_command),
        }
        times = interleaved(sides, scale.processes)
        ms = {name: spread(values).times(1e-6) for name, values in times.items()}
        first = []
        for _ in range(max(1, scale.processes // 10)):
            _forget(store.root)
            first.append(timed(lambda: _list(store, scale.runs))())
    runs = f"{scale.runs:,} runs"
    return [
        row(NAME, f"{runs}: the listing alone", ms["listing"], unit="ms", bar=_BAR_MS),
        row(
            NAME,
            f"{runs}: `otel-replay list`, the whole process",
            ms["command"],
            unit="ms",
            note=f"of it the start of the command line: {ms['help'].median:.0f} ms (--help)",
        ),
        row(NAME, f"{runs}: the first time, without a catalog", spread(first).times(1e-6), unit="ms"),
    ]


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


def _list(store: Store, runs: int) -> None:
    found = len(store.runs())
    if found != runs:
        raise RuntimeError(f"{found} of {runs} runs were listed")


def _forget(root: Path) -> None:
    (root / "catalog.jsonl").unlink(missing_ok=True)
