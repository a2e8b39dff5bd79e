"""What a name reads from each kind of item, and how queries in Python are written."""

from __future__ import annotations

import math

import pytest
from analysis.story import Story

from otel_replay.analysis.items import Item, Items
from otel_replay.analysis.items_builder import build_items
from otel_replay.errors import UsageError
from otel_replay.queries.columns import Chosen, every, left_out
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.lines import Line, Together, end_of, sum_of
from otel_replay.queries.names import reader
from otel_replay.queries.parse import selector
from otel_replay.queries.times import length_ns, shown_ns
from otel_replay.queries.words import approx, attr, decision, generation, task, tool
from otel_replay.records import LogEntry
from queries.runs import agent, tuning

TUNING, AGENT = tuning(), agent()


def odd() -> Items:
    """Generations that say one side of their tokens, an open one, and a log record about a tool."""
    story = Story("odd")
    run = story.run()
    for usage in ({"input_tokens": 7}, {"output_tokens": 5}, {}):
        asked = story.generation("gpt-x", run)
        story.wait(10)
        story.end(asked, **{f"gen_ai.usage.{name}": value for name, value in usage.items()})
    story.add(LogEntry(time_ns=story.now_ns, span_id=run, severity=17, body={"gen_ai.tool.name": "x"}))
    story.generation("gpt-y", run)
    return build_items(story)


ODD = odd()


@pytest.mark.parametrize(
    ("items", "seq", "name", "values"),
    [
        (ODD, 1, "tokens", (7,)),
        (ODD, 2, "tokens", (5,)),
        (ODD, 3, "tokens", ()),
        (ODD, 4, "tokens", ()),
        (ODD, 4, "model", ()),
        (ODD, 4, "tool", ()),
        (ODD, 4, "severity", (17,)),
        (ODD, 4, "status", ()),
        (ODD, 4, "open", ()),
        (ODD, 5, "open", (True,)),
        (ODD, 1, "duration_ms", (11.0,)),
        (ODD, 1, "severity", ()),
        (ODD, 1, "MODEL", ("gpt-x",)),
        (ODD, 0, "model", ()),
        (AGENT, 2, "tokens", (140,)),
        (AGENT, 3, "arguments.q", ("weather",)),
        (AGENT, 3, "ARGUMENTS.Q", ("weather",)),
        (AGENT, 3, "tool", ("search",)),
        (AGENT, 3, "name", ("execute_tool search", "search")),
        (AGENT, 1, "agent", ()),
        (AGENT, 4, "message", ("not allowed",)),
        (AGENT, 4, "failed", (True,)),
        (AGENT, 6, "body", ("half way",)),
        (AGENT, 2, "attributes.gen_ai.operation.name", ("chat",)),
        (AGENT, 2, "attributes.missing", ()),
        (TUNING, 2, "cell", ({"rpm": 1000, "kpa": 65},)),
        (TUNING, 2, "cell.rpm", (1000,)),
        (TUNING, 2, "CELL.RPM", (1000,)),
        (TUNING, 2, "values.after", (6.5,)),
        (TUNING, 2, "AFTER", (6.5,)),
        (TUNING, 2, "action", ("CLAMPING_APPLIED",)),
        (TUNING, 2, "reason", ("over the limit",)),
        (TUNING, 2, "path", ("run tuning > task clamp > CLAMPING_APPLIED",)),
        (TUNING, 2, "span_name", ()),
        (TUNING, 7, "cell", ()),
        (TUNING, 8, "nothing", (None,)),
        (TUNING, 1, "name", ("task clamp", "clamp")),
        (TUNING, 5, "name", ("checkpoint",)),
        (TUNING, 5, "checkpoint.name", ("post-clamp",)),
    ],
)
def test_a_name_gives_all_that_it_may_mean_on_an_item(
    items: Items, seq: int, name: str, values: tuple
) -> None:
    assert reader.__wrapped__(name)(items[seq]) == values


def chosen(*places: int) -> Chosen:
    """Some of the items of the tuning run."""
    return Chosen(TUNING.items, sum(1 << (8 * place) for place in places))


