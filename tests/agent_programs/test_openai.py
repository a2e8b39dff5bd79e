"""OpenAI's SDK in a program that knows nothing of the recorder."""

from __future__ import annotations

from collections import Counter

import pytest
from model_protocols import Usage
from model_server import Answer, Request, asks, fails, says

from .conftest import RecordedAgent, Recording

pytestmark = pytest.mark.slow


def script() -> object:
    asked: Counter[str] = Counter()

    def answer(request: Request) -> Answer:
        if request.says("Which cell"):
            if request.results:
                return says("Cell 4 is warmer.", usage=Usage(input=50, output=6, cached=40))
            return asks(("temperature", {"cell": 3}), ("temperature", {"cell": 4}))
        if request.says("refuse"):
            return fails(400, message="no such thing")
        if request.says("too fast"):
            asked["too fast"] += 1
            return fails(429, retry_after=0.01) if asked["too fast"] == 1 else says("at last")
        if request.says("break off"):
            return says("one two three", breaks_after=2)
        number = request.says("question") and request.conversation[-1]["content"][-1]
        return says(f"answer {number}" if number else "Once upon a time")

    return answer


@pytest.fixture(scope="module")
def agent(record_agent: Recording) -> RecordedAgent:
    return record_agent("openai_loop.py", script())


def test_the_program_says_and_asks_what_it_does_without_us(
    agent: RecordedAgent, record_agent: Recording
) -> None:
    alone = record_agent("openai_loop.py", script(), recorded=False)
    assert (agent.said, agent.complained) == (alone.said, alone.complained)

    def asked(one: RecordedAgent) -> list[str]:
        return sorted(str(request.body) for request in one.requests)

    def headers(one: RecordedAgent) -> set[str]:
        return {name for request in one.requests for name in request.headers}

    assert asked(agent) == asked(alone)
    assert headers(agent) == headers(alone)


def test_a_generation_has_its_messages_usage_and_reason(agent: RecordedAgent) -> None:
    (_, first), (_, second), *_ = agent.of("generation")
    assert first.model == "gpt-test"
    assert [message["role"] for message in first.input_messages or ()] == ["system", "user"]
    assert first.finish_reasons == ("tool_calls",)
    (message,) = second.output_messages or ()
    assert message["parts"][0]["content"] == "Cell 4 is warmer."
    usage = second.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (50, 6, 40)


def test_tool_calls_stand_in_the_generation_and_none_is_invented(agent: RecordedAgent) -> None:
    _, first = agent.of("generation")[0]
    (message,) = first.output_messages or ()
    calls = [part for part in message["parts"] if part["type"] == "tool_call"]
    assert [(call["id"], call["arguments"]) for call in calls] == [
        ("call_1_0", {"cell": 3}),
        ("call_1_1", {"cell": 4}),
    ]
    # The SDK does not know that the program calls a function of its own.
    assert agent.of("tool call") == []


def test_streams_and_responses_and_embeddings_are_generations_too(agent: RecordedAgent) -> None:
    stories = [
        means.usage.input_tokens
        for _, means in agent.of("generation")
        if means.output_messages and means.output_messages[0]["parts"][0].get("content") == "Once upon a time"
    ]
    assert stories == [11, 11]
    assert [span.name for span in agent.run.spans if span.name.startswith("embed")] == [
        "embeddings embed-test"
    ]


def test_refusals_retries_and_broken_streams_are_told(agent: RecordedAgent) -> None:
    failed = [span for span, _ in agent.of("generation") if span.status == "error"]
    assert [span.attributes["error.type"] for span in failed] == [
        "openai.BadRequestError",
        "openai.APIConnectionError",
    ]
    (again,) = [span for span, _ in agent.of("generation") if "too fast" in str(span.attributes)]
    assert again.status != "error"
    posts = [span for span in agent.run.spans if span.parent_id == again.span_id]
    assert [span.attributes["http.response.status_code"] for span in posts] == [429, 200]


def test_calls_that_are_made_at_once_keep_apart(agent: RecordedAgent) -> None:
    last = agent.of("generation")[-3:]
    told = {
        means.input_messages[0]["parts"][0]["content"]: means.output_messages[0]["parts"][0]["content"]
        for _, means in last
        if means.input_messages and means.output_messages
    }
    assert told == {f"question {number}": f"answer {number}" for number in range(3)}
    assert {span.name: agent.lineage(span)[0] for span, _ in last} == {
        "chat gpt-test": "process openai_loop.py"
    }
