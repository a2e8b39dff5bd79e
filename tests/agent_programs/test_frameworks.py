"""Agents of each framework as unmodified programs: agents, generations and tool calls, each in its place."""

from __future__ import annotations

import pytest

from .conftest import RecordedAgent, Recording
from .scripts import Cells

pytestmark = pytest.mark.slow


def calls_of(agent: RecordedAgent, tool: str) -> list[tuple[object, object]]:
    """Arguments and results of a tool's calls, sorted."""
    found = [means for _, means in agent.of("tool call") if means.tool_name == tool]
    return sorted(((means.tool_arguments, means.tool_result) for means in found), key=str)


class TestPydanticAI:
    """Pydantic AI records itself, and OpenAI's SDK below it is recorded too."""

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls, record_agent: Recording) -> RecordedAgent:
        return record_agent("pydantic_agent.py", Cells())

    def test_the_program_does_what_it_does(self, agent: RecordedAgent) -> None:
        assert agent.said.splitlines() == [
            "['Cell 4 is warmer.', 'Cell 6 is warmer.']",
            "Once |upon |a |time|",
            "The expert says: fine.",
        ]
        assert agent.lost == 0

    def test_agents_that_run_at_once_keep_their_tool_calls_apart(self, agent: RecordedAgent) -> None:
        by_agent: dict[str, set[object]] = {}
        for span, means in agent.of("tool call"):
            if means.tool_name == "temperature":
                by_agent.setdefault(span.parent_id, set()).add(means.tool_arguments["cell"])
        assert sorted(map(sorted, by_agent.values())) == [[3, 4], [5, 6]]

    def test_each_tool_call_is_told_the_generation_that_asked_for_it(self, agent: RecordedAgent) -> None:
        assert len({means.tool_call_id for _, means in agent.of("tool call")}) == 6
        assert agent.causes() == [("id", "invoke_agent keeper")] * 6

    def test_a_tool_that_asks_to_be_called_again_has_failed_once(self, agent: RecordedAgent) -> None:
        status = [span.status for span, means in agent.of("tool call") if means.tool_name == "ask_expert"]
        assert status == ["error", "unset"]

    def test_an_agent_that_a_tool_asks_lies_below_its_call(self, agent: RecordedAgent) -> None:
        (expert,) = agent.of("agent", "invoke_agent expert")
        assert agent.lineage(expert[0])[:2] == ["execute_tool ask_expert", "invoke_agent keeper"]

    def test_messages_are_those_of_the_conversation(self, agent: RecordedAgent) -> None:
        last = agent.of("generation")[-1][1]
        assert "The expert says: fine." in str(last.output_messages)
        assert "Heat is fine." in str(last.input_messages)


class TestOpenAIAgents:
    """The OpenAI Agents SDK by the official instrumentor."""

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls, record_agent: Recording) -> RecordedAgent:
        return record_agent("openai_agents_team.py", Cells(), env={"OPENAI_API_KEY": ""})

    def test_an_agent_hands_over_to_another(self, agent: RecordedAgent) -> None:
        assert agent.said.splitlines()[0] == "Cell 4 is warmer."
        named = [means.agent_name for _, means in agent.of("agent") if means.agent_name]
        assert named[:2] == ["desk", "keeper"]
        assert "transfer_to_keeper" in str(agent.of("generation")[0][1].output_messages)

    def test_tool_calls_have_arguments_and_results(self, agent: RecordedAgent) -> None:
        assert calls_of(agent, "temperature") == [
            ({"cell": 3}, "cell 3: 23 degrees"),
            ({"cell": 4}, "cell 4: 24 degrees"),
        ]
        above = {agent.lineage(span)[0] for span, means in agent.of("tool call")}
        assert above == {"invoke_agent keeper", "invoke_agent clumsy"}

    def test_each_tool_call_is_told_the_generation_that_asked_for_it(self, agent: RecordedAgent) -> None:
        assert len({means.tool_call_id for _, means in agent.of("tool call")}) == 3
        assert agent.causes() == [("id", f"invoke_agent {name}") for name in ("keeper", "keeper", "clumsy")]

    def test_generations_lie_in_their_agents_and_tell_usage(self, agent: RecordedAgent) -> None:
        found = {(agent.lineage(span)[0], means.usage.input_tokens) for span, means in agent.of("generation")}
        assert found == {
            ("invoke_agent desk", 11),
            ("invoke_agent keeper", 11),
            ("invoke_agent keeper", 50),
            ("invoke_agent clumsy", 11),
        }

    def test_tools_that_are_no_functions_have_arguments_results_and_ids(
        self, record_agent: Recording
    ) -> None:
        agent = record_agent("openai_agents_tools.py", (), env={"OPENAI_API_KEY": ""})
        assert agent.said == "done\n"
        called = [means for _, means in agent.of("tool call")]
        assert [(one.tool_name, one.tool_call_id) for one in called] == [
            ("shell", "call_1"),
            ("apply_patch", "call_2"),
            ("computer", "call_3"),
        ]
        assert called[0].tool_arguments["commands"] == ["echo 23"]
        assert called[1].tool_arguments[0]["path"] == "cell.txt"
        assert called[2].tool_arguments == {"type": "click", "x": 1, "y": 2, "button": "left"}
        results = [str(one.tool_result) for one in called]
        assert results == ["23\n", "made cell.txt", "data:image/png;base64,aGk="]

    def test_a_tool_that_fails_and_the_agent_that_fails_with_it_say_so(self, agent: RecordedAgent) -> None:
        assert agent.said.splitlines()[-1].startswith("failed:")
        failed = {span.name for span in agent.run.spans if span.status == "error"}
        assert {"execute_tool explode", "invoke_agent clumsy"} <= failed


