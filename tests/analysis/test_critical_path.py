"""The critical path, against the walk from the end backwards by which it is defined."""

import random

import pytest

from analysis.story import MS, Story
from otel_replay.analysis.critical_path import CriticalPath
from otel_replay.analysis.summary import summarise


def by_walking_back(spans, span_id):
    """The definition: from the end to the child that ended last, from its start to the one before."""
    _, start, end = spans[span_id]
    found, cursor = {}, end
    while True:
        before = [key for key, (parent, _, ended) in spans.items() if parent == span_id and ended <= cursor]
        if not before:
            break
        last = max(before, key=lambda key: spans[key][2])
        found[span_id] = found.get(span_id, 0) + cursor - spans[last][2]
        for name, time in by_walking_back(spans, last).items():
            found[name] = found.get(name, 0) + time
        cursor = spans[last][1]
    found[span_id] = found.get(span_id, 0) + cursor - start
    return found


def a_tree(seed):
    """Spans that lie within their parents, no two times alike: id -> parent, start, end."""
    draw = random.Random(seed)
    spans = {"0": ("", 0.0, 1_000_000.0)}
    for number in range(1, 60):
        parent = draw.choice(list(spans))
        start, end = sorted(draw.uniform(*spans[parent][1:]) for _ in range(2))
        spans[str(number)] = (parent, start, end)
    return spans


@pytest.mark.parametrize("seed", range(20))
def test_the_path_that_is_found_in_passing_is_that_of_walking_back(seed):
    spans = a_tree(seed)
    found = CriticalPath("others")
    moments = [(start, "begin", key) for key, (_, start, _) in spans.items()]
    moments += [(end, "end", key) for key, (_, _, end) in spans.items()]
    for _, what, key in sorted(moments):
        parent, start, end = spans[key]
        found.begin(key, parent) if what == "begin" else found.end(key, key, end - start)
    expected = by_walking_back(spans, "0")
    assert {name: time for name, time in found.names.items() if time > 1e-6} == pytest.approx(
        {name: time for name, time in expected.items() if time > 1e-6}
    )


def test_of_two_side_by_side_the_longer_one_is_on_the_path():
    story = Story()
    run = story.run()
    short, long = story.task("short", run), story.task("long", run)
    story.wait(10)
    story.end(short)
    story.wait(80)
    story.end(long)
    story.end(run)
    found = summarise(story)
    assert ("task", "task short") not in found.critical_ns
    assert found.critical_ns["task", "task long"] == 92 * MS
    assert sum(found.critical_ns.values()) == found.kinds["run"].total_ns


def test_a_child_that_outlives_its_parent_was_not_waited_for():
    story = Story()
    run = story.run()
    task = story.task("late", run)
    story.end(run)
    story.wait(50)
    story.end(task)
    assert set(summarise(story).critical_ns) == {("run", "run tuning")}