@pytest.mark.parametrize("places", [(), (0,), (1, 4, 8), (7, 8), tuple(range(9))])
def test_a_choice_is_the_sequence_of_what_was_chosen(places: tuple[int, ...]) -> None:
    for part in (
        slice(None),
        slice(0, 2),
        slice(2),
        slice(1, 3),
        slice(None, None, 2),
        slice(-1, None),
        slice(40),
    ):
        some = chosen(*places)  # anew: a choice that was looked through once answers otherwise
        assert [item.seq for item in some[part]] == list(places[part])
    some = chosen(*places)
    assert (len(some), [item.seq for item in some]) == (len(places), list(places))
    assert [item.seq for item in some[:2]] == list(places[:2])
    assert some.pick(list(range(9))) == list(places)
    rest = [seq for seq in range(9) if seq not in places]
    assert [item.seq for item in left_out(TUNING.items, some)] == rest
    assert [item.seq for item in left_out(list(TUNING.items), list(some))] == rest
    assert [item.seq for item in left_out(chosen(1, 2, 8), some)] == [seq for seq in (1, 2, 8) if seq in rest]


def test_of_many_items_the_few_that_are_chosen_are_picked() -> None:
    values = list(range(100))
    few = Chosen(values, (1 << 8 * 3) | (1 << 8 * 99))  # type: ignore[arg-type]  # numbers do as well
    assert few.pick(values) == [3, 99]
    assert every(values) == sum(1 << (8 * place) for place in values)  # type: ignore[arg-type]  # as above


def line_of(text: str, items: Items = TUNING) -> tuple[Line, list[Item]]:
    """What a selector means as a line, and the items."""
    return Indexed(items).line(selector(text).node), list(items.items)


def test_a_line_says_what_stands_before_and_after_an_item() -> None:
    line, items = line_of("decision")  # 2, 3, 4, 7, 8
    assert [(line.previous(item), line.next(item)) for item in (items[0], items[3], items[8])] == [
        (None, items[2]),
        (items[2], items[4]),
        (items[7], None),
    ]
    assert [line.has(seq) for seq in range(10)] == [seq in {2, 3, 4, 7, 8} for seq in range(10)]
    assert line.places == {2, 3, 4, 7, 8}
    twice = Together(line, line_of("decision(APPLY)")[0])
    assert (len(twice), twice.times(8), twice.times(2), twice.times(1)) == (6, 2, 1, 0)
    assert ([item.seq for item in twice], twice[5].seq) == ([2, 3, 4, 7, 8, 8], 8)


def test_an_open_item_ends_where_it_begins_and_ends_are_known_from_both_sides() -> None:
    line, items = line_of("generation", ODD)
    assert end_of(items[5]) == items[5].start_ns
    ends = [end_of(item) for item in line.items]
    assert line.ends == ends
    assert line.latest_ends == [max(ends[: number + 1]) for number in range(4)]
    assert line.earliest_ends == [ends[0]] * 4
    assert line.earliest_starts == line.starts == [item.start_ns for item in line.items]


