"""Which generation asked for a tool call is told where it is plain, and how that is known."""

from __future__ import annotations

from typing import Any

import pytest
from dialects.corpus import FOLDER

from analysis.told_calls import Told
from otel_replay.loading import load_items

BY_ID, ALIKE, PARENT = "id", "name and arguments", "parent"


CELL = {"cell": 3}


@pytest.fixture
def run() -> Told:
    """A run without anything."""
    return Told()


class TestIds:
    """Where ids of calls are recorded they say it."""

    def test_the_generation_that_gave_the_id_asked_for_the_call(self, run: Told) -> None:
        run.asks("first", ("look", CELL, "a"), ("look", CELL, "b"))
        run.asks("second", ("look", CELL, "c"))
        for one in "cba":
            run.call(f"call {one}", "look", {"other": "arguments"}, one)
        assert run.causes() == {
            "call a": ("first", BY_ID),
            "call b": ("first", BY_ID),
            "call c": ("second", BY_ID),
        }

    def test_a_call_that_is_made_again_has_the_same_cause(self, run: Told) -> None:
        run.asks("asked", ("look", CELL, "a"))
        run.call("try", "look", CELL, "a")
        run.call("try again", "look", CELL, "a")
        assert set(run.causes().values()) == {("asked", BY_ID)}
        assert len(run.causes()) == 2

    def test_an_id_that_nobody_gave_is_no_cause_though_name_and_arguments_are_equal(self, run: Told) -> None:
        """Two ids that differ are two calls: the one that was asked for is not in the run."""
        run.asks("asked", ("look", CELL, "a"))
        run.call("call", "look", CELL, "b")
        assert run.causes() == {}

    def test_ids_that_each_answer_counts_anew_are_told_one_after_another(self, run: Told) -> None:
        for turn in "123":
            run.asks(f"asked {turn}", ("look", {"turn": turn}, "call_0"))
            run.call(f"call {turn}", "look", {"turn": turn}, "call_0")
        assert run.causes() == {f"call {turn}": (f"asked {turn}", BY_ID) for turn in "123"}

    def test_ids_that_are_the_same_in_two_agents_are_told_in_each(self, run: Told) -> None:
        run.agent("left", (1, 50))
        run.agent("right", (2, 51))
        run.asks("left asks", ("look", CELL, "call_0"), within="left", at=(3, 5))
        run.asks("right asks", ("look", CELL, "call_0"), within="right", at=(4, 6))
        run.call("right call", "look", CELL, "call_0", within="right", at=(7, 8))
        run.call("left call", "look", CELL, "call_0", within="left", at=(9, 10))
        assert run.causes() == {
            "left call": ("left asks", BY_ID),
            "right call": ("right asks", BY_ID),
        }

    def test_an_id_of_another_tool_is_another_call(self, run: Told) -> None:
        run.asks("asked", ("look", CELL, "call_0"))
        run.call("call", "write", CELL, "call_0")
        assert run.causes() == {}

    def test_the_name_of_a_server_may_stand_before_the_tools(self, run: Told) -> None:
        run.asks("asked", ("mcp__cells__look", CELL, "a"))
        run.call("call", "look", CELL, "a")
        assert run.causes() == {"call": ("asked", BY_ID)}


