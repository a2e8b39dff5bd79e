"""What an item is called where it is told of."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.story import Story
from otel_replay.analysis.items_builder import build_items
from otel_replay.analysis.titles import title_of


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        ({"rpm": 2000, "kpa": 65, "rpm_index": 3, "kpa_index": 2}, "CLAMPING rpm=2000 kpa=65"),
        ({"rpm_index": 3, "kpa_index": 2}, "CLAMPING rpm_index=3 kpa_index=2"),
        ("A7", "CLAMPING A7"),
        (None, "CLAMPING"),
    ],
    ids=str,
)
def test_a_decision_is_called_by_its_cell_and_by_indices_where_nothing_else_says_it(
    cell: Any, title: str
) -> None:
    story = Story()
    story.decide(story.run(), cell=cell)
    assert title_of(list(build_items(story))[-1]) == title
