"""A call of which two libraries told counts once; two calls of one library are two calls."""

from __future__ import annotations

from typing import Any

from analysis.story import START_NS, TRACE
from otel_replay.analysis.summary import Summary, summarise
from otel_replay.records import Record, Scope, SpanEnd, SpanStart
from otel_replay.storage.run_files import Located

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}


def tokens(asked: int, **more: int) -> dict[str, int]:
    """What a span says of tokens."""
    return {"gen_ai.usage.input_tokens": asked, **{f"gen_ai.usage.{name}": n for name, n in more.items()}}


def told(*spans: tuple[int, int, int, dict[str, Any]]) -> Summary:
    """The summary of spans (number, parent's number, library's number, attributes); inner ones end first."""
    records: list[Record] = [Scope(id=number, name=f"library {number}") for number in (1, 2, 3)]
    at = START_NS
    for number, parent, scope, attributes in spans:
        at += 1
        records.append(
            SpanStart(
                time_ns=at,
                trace_id=TRACE,
                span_id=f"{number:016x}",
                parent_id=f"{parent:016x}" if parent else "",
                name=f"span {number}",
                scope=scope,
                attributes=attributes,
            )
        )
    for number, *_ in reversed(spans):
        at += 1
        records.append(SpanEnd(time_ns=at, span_id=f"{number:016x}"))
    return summarise(Located(record=one, journal="j", line=at) for at, one in enumerate(records, 1))


def test_a_call_below_one_of_another_library_is_the_same_call() -> None:
    """The inner one counts; three libraries make no difference."""
    summary = told((1, 0, 1, CHAT | tokens(5)), (2, 1, 2, CHAT | tokens(5)), (3, 2, 3, CHAT | tokens(5)))
    model = summary.models["m"]
    assert (model.count, model.repeated, model.input_tokens) == (1, 2, 5)
    assert (summary.kinds["generation"].count, summary.kinds["generation"].repeated) == (1, 2)


def test_tokens_that_only_the_outer_one_told_are_added() -> None:
    """A stream of which the SDK's instrumentor saw no usage."""
    summary = told((1, 0, 1, CHAT | tokens(5, output_tokens=3)), (2, 1, 2, CHAT | {"x": 1}))
    assert (summary.models["m"].count, summary.models["m"].output_tokens) == (1, 3)
    outer = CHAT | tokens(5, **{"cache_read.input_tokens": 4})
    model = told((1, 0, 1, outer), (2, 1, 2, CHAT | tokens(5))).models["m"]
    assert (model.input_tokens, model.cache_read_tokens) == (5, 4)


def test_calls_of_one_library_are_calls_of_their_own() -> None:
    """A model that asks a model, a tool that calls itself."""
    summary = told((1, 0, 1, CHAT | tokens(5)), (2, 1, 1, CHAT | tokens(5)), (3, 0, 1, TOOL), (4, 3, 1, TOOL))
    assert (summary.models["m"].count, summary.models["m"].input_tokens) == (2, 10)
    assert summary.tools["look"].count == 2


def test_a_retry_below_is_two_calls() -> None:
    """The framework has one span around both; each was asked for and paid for."""
    model = told((1, 0, 1, CHAT), (2, 1, 2, CHAT | tokens(5)), (3, 1, 2, CHAT | tokens(5))).models["m"]
    assert (model.count, model.repeated, model.input_tokens) == (2, 1, 10)


def test_the_id_of_the_answer_tells_one_call_wherever_the_spans_stand() -> None:
    """Beside each other, or with a task between; another answer is another call."""
    answer = {"gen_ai.response.id": "r1"}
    beside = told((1, 0, 1, CHAT | answer | tokens(5)), (2, 0, 2, CHAT | answer | tokens(5)))
    assert (beside.models["m"].count, beside.models["m"].input_tokens) == (1, 5)
    other = told((1, 0, 1, CHAT | answer), (2, 0, 2, CHAT | {"gen_ai.response.id": "r2"}))
    assert other.models["m"].count == 2
    same_library = told((1, 0, 1, CHAT | answer), (2, 0, 1, CHAT | answer))
    assert same_library.models["m"].count == 2


def test_a_tool_call_below_one_of_another_library_is_the_same_only_for_the_same_tool() -> None:
    """A tool that uses another tool made two calls."""
    same = told((1, 0, 1, TOOL), (2, 1, 2, TOOL))
    assert (same.tools["look"].count, same.kinds["tool call"].repeated) == (1, 1)
    two = told((1, 0, 1, TOOL), (2, 1, 2, TOOL | {"gen_ai.tool.name": "fetch"}))
    assert {name: tool.count for name, tool in two.tools.items()} == {"look": 1, "fetch": 1}
