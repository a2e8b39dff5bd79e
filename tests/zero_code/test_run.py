"""`otel-replay run -- COMMAND` records a program that knows nothing of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from otel_replay.storage.store import Store


def run(store: Path, *command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What `otel-replay run` does with a command."""
    return subprocess.run(
        [sys.executable, "-m", "otel_replay", "--store", str(store), "run", "--", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_script_gets_a_run_and_keeps_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "tune.py").write_text("import sys\nprint(sys.argv, __file__)\nsys.exit(3)\n")
    plain = subprocess.run(
        [sys.executable, "tune.py", "a b"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    done = run(tmp_path / "store", sys.executable, "tune.py", "a b", folder=tmp_path)
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout) == (3, plain.stdout)
    assert len(Store(tmp_path / "store").runs()) == 1
