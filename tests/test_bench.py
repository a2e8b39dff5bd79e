"""Every measurement runs and gives figures that can be true. How fast anything is, no test says."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import command
from bench.measurements import NAMES
from bench.page import BEGIN, END, as_markdown, put_into
from bench.rows import as_document, as_table, row
from bench.timing import compared, difference, interleaved, spread
from bench.yardsticks import SeedLog

ROOT = Path(__file__).parent.parent


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bench", "--scale", "tiny", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_measurement_gives_positive_figures(name):
    done = bench("--only", name, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "otel-replay.bench"
    assert document["rows"]
    for figure in document["rows"]:
        assert figure["measurement"] == name
        assert math.isfinite(figure["median"])
        assert figure["low"] <= figure["median"] <= figure["high"], figure
        if not figure["is_difference"]:
            assert min(figure["low"], figure["best"]) > 0, figure


def test_all_is_measured_in_full_unless_said_otherwise():
    given = command().parse_args([])
    assert (given.scale, given.only) == ("full", None)
    assert command().parse_args(["--quick"]).scale == "quick"


def test_the_table_says_bar_figure_and_mark():
    done = bench("--only", "decision_call")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if "kill -9" in line)
    assert line[0] in "✓✗"
    assert "<= 0.70 x (0.50 x)" in line


def test_a_missed_bar_is_marked_and_one_that_is_held_too():
    held = row("some", "held", spread([1.0, 2.0, 3.0]), bar=2.0)
    missed = row("some", "missed", spread([1.0, 2.0, 3.0]), bar=1.9)
    told = row("some", "told", 4.0, unit="ms")
    assert (held.ok, missed.ok, told.ok) == (True, False, None)
    marks = [line[0] for line in as_table([held, missed, told]).splitlines() if line.strip()][2:]
    assert marks == ["✓", "✗", " "]


def test_a_page_takes_the_figures_between_its_marks():
    about = {"date": "2026-01-01", "python": "3.11", "system": "Linux", "cpus": 2}
    figures = as_markdown([row("some", "held", spread([1.0, 2.0, 3.0]), bar=2.0)], about)
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    changed = put_into(page, figures)
    assert changed == f"before\n{BEGIN}\n\n{figures}\n\n{END}\nafter\n"
    assert put_into(changed, figures) == changed
    with pytest.raises(ValueError, match="the page has no"):
        put_into("nothing here", figures)


def test_sides_take_turns_and_are_compared_pair_by_pair():
    turns = []
    clocks = {"ours": iter([9, 2, 4, 8]), "theirs": iter([9, 4, 4, 4])}

    def side(name):
        turns.append(name)
        return next(clocks[name])

    times = interleaved({name: lambda name=name: side(name) for name in clocks}, 3)
    assert turns == ["ours", "theirs", "ours", "theirs", "theirs", "ours", "ours", "theirs"]
    measured = compared(times["ours"], times["theirs"])
    assert (measured.low, measured.median, measured.high, measured.best) == (0.5, 1.0, 2.0, 0.5)
    assert not measured.is_difference


def test_what_one_side_took_less_the_other_stays_a_difference_in_another_unit_and_in_its_row():
    measured = difference([-2.0, 1.0, 4.0]).times(1e3)
    assert (measured.low, measured.median, measured.is_difference) == (-2e3, 1e3, True)
    (figure,) = as_document([row("some", "more", measured, unit="ms")], {})["rows"]
    assert figure["is_difference"]


def test_the_yardstick_writes_what_the_seed_writes(tmp_path):
    log = SeedLog()
    log.log_decision("CLAMPING", "over the limit", {"before": 12.4, "after": 10.0}, {"rpm": 2000})
    log.write_session_replay(tmp_path, "run-1")
    written = json.loads((tmp_path / "session_replay.json").read_text())
    assert written["schema_version"] == "1.0"
    assert written["total_decisions"] == 1
    (decision,) = written["decisions"]
    assert decision.pop("timestamp").endswith("Z")
    assert decision == {
        "action": "CLAMPING",
        "reason": "over the limit",
        "values": {"before": 12.4, "after": 10.0},
        "cell": {"rpm": 2000},
    }
