"""The fuel-table tuner as a command: its files, and what it says to bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.ve_tuning.__main__ import main
from examples.ve_tuning.generate import generate_log

OUTPUTS = {
    "AFR_Error_Map_Front.csv",
    "AFR_Error_Map_Rear.csv",
    "Anomaly_Hypotheses.json",
    "Coverage_Front.csv",
    "Coverage_Rear.csv",
    "Diagnostics_Report.txt",
    "VE_Correction_Delta.csv",
    "VE_Delta_PasteReady.txt",
    "VE_Front_Corrected.csv",
    "VE_Rear_Corrected.csv",
}


def test_the_command_writes_every_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--generate", "600", "--outdir", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"dyno_log.csv", *OUTPUTS}
    assert json.loads((tmp_path / "Anomaly_Hypotheses.json").read_text())["anomalies"]
    assert "600 samples" in capsys.readouterr().out


def test_damaged_lines_are_shown_and_the_rest_is_tuned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = list(generate_log(300, 1))
    lines[10:20] = ["oops\n"] * 10
    log = tmp_path / "log.csv"
    log.write_text("".join(lines))
    assert main(["--csv", str(log), "--outdir", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    assert "290 samples" in shown.out
    assert "damaged line 11: 1 fields where the header has 15" in shown.err
    assert "10 damaged lines in all" in shown.err


@pytest.mark.parametrize(
    ("log", "outdir", "message"),
    [
        ("missing.csv", "out", "cannot read the log"),
        (".", "out", "cannot read the log"),
        ("columns.csv", "out", "lacks the columns"),
        ("good.csv", "good.csv", "cannot write to"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: str, outdir: str, message: str
) -> None:
    (tmp_path / "columns.csv").write_text("a,b\n1,2\n")
    (tmp_path / "good.csv").write_text("".join(generate_log(50, 1)))
    assert main(["--csv", str(tmp_path / log), "--outdir", str(tmp_path / outdir)]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert message in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    "wrong", [["--clamp", "-1"], ["--clamp", "nan"], ["--smooth-passes", "x"], ["--generate", "0"]]
)
def test_impossible_settings_are_refused(tmp_path: Path, wrong: list[str]) -> None:
    source = [] if wrong[0] == "--generate" else ["--generate", "50"]
    with pytest.raises(SystemExit) as stopped:
        main([*source, "--outdir", str(tmp_path), *wrong])
    assert stopped.value.code == 2
