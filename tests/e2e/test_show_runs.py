"""`make jaeger`: the recorded runs stand in a real Jaeger, and it says where."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .engines import ROOT, built


def _call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "OTEL_REPLAY_STORE": str(folder / "store"),
        "OTEL_REPLAY_STACK": str(folder / "stack"),
    }
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


def test_make_jaeger_records_the_demo_where_there_is_no_run_and_shows_every_run_twice_over(
    tmp_path: Path,
) -> None:
    """A second call finds everything there, and says the same."""
    built()
    try:
        told = [_call(tmp_path, str(ROOT / "collector" / "show_runs.py")) for _ in range(2)]
    finally:
        stopped = _call(tmp_path, str(ROOT / "collector" / "stack.py"), "down")
    assert [done.returncode for done in told] == [0, 0], told[0].stderr + told[1].stderr
    for done in told:
        assert done.stdout.count("✓") == 2
        assert done.stdout.count("/api/v3/traces/") == 2
        assert "Traceback" not in done.stderr
    assert stopped.returncode == 0, stopped.stderr
