"""The logs of the fuel-table tuner: real ones with damage in them, and made-up ones with known faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.ve_tuning.generate import generate_log
from examples.ve_tuning.log_file import COLUMNS, LogError, parse_log, read_log
from examples.ve_tuning.tuner import Settings, tune


def test_a_damaged_line_is_told_with_its_number_and_the_rest_is_read() -> None:
    good = ",".join(["1"] * len(COLUMNS))
    log = parse_log(
        [",".join(COLUMNS), good, "1,2,3", good.replace("1", "x", 1), "", good.replace("1", "nan", 1)]
    )
    assert len(log.samples) == 1
    assert [(line.number, line.reason) for line in log.damaged] == [
        (3, f"3 fields where the header has {len(COLUMNS)}"),
        (4, "rpm is 'x', not a number"),
        (6, "rpm is 'nan', not a number"),
    ]


def test_columns_may_stand_in_any_order_among_others_and_in_quotes() -> None:
    names = ['"Spark_F"', *(f'"{name.upper()}"' for name in reversed(COLUMNS))]
    log = parse_log([",".join(names), ",".join(str(place) for place in range(len(names)))])
    assert log.samples[0].rpm == len(COLUMNS)
    assert log.samples[0].tps == 1


def test_a_log_without_its_columns_says_which_are_missing() -> None:
    with pytest.raises(LogError, match=r"lacks the columns torque, .*tps"):
        parse_log(["rpm,map_kpa"])


@pytest.mark.parametrize("content", [b"", b"\n", b"\x00\xff\xfe", ",".join(COLUMNS).encode()])
def test_a_file_without_samples_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(LogError, match=r"log\.csv"):
        read_log(path)


@given(st.lists(st.text(max_size=40), max_size=6))
def test_no_line_whatever_it_holds_stops_the_reading(lines: list[str]) -> None:
    log = parse_log([",".join(COLUMNS), *lines])
    assert len(log.samples) + len(log.damaged) == sum(1 for line in lines if line.strip())


@pytest.mark.parametrize("seed", range(5))
def test_the_known_faults_of_a_made_up_log_are_found(seed: int, tmp_path: Path, decided: list[Any]) -> None:
    path = tmp_path / "log.csv"
    path.write_text("".join(generate_log(3600, seed)))
    tuning = tune(path, tmp_path / "out", Settings())
    clamped = [(one.cell["rpm"], one.cell["kpa"]) for one in decided if one.action == "CLAMPING_APPLIED"]
    found = {(anomaly.type, tuple((anomaly.cell or {}).values())) for anomaly in tuning.anomalies}
    assert {(3500, 80), (3500, 95), (4000, 80), (4000, 95)} == set(clamped)
    assert {("Spatial discontinuity", (2500, 50)), ("Knock cluster", ())} <= found
    lean, rich = tuning.corrections[2][1], tuning.corrections[4][4]
    assert lean is not None
    assert 6 < lean < 10
    assert rich == -10


def test_the_same_seed_gives_the_same_log() -> None:
    assert list(generate_log(300, 3)) == list(generate_log(300, 3)) != list(generate_log(300, 4))
    assert len(list(generate_log(300, 3))) == 301
