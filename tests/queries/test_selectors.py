"""Selectors mean what they say, as text and as Python."""

from __future__ import annotations

import traceback

import pytest
from analysis.story import Story
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_replay.analysis.conditions import condition
from otel_replay.analysis.items_builder import build_items
from otel_replay.errors import UsageError
from otel_replay.queries.indexed import Indexed
from otel_replay.queries.parse import selector
from otel_replay.queries.query import Query
from otel_replay.queries.reading import SelectorError
from otel_replay.queries.words import (
    Attr,
    agent,
    anything,
    approx,
    attr,
    decision,
    event,
    generation,
    log,
    run,
    span,
    task,
    tool,
)
from otel_replay.records import Decision
from queries import runs

TUNING, AGENT = Indexed(runs.tuning()), Indexed(runs.agent())


def found(query: Query | str, run: Indexed = TUNING) -> list[int]:
    """The places of what a query or a selector means."""
    asked = selector(query) if isinstance(query, str) else query
    return [item.seq for item in asked.select(run)]


# 0 run, 1 task clamp, 2-4 CLAMPING_APPLIED, 5 checkpoint, 6 task smooth, 7 SMOOTHING_START, 8 APPLY
OF_A_TUNING_RUN = [
    ("decision", lambda: decision(), [2, 3, 4, 7, 8]),
    ("decision(CLAMPING_*)", lambda: decision("CLAMPING_*"), [2, 3, 4]),
    ("decision[action^=CLAMP][values.after<=7.0]", lambda: decision() & attr("action").startswith("CLAMP") & (attr("values.after") <= 7.0), [2, 3, 4]),
    ("decision[abs(after)<=7]", lambda: decision() & (attr("after").abs() <= 7), [2, 3]),
    ("decision[after - before < -10, cell.rpm=3000]", lambda: decision() & (attr("after") - attr("before") < -10) & (attr("cell.rpm") == 3000), [4]),
    ("decision[(after + before) * 2 > 34]", lambda: decision() & ((attr("after") + attr("before")) * 2 > 34), [3]),
    ("decision[after + before * 2 > 28]", lambda: decision() & (attr("after") + attr("before") * 2 > 28), [3]),
    ("decision[after > before]", lambda: decision() & (attr("after") > attr("before")), []),
    ("decision[before != {after}]", lambda: decision() & (attr("before") != attr("after")), [2, 3, 4]),
    ("decision[before != {before}]", lambda: decision() & (attr("before") != attr("before")), []),
    ("task[name != {name}]", lambda: task() & (attr("name") != attr("name")), []),
    ("task[name = {span_name}]", lambda: task() & (attr("name") == attr("span_name")), [1, 6]),
    ("decision[note > {before}]", lambda: decision() & (attr("note") > attr("before")), []),
    ("decision[before > after]", lambda: decision() & (attr("before") > attr("after")), [2, 3, 4]),
    ("decision[before = {before}]", lambda: decision() & (attr("before") == attr("before")), [2, 3, 4]),
    ("decision[len(note) = 4]", lambda: decision() & (attr("note").length() == 4), [2, 3, 4]),
    ("decision[after = 98.2±0.1]", lambda: decision() & (attr("after") == approx(98.2, abs=0.1)), [8]),
    ("decision[after = 98.2+-1%]", lambda: decision() & (attr("after") == approx(98.2, rel=0.01)), [8]),
    ("decision[after != 98.2±0.1]", lambda: decision() & (attr("after") != approx(98.2, abs=0.1)), [2, 3, 4]),
    ("decision[gradient = 0.3]", lambda: decision() & (attr("gradient") == 0.3), []),
    ("decision[afr_error_pct = 4]", lambda: decision() & (attr("afr_error_pct") == 4), [4]),
    ("decision[AFR_ERROR_PCT > 1]", lambda: decision() & (attr("AFR_ERROR_PCT") > 1), [3, 4]),
    ("decision[reason ~ LIMIT]", None, [2, 3, 4]),
    ("decision[reason *= LIMIT]", lambda: decision() & attr("reason").contains("LIMIT"), []),
    ("decision[reason $= limit]", lambda: decision() & attr("reason").endswith("limit"), [2, 3, 4]),
    ("decision[action =~ ^(APPLY|SMOOTH.*)$]", lambda: decision() & attr("action").matches("^(APPLY|SMOOTH.*)$"), [7, 8]),
    ("decision[note = 'a, b']", lambda: decision(note="a, b"), [2, 3, 4]),
    (r"decision[note = a\, *]", lambda: decision(note="a, *"), [2, 3, 4]),
    ('decision[note = "a*"]', lambda: decision() & (attr("note") == "a*"), []),
    ("decision[note = a*]", lambda: decision() & attr("note").like("a*"), [2, 3, 4]),
    ("decision[ok = true]", lambda: decision(ok=True), [8]),
    ("decision[nothing = null]", lambda: decision() & (attr("nothing") == None), [8]),  # noqa: E711 - a query
    ("decision[nothing]", lambda: decision() & attr("nothing").exists(), [8]),
    ("decision[!cell]", lambda: decision() & ~attr("cell").exists(), [7, 8]),
    ("decision[missing != 3]", lambda: decision() & (attr("missing") != 3), []),
    ("decision[cell.rpm >= 2000, cell.rpm <= 2500]", lambda: decision() & attr("cell.rpm").between(2000, 2500), [3]),
    ("decision [after > 7]", lambda: decision() & (attr("after") > 7), [8]),
    ("task *:is(decision(APPLY), event)", lambda: (decision("APPLY") | event()).descendant_of(task()), [5, 8]),
    ("task(smooth) decision", lambda: decision().descendant_of(task("smooth")), [7, 8]),
    ("task[name=smooth] > decision", lambda: decision().child_of(task(name="smooth")), [7, 8]),
    ("run > decision", lambda: decision().child_of(run()), []),
    ("run decision:first", lambda: decision().descendant_of(run()).first, [2]),
    ("decision(CLAMPING_*):last", lambda: decision("CLAMPING_*").last, [4]),
    ("decision:nth(2)", lambda: decision().nth(2), [3]),
    ("decision:nth(-2)", lambda: decision().nth(-2), [7]),
    ("decision:nth(9)", lambda: decision().nth(9), []),
    ("decision:first[after > 100]", lambda: decision().first & (attr("after") > 100), []),
    ("task:has(> decision(APPLY))", lambda: task().parent_of(decision("APPLY")), [6]),
    ("span:has(decision(APPLY))", lambda: span().has(decision("APPLY")), [0, 6]),
    ("run:has(> decision(APPLY))", lambda: run().parent_of(decision("APPLY")), []),
    ("decision:not(decision(CLAMPING_*))", lambda: decision() & ~decision("CLAMPING_*"), [7, 8]),
    ("decision(APPLY), task", lambda: decision("APPLY") | task(), [1, 6, 8]),
    ("decision:is([after > 90], [gradient])", lambda: decision() & ((attr("after") > 90) | attr("gradient").exists()), [7, 8]),
    ("decision:after(checkpoint)", None, None),
    ("decision:after(event(checkpoint))", lambda: decision().after(event("checkpoint")), [7, 8]),
    ("decision:after(event(checkpoint), 1s)", lambda: decision().after(event("checkpoint"), within="1s"), [7]),
    ("decision:before(decision(APPLY), 2.5s)", lambda: decision().before(decision("APPLY")).within("2.5s"), [2, 3, 4, 7]),
    ("decision:before(decision(APPLY), 2001ms)", lambda: decision().before(decision("APPLY"), within="2001ms"), [7]),
    ("event(checkpoint)[checkpoint.name = post-clamp]", lambda: event("checkpoint") & (attr("checkpoint.name") == "post-clamp"), [5]),
    ("span[duration > 1s]", lambda: span() & (attr("duration") > "1s"), [0, 6]),
    ("task[duration_ms < 10]", lambda: task() & (attr("duration_ms") < 10), [1]),
    ("*[seq = 5]", lambda: anything() & (attr("seq") == 5), [5]),
    ("decision[action = APPLY], decision[path ~ clamp]:first", None, [2, 8]),
    ("decision[cell.rpm = 1000], decision[cell.rpm = 2000]", lambda: decision() & attr("cell.rpm").one_of(1000, 2000), [2, 3]),
]  # fmt: skip