class TestNameAndArguments:
    """Where there are no ids, what was asked for must be what was called, and nobody else asked so."""

    @pytest.mark.parametrize(
        ("asked", "called"),
        [
            ('{"cell": 3, "deep": {"a": [1, 2]}}', {"deep": {"a": [1, 2]}, "cell": 3.0}),
            ({"cell": 3}, '{ "cell" : 3 }'),
            ("", {}),
            (None, "{}"),
        ],
    )
    def test_arguments_are_compared_as_values(self, run: Told, asked: Any, called: Any) -> None:
        run.asks("asked", ("look", asked, "a"))
        run.call("call", "look", called)
        assert run.causes() == {"call": ("asked", ALIKE)}

    @pytest.mark.parametrize(
        ("tool", "called"),
        [
            ("look", {"cell": "3"}),
            ("look", {"cell": True}),
            ("look", {"cell": 3, "more": None}),
            ("look", {}),
            ("look", None),
            ("look ", {"cell": 3}),
        ],
    )
    def test_what_differs_is_not_what_was_asked_for(self, run: Told, tool: str, called: Any) -> None:
        run.asks("asked", ("look", {"cell": 1 if called == {"cell": True} else 3}, None))
        run.call("call", tool, called)
        assert run.causes() == {}

    def test_equal_calls_of_one_answer_are_told_as_often_as_they_were_asked_for(self, run: Told) -> None:
        run.asks("asked", ("look", CELL, "a"), ("look", CELL, "b"))
        for place in "123":
            run.call(f"call {place}", "look", CELL)
        assert run.causes() == {"call 1": ("asked", ALIKE), "call 2": ("asked", ALIKE)}

    def test_in_a_loop_each_answer_has_its_call(self, run: Told) -> None:
        """Each request is used once: what was answered is out of the way."""
        for turn in "123":
            run.asks(f"asked {turn}", ("look", CELL, None))
            run.call(f"call {turn}", "look", CELL)
        assert run.causes() == {f"call {turn}": (f"asked {turn}", ALIKE) for turn in "123"}

    def test_two_generations_that_wait_for_the_same_are_not_told_apart(self, run: Told) -> None:
        """Nor is any later call of these: which one was answered is not known."""
        run.asks("first", ("look", CELL, None))
        run.asks("second", ("look", CELL, None))
        for place in "123":
            run.call(f"call {place}", "look", CELL)
        assert run.causes() == {}

    def test_a_call_with_an_id_takes_its_request_away_from_one_without(self, run: Told) -> None:
        run.asks("first", ("look", CELL, "a"))
        run.asks("second", ("look", CELL, "b"))
        run.call("without", "look", CELL)
        run.call("with", "look", CELL, "a")
        assert run.causes() == {"with": ("first", BY_ID), "without": ("second", ALIKE)}

    def test_an_answer_that_was_not_there_yet_asked_for_nothing(self, run: Told) -> None:
        """And while one is on its way that asks the same, nothing is told of either."""
        run.asks("late", ("look", CELL, None), at=(1, 9))
        run.call("early", "look", CELL, at=(3, 4))
        assert run.causes() == {}
        run.asks("before", ("look", CELL, None), at=(1, 2))
        assert run.causes() == {}

    def test_an_answer_that_never_came_to_its_end_asked_for_nothing(self, run: Told) -> None:
        run.asks("broken off", ("look", CELL, None), at=(1, None))
        run.call("call", "look", CELL, at=(3, 4))
        assert run.causes() == {}

    def test_a_generation_after_the_call_did_not_ask_for_it(self, run: Told) -> None:
        run.call("call", "look", CELL)
        run.asks("asked", ("look", CELL, None))
        assert run.causes() == {}

    @pytest.mark.parametrize("call_id", [None, "call_0"])
    def test_a_long_loop_of_equal_calls_is_told_to_its_end(self, run: Told, call_id: str | None) -> None:
        """With the same id in each answer, and without any."""
        turns = range(100)
        for turn in turns:
            run.asks(f"asked {turn}", ("look", CELL, call_id))
            run.call(f"call {turn}", "look", CELL, call_id)
        by = ALIKE if call_id is None else BY_ID
        assert run.causes() == {f"call {turn}": (f"asked {turn}", by) for turn in turns}

    def test_one_answer_with_very_many_equal_requests_is_given_up(self, run: Told) -> None:
        """As are runs in which very many requests are left: they would be looked through for each call."""
        run.asks("asked", *[("look", CELL, None)] * 1_001)
        run.call("call", "look", CELL)
        assert run.causes() == {}


