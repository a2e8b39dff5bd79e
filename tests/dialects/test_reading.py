"""A span of others is read for what it is, whichever words it speaks; what nobody recorded is None."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_replay.dialects.reading import PARTS, Meaning, read_span
from otel_replay.dialects.usage import Usage
from otel_replay.records import Event, LogEntry

ASKED = [{"role": "user", "parts": [{"type": "text", "content": "how far?"}]}]
ANSWERED = [
    {
        "role": "assistant",
        "parts": [
            {"type": "tool_call", "id": "c1", "name": "distance", "arguments": {"to": "Rome"}},
        ],
        "finish_reason": "tool_calls",
    }
]


def current() -> dict[str, Any]:
    """A chat in the current words, as attributes that hold JSON text."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.input.messages": json.dumps(ASKED),
        "gen_ai.output.messages": json.dumps(ANSWERED),
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "be brief"}]),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.response.finish_reasons": ("tool_calls",),
    }


def test_a_chat_in_the_current_words_is_read_whole() -> None:
    """Messages that were written as JSON text come back as messages."""
    meaning = read_span("chat gpt-4o", current())
    assert (meaning.kind, meaning.dialect) == ("generation", "gen_ai")
    assert (meaning.provider, meaning.model, meaning.response_model) == ("openai", "gpt-4o", "gpt-4o-2024")
    assert meaning.input_messages == ASKED
    assert meaning.output_messages == ANSWERED
    assert meaning.system_instructions == [{"type": "text", "content": "be brief"}]
    assert meaning.usage == Usage(input_tokens=12, output_tokens=7, cache_read_tokens=4)
    assert meaning.finish_reasons == ("tool_calls",)
    assert (meaning.tool_name, meaning.tool_result, meaning.cost_usd) == (None, None, None)


def older_events() -> list[tuple[str, dict[str, Any]]]:
    """The same chat as the events of the conventions up to 1.36."""
    call = {"id": "c1", "type": "function", "function": {"name": "distance", "arguments": '{"to": "Rome"}'}}
    return [
        ("gen_ai.user.message", {"content": "how far?"}),
        (
            "gen_ai.choice",
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {"role": "assistant", "tool_calls": [call]},
            },
        ),
    ]


@pytest.mark.parametrize("told", ["span events", "log bodies", "unnamed logs"])
def test_older_events_hold_the_messages_of_a_chat(told: str) -> None:
    """They may be events of the span, or log records, with or without an event name."""
    events: list[Any] = []
    for name, content in older_events():
        if told == "span events":
            texts = {
                key: json.dumps(value) if isinstance(value, dict) else value for key, value in content.items()
            }
            events.append(Event(time_ns=1, span_id="a", name=name, attributes=texts))
        elif told == "log bodies":
            events.append(LogEntry(time_ns=1, event_name=name, body=content))
        else:
            events.append(LogEntry(time_ns=1, attributes={"event.name": name}, body=content))
    meaning = read_span("chat m", {"gen_ai.operation.name": "chat", "gen_ai.system": "openai"}, events=events)
    assert meaning.provider == "openai"
    assert meaning.input_messages == ASKED
    assert meaning.output_messages == ANSWERED
    assert meaning.finish_reasons == ("tool_calls",)


def openinference() -> dict[str, Any]:
    """The same chat as OpenInference flattens it."""
    call = "llm.output_messages.0.message.tool_calls.0.tool_call"
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.model_name": "gpt-4o",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "how far?",
        "llm.output_messages.0.message.role": "assistant",
        f"{call}.id": "c1",
        f"{call}.function.name": "distance",
        f"{call}.function.arguments": '{"to": "Rome"}',
        "llm.token_count.prompt": 12,
        "llm.token_count.completion": 7,
        "llm.token_count.prompt_details.cache_read": 4,
    }


def traceloop() -> dict[str, Any]:
    """The same chat as OpenLLMetry flattened it."""
    call = "gen_ai.completion.0.tool_calls.0"
    return {
        "llm.request.type": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "how far?",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.finish_reason": "tool_calls",
        f"{call}.id": "c1",
        f"{call}.name": "distance",
        f"{call}.arguments": '{"to": "Rome"}',
        "gen_ai.usage.prompt_tokens": 12,
        "gen_ai.usage.completion_tokens": 7,
        "gen_ai.usage.cache_read_input_tokens": 4,
    }