# 0 run, 1 agent, 2 gpt-x, 3 search, 4 delete_file, 5 gpt-y, 6 log
OF_AN_AGENT_RUN = [
    ("tool(delete_*)", lambda: tool("delete_*"), [4]),
    ("agent > tool[name=search]", lambda: tool(name="search").child_of(agent()), [3]),
    ("tool(execute_tool search)", None, None),
    ('tool("execute_tool search")', lambda: tool("execute_tool search"), [3]),
    ("generation[model=gpt-*]", lambda: generation(model="gpt-*"), [2, 5]),
    ("generation[output_tokens > 50]", lambda: generation() & (attr("output_tokens") > 50), [5]),
    ("generation[tokens >= 140][duration > 400ms]", lambda: generation() & (attr("tokens") >= 140) & (attr("duration") > "400ms"), [2]),
    ("tool[arguments.q = weather]", lambda: tool() & (attr("arguments.q") == "weather"), [3]),
    ("tool[arguments.top = 3]", lambda: tool() & (attr("arguments.top") == 3), [3]),
    ("span:failed", lambda: span() & (attr("failed") == True), [4]),  # noqa: E712 - a query
    ("*[message ~ allowed]", lambda: anything() & attr("message").contains("allowed"), [4]),
    ("tool:after(generation(gpt-x))", lambda: tool().after(generation("gpt-x")), [3, 4]),
    ("tool:after(generation(gpt-x), 1ms)", lambda: tool().after(generation("gpt-x"), within="1ms"), [3]),
    ("log[body ~ half]", lambda: log() & attr("body").contains("half"), [6]),
    ("span[gen_ai.usage.input_tokens = 300]", lambda: span() & (attr("gen_ai.usage.input_tokens") == 300), [5]),
    ("span[attributes.gen_ai.operation.name = chat]", lambda: span() & (attr("attributes.gen_ai.operation.name") == "chat"), [2, 5]),
    ("*:open", lambda: anything() & (attr("open") == True), []),  # noqa: E712 - a query
]  # fmt: skip

