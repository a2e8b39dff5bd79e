"""The real Ray Tune under `otel-replay run`: `make test-ray`. Apart from the other tests, for its size.

It says what it found and exits with 0 where the run tells of every trial, and the search ends as without us,
also where each hook in Ray fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PROGRAM = """
import sys
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

def objective(config):
    for step in range(4):
        tune.report({"loss": (config["x"] - 1) ** 2 + step})

ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", object_store_memory=100_000_000)
tuner = tune.Tuner(
    objective,
    param_space={"x": tune.grid_search([0, 1, 2, 3])},
    tune_config=tune.TuneConfig(metric="loss", mode="min"),
    run_config=tune.RunConfig(verbose=0, storage_path=sys.argv[1]),
)
results = tuner.fit()
found = sorted((one.config["x"], one.metrics["loss"]) for one in results)
print("FOUND", found, results.get_best_result(scope="all").config)
"""


_TRIES = 3
_TOO_SLOW = "timed out during startup"
"""What Ray says after half a minute, on a machine that has much else to do."""

INJECTED = """
import otel_replay.libraries.ray_tune as hooks
def injected(*args, **kwargs):
    raise RuntimeError("injected")
for name in ("_started", "_reported", "_completed", "_failed"):
    setattr(hooks, name, injected)
hooks._Searching.sum_up = injected
"""


def found_by(command: list[str], folder: Path) -> str:
    """The line in which the program says what it found."""
    for _ in range(_TRIES):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400, check=False)
        if _TOO_SLOW not in done.stderr:
            break
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    assert done.returncode == 0, done.stderr[-2000:]
    assert lines, done.stdout[-2000:]
    return lines[0]


def main() -> int:
    """Run the program plain and recorded, and compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program.py").write_text(PROGRAM)
        replay = [sys.executable, "-m", "otel_replay", "--store", str(folder / "store")]
        plain = [sys.executable, "program.py"]
        expected = found_by([*plain, str(folder / "a")], folder)
        recorded = [*replay, "run", "--name", "recorded", "--", *plain]
        assert found_by([*recorded, str(folder / "b")], folder) == expected
        dumped = subprocess.run(
            [*replay, "dump", "--run-id", "latest"], capture_output=True, text=True, check=True, timeout=60
        )
        decisions = json.loads(dumped.stdout)["decisions"]
        (folder / "program.py").write_text(INJECTED + PROGRAM)
        failing = [*replay, "run", "--name", "failing", "--", *plain]
        assert found_by([*failing, str(folder / "c")], folder) == expected
    actions = Counter(one["action"] for one in decisions)
    assert actions["SUGGESTED"] == 4, actions
    assert actions["REPORTED"] == 16, actions
    assert actions["COMPLETED"] + actions["PRUNED"] == 4, actions
    assert {one["cell"]["trial"] for one in decisions} == {0, 1, 2, 3}
    print(expected, dict(actions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
