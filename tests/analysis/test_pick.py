"""Which spans go on the screen when there is room for a few."""

from analysis.story import Story
from otel_replay.analysis.pick import pick
from otel_replay.analysis.tree_builder import build_tree


def names(tree):
    return [node.name for node in tree.top.walk()][1:]


def three_stages(calls):
    story = Story()
    run = story.run()
    for stage, count in enumerate(calls):
        task = story.task(f"stage {stage}", run)
        for number in range(count):
            span = story.tool_call(f"{stage}.{number}", task)
            story.end(span, "error" if number == count - 1 and stage == 2 else "ok")
        story.end(task)
    story.end(run)
    return build_tree(story)


def test_everything_stays_where_there_is_room():
    tree = three_stages([2, 2, 2])
    assert pick(tree, 10) == 10
    assert tree.top.children[0].fold.spans == 0


def test_the_outline_comes_before_the_details_of_the_first_stage():
    tree = three_stages([100, 100, 100])
    assert pick(tree, 10) == 10
    assert [name for name in names(tree) if name.startswith("task")] == [
        "task stage 0",
        "task stage 1",
        "task stage 2",
    ]
    assert [len(stage.children) for stage in tree.top.children[0].children] == [2, 2, 2]


def test_a_small_stage_keeps_all_of_its_own_and_leaves_room_to_others():
    tree = three_stages([1, 100, 100])
    pick(tree, 4 + 11)
    assert [len(stage.children) for stage in tree.top.children[0].children] == [1, 5, 5]


def test_a_failed_span_is_shown_before_earlier_ones_that_did_not_fail():
    tree = three_stages([100, 100, 100])
    pick(tree, 7)
    assert names(tree)[-1] == "execute_tool 2.99"


def test_what_is_not_shown_is_counted_where_it_was():
    tree = three_stages([100, 100, 100])
    pick(tree, 1)
    [root] = tree.top.children
    assert root.children == []
    assert root.fold.spans == 303
    assert root.fold.failed == 1


def test_depth_counts_levels_of_spans():
    tree = three_stages([5, 5, 5])
    assert pick(tree, 100, max_depth=1) == 1
    assert names(tree) == ["run tuning"]
    tree = three_stages([5, 5, 5])
    assert pick(tree, 100, max_depth=2) == 4