@pytest.mark.parametrize(
    ("numbers", "total"),
    [([], 0), ([0.1] * 10, 1.0), ([-(10**400), 10**400], math.nan), ([-(10**400), 0], -math.inf)],
)
def test_a_sum_is_exact_or_infinite_or_no_number(numbers: list[float], total: float) -> None:
    assert sum_of(numbers) == total or (math.isnan(total) and math.isnan(sum_of(numbers)))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (lambda: attr("x").between(1, 2.5), "*[x >= 1][x <= 2.5]"),
        (lambda: attr("x").one_of(1, "a"), '*[x = 1], *[x = "a"]'),
        (lambda: attr("x").like("a*"), "*[x = a*]"),
        (lambda: attr("x").matches("^a"), '*[x =~ "^a"]'),
        (lambda: attr("x").startswith("a"), "*[x ^= a]"),
        (lambda: attr("x").endswith("a"), "*[x $= a]"),
        (lambda: attr("x").length() > 2, "*[len(x) > 2]"),
        (lambda: abs(attr("x") + 1) >= attr("y") / 2, "*[abs(x + 1) >= {y / 2}]"),
        (lambda: attr("x") * 2 - 1 < 3, "*[(x * 2) - 1 < 3]"),
        (lambda: attr("x") == None, "*[x = null]"),  # noqa: E711 - a query
        (lambda: attr("x") != True, "*[x != true]"),  # noqa: E712 - a query
        (lambda: attr("x") == False, "*[x = false]"),  # noqa: E712 - a query
        (lambda: attr("x") == approx(5, abs=0.5), "*[x = 5±0.5]"),
        (lambda: attr("x") == approx(5, rel=0.5), "*[x = 5±50%]"),
        (lambda: attr("x") == approx(5), "*[x = 5]"),
        (lambda: attr("x") == [1], '*[x = "[1]"]'),
        (lambda: attr("duration") > "5s", "*[duration > 5s]"),
        (lambda: ~attr("x").exists(), "*[!x]"),
        (lambda: ~~attr("x").exists(), "*[x]"),
        (lambda: tool("a", q="b*", n=1), "tool(a)[q = b*][n = 1]"),
        (lambda: generation(duration="5s"), "generation[duration = 5s]"),
        (lambda: task("a").parent_of(tool()), "task(a):has(> tool)"),
        (lambda: task().has(tool()), "task:has(tool)"),
        (lambda: decision().child_of(task()), "task > decision"),
        (lambda: decision().descendant_of(task()), "task decision"),
        (lambda: decision().after(tool(), within="5s"), "decision:after(tool, 5s)"),
        (lambda: decision().before(tool()).within("500ms"), "decision:before(tool, 500ms)"),
        (lambda: decision().first, "decision:first"),
        (lambda: decision().last, "decision:last"),
        (lambda: decision().nth(-2), "decision:nth(-2)"),
        (lambda: (decision() | tool()).child_of(task()), "task > *:is(decision, tool)"),
    ],
)
def test_a_query_in_python_is_written_as_the_selector_that_means_the_same(query, text: str) -> None:
    assert str(query()) == text
    assert str(selector(text)) == text


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (lambda: decision() & "task", "'task' is no query", 'queries are made by decision(…), tool(…), span(…), attr(…) > 5, or selector("…")'),
        (lambda: decision().within("5s"), "`decision` does not end in a before or an after that could be within 5s", 'write it so: decision("APPLY").after(tool("check")).within("5s")'),
        (lambda: decision().nth(0), "items are numbered from 1, and from the end with -1; there is no number 0", None),
        (lambda: attr("x") > "five", "'five' is no number, and a size is compared with one", None),
        (lambda: attr("duration") > 5, "`5` is no length of time, such as 500ms, 5s or 1.5m", None),
        (lambda: approx("5"), "approx takes a number, and '5' is none", None),
    ],
)  # fmt: skip
def test_what_makes_no_sense_in_python_is_told_whole(wrong, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as refused:
        wrong()
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_a_query_that_is_taken_for_a_truth_says_how_it_is_written() -> None:
    with pytest.raises(TypeError) as refused:
        bool(attr("x") > 1)
    assert str(refused.value) == (
        "a query is neither true nor false: join queries by `&`, `|` and `~`, each in brackets, "
        "and write `attr(…).between(1, 5)` for `1 <= attr(…) <= 5`"
    )


@pytest.mark.parametrize(
    ("text", "length"),
    [("5ns", 5), ("5us", 5_000), ("5 µs", 5_000), (" 1.5ms ", 1_500_000), (".5s", 500_000_000), ("2m", 120 * 10**9), ("2min", 120 * 10**9), ("1h", 3600 * 10**9)],
)  # fmt: skip
def test_a_length_of_time_is_a_number_with_its_unit(text: str, length: int) -> None:
    assert length_ns(text) == length


@pytest.mark.parametrize("text", ["", "5", "5 parsecs", "-5s", "1e3s"])
def test_what_is_no_length_of_time_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=f"^`{text}` is no length of time, such as 500ms, 5s or 1.5m$"):
        length_ns(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [(0, "0ns"), (999, "999ns"), (1_000, "1us"), (-1_500, "-1.5us"), (2_004_000_000, "2.004s"), (60 * 10**9, "1m"), (3600 * 10**9, "1h")],
)  # fmt: skip
def test_a_length_of_time_is_shown_in_the_largest_unit_that_it_has(length: int, text: str) -> None:
    assert shown_ns(length) == text
