#!/usr/bin/env python3
"""Puts the recorded runs into a real Jaeger by way of a real Collector, both on loopback; says where to look.

`make jaeger` calls it. Where there is no run yet, it records the two of `otel-replay demo` first. A run that
Jaeger has already is not sent again, unless Jaeger has forgotten it (in memory, after a restart).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from otel_replay.errors import OtelReplayError
from otel_replay.records import SpanStart
from otel_replay.storage.run_files import RunFiles
from otel_replay.storage.store import Store

HERE = Path(__file__).resolve().parent
MOST_RUNS = 20
PATIENCE_S = 60.0


def main() -> int:
    """Do all of it; the exit code is 0 when every run stands in Jaeger, 1 when one does not."""
    store = Store(os.environ.get("OTEL_REPLAY_STORE") or ".otel-replay")
    try:
        if not store.runs():
            _call([sys.executable, "-m", "otel_replay", "demo"], stdout=subprocess.DEVNULL)
        runs = [store.resolve(run.run_id) for run in store.runs()[:MOST_RUNS]]
    except OtelReplayError as error:
        return _told(error)
    endpoints = _stack()
    missing = 0
    print(f"\nJaeger has (the newest {len(runs)} of the store's runs):\n")
    for run in runs:
        trace_id = trace_of(run)
        if trace_id is None:
            print(f"  {run.run_id}  {run.header.name}: no span was recorded")
            continue
        there = _put(run, trace_id, endpoints)
        missing += not there
        print(f"  {'✓' if there else '✗'} {run.run_id}  {run.header.name}")
        print(f"      {endpoints['jaeger_trace'].format(trace_id=trace_id)}")
        print(f"      curl -s '{endpoints['jaeger_api'].format(trace_id=trace_id)}'")
    print(
        "\nThis Jaeger is built from its Go module: its query API is whole, its web page is a placeholder."
        "\nThe page comes with the official image: `make jaeger-down`, `docker compose up --detach --wait`,"
        "\nand `otel-replay send --all --resend --to http://127.0.0.1:4318`."
        f"\nMore runs: `otel-replay send latest --to {endpoints['otlp_grpc']}`."
        "\nStop both: `make jaeger-down`."
    )
    return 1 if missing else 0


def trace_of(run: RunFiles) -> str | None:
    """The trace that a run's own span began; None where no span was recorded."""
    for located in run.records():
        if isinstance(located.record, SpanStart):
            return located.record.trace_id
    return None


def _told(error: OtelReplayError) -> int:
    print(f"error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)
    return 2


def _call(command: list[str], stdout: int | None = None) -> str:
    done = subprocess.run(command, stdout=stdout, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)  # what it said stands on stderr already
    return done.stdout or ""


def _stack() -> dict[str, str]:
    """Both engines, started if need be, and their addresses."""
    told: dict[str, Any] = json.loads(
        _call([sys.executable, str(HERE / "stack.py"), "up", "--json"], stdout=subprocess.PIPE)
    )
    endpoints: dict[str, str] = told["endpoints"]
    return endpoints


def _put(run: RunFiles, trace_id: str, endpoints: dict[str, str]) -> bool:
    """Send a run and wait until Jaeger answers with its trace."""
    send = [
        sys.executable,
        "-m",
        "otel_replay",
        "--store",
        str(run.directory.parent.parent),
        "send",
        run.run_id,
    ]
    send += ["--to", endpoints["otlp_grpc"], "--protocol", "grpc"]
    _call(send, stdout=subprocess.DEVNULL)
    url = endpoints["jaeger_api"].format(trace_id=trace_id)
    if not _answers(url, patience_s=5.0):
        # It was sent before, to a Jaeger that has forgotten it since: once more, under the same ids.
        _call([*send, "--resend"], stdout=subprocess.DEVNULL)
        return _answers(url, patience_s=PATIENCE_S)
    return True


def _answers(url: str, *, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                if answer.status == 200:
                    return True
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
        time.sleep(0.1)  # Jaeger takes a moment to make what it has received findable
    return False


if __name__ == "__main__":
    sys.exit(main())
