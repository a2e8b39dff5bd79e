"""The Optuna study: the regression that it tunes, its decisions, one thread and two, and the command."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from examples.hyperparameters.__main__ import main
from examples.hyperparameters.neighbours import Knobs, Point, fold_errors, generate_points, predict

FLAT = Knobs(neighbours=3, falloff=0.0, second_scale=1.0, third_scale=1.0)
LINE = [Point((float(x), 0.0, 0.0), float(x)) for x in range(10)]


def test_a_prediction_is_the_mean_of_the_nearest_values() -> None:
    assert predict(LINE, (5.0, 0.0, 0.0), FLAT) == 5.0


def test_with_weights_the_closest_value_counts_most() -> None:
    steep = Knobs(neighbours=3, falloff=4.0, second_scale=1.0, third_scale=1.0)
    assert predict(LINE, (5.2, 0.0, 0.0), FLAT) == 5.0
    assert 5.0 < predict(LINE, (5.2, 0.0, 0.0), steep) < 5.1


def test_a_coordinate_of_small_scale_hardly_counts() -> None:
    points = [Point((0.0, 0.0, 9.0), 1.0), Point((1.0, 0.0, 0.0), 2.0)]
    one = Knobs(neighbours=1, falloff=0.0, second_scale=1.0, third_scale=0.01)
    assert predict(points, (0.0, 0.0, 0.0), one) == 1.0


def test_every_point_is_asked_for_once_with_the_others_known() -> None:
    errors = list(fold_errors(LINE, FLAT, 5))
    assert len(errors) == 5
    assert all(error > 0 for error in errors)


def test_the_same_seed_gives_the_same_points() -> None:
    assert generate_points(20, 1) == generate_points(20, 1) != generate_points(20, 2)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_study_decides_for_every_trial(tmp_path: Path, decided: list[Any], jobs: int) -> None:
    assert main(["--trials", "20", "--points", "60", "--jobs", str(jobs), "--outdir", str(tmp_path)]) == 0
    by_action: dict[str, list[Any]] = {}
    for one in decided:
        by_action.setdefault(one.action, []).append(one)
    assert sorted(one.cell["trial"] for one in by_action["SUGGESTED"]) == list(range(20))
    lines = [line.split(",") for line in (tmp_path / "trials.csv").read_text().splitlines()[1:]]
    pruned = {int(line[0]) for line in lines if line[1] == "pruned"}
    assert {one.cell["trial"] for one in by_action.get("PRUNED", [])} == pruned
    best = json.loads((tmp_path / "best.json").read_text())
    assert min(float(line[2]) for line in lines if line[1] == "complete") == round(best["error"], 6)


def test_a_study_finds_that_the_third_coordinate_is_noise(tmp_path: Path) -> None:
    assert main(["--trials", "40", "--outdir", str(tmp_path)]) == 0
    best = json.loads((tmp_path / "best.json").read_text())
    assert best["values"]["third_scale"] < 0.3 < best["values"]["neighbours"]
    assert best["error"] < 0.25


def test_one_thread_gives_the_same_trials_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert main(["--trials", "12", "--points", "60", "--outdir", str(tmp_path / name)]) == 0
    assert (tmp_path / "a" / "trials.csv").read_bytes() == (tmp_path / "b" / "trials.csv").read_bytes()


def test_without_optuna_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real_import = builtins.__import__

    def import_without_optuna(name: str, *rest: Any) -> Any:
        if name == "optuna":
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", import_without_optuna)
    assert main(["--outdir", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "error: this example needs Optuna: pip install optuna\n"


def test_a_folder_that_cannot_be_written_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--trials", "2", "--points", "20", "--outdir", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.startswith("error: cannot write to")


@pytest.mark.parametrize("wrong", [["--trials", "0"], ["--points", "9"], ["--jobs", "x"]])
def test_impossible_settings_are_refused(tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--outdir", str(tmp_path), *wrong])
    assert stopped.value.code == 2
