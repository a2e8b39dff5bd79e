"""Whatever of ours fails in the program's processes, the program runs as without us."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import otel_replay
from tests.zero_code.conftest import PYTHON, Recorded

PACKAGE = Path(otel_replay.__file__).parent

PROGRAM = """
import csv, subprocess, sys
def log_decision(action, reason, values=None, cell=None):
    print(action, reason)
log_decision("SAID", "by the program", {"x": 1}, {"rpm": 2})
with open("out.csv", "w") as stream:
    csv.writer(stream).writerow([1, 2])
subprocess.run([sys.executable, "-c", "print('child')"], check=True)
print(sys.argv)
sys.exit(6)
"""

BROKEN = (
    *("zero_code.bootstrap", "zero_code.plan", "zero_code.presence"),
    *("libraries.installing", "libraries.table", "libraries.files", "libraries.file_events"),
    *("hooks.imported", "hooks.audit", "hooks.guard", "hooks.here"),
    *("rules.watching", "rules.hooking", "rules.calls", "settings", "storage.run_opening", "program"),
    "own_modules",
)


@pytest.mark.parametrize("module", BROKEN)
def test_a_module_that_fails_in_the_program_stops_nothing(recorded: Recorded, module: str) -> None:
    """Its import fails: the program's output, exit code and files are its own; what went wrong is told."""
    shadow = recorded.folder / "shadow"
    shutil.copytree(PACKAGE, shadow / "otel_replay", copy_function=os.symlink)
    place = shadow / "otel_replay" / (module.replace(".", "/") + ".py")
    place.unlink()
    place.write_text("raise RuntimeError('injected')\n")
    recorded.script(PROGRAM)
    env = {"PYTHONPATH": str(shadow), "PYTHONDONTWRITEBYTECODE": "1"}
    done = recorded.run(PYTHON, "program.py", "a", env=env)
    assert done.stdout == "SAID by the program\nchild\n['program.py', 'a']\n"
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    assert "injected" in done.stderr or module == "hooks.guard"
    assert "started with another PYTHONPATH" not in done.stderr  # the child finds the run's
    assert (recorded.folder / "out.csv").read_text() == "1,2\n"
    assert recorded.files().header.message == "exit code 6"


def test_a_launcher_that_cannot_record_waits_for_the_program_all_the_same(recorded: Recorded) -> None:
    """The store is taken away while the program runs."""
    recorded.script(
        "import shutil\nshutil.rmtree('store', ignore_errors=True)\nprint('runs')\nraise SystemExit(3)\n"
    )
    done = recorded.run(PYTHON, "program.py")
    assert (done.returncode, done.stdout) == (3, "runs\n")
    assert "Traceback" not in done.stderr