class TestLangGraph:
    """LangGraph by the official instrumentor of LangChain."""

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls, record_agent: Recording) -> RecordedAgent:
        return record_agent("langgraph_agent.py", Cells())

    def test_tool_calls_have_arguments_results_and_the_calls_that_were_asked_for(
        self, agent: RecordedAgent
    ) -> None:
        assert [result for _, result in calls_of(agent, "temperature")][:2] == [
            "cell 3: 23 degrees",
            "cell 4: 24 degrees",
        ]
        assert len({means.tool_call_id for _, means in agent.of("tool call")}) == 3
        assert agent.causes() == [("id", "invoke_workflow keeper")] * 3

    def test_a_generation_is_recorded_once_though_two_could_record_it(self, agent: RecordedAgent) -> None:
        assert len(agent.of("generation")) == len(agent.requests) == 5

    def test_everything_lies_below_the_graph(self, agent: RecordedAgent) -> None:
        assert {agent.lineage(span)[0] for span, _ in agent.of("generation") + agent.of("tool call")} == {
            "invoke_workflow keeper"
        }

    def test_a_tool_that_fails_says_so(self, agent: RecordedAgent) -> None:
        failed = [means.tool_arguments for span, means in agent.of("tool call") if span.status == "error"]
        assert failed == [{"cell": 99}]


class TestAnthropic:
    """Anthropic's SDK records itself."""

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls, record_agent: Recording) -> RecordedAgent:
        return record_agent("anthropic_loop.py", Cells())

    def test_its_own_loop_is_an_agent_with_generations_and_tool_calls(self, agent: RecordedAgent) -> None:
        assert calls_of(agent, "temperature") == [
            ({"cell": 3}, "cell 3: 23 degrees"),
            ({"cell": 4}, "cell 4: 24 degrees"),
        ]
        ((loop, _),) = agent.of("agent")
        assert agent.causes() == [("id", loop.name)] * 2
        assert [span.parent_id for span, _ in agent.of("tool call")] == [loop.span_id] * 2

    def test_a_generation_has_its_messages_usage_and_reason(self, agent: RecordedAgent) -> None:
        (_, first), (_, second), *_ = agent.of("generation")
        assert second.model == "claude-test"
        assert second.usage.input_tokens == 50
        assert second.usage.cache_read_tokens == 40
        assert "Cell 4 is warmer." in str(second.output_messages)
        assert "You look after cells." in str(first.system_instructions)
        assert second.finish_reasons == ("end_turn",)

    def test_a_stream_is_told_whole(self, agent: RecordedAgent) -> None:
        assert "Once |upon |a |time|" in agent.said
        (story,) = [means for _, means in agent.of("generation") if "story" in str(means.input_messages)]
        assert "Once upon a time" in str(story.output_messages)

    def test_an_overloaded_model_is_asked_again_in_one_generation(self, agent: RecordedAgent) -> None:
        (busy,) = [span for span, means in agent.of("generation") if "busy" in str(means.input_messages)]
        posts = [span for span in agent.run.spans if span.parent_id == busy.span_id]
        assert [span.attributes["http.response.status_code"] for span in posts] == [529, 200]
        assert busy.status != "error"

    def test_a_refusal_is_a_failure(self, agent: RecordedAgent) -> None:
        assert [span.status for span, _ in agent.of("generation")][-1] == "error"

    def test_nothing_is_added_to_its_requests(self, agent: RecordedAgent) -> None:
        assert all("traceparent" not in request.headers for request in agent.requests)