@pytest.mark.parametrize("attributes", [openinference(), traceloop()], ids=["openinference", "traceloop"])
def test_flattened_messages_are_put_together_again(attributes: dict[str, Any]) -> None:
    """Numbers in the names of attributes are the order of messages and of tool calls."""
    meaning = read_span("chat", attributes)
    assert (meaning.kind, meaning.provider, meaning.model) == ("generation", "openai", "gpt-4o")
    assert meaning.input_messages == ASKED
    assert meaning.output_messages is not None
    assert meaning.output_messages[0]["parts"] == ANSWERED[0]["parts"]
    assert meaning.usage == Usage(input_tokens=12, output_tokens=7, cache_read_tokens=4)


def test_messages_are_in_the_order_of_their_numbers() -> None:
    """The tenth stands behind the ninth, whatever the order of the attributes."""
    attributes = {f"llm.input_messages.{at}.message.content": str(at) for at in (10, 2, 0, 9)}
    meaning = read_span("x", {"openinference.span.kind": "LLM", **attributes})
    assert meaning.input_messages is not None
    assert [one["parts"][0]["content"] for one in meaning.input_messages] == ["0", "2", "9", "10"]


TOOL_CALLS = {
    "current": {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "distance",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": '{"to": "Rome"}',
        "gen_ai.tool.call.result": '{"km": 1430}',
    },
    "openinference": {
        "openinference.span.kind": "TOOL",
        "tool.name": "distance",
        "tool.id": "c1",
        "input.value": '{"to": "Rome"}',
        "output.value": '{"km": 1430}',
    },
    "traceloop": {
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": "distance",
        "gen_ai.tool.call.id": "c1",
        "traceloop.entity.input": '{"to": "Rome"}',
        "traceloop.entity.output": '{"km": 1430}',
    },
    "mcp": {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "distance",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": {"to": "Rome"},
        "gen_ai.tool.call.result": {"km": 1430},
    },
}


@pytest.mark.parametrize("dialect", TOOL_CALLS)
def test_a_tool_call_has_its_name_arguments_and_result(dialect: str) -> None:
    """In every dialect."""
    meaning = read_span("distance", TOOL_CALLS[dialect])
    assert (meaning.kind, meaning.tool_name, meaning.tool_call_id) == ("tool call", "distance", "c1")
    assert (meaning.tool_arguments, meaning.tool_result) == ({"to": "Rome"}, {"km": 1430})


def test_a_span_that_is_none_of_these_says_nothing() -> None:
    """An HTTP request has attributes with familiar words in them, and means nothing here."""
    meaning = read_span("GET", {"http.request.method": "GET", "input.value": "x", "output.value": "y"})
    assert (meaning.kind, meaning.dialect) == ("other", "")
    assert everything(meaning) == {}


def everything(meaning: Meaning) -> dict[str, Any]:
    """All parts that were recorded."""
    return {name: value for name in PARTS if (value := meaning.part(name)) is not None}


def test_adk_writes_requests_and_answers_whole() -> None:
    """As google-adk 2.13.0 does; `{}` stands where content was not to be recorded."""
    request = {
        "model": "gemini",
        "config": {"system_instruction": "be brief"},
        "contents": [{"role": "user", "parts": [{"text": "how far?"}]}],
    }
    call = {"function_call": {"id": "c1", "name": "distance", "args": {"to": "Rome"}}}
    response = {"content": {"role": "model", "parts": [call]}}
    attributes = {
        "gen_ai.system": "gcp.vertex.agent",
        "gen_ai.request.model": "gemini",
        "gcp.vertex.agent.llm_request": json.dumps(request),
        "gcp.vertex.agent.llm_response": json.dumps(response),
    }
    meaning = read_span("call_llm", attributes)
    assert (meaning.kind, meaning.input_messages) == ("generation", ASKED)
    assert meaning.system_instructions == [{"type": "text", "content": "be brief"}]
    assert meaning.output_messages == [{"role": "assistant", "parts": ANSWERED[0]["parts"]}]
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "distance"}
    told = {
        "gcp.vertex.agent.tool_call_args": '{"to": "Rome"}',
        "gcp.vertex.agent.tool_response": '{"km": 1430}',
    }
    assert read_span("x", tool | told).tool_arguments == {"to": "Rome"}
    assert read_span("x", tool | told).tool_result == {"km": 1430}
    silent = {"gcp.vertex.agent.tool_call_args": "N/A", "gcp.vertex.agent.tool_response": "{}"}
    assert everything(read_span("x", tool | silent)).keys() == {"operation", "tool_name"}
