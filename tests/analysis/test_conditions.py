"""Conditions about a decision: what they find, what they do not, and what is no condition."""

from __future__ import annotations

import pytest

from otel_replay.analysis.conditions import condition
from otel_replay.records import Decision

DECISION = Decision(
    time_ns=1,
    span_id="",
    action="CLAMPING_APPLIED",
    reason="over the limit",
    values={
        "before": 12.4,
        "after": 10,
        "Nested": {"gain": 0.5, "a.b": 7},
        "on": True,
        "off": None,
        "text": "3500",
        "nan": float("nan"),
        "action": "inner",
        "list": [1, 2],
    },
    cell={"rpm": 3500, "kpa": 95.0, "cylinder": "f"},
)


@pytest.mark.parametrize(
    "text",
    [
        *("before>12", "before>=12.4", "before<13", "before<=12.4", "after=10", "after==10.0", "after!=11"),
        *("BEFORE > 12", "values.before>12", "nested.gain=0.5", "nested.a.b=7", "cell.rpm=3500"),
        *("cell.kpa=95", "cell.cylinder=f", "cell.cylinder!=r", "action~clamp", "action=CLAMPING_APPLIED"),
        *("reason~LIMIT", "on=true", "off=null", "text=3500", "text~35", "values.action=inner", "list~1, 2"),
        *("before>-1e3", "before < +1e3", "text!=", "nan=nan", "nan!=1", "before!=nan"),
    ],
)
def test_a_condition_that_holds(text: str) -> None:
    """Names without regard to case, numbers as numbers; what is no number is found by `nan`."""
    assert condition(text).matches(DECISION)


@pytest.mark.parametrize(
    "text",
    [
        *("before>12.4", "before=12", "missing=1", "missing!=1", "missing<1", "rpm=3500", "cell.before>0"),
        *("text>3000", "on>0", "on=1", "off=None", "nan>0", "nan<0", "nan!=nan", "nested=1", "list=1"),
        *("action=clamping_applied", "reason~action", "nested.gain.more=1"),
    ],
)
def test_a_condition_that_does_not(text: str) -> None:
    """What is not there fulfils nothing; text and truth values have no size."""
    assert not condition(text).matches(DECISION)


@pytest.mark.parametrize("text", ["", "before", ">5", "=", "before>", "before>x", "action>5", "~x", "a<b"])
def test_what_is_no_condition_is_refused_with_an_example(text: str) -> None:
    """And what it was."""
    with pytest.raises(ValueError, match="afr_error_pct>5") as refused:
        condition(text)
    assert f"`{text}`" in str(refused.value)


def test_decisions_without_values_or_cell_fulfil_nothing_about_them() -> None:
    """Nor do values that are no map."""
    for values in (None, [1], 5, "x"):
        bare = Decision(time_ns=1, span_id="", action="A", reason="", values=values, cell=values)
        assert not condition("x=1").matches(bare)
        assert not condition("cell.x!=1").matches(bare)
