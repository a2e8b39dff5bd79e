"""The viewer as its documentation shows it: each of its examples, on the tuner's own file."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from otel_replay.compat.session_replay import main

REAL = Path(__file__).parent.parent / "corpus" / "session_replay-1.0" / "real.json"

SUMMARY = """\
======================================================================
SESSION REPLAY SUMMARY
======================================================================
Run ID:          2025-12-15T17-28-01Z-e46826
Generated:       2025-12-15T17:28:01.830Z
Total Decisions: 119
Duration:        22.0ms

DECISIONS BY ACTION TYPE:
  AFR_CORRECTION                    98
  GRADIENT_LIMITING                 18
  SMOOTHING_START                    1
  CLAMPING_START                     1
  ANOMALY_DETECTION_START            1
======================================================================
"""


@pytest.fixture
def viewed(capsys):
    """What the viewer prints about the real file."""

    def call(*options: str) -> str:
        assert main([str(REAL), *options]) == 0
        return capsys.readouterr().out

    return call


def test_the_summary_is_the_one_in_the_documentation(viewed):
    """To the character."""
    assert viewed("--summary-only") == SUMMARY


def test_the_timeline_shows_every_decision(viewed):
    """After the summary, each with its time, action, reason, cell and values."""
    shown = viewed()
    assert shown.startswith(SUMMARY + "\n\n[1] 2025-12-15T17:28:01.803Z (+0.0ms)\n  ACTION: AFR_CORRECTION\n")
    assert shown.count("ACTION: ") == 119
    assert (
        "\n\n[1] 2025-12-15T17:28:01.803Z (+0.0ms)\n"
        "  ACTION: AFR_CORRECTION\n"
        "  REASON: Accepted AFR error sample for f cylinder\n"
        "  CELL:   RPM=2000 KPA=65 Cyl=f\n"
        "  VALUES:\n"
        "    afr_error_pct: 0.730\n"
        "    weight: 73.300\n"
        "    afr_commanded: 12.500\n"
        "    afr_measured: 12.410\n"
        "\n[2] "
    ) in shown
    assert "(+22.0ms)" in shown
    assert "  CELL:   RPM[0] KPA[1]\n" in shown


@pytest.mark.parametrize(
    ("options", "count", "only"),
    [
        (["--action", "SMOOTHING"], 1, {"SMOOTHING_START"}),
        (["--action", "AFR_CORRECTION", "--limit", "10"], 10, {"AFR_CORRECTION"}),
        (["--action", "GRADIENT"], 18, {"GRADIENT_LIMITING"}),
        (["--action", "gradient"], 18, {"GRADIENT_LIMITING"}),
        (["--action", "CLAMPING"], 1, {"CLAMPING_START"}),
        (["--action", "START"], 3, {"SMOOTHING_START", "CLAMPING_START", "ANOMALY_DETECTION_START"}),
        (["--limit", "0"], 119, None),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_actions_are_found_by_a_part_of_their_name(viewed, options, count, only):
    """As in every example of the documentation; numbers count what is shown."""
    lines = viewed(*options).splitlines()
    actions = [line.removeprefix("  ACTION: ") for line in lines if line.startswith("  ACTION: ")]
    assert len(actions) == count
    assert only is None or set(actions) == only
    assert f"[{count}] " in "\n".join(lines)


def test_what_a_limit_leaves_out_is_said(viewed):
    """Of what was asked for."""
    out = viewed("--action", "AFR_CORRECTION", "--limit", "10")
    assert out.endswith("\n\n... and 88 more decisions (use --limit to see more)\n")


def test_gradient_limiting_events_are_counted(viewed):
    """Example 2 of the documentation."""
    shown = viewed("--action", "GRADIENT", "--summary-only")
    assert "Total Decisions: 18\n" in shown
    assert "AFR_CORRECTION" not in shown


def test_what_is_not_there_is_said(viewed):
    """Example 4: this run clamped no cell."""
    assert viewed("--action", "CLAMPING_APPLIED") == "No decisions match the filter criteria.\n"
    assert viewed("--action", "X", "--summary-only") == "No decisions logged in this session.\n"


def test_a_timeline_is_exported(viewed, tmp_path):
    """Example 3: what would have been shown, in a file."""
    out = tmp_path / "gradient_log.txt"
    assert viewed("--action", "GRADIENT", "--export", str(out)) == f"Timeline exported to: {out}\n"
    assert out.read_text() + "\n" == viewed("--action", "GRADIENT")


def test_a_cell_is_found_with_grep():
    """Example 1, in a real shell."""
    module = "-m otel_replay.compat.session_replay"
    command = f"{shlex.quote(sys.executable)} {module} {shlex.quote(str(REAL))} --action AFR_CORRECTION"
    done = subprocess.run(
        f'{command} | grep "RPM=2000 KPA=65"', shell=True, capture_output=True, text=True, check=True
    )
    assert (
        done.stdout.splitlines()
        == ["  CELL:   RPM=2000 KPA=65 Cyl=f"] * 3 + ["  CELL:   RPM=2000 KPA=65 Cyl=r"] * 3
    )
    assert done.stderr == ""


def test_a_reader_that_goes_away_is_no_error():
    """As after `| head`."""
    command = f"{shlex.quote(sys.executable)} -m otel_replay.compat.session_replay {shlex.quote(str(REAL))}"
    done = subprocess.run(f"{command} | true", shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "ERROR: Replay file not found: "),
        ("{torn", "ERROR: Invalid replay file: not a JSON document"),
        ('{"schema_version": "1.0"}', "ERROR: Invalid replay file: `decisions` is not a list"),
    ],
    ids=["none", "torn", "no decisions"],
)
def test_a_file_that_cannot_be_shown(tmp_path, capsys, content, said):
    """Exits with 1, and says why on standard error."""
    path = tmp_path / "session_replay.json"
    if content is not None:
        path.write_text(content)
    assert main([str(path), "--summary-only"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(said)


def test_values_of_every_kind_are_shown_and_do_nothing_to_the_terminal(tmp_path, capsys):
    """Long lists are cut, maps are indented, control characters are written out."""
    values = {"long": list(range(9)), "short": [1, 2], "map": {"a": 1}, "text": "\x1b[31mred\n", "none": None}
    entry = {"timestamp": "2026-01-01T00:00:00.000Z", "action": "A\x07", "reason": "", "values": values}
    other = {"timestamp": "2026-01-01T00:00:02.500Z", "action": "B", "reason": "", "cell": {"row": 7}}
    path = tmp_path / "a.json"
    body = {"schema_version": "1.0", "run_id": "r", "generated_at": "2026-01-01T00:00:03.000Z"}
    path.write_text(json.dumps({**body, "total_decisions": 2, "decisions": [entry, other]}))
    assert main([str(path)]) == 0
    shown = capsys.readouterr().out
    assert (
        "    long: [9 items, showing first 3]\n      - 0\n      - 1\n      - 2\n    short: [1, 2]\n" in shown
    )
    assert "    map:\n      a: 1\n    text: \\e[31mred\\n\n    none: None\n" in shown
    assert "  CELL:   {'row': 7}" in shown
    assert "Duration:        2.50s" in shown
    assert not {"\x1b", "\x07"} & set(shown)
