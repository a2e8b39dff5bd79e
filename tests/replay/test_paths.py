"""Places in requests: how they are written, what a pattern means, where two values differ."""

from __future__ import annotations

import pytest

from otel_replay.errors import UsageError
from otel_replay.replay.paths import MISSING, Pattern, differences, leaves, strip, text_of


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("messages[*].id", ("messages", 3, "id"), True),
        ("messages[2].id", ("messages", 3, "id"), False),
        ("messages[3].id", ("messages", 3, "id"), True),
        ("request.seed", ("request", "seed"), True),
        ("request.*", ("request", "seed"), True),
        ("request.*", ("request", "seed", "deep"), False),
        ("**.created_at", ("created_at",), True),
        ("**.created_at", ("a", 1, "b", "created_at"), True),
        ("a.**.z", ("a", "z"), True),
        ("a.**.z", ("b", "z"), False),
    ],
)
def test_a_pattern_means_places(pattern, path, fits):
    assert Pattern(pattern).matches(path) is fits


@pytest.mark.parametrize("wrong", ["", "a..b", "a[", "a[b]", "a]"])
def test_what_is_no_pattern_is_told(wrong):
    with pytest.raises(UsageError, match="place"):
        Pattern(wrong)


def test_stripping_leaves_the_rest_and_says_nothing_changed_by_giving_the_same():
    value = {"a": [{"id": 1, "x": 2}, {"x": 3}], "b": 4}
    assert strip(value, (), [Pattern("a[*].id")]) == {"a": [{"x": 2}, {"x": 3}], "b": 4}
    assert strip(value, (), [Pattern("a[0]")]) == {"a": [{"x": 3}], "b": 4}
    assert strip(value, (), [Pattern("nothing")]) is value


def test_differences_are_named_in_the_order_of_reading():
    recorded = {"a": [1, {"b": "x"}], "c": 1, "gone": True, "nan": float("nan")}
    now = {"a": [1, {"b": "y"}, 3], "c": 1.0, "new": None, "nan": float("nan")}
    found = [(one.place, one.recorded, one.now) for one in differences(recorded, now)]
    assert found == [
        ("a[1].b", "x", "y"),
        ("a[2]", MISSING, 3),
        ("c", 1, 1.0),
        ("gone", True, MISSING),
        ("new", MISSING, None),
    ]


def test_paths_are_written_as_people_do():
    assert text_of(("messages", 0, "parts", 2, "content")) == "messages[0].parts[2].content"
    assert dict(leaves({"a": [1, []], "b": {}})) == {("a", 0): 1, ("a", 1): [], ("b",): {}}