class TestPlaces:
    """Where things stand: the nearest span in which somebody asked so decides."""

    def test_agents_at_once_have_their_own(self, run: Told) -> None:
        run.agent("left", (1, 50))
        run.agent("right", (2, 51))
        run.asks("right asks", ("look", CELL, None), within="right", at=(3, 5))
        run.asks("left asks", ("look", CELL, None), within="left", at=(4, 6))
        run.call("left call", "look", CELL, within="left", at=(7, 8))
        run.call("right call", "look", CELL, within="right", at=(9, 10))
        assert run.causes() == {"left call": ("left asks", ALIKE), "right call": ("right asks", ALIKE)}

    def test_steps_of_an_agent_stand_beside_each_other(self, run: Told) -> None:
        """One asks, the next one calls: LangGraph, LlamaIndex."""
        run.agent("agent", (1, 50))
        run.span("ask", {"otel_replay.span.type": "task"}, within="agent", at=(2, 10))
        run.asks("asked", ("look", CELL, None), within="ask", at=(3, 9))
        run.span("do", {"otel_replay.span.type": "task"}, within="agent", at=(11, 20))
        run.call("call", "look", CELL, within="do", at=(12, 13))
        assert run.causes() == {"call": ("asked", ALIKE)}

    def test_an_agent_that_a_tool_asks_does_not_call_what_the_outer_one_asked_for(self, run: Told) -> None:
        run.agent("outer", (1, 90))
        run.asks("outer asks", ("expert", {}, None), ("look", CELL, None), within="outer", at=(2, 3))
        run.call("expert call", "expert", {}, within="outer", at=(4, 30))
        run.agent("inner", (5, 29), within="expert call")
        run.call("inner call", "look", CELL, within="inner", at=(6, 7))
        run.call("outer call", "look", CELL, within="outer", at=(31, 32))
        assert run.causes() == {
            "expert call": ("outer asks", ALIKE),
            "outer call": ("outer asks", ALIKE),
        }

    def test_what_a_tool_asks_a_model_is_the_tools(self, run: Told) -> None:
        """A tool that calls a model itself, which asks for another tool."""
        run.asks("asked", ("plan", {}, None), at=(1, 2))
        run.call("plan call", "plan", {}, at=(3, 30))
        run.asks("inner asks", ("look", CELL, None), within="plan call", at=(4, 5))
        run.call("inner call", "look", CELL, within="plan call", at=(6, 7))
        run.asks("inner asks again", ("look", CELL, None), within="plan call", at=(8, 9))
        run.call("outer call", "look", CELL, at=(31, 32))
        assert run.causes() == {
            "plan call": ("asked", ALIKE),
            "inner call": ("inner asks", ALIKE),
        }

    def test_a_generation_that_makes_its_calls_itself_asked_for_them(self, run: Told) -> None:
        """Its own request is told, or it tells only its last answer: Google's own loop of tools."""
        run.asks("tells", ("look", CELL, None), at=(1, 20))
        run.call("told", "look", CELL, within="tells", at=(5, 6))
        run.says("last", [{"type": "text", "content": "done"}], at=(21, 40))
        run.call("not told", "look", CELL, within="last", at=(25, 26))
        assert run.causes() == {"told": ("tells", ALIKE), "not told": ("last", PARENT)}

    def test_what_another_library_or_a_program_records_below_a_generation_is_not_its_call(
        self, run: Told
    ) -> None:
        """What is looked up for a prompt, say."""
        run.says("asked", [], at=(1, 20))
        run.call("other library", "look", CELL, within="asked", at=(2, 3), library="other")
        run.says("by hand", [], at=(21, 40), library="otel_replay")
        run.call("before the prompt", "look", CELL, within="by hand", at=(22, 23), library="otel_replay")
        retrieval = {"gen_ai.operation.name": "retrieval"}
        run.span("retrieval", retrieval, within="asked", at=(4, 5))
        assert run.causes() == {}

    def test_spans_that_name_each_other_as_parents_do_no_harm(self, run: Told) -> None:
        run.span("one", {}, within="two", at=(1, 50))
        run.span("two", {}, within="one", at=(2, 49))
        run.asks("asked", ("look", CELL, None), within="two", at=(3, 4))
        run.call("call", "look", CELL, within="one", at=(5, 6))
        assert run.causes() == {"call": ("asked", ALIKE)}


class TestToldTwice:
    """A framework and the SDK below it tell of one call: it asked once."""

    def test_two_that_tell_of_a_generation_are_one(self, run: Told) -> None:
        """The one nearest to the model is named, wherever it stands."""
        run.agent("agent", (1, 50))
        run.asks("framework", ("look", CELL, None), within="agent", at=(2, 9), answer="r1")
        run.asks("sdk", ("look", CELL, "a"), at=(3, 8), library="sdk", answer="r1")
        run.call("call", "look", CELL, within="agent", at=(10, 11))
        assert run.causes() == {"call": ("sdk", ALIKE)}

    def test_ids_count_whoever_of_the_two_has_them(self, run: Told) -> None:
        run.asks("framework", ("look", CELL, "a"), at=(2, 9))
        run.asks("sdk", ("look", CELL, None), within="framework", at=(3, 8), library="sdk")
        run.call("call", "look", CELL, "a", at=(10, 11))
        assert run.causes() == {"call": ("sdk", BY_ID)}

    def test_two_that_stand_beside_each_other_are_one_by_the_ids_that_they_tell(self, run: Told) -> None:
        """The framework's span of a stream ends before the SDK's begins: LlamaIndex."""
        run.agent("agent", (1, 50))
        run.asks("framework", ("look", CELL, "a"), within="agent", at=(2, 3))
        run.asks("sdk", ("look", CELL, "a"), within="agent", at=(4, 9), library="sdk")
        run.call("call", "look", CELL, within="agent", at=(10, 11))
        assert run.causes() == {"call": ("sdk", ALIKE)}

    def test_two_beside_each_other_are_one_in_each_turn_where_ids_are_counted_anew(self, run: Told) -> None:
        """The second turn's span of the other library is no part of the first answer."""
        run.agent("agent", (1, 50))
        for turn, begin in (("1", 2), ("2", 12)):
            given = {"turn": turn}
            run.asks(f"framework {turn}", ("look", given, "call_0"), within="agent", at=(begin, begin + 1))
            at = (begin + 2, begin + 4)
            run.asks(f"sdk {turn}", ("look", given, "call_0"), within="agent", at=at, library="sdk")
            run.call(f"call {turn}", "look", given, "call_0", within="agent", at=(begin + 6, begin + 7))
        assert run.causes() == {f"call {turn}": (f"sdk {turn}", BY_ID) for turn in "12"}

    def test_two_of_one_library_with_the_same_ids_are_two(self, run: Told) -> None:
        run.asks("first", ("look", CELL, "call_0"))
        run.asks("second", ("look", CELL, "call_0"))
        run.call("call", "look", CELL)
        assert run.causes() == {}

    def test_client_and_server_of_a_call_have_one_cause(self, run: Told) -> None:
        run.asks("asked", ("look", CELL, "a"))
        run.call("call", "look", CELL, "a", at=(3, 20))
        run.call("client", "look", None, within="call", at=(4, 19), library="mcp", kind=3)
        run.call("server", "look", None, within="client", at=(5, 18), library="mcp", kind=2)
        assert run.causes() == dict.fromkeys(("call", "client", "server"), ("asked", BY_ID))

    def test_what_only_the_server_tells_counts_for_the_client(self, run: Told) -> None:
        run.asks("asked", ("look", CELL, None))
        run.call("client", "look", None, at=(4, 19), library="mcp", kind=3)
        run.call("server", "look", CELL, within="client", at=(5, 18), library="mcp", kind=2)
        assert run.causes() == dict.fromkeys(("client", "server"), ("asked", ALIKE))