class TestGemini:
    """Google's SDK by the official instrumentor."""

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls, record_agent: Recording) -> RecordedAgent:
        return record_agent("gemini_loop.py", Cells())

    def test_the_program_does_what_it_does(self, agent: RecordedAgent, record_agent: Recording) -> None:
        alone = record_agent("gemini_loop.py", Cells(), recorded=False)
        assert (agent.said, agent.complained) == (alone.said, alone.complained)
        assert agent.said.splitlines() == [
            "Cell 4 is warmer.",
            "Once |upon |a |time|None|",
            "Cell 6 is warmer.",
            "refused: 400",
            "broken off: RemoteProtocolError",
            "['answer 0', 'answer 1', 'answer 2']",
            "Once |upon |a |time|None|",
        ]
        assert agent.lost == 0

    def test_parallel_tool_calls_stand_in_the_generation_that_asks_for_them(
        self, agent: RecordedAgent
    ) -> None:
        (_, first), (_, second), *_ = agent.of("generation")
        (message,) = first.output_messages or ()
        assert [(part["name"], part["arguments"]) for part in message["parts"]] == [
            ("temperature", {"cell": 3}),
            ("temperature", {"cell": 4}),
        ]
        assert "You look after cells." in str(first.system_instructions)
        assert first.model == "gemini-test"
        assert "cell 4: 24 degrees" in str(second.input_messages)
        assert "Cell 4 is warmer." in str(second.output_messages)
        assert (second.usage.input_tokens, second.usage.output_tokens) == (50, 6)
        assert second.usage.cache_read_tokens == 40

    def test_a_stream_is_one_generation_with_all_that_was_said(self, agent: RecordedAgent) -> None:
        stories = [means for _, means in agent.of("generation") if "story" in str(means.input_messages)]
        for story in stories:
            told = [part["content"] for one in story.output_messages or () for part in one["parts"]]
            assert "".join(told) == "Once upon a time"
            assert story.finish_reasons == ("stop",)
        assert len(stories) == 2

    def test_tools_that_the_sdk_calls_itself_lie_below_their_generation(self, agent: RecordedAgent) -> None:
        assert calls_of(agent, "temperature") == [
            ({"cell": 5}, "cell 5: 25 degrees"),
            ({"cell": 6}, "cell 6: 26 degrees"),
        ]
        above = {agent.lineage(span)[0] for span, _ in agent.of("tool call")}
        assert above == {"generate_content gemini-test"}
        assert agent.causes() == [("parent", "process gemini_loop.py")] * 2

    def test_refusals_and_broken_streams_are_failures(self, agent: RecordedAgent) -> None:
        failed = [span for span, _ in agent.of("generation") if span.status == "error"]
        types = [span.attributes["error.type"] for span in failed]
        assert [one.rpartition(".")[2] for one in types] == ["400", "RemoteProtocolError"]

    def test_calls_that_are_made_at_once_keep_apart(self, agent: RecordedAgent) -> None:
        found = [
            (str(means.input_messages), str(means.output_messages)) for _, means in agent.of("generation")
        ]
        for number in range(3):
            (answer,) = [said for asked, said in found if f"question {number}" in asked]
            assert f"answer {number}" in answer


class TestMCP:
    """An agent whose tools are an MCP server's: client and server in one run, each call below its client."""

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls, record_agent: Recording) -> RecordedAgent:
        return record_agent("mcp_agent.py", Cells())

    def test_calls_of_the_server_lie_below_those_of_the_client(self, agent: RecordedAgent) -> None:
        assert agent.said.splitlines() == ["Cell 4 is warmer.", "True"]
        served = agent.of("tool call", "tools/call temperature")
        assert [agent.lineage(span)[0] for span, _ in served] == ["MCP send tools/call temperature"] * 3

    def test_client_and_server_tell_arguments_and_results(self, agent: RecordedAgent) -> None:
        for name in ("MCP send tools/call temperature", "tools/call temperature"):
            (*told, _) = [
                (means.tool_arguments, means.tool_result) for _, means in agent.of("tool call", name)
            ]
            assert sorted(told, key=str) == [
                ({"cell": 3}, {"result": "cell 3: 23 degrees"}),
                ({"cell": 4}, {"result": "cell 4: 24 degrees"}),
            ]

    def test_the_generation_asked_for_the_calls_of_client_and_server_but_not_for_the_programs_own(
        self, agent: RecordedAgent
    ) -> None:
        """The protocol has no ids of the model's."""
        alike = ("name and arguments", "process mcp_agent.py")
        assert sorted(agent.causes()) == [("", "")] * 2 + [alike] * 4

    def test_generations_of_the_loop_stand_beside_them(self, agent: RecordedAgent) -> None:
        first, second = agent.of("generation")
        assert [part["name"] for part in first[1].output_messages[0]["parts"]] == ["temperature"] * 2
        assert "cell 4: 24 degrees" in str(second[1].input_messages)


def test_telemetry_that_a_program_sets_up_itself_goes_on_and_is_recorded(record_agent: Recording) -> None:
    agent = record_agent("own_telemetry.py", Cells(), env={"OTEL_REPLAY_DISABLED_LIBRARIES": "httpx,httpx2"})
    assert agent.said.splitlines() == ["exported anthropic.messages.create", "Once upon a time"]
    ((generation, _),) = agent.of("generation")
    assert agent.lineage(generation) == ["process own_telemetry.py", "run own_telemetry.py"]
