"""Which tasks took the time: by the sum of their durations, and by the watch."""

import pytest

from analysis.story import MS, START_NS, Story
from otel_replay.analysis.bottlenecks import TaskTimes
from otel_replay.analysis.summary import summarise
from otel_replay.analysis.velocity import per_hour


def times(*tasks):
    """Tasks by name, begin and end in milliseconds, told in order of time."""
    found = TaskTimes()
    moments = [(begin, 1, name, 0) for name, begin, end in tasks]
    moments += [(end, 0, name, end - begin) for name, begin, end in tasks]
    for at, begins, name, duration in sorted(moments):
        if begins:
            found.begin(name, at * MS)
        else:
            found.end(name, at * MS, duration * MS)
    return found


def test_one_after_the_other_both_shares_are_the_same():
    found = times(("write", 0, 60), ("review", 60, 100))
    assert found.share_of_tasks("write") == found.share_of_run("write", 100 * MS) == 0.6
    assert found.bottlenecks() == ["write", "review"]


def test_side_by_side_each_has_its_part_of_the_work_and_all_of_the_run():
    found = times(("a", 0, 100), ("b", 0, 100))
    assert [found.share_of_tasks(name) for name in "ab"] == [0.5, 0.5]
    assert [found.share_of_run(name, 100 * MS) for name in "ab"] == [1.0, 1.0]


def test_tasks_of_one_name_that_overlap_are_added_up_as_work_and_count_once_by_the_watch():
    found = times(("poll", 0, 60), ("poll", 40, 80), ("poll", 90, 100), ("wait", 0, 10))
    assert found.names["poll"].total_ns == 110 * MS
    assert found.names["poll"].busy_ns == 90 * MS
    assert found.names["poll"].ended == 3
    assert found.share_of_tasks("poll") == 110 / 120
    assert found.share_of_run("poll", 100 * MS) == 0.9


def test_a_task_in_a_task_of_the_same_name_is_kept_apart():
    found = times(("step", 0, 100), ("step", 20, 30))
    assert (found.names["step"].total_ns, found.names["step"].busy_ns) == (110 * MS, 100 * MS)
    assert found.ended == 2


@pytest.mark.parametrize(("length", "names"), [(30, []), (31, ["slow"])])
def test_a_bottleneck_takes_more_than_three_tenths(length, names):
    others = [(f"t{n}", 100 * n, 100 * n + (100 - length) / 4) for n in range(1, 5)]
    assert times(("slow", 0, length), *others).bottlenecks() == names


def test_without_tasks_there_is_no_bottleneck():
    assert TaskTimes().bottlenecks() == []
    assert times(("a", 5, 5)).share_of_tasks("a") == 0.0
    assert times(("a", 5, 5)).share_of_run("a", 0) == 0.0
    assert times(("a", 5, 5)).bottlenecks() == []


def test_a_program_that_makes_up_names_does_not_make_memory_grow():
    found = times(*((f"task {number}", number, number + 1) for number in range(1_500)))
    assert len(found.names) == 1_001
    assert found.total_ns == 1_500 * MS
    assert found.ended == 1_500


@pytest.mark.parametrize(
    ("count", "duration_ns", "rate"),
    [(6, 3_600 * 10**9, 6.0), (1, 10**6, 3_600_000.0), (1, 10**6 - 1, 0.0), (1, 0, 0.0), (0, 10**9, 0.0)],
)
def test_a_rate_for_an_hour_is_nothing_below_a_millisecond(count, duration_ns, rate):
    assert per_hour(count, duration_ns) == rate


def test_the_summary_of_a_run_has_its_tasks_and_what_was_done_in_an_hour():
    story = Story()
    run = story.run()
    first, second = story.task("a", run), story.task("b", run)
    story.wait(1_000)
    story.happen(first, "file read", **{"file.path": "x"})
    story.end(story.tool_call("search", first))
    story.end(first)
    story.end(second)
    story.task("never done", run)
    story.end(run)
    found = summarise(story)
    assert list(found.tasks.names) == ["a", "b", "never done"]
    assert found.tasks.names["a"].total_ns == 1_005 * MS
    assert found.tasks.names["b"].busy_ns == 1_005 * MS
    assert found.tasks.bottlenecks() == ["a", "b"]
    assert found.tasks.ended == 2
    hours = found.duration_ns / 3_600e9
    assert found.velocity() == {
        "tasks_per_hour": pytest.approx(2 / hours),
        "files_read_per_hour": pytest.approx(1 / hours),
        "files_written_per_hour": 0.0,
        "tool_calls_per_hour": pytest.approx(1 / hours),
        "decisions_per_hour": 0.0,
    }
    assert found.start_ns == START_NS + MS
