"""Decisions as CSV: what a spreadsheet and a data frame read is what was decided."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from otlp_strategies import examples

from otel_replay.formats.csv_table import csv_rows
from otel_replay.records import Decision


def decision(values: Any = None, cell: Any = None, **fields: Any) -> Decision:
    return Decision(
        **{
            "time_ns": 1_765_819_681_803_999_999,
            "span_id": "a" * 16,
            "action": "CLAMP",
            "reason": "high",
            "values": values,
            "cell": cell,
            **fields,
        }
    )


def table(*decisions: Decision) -> list[dict[str, str]]:
    """As the standard library's reader takes it."""
    return list(csv.DictReader(io.StringIO(b"".join(csv_rows(lambda: decisions)).decode(), newline="")))


def test_columns_stand_in_the_order_in_which_their_names_came() -> None:
    """Values before cells, and a decision that lacks a name has an empty field."""
    rows = b"".join(
        csv_rows(
            lambda: [
                decision({"before": 1.0, "after": 2}, {"rpm": 3500}),
                decision({"clamp": 0.1, "before": 3.0}, {"kpa": 60, "rpm": 4000}),
                decision(extra={"mine": "x"}),
            ]
        )
    )
    assert rows.decode().split("\r\n") == [
        "timestamp,action,reason,values.before,values.after,values.clamp,cell.rpm,cell.kpa,extra.mine",
        "2025-12-15T17:28:01.803Z,CLAMP,high,1.0,2,,3500,,",
        "2025-12-15T17:28:01.803Z,CLAMP,high,3.0,,0.1,4000,60,",
        "2025-12-15T17:28:01.803Z,CLAMP,high,,,,,,x",
        "",
    ]


def test_what_is_not_a_map_stands_whole_in_one_column() -> None:
    """A list of values, a number for a cell, an empty map."""
    first, second = table(decision([1, 2], "A1"), decision({}, 7))
    assert (first["values"], first["cell"]) == ("[1,2]", "A1")
    assert (second["values"], second["cell"]) == ("{}", "7")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "null"), (True, "true"), (1, "1"), (1.0, "1.0"), (1e-05, "1e-05"), (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"), ("", ""), ("=1+1", "=1+1"), (b"\x00\xff", "AP8="),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        ([float("inf")], '[{"$float":"Infinity"}]'), ("\x1b[31m", "\x1b[31m"), ("é🙂\u2028", "é🙂\u2028"),
    ],
)  # fmt: skip
def test_each_kind_of_value_has_one_text(value: Any, field: str) -> None:
    """Text exactly as it is, numbers as Python writes them, the rest as JSON."""
    [row] = table(decision({"v": value}))
    assert row["values.v"] == field


def test_a_run_without_decisions_is_a_row_of_names() -> None:
    """A table all the same."""
    assert b"".join(csv_rows(list)) == b"timestamp,action,reason\r\n"


# Before Python 3.11 the standard library's reader refuses NUL.
printable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@examples
@given(st.lists(st.dictionaries(printable, printable), max_size=4))
def test_any_text_comes_back(maps: list[dict[str, str]]) -> None:
    """Quotes, commas, line ends and blanks at the edges."""
    rows = table(*[decision(values) for values in maps])
    for values, row in zip(maps, rows, strict=True):
        for key, value in values.items():
            assert row[f"values.{key}"] == value


def test_pandas_reads_the_numbers_as_numbers() -> None:
    """The table is for data frames too."""
    data = b"".join(
        csv_rows(lambda: [decision({"before": 1.5, "n": 3}), decision({"before": float("nan"), "n": 4})])
    )
    frame = pd.read_csv(io.BytesIO(data))
    assert frame["values.n"].tolist() == [3, 4]
    assert frame["values.before"].tolist()[0] == 1.5
    assert frame["values.before"].isna().tolist() == [False, True]
    assert pd.to_datetime(frame["timestamp"]).dt.year.tolist() == [2025, 2025]


def test_rows_come_one_by_one() -> None:
    """A table of a million decisions never stands in memory."""
    asked: list[int] = []

    def decisions() -> Any:
        for number in range(3):
            asked.append(number)
            yield decision({"n": number})

    rows = csv_rows(decisions)
    next(rows)
    next(rows)
    assert asked == [0, 1, 2, 0]


def test_nested_values_are_json_that_can_be_read() -> None:
    """A cell with structure is a document."""
    [row] = table(decision({"m": {"a": {"b": "ü"}}}))
    assert json.loads(row["values.m"]) == {"a": {"b": "ü"}}
