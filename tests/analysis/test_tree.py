"""A run as a tree, in bounded memory."""

import random

import pytest

from analysis.story import MS, Story
from otel_replay.analysis.pick import pick
from otel_replay.analysis.tree import Limits
from otel_replay.analysis.tree_builder import build_tree
from otel_replay.attributes import CONTINUATION_OF
from otel_replay.records import BadLine, Close, Loss, SpanStart


def outline(node):
    """The tree's names as nested lists."""
    return [(child.name, outline(child)) if child.children else child.name for child in node.children]


def small_run():
    story = Story()
    run = story.run()
    first = story.task("smooth", run)
    story.decide(first, "SMOOTHING_START")
    story.end(first)
    second = story.task("clamp", run)
    story.decide(second)
    story.end(second, "error", "ValueError: no such cell")
    story.end(run, "ok")
    return story


def test_spans_stand_below_their_parents_with_what_happened_in_them():
    tree = build_tree(small_run())
    assert outline(tree.top) == [("run tuning", ["task smooth", "task clamp"])]
    smooth, clamp = tree.top.children[0].children
    assert [decision.action for decision in smooth.kept] == ["SMOOTHING_START"]
    assert (smooth.kind, smooth.depth, smooth.duration_ns) == ("task", 1, 2 * MS)
    assert (clamp.failed, clamp.message) == (True, "ValueError: no such cell")
    assert (tree.spans, tree.decisions, tree.failed, tree.open_spans) == (3, 2, 1, 0)


def test_opening_and_closing_the_journal_does_not_lengthen_the_run():
    story = small_run()
    story.wait(60_000)
    story.add(Close(time_ns=story.now_ns, how="recovered"))
    tree = build_tree(story)
    root = tree.top.children[0]
    assert (tree.start_ns, tree.end_ns) == (root.start_ns, root.end_ns)


def test_moments_are_counted_all_and_kept_a_few_of_each_label():
    story = Story()
    run = story.run()
    for _ in range(98):
        story.decide(run, "AFR_CORRECTION")
    story.decide(run, "CLAMPING_START")
    tree = build_tree(story, Limits(moments=3))
    root = tree.top.children[0]
    assert [decision.action for decision in root.kept] == ["AFR_CORRECTION"] * 3 + ["CLAMPING_START"]
    assert root.counts == {"AFR_CORRECTION": 98, "CLAMPING_START": 1}
    assert tree.decisions == 99


def test_a_parent_that_starts_later_gets_its_children_all_the_same():
    """Another process's journal may come first, when clocks differ."""
    story = Story()
    child = story.start("early child", "f" * 16)
    grandchild = story.start("its child", child)
    story._spans = 0xFFFFFFFFFFFFFFFE
    parent = story.start("late parent")
    assert parent == "f" * 16
    tree = build_tree(story)
    assert outline(tree.top) == [("late parent", [("early child", ["its child"])])]
    assert [node.depth for node in tree.top.walk()] == [-1, 0, 1, 2]
    assert grandchild


def test_spans_that_name_each_other_as_parents_end_the_building_all_the_same():
    """A file of somebody else may say so; each stands once, and nothing goes round for ever."""
    story = Story()
    for own, parent in (("1" * 16, "2" * 16), ("2" * 16, "1" * 16), ("3" * 16, "3" * 16)):
        story.add(SpanStart(time_ns=1, trace_id="a" * 32, span_id=own, parent_id=parent, name=own[0]))
    assert outline(build_tree(story).top) == [("1", ["2"]), "3"]


def test_a_span_whose_parent_never_comes_is_a_root():
    story = Story()
    story.start("ours", "0123456789abcdef")
    assert outline(build_tree(story).top) == ["ours"]


def test_open_spans_are_named():
    story = Story()
    run = story.run()
    story.task("smooth", run)
    tree = build_tree(story)
    assert tree.open_names == ("run tuning", "task smooth")
    assert all(node.open for node in list(tree.top.walk())[1:])


def test_a_continuation_is_folded_into_its_span():
    story = Story()
    run = story.run()
    more = story.start("run tuning (continued)", run, **{CONTINUATION_OF: run})
    story.decide(more)
    story.end(more)
    tree = build_tree(story)
    assert outline(tree.top) == ["run tuning"]
    assert tree.top.children[0].counts == {"CLAMPING": 1}
    assert tree.spans == 1


