"""Starts and ends of spans, brought together."""

from otel_replay.analysis.spans import SpanBook
from otel_replay.attributes import CONTINUATION_OF
from otel_replay.records import SpanEnd, SpanStart, SpanUpdate


def start(span_id, **attributes):
    return SpanStart(time_ns=10, trace_id="t", span_id=span_id, name="work", attributes=attributes)


def test_attributes_of_start_updates_and_end_are_one_map():
    book = SpanBook()
    book.begin(start("a", x=1, y=1), "home")
    book.update(SpanUpdate(time_ns=11, span_id="a", attributes={"y": 2}))
    span = book.finish(SpanEnd(time_ns=12, span_id="a", attributes={"z": 3}), "home")
    assert span.attributes == {"x": 1, "y": 2, "z": 3}
    assert span.duration_ns == 2
    assert not book.open


def test_the_end_may_give_another_name():
    book = SpanBook()
    book.begin(start("a"), "home")
    assert book.finish(SpanEnd(time_ns=12, span_id="a", name="renamed"), "home").name == "renamed"


def test_the_end_in_the_journal_of_the_start_wins_over_an_earlier_one_elsewhere():
    """A fork in the middle of a span: the child leaves the block too."""
    book = SpanBook()
    book.begin(start("a"), "parent")
    assert book.finish(SpanEnd(time_ns=20, span_id="a", status="error"), "child") is None
    assert book.finish(SpanEnd(time_ns=30, span_id="a", status="ok"), "parent").status == "ok"
    assert list(book.ended_elsewhere()) == []


def test_without_an_end_at_home_the_first_other_one_holds():
    book = SpanBook()
    book.begin(start("a"), "parent")
    book.finish(SpanEnd(time_ns=20, span_id="a", status="ok"), "child 1")
    book.finish(SpanEnd(time_ns=25, span_id="a", status="error"), "child 2")
    assert [span.status for span in book.ended_elsewhere()] == ["ok"]
    assert not book.open


def test_a_continuation_stands_for_the_span_that_it_carries_on():
    book = SpanBook()
    book.begin(start("a"), "home")
    assert book.begin(start("a1", **{CONTINUATION_OF: "a"}), "home") is None
    assert book.owner("a1") == "a"
    assert book.owner("a") == "a"
    assert book.finish(SpanEnd(time_ns=12, span_id="a1"), "home") is None
    assert list(book.open) == ["a"]


def test_an_end_without_a_start_is_passed_over():
    assert SpanBook().finish(SpanEnd(time_ns=12, span_id="a"), "home") is None


def test_a_clock_that_was_set_back_gives_no_negative_duration():
    book = SpanBook()
    book.begin(start("a"), "home")
    assert book.finish(SpanEnd(time_ns=3, span_id="a"), "home").duration_ns == 0
