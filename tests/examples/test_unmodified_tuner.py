"""The tuner that knows nothing of otel-replay: what it finds in its made-up log; it stays ignorant."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

TUNER = Path(__file__).parent.parent.parent / "examples" / "unmodified_tuner"


def tune(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as a user types it."""
    return subprocess.run(
        [sys.executable, str(TUNER / "tune.py"), *arguments], capture_output=True, text=True, timeout=60
    )


def rows(path: Path) -> list[dict[str, str]]:
    """A table of comma-separated values."""
    return list(csv.DictReader(path.read_text().splitlines()))


def test_it_finds_the_peaks_and_the_faults_of_the_made_up_log(tmp_path: Path) -> None:
    done = tune("--generate", "--outdir", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    front = {
        (row["rpm"], row["kpa"]): float(row["advance_deg"]) for row in rows(tmp_path / "Peaks_Front.csv")
    }
    assert len(front) == 39
    assert abs(front["1500", "65"] - 20.0) < 1.0
    kinds = Counter(one["kind"] for one in json.loads((tmp_path / "Suspicions.json").read_text()))
    assert kinds["uncovered"] == 1
    assert kinds["odd cell"] == 2
    log = json.loads((tmp_path / "decisions.json").read_text())
    assert log["total_decisions"] == len(log["decisions"]) == 119
    assert Counter(one["action"] for one in log["decisions"])["MBT_FOUND"] == 78


def test_the_same_log_gives_the_same_bytes(tmp_path: Path) -> None:
    outputs = []
    for name in ("a", "b"):
        assert tune("--generate", "--no-times", "--outdir", str(tmp_path / name)).returncode == 0
        outputs.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 9


def test_a_log_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    done = tune("--csv", str(tmp_path / "log.csv"), "--outdir", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "has no column time_s" in done.stderr


def test_nothing_in_it_mentions_the_recorder() -> None:
    sources = [path.read_text() for path in TUNER.rglob("*.py")]
    assert len(sources) > 10
    assert not [text for text in sources if "otel" in text.lower()]
