"""What each rule says where a run does not fulfil it: the whole text, as a person reads it."""

from __future__ import annotations

from textwrap import dedent

import pytest

from assertions import messages_order, messages_values
from otel_replay.analysis.items import Items
from otel_replay.assertions import check
from otel_replay.assertions.rule import Rule
from otel_replay.assertions.table import RULES

SAID = [*messages_order.SAID, *messages_values.SAID]


@pytest.mark.parametrize(
    ("rule", "run", "text"), SAID, ids=[f"{rule.name}-{number}" for number, (rule, *_) in enumerate(SAID)]
)
def test_a_rule_says_what_is_wrong_where_and_what_came_nearest(rule: Rule, run: Items, text: str) -> None:
    result = check(run).add(rule)
    assert result.failure is not None
    assert result.failure.text == dedent(text).strip()
    assert result.failure.run.run is run
    assert {mark.ok for mark in result.failure.bad} <= {False}
    assert list(result.matched) == list(result.failure.items)


def test_every_rule_has_its_whole_text_here() -> None:
    assert {rule.name for rule, *_ in SAID} == set(RULES)
