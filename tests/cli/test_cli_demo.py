"""`otel-replay demo`: what a stranger sees first."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from otel_replay.storage.store import Store

ROOT = Path(__file__).parents[2]


def run(folder, *arguments, **variables):
    """The command line in `folder`, with no setting of this machine."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-m", "otel_replay", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environ | variables, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo, as a new user runs it: in an empty folder."""
    folder = tmp_path_factory.mktemp("demo")
    done = run(folder, "demo")
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_two_runs_are_recorded_into_the_store_of_the_current_folder(demo):
    folder, told = demo
    runs = Store(folder / ".otel-replay").runs()
    assert [run.name for run in runs] == ["ve tuning", "fuel table agent"]
    assert [run.status for run in runs] == ["finished", "finished"]
    assert all(run.run_id in told for run in runs)


def test_every_command_that_it_names_works(demo):
    folder, told = demo
    commands = re.findall(r"^  otel-replay (.+?)(?:  .*)?$", told, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        done = run(folder, *command.partition(" | ")[0].split())
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout


def test_what_the_readme_does_with_it_works_too(demo):
    folder, told = demo
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Look at a run")[2].partition("\n## ")[0]
    commands = re.findall(r"^otel-replay (.+?)(?:  .*)?$", section, re.MULTILINE)
    others = [command for command in commands if f"otel-replay {command.split()[0]} " not in told]
    assert [command.split()[0] for command in others] == ["play", "export", "check"]
    for command in others[1:]:
        done = run(folder, *command.replace("examples/", f"{ROOT}/examples/").split())
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_the_tuning_run_says_why_a_cell_was_clamped(demo):
    folder, _ = demo
    clamped = run(folder, "view", "latest", "--action", "CLAMPING", "--cell", "rpm=3500").stdout
    assert re.search(r"CLAMPING_APPLIED +rpm=3500 kpa=95 +before=-\d.* after=-7\.0", clamped)
    counts = run(folder, "view", "latest", "--summary-only").stdout
    assert re.search(r"AFR_CORRECTION +9\d", counts)
    assert "GRADIENT_LIMITING" in counts


def test_the_agent_run_has_generations_tools_a_retry_and_a_failure(demo):
    folder, _ = demo
    agent = Store(folder / ".otel-replay").runs()[1].run_id
    shown = run(folder, "show", agent).stdout
    for part in ("invoke_agent", "chat scripted-1", "execute_tool", "tokens", "RETRY", "✗"):
        assert part in shown


def test_a_second_demo_adds_two_more_runs(demo, tmp_path):
    folder, _ = demo
    assert run(folder, "demo", "--store", str(tmp_path / "s")).returncode == 0
    assert run(folder, "demo", "--store", str(tmp_path / "s")).returncode == 0
    assert len(Store(tmp_path / "s").runs()) == 4


def test_with_recording_switched_off_it_says_so(tmp_path):
    done = run(tmp_path, "demo", OTEL_REPLAY_DISABLED="true")
    assert done.returncode == 2
    assert "OTEL_REPLAY_DISABLED" in done.stderr