CASES = [
    (text, query, seqs, run)
    for run, table in ((TUNING, OF_A_TUNING_RUN), (AGENT, OF_AN_AGENT_RUN))
    for text, query, seqs in table
    if seqs is not None
]


@pytest.mark.parametrize(("text", "query", "seqs", "run"), CASES, ids=[case[0] for case in CASES])
def test_a_selector_and_its_query_in_python_mean_the_same(text, query, seqs, run) -> None:
    assert found(text, run) == seqs
    again = str(selector(text))
    assert found(again, run) == seqs, again
    assert str(selector(again)) == again
    if query is not None:
        assert found(query(), run) == seqs
        assert found(str(query()), run) == seqs, str(query())


def test_a_traceback_points_into_the_selector_and_has_the_hint_but_not_our_parser() -> None:
    with pytest.raises(SelectorError) as refused:
        selector("tool(x), tol(y)")
    lines = "".join(traceback.format_exception(refused.value)).splitlines()
    hinted = hasattr(BaseException, "add_note")  # from Python 3.11 on
    assert lines[-3 - hinted :][1:3] == ["tool(x), tol(y)", "         ^^^"]
    assert ("hint: did you mean `tool`?" in lines) == hinted
    assert not any("in choice" in line or "in step" in line for line in lines)


def test_in_a_long_selector_the_place_is_shown_with_what_is_around_it() -> None:
    text = ", ".join(["decision"] * 40 + ["tas"] + ["decision"] * 40)
    with pytest.raises(SelectorError) as refused:
        selector(text)
    shown, carets = refused.value.place
    assert len(shown) <= 90
    assert shown[carets.index("^") :].startswith("tas,")


@pytest.mark.parametrize(
    "text", [":not(" * 60 + "task" + ")" * 60, "decision[" + "(" * 60 + "a" + ")" * 60 + " > 1]"]
)
def test_a_selector_may_not_be_nested_without_end(text: str) -> None:
    with pytest.raises(SelectorError, match="nested more than 50 times"):
        selector(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="decisontask ()[]:,><=~!*\"'\\^$.5ms{}±+-/", max_size=40))
def test_any_text_is_a_selector_or_is_refused(text: str) -> None:
    try:
        query = selector(text)
    except SelectorError as refused:
        column = refused.column
    else:
        assert found(query) == found(str(query))
        return
    assert 0 <= column <= len(text)