def test_what_happens_in_no_known_span_is_counted_at_the_top():
    story = Story()
    story.run()
    story.decide("")
    story.decide("0123456789abcdef")
    tree = build_tree(story)
    assert tree.decisions == 2
    assert tree.top.counts == {"CLAMPING": 1}
    assert tree.top.fold.moments == 1


def test_losses_and_damaged_lines_are_counted():
    story = Story()
    story.add(Loss(time_ns=story.now_ns, records=3, reason="disk full"))
    story.add(BadLine(number=3, offset_bytes=0, size_bytes=1, reason="not JSON"))
    story.add(BadLine(number=4, offset_bytes=0, size_bytes=1, reason="torn", torn=True))
    tree = build_tree(story)
    assert (tree.lost, tree.bad_lines, tree.torn_lines) == (3, 1, 1)


def wide_run(tools, failing=()):
    story = Story()
    run = story.run()
    for number in range(tools):
        span = story.tool_call("search", run)
        story.decide(span)
        story.end(span, "error" if number in failing else "ok")
    return story


def test_many_siblings_are_folded_and_those_that_failed_are_kept():
    tree = build_tree(wide_run(1_000, failing={700, 900}), Limits(siblings=10))
    root = tree.top.children[0]
    assert [node.failed for node in root.children] == [False] * 10 + [True] * 2
    assert root.fold.names == {"execute_tool search": 988}
    assert root.fold.moments == 990
    assert tree.spans == 1_001
    assert tree.failed == 2


def test_more_failed_siblings_than_are_kept_are_counted_as_failed():
    tree = build_tree(wide_run(50, failing=range(50)), Limits(siblings=10, failed_siblings=5))
    root = tree.top.children[0]
    assert len(root.children) == 15
    assert root.fold.failed == 35


def deep_run(depth):
    story = Story()
    spans = [story.run()]
    for number in range(depth):
        spans.append(story.task(str(number), spans[-1]))
    for span in reversed(spans):
        story.decide(span)
        story.end(span)
    return story


def test_a_deep_chain_keeps_its_first_levels():
    tree = build_tree(deep_run(5_000), Limits(nodes=100))
    kept = list(tree.top.walk())
    assert 50 <= len(kept) <= 101
    assert tree.spans == 5_001
    assert sum(node.fold.spans for node in kept) + len(kept) - 1 == 5_001
    assert sum(node.fold.moments + sum(node.counts.values()) for node in kept) == 5_001


def random_run(seed):
    chance = random.Random(seed)
    story = Story()
    open_spans = [story.run()]
    for _ in range(600):
        what = chance.random()
        if what < 0.45:
            parent = chance.choice(open_spans)
            open_spans.append(story.task(chance.choice("abc"), parent))
        elif what < 0.8 and len(open_spans) > 1:
            at = chance.randrange(1, len(open_spans))
            story.end(open_spans.pop(at), chance.choice(["ok", "error"]))
        else:
            story.decide(chance.choice(open_spans), chance.choice(["A", "B"]))
    return story


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "limits",
    [
        Limits(),
        Limits(nodes=30),
        Limits(siblings=2, failed_siblings=1),
        Limits(nodes=12, siblings=3, moments=0),
    ],
)
def test_whatever_is_folded_every_span_is_counted_once(seed, limits):
    story = random_run(seed)
    tree = build_tree(story, limits)
    starts = sum(record.kind == "start" for record in story.records)
    failed = sum(record.kind == "end" and record.status == "error" for record in story.records)
    decisions = sum(record.kind == "decision" for record in story.records)
    for shown in (None, 40, 7, 1):
        if shown is not None:
            pick(tree, shown)
        nodes = list(tree.top.walk())
        assert len(nodes) - 1 + sum(node.fold.spans for node in nodes) == starts == tree.spans
        assert sum(node.failed + node.fold.failed for node in nodes) == failed == tree.failed
        assert sum(sum(node.counts.values()) + node.fold.moments for node in nodes) == decisions


def test_memory_does_not_grow_with_the_number_of_spans():
    import tracemalloc

    def spans(count):
        story = Story()
        root = story.run()
        yield from story.located
        for number in range(count):
            story.located.clear()
            task = story.task(str(number % 7), root)
            call = story.tool_call("search", task)
            story.decide(call)
            story.end(call)
            story.end(task)
            yield from story.located

    def peak(count):
        tracemalloc.start()
        build_tree(spans(count), Limits(nodes=1_000, siblings=100, all_moments=500))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)
    assert peak(20_000) < peak(2_000) * 1.2