def test_an_id_that_an_instrumentor_made_of_name_and_place_is_none(run: Told) -> None:
    """Gemini's API gives no ids: a call may have one of its framework's."""
    run.asks("asked", ("look", CELL, "look_0"), ("look", {"cell": 4}, "look_1"))
    run.call("call", "look", {"cell": 4}, "framework-7")
    assert run.causes() == {"call": ("asked", ALIKE)}


def test_messages_that_log_records_tell_count(run: Told) -> None:
    run.span("asked", {"gen_ai.operation.name": "chat", "gen_ai.system": "openai"})
    run.message(
        "asked", {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"cell": 3}'}}
    )
    run.call("call", "look", CELL, "a")
    assert run.causes() == {"call": ("asked", BY_ID)}


@pytest.mark.parametrize("kept", ["sha256:" + "0" * 64, None])
def test_without_content_nothing_is_told(run: Told, kept: str | None) -> None:
    """With `hashes` and `none` what was asked for is not there."""
    said = {} if kept is None else {"gen_ai.output.messages": kept}
    run.span("asked", {"gen_ai.operation.name": "chat", **said})
    run.call("call", "look", kept, "a")
    assert run.causes() == {}


@pytest.mark.parametrize(
    "odd",
    [
        "[]",
        '[{"role": "assistant", "parts": [{"type": "tool_call"}]}]',
        '[{"role": "assistant", "parts": [{"type": "tool_call", "name": 7, "id": 8, "arguments": 9}, 5]}]',
        '[{"role": "assistant", "parts": {"type": "tool_call"}}]',
        "[[[[",
        '[{"role": "assistant", "parts": [{"type": "text", "content": "{"}, {"type": "text"}]}]',
    ],
)
def test_odd_answers_ask_for_nothing_and_hide_no_others(run: Told, odd: str) -> None:
    run.span("odd", {"gen_ai.operation.name": "chat", "gen_ai.output.messages": odd})
    run.asks("asked", ("look", CELL, None))
    run.call("call", "look", CELL)
    run.call("odd call", "look", {"deep": b"\x00"})
    assert run.causes() == {"call": ("asked", ALIKE)}


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("anthropic-native", BY_ID),
        ("openinference-langgraph-openai", BY_ID),
        ("openinference-llamaindex", ALIKE),
        ("openinference-openai-agents", ALIKE),
        ("pydantic-ai", BY_ID),
        ("pydantic-ai-2", BY_ID),
        ("pydantic-ai-openai-v2", BY_ID),
        ("strands", BY_ID),
        ("traceloop-langgraph-openai", BY_ID),
        ("traceloop-openai", ALIKE),
        ("official-agno", None),  # these two tell no generations themselves
        ("openinference-crewai", None),
        ("mcp-native", None),
    ],
)
def test_what_real_packages_recorded_tells_the_cause_of_their_calls(name: str, by: str | None) -> None:
    items = load_items(FOLDER / f"{name}.jsonl")
    calls = [item for item in items if item.kind == "tool call"]
    assert {None if call.cause is None else call.cause.by for call in calls} == {by}
    generations = {item.span_id for item in items if item.kind == "generation"}
    assert all(call.cause is None or call.cause.span_id in generations for call in calls)
