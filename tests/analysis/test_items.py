"""A run as items: everything in it, in order, linked, whichever way it was recorded."""

from __future__ import annotations

from dataclasses import replace

from analysis.story import Story
from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.items_builder import build_items, items_of
from otel_replay.attributes import CONTINUATION_OF, INTERRUPTED
from otel_replay.records import BadLine, LogEntry, Loss, SpanEnd


def named(items: Items, name: str) -> Item:
    """The only item of this name."""
    found = [item for item in items if item.name == name]
    assert len(found) == 1, [item.name for item in items]
    return found[0]


def test_every_item_knows_its_parent_its_children_and_its_place() -> None:
    story = Story()
    run = story.run()
    task = story.task("smooth", run)
    decision = story.decide(task, "CLAMPING", values={"before": 9.1, "after": 7.0}, cell={"rpm": 2000})
    story.happen(run, "file read", **{"file.path": "a.csv"})
    story.end(task)
    story.end(run)
    items = build_items(story)
    assert [(item.seq, item.kind, item.name) for item in items] == [
        (0, "run", "run tuning"),
        (1, "task", "task smooth"),
        (2, "decision", "CLAMPING"),
        (3, "event", "file read"),
    ]
    assert [item.name for item in items.walk()] == ["run tuning", "task smooth", "CLAMPING", "file read"]
    clamping = named(items, "CLAMPING")
    assert clamping.path() == "run tuning > task smooth > CLAMPING"
    assert clamping.attributes == {
        "action": "CLAMPING",
        "reason": decision.reason,
        "values": {"before": 9.1, "after": 7.0},
        "cell": {"rpm": 2000},
    }
    assert clamping.duration_ns == 0
    assert named(items, "task smooth").duration_ns == 3_000_000
    assert items.roots == [items[0]]


def test_a_span_left_open_ends_with_the_last_sign_of_life_unless_the_run_goes_on() -> None:
    story = Story()
    run = story.run()
    story.decide(run)
    last_ns = story.now_ns
    (died, _), (lives, _) = build_items(story, status="interrupted"), build_items(story, status="running")
    assert (died.open, died.end_ns, died.status, died.message) == (True, last_ns, "error", "interrupted")
    assert died.attributes[INTERRUPTED] is True
    assert (lives.open, lives.end_ns, lives.duration_ns, lives.status) == (True, None, None, "unset")


def test_what_happened_in_a_continuation_happened_in_the_span_that_it_carries_on() -> None:
    story = Story()
    run = story.run()
    more = story.start("run tuning (continued)", run, **{CONTINUATION_OF: run})
    story.decide(more, "LATE")
    story.add(SpanEnd(time_ns=story.now_ns, span_id=more, dropped_events=2))
    story.end(run)
    items = build_items(story)
    assert [item.name for item in items] == ["run tuning", "LATE"]
    assert named(items, "LATE").parent is items[0]
    assert items.dropped == items[0].dropped == 2


def test_a_span_that_comes_after_what_is_in_it_gets_it_all_the_same() -> None:
    story = Story()
    outer_id = "00000000000000aa"
    story.decide(outer_id, "EARLY")
    inner = story.start("inner", outer_id)
    story.start("outer")
    story.located[-1].record = replace(story.located[-1].record, span_id=outer_id)
    story.end(inner)
    items = build_items(story)
    assert [item.name for item in named(items, "outer").children] == ["EARLY", "inner"]
    assert [item.name for item in items.walk()] == ["outer", "EARLY", "inner"]


def test_spans_that_name_each_other_as_parents_are_all_there() -> None:
    story = Story()
    first = story.start("first", "0000000000000002")
    second = story.start("second", first)
    third = story.start("third", second)
    for span_id in (third, second, first):
        story.end(span_id)
    items = build_items(story)
    assert [item.name for item in items.walk()] == ["first", "second", "third"]
    assert items.roots == [items[0]]


def test_a_span_told_twice_is_one_span() -> None:
    story = Story()
    run = story.run()
    story.decide(run)
    story.end(run)
    again = [replace(item, journal="other.jsonl") for item in story.located]
    items = build_items([*story, *again])
    assert [item.name for item in items] == ["run tuning", "CLAMPING"]


def test_a_decision_that_came_as_a_log_record_is_a_decision_and_one_that_came_both_ways_is_one() -> None:
    story = Story()
    run = story.run()
    decision = story.decide(run, "CLAMPING", values={"after": 7.0})
    attributes = {
        "otel_replay.action": "CLAMPING",
        "otel_replay.reason": decision.reason,
        "otel_replay.values.after": 7.0,
    }
    log = LogEntry(
        time_ns=decision.time_ns, span_id=run, event_name="otel_replay.decision", attributes=attributes
    )
    story.add(log)
    story.add(replace(log, time_ns=decision.time_ns + 5))
    story.add(LogEntry(time_ns=decision.time_ns + 6, span_id=run, severity=17, severity_text="ERROR"))
    story.end(run)
    items = build_items(story)
    assert [(item.seq, item.kind) for item in items] == [
        (0, "run"),
        (1, "decision"),
        (2, "decision"),
        (3, "log"),
    ]
    assert items[2].attributes["values"] == {"after": 7.0}
    assert list(items[0].children) == [items[1], items[2], items[3]]
    assert [item.failed for item in items] == [False, False, False, True]


def test_what_was_lost_or_cannot_be_read_is_told() -> None:
    story = Story()
    run = story.run()
    story.add(Loss(time_ns=story.now_ns, records=3, reason="no room"))
    story.add(BadLine(number=4, offset_bytes=1, size_bytes=2, reason="not JSON"))
    story.end(run)
    items = build_items(story)
    assert items.lost == 3
    assert [bad.number for bad in items.bad_lines] == [4]


def test_a_run_of_the_store_says_who_it_is(python, store) -> None:
    python(
        """
        import otel_replay
        with otel_replay.start_run("small", run_id="small"), otel_replay.task("count"):
            otel_replay.decision("COUNTED", "there were three", values={"n": 3}, cell={"row": 1})
        """
    )
    items = items_of(store.run().files)
    assert (items.run_id, items.name, items.status, items.complete) == ("small", "small", "finished", True)
    assert [item.kind for item in items] == ["run", "task", "decision"]