NAMES = st.sampled_from(["after", "before", "cell.rpm", "action", "note", "missing", "name", "duration_ms"])
LEFT = st.recursive(
    st.builds(attr, NAMES),
    lambda inner: (
        inner.map(Attr.abs) | st.builds(lambda a, b: a - b, inner, inner) | inner.map(lambda a: a * 2)
    ),
    max_leaves=3,
)
COMPARED = (
    st.builds(lambda left, number: left > number, LEFT, st.floats(-20, 100, allow_nan=False))
    | st.builds(lambda left, number: left == approx(number, abs=5), LEFT, st.integers(-20, 100))
    | st.builds(lambda left, text: left == text, LEFT, st.text(max_size=6))
    | st.builds(lambda left, text: left.contains(text), LEFT, st.text(max_size=6))
    | st.builds(lambda left, text: left.like(text), LEFT, st.text(alphabet="a, *\\]\"'{b", max_size=6))
    | LEFT.map(Attr.exists)
)
BASES = st.sampled_from([decision(), decision("CLAMPING_*"), task(), span(), run(), anything("*a*")])
QUERIES = st.recursive(
    BASES | COMPARED,
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
        | st.builds(lambda a, b: a.child_of(b), inner, inner)
        | st.builds(lambda a, b: a.descendant_of(b), inner, inner)
        | st.builds(lambda a, b: a.has(b), inner, inner)
        | st.builds(lambda a, b: a.after(b, within="3ms"), inner, inner)
        | st.builds(lambda a, b: a.before(b), inner, inner)
        | inner.map(lambda a: ~a)
        | inner.map(lambda a: a.first)
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(QUERIES)
@example(attr("after").contains("\x1f"))
@example(attr("after").contains(" a "))
@example(attr("after").contains("a\\ "))
@example(attr("after").contains(" "))
def test_a_query_written_as_a_selector_selects_the_same(query: Query) -> None:
    text = str(query)
    assert found(selector(text)) == found(query), text


@pytest.mark.parametrize(
    "word", [" ", "  ", " a", "a ", "a\\", "a\\ ", "\\", "\x1f", "a\n", "]", ",", "'", '"a', "{a}"]
)
def test_a_word_is_written_so_that_it_is_read_back_to_its_last_space(word: str) -> None:
    query = attr("after").contains(word)
    assert selector(str(query)).node == query.node


@settings(max_examples=200, deadline=None)
@given(QUERIES)
def test_what_a_query_selects_fulfils_it_and_nothing_else_does(query: Query) -> None:
    test = query.node.test(TUNING)
    assert [item.seq for item in TUNING.all if test(item)] == found(query)
    for item in TUNING.all:
        failed = [finding for finding in query.node.explain(item, TUNING) if not finding.ok]
        assert (not failed) == (item.seq in found(query)), (str(query), item.seq, failed)


VALUES = st.one_of(
    st.integers(-5, 5), st.floats(-5, 5), st.booleans(), st.none(), st.text("ab5.*", max_size=3)
)
WORDS = st.sampled_from(["5", "5.0", "a", "ab", "true", "null", "a*", "-1", "2±1", "5."])
SIGNS = st.sampled_from(["=", "!=", ">", "<=", "~", "^=", "$=", "*="])


@settings(max_examples=300, deadline=None)
@given(VALUES, SIGNS, WORDS)
def test_a_condition_of_view_and_of_a_selector_mean_the_same(value, sign: str, word: str) -> None:
    text = f"x {sign} {word}"
    try:
        viewed = condition(text)
    except ValueError:
        return
    made = Decision(time_ns=1, span_id="", action="A", reason="", values={"x": value})
    item = TUNING.all[2]
    before = item.record
    item.record = made
    try:
        selected = selector(f"decision[{text}]").node.test(TUNING)(item)
    finally:
        item.record = before
    assert viewed.matches(made) is selected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: 1 < attr("x") < 5, "neither true nor false"),
        (lambda: decision() & "task", "is no query"),
        (lambda: decision().within("5s"), "does not end in a before"),
        (lambda: decision().after(task()).within("5"), "is no length of time"),
        (lambda: decision().nth(0), "numbered from 1"),
        (lambda: attr("x") > "five", "is no number"),
        (lambda: attr("duration") > 5, "is no length of time"),
        (lambda: attr("x").matches("("), "is no regular expression"),
        (lambda: approx("5"), "approx takes a number"),
        (lambda: attr("x") + "5", "is no number"),
    ],
)
def test_what_makes_no_sense_in_python_is_refused(wrong, message: str) -> None:
    with pytest.raises((UsageError, TypeError), match=message):
        wrong()


def test_a_tool_call_an_agent_and_a_generation_may_make_decisions() -> None:
    """Whose words are those of no convention."""
    story = Story("deciding")
    run = story.run()
    for call in (story.tool_call("search", run), story.generation("gpt-x", run)):
        story.decide(call, "CHOSEN")
        story.end(call)
    story.end(run)
    items = build_items(story)
    assert [item.name for item in selector("tool(search), generation(gpt-*)").select(items)] == [
        "execute_tool search",
        "chat gpt-x",
    ]
    assert len(selector("tool decision, generation[model=gpt-x] decision").select(items)) == 2
