"""The nearest miss and the tree of a failure: which item is shown, and how many had no room."""

from __future__ import annotations

from analysis.story import Story

from assertions.runs import line
from otel_replay.analysis.items_builder import build_items
from otel_replay.assertions import anything, attr, check, decision, tool
from otel_replay.assertions.report import Marked
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.parse import selector


def lines_of(result) -> list[str]:
    """The text of a failure, line by line."""
    return result.failure.text.splitlines()


def test_what_fails_every_condition_hides_nothing_that_comes_after_it() -> None:
    found = lines_of(check(line("AB")).existence(anything("B") & (attr("n") == 5)))
    assert found[1:] == [
        "  nearest miss: run line > B",
        "    ✓ be called B",
        "    ✗ expected to have n = 5, found n = 1",
    ]


def test_a_miss_is_told_with_what_stands_around_it() -> None:
    found = lines_of(check(line("AB")).existence(decision("A").after(decision("B"))))
    assert found[1:] == [
        "  nearest miss: run line > A",
        "    ✓ be a decision",
        "    ✓ be called A",
        "    ✗ expected to be after decision(B), found none before it",
    ]


def test_a_miss_by_a_name_tells_the_name_that_was_meant() -> None:
    found = lines_of(check(line("A")).existence(decision() & (attr("afer") > 1)))
    assert found[-1] == "    ✗ expected to have afer > 1, found afer = not there (did you mean `after`?)"


def test_the_item_that_has_the_name_which_was_meant_is_nearer_than_one_that_looks_alike() -> None:
    story = Story()
    run = story.run()
    for values in ({"x": 1}, {"after": 1}):
        story.decide(run, "A", values=values)
    result = check(build_items(story)).existence(decision() & (attr("afer") > 1))
    assert result.failure is not None
    assert result.failure.miss is not None
    assert result.failure.miss.item.seq == 2


def test_what_may_not_be_is_not_told_as_something_to_have() -> None:
    found = lines_of(check(line("A")).existence(decision() & ~decision("A")))
    assert found[-1] == "    ✗ expected to not be decision(A), found decision; A"


def test_the_tree_counts_what_had_no_room() -> None:
    good = lines_of(check(line("A" * 7)).at_least(10, decision("A")))
    assert (sum("✓ decision A" in one for one in good), good[-1]) == (5, "  … and 2 more ✓")
    bad = lines_of(check(line("A" * 12)).absence(decision("A")))
    assert (sum("✗ decision A" in one for one in bad), bad[-1]) == (10, "  … and 2 more ✗")
    none = lines_of(check(line("A" * 5)).at_least(10, decision("A")))
    assert not any("more" in one for one in none)


def test_of_a_long_run_every_name_is_looked_at_and_a_share_of_the_rest() -> None:
    story = Story()
    run = story.run()
    for number in range(5_000):
        story.decide(run, "RARE" if number == 4_321 else "OFTEN", values={"n": number})
    indexed = Indexed(build_items(story))
    result = check(indexed).existence(selector("decision(RARE)[n = 1]"))
    assert result.failure is not None
    assert result.failure.miss is not None
    assert result.failure.miss.item.name == "RARE"
    [looked_at] = indexed._samples.values()
    assert 1_000 <= len(looked_at) <= 2_001


def test_marks_are_made_where_they_are_asked_for() -> None:
    items = line("ABC").items
    marks = Marked(items, lambda item, place: f"{item.name} {place}")
    assert [mark.note for mark in marks[1:3]] == ["A 1", "B 2"]
    assert (marks[-1].note, marks[0].ok, len(marks)) == ("C 3", False, 4)
    assert Marked(items)[0].note == ""


def test_a_result_is_shown_in_a_line() -> None:
    checks = check(line("A"))
    assert repr(checks.absence(tool())) == "<absence(tool) passed>"
    assert repr(checks.absence(decision())) == "<absence(decision) failed: there is 1, expected none>"
    assert repr(checks) == "<2 checks, 1 failed>"
