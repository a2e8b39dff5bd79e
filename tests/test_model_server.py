"""The scripted model: real SDKs hear from it what its script says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anthropic
import openai
import pytest
from model_server import ModelServer, asks, fails, says

SAYS = [says("Good day to you"), asks(("look", {"cell": 3}), ("look", {"cell": 4}))]


@pytest.fixture
def openai_client(model_server: Callable[..., ModelServer]) -> Iterator[Callable[..., openai.OpenAI]]:
    clients: list[openai.OpenAI] = []

    def connect(script: object, **more: object) -> openai.OpenAI:
        url = model_server(script).url
        clients.append(openai.OpenAI(base_url=f"{url}/v1", api_key="none", **more))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def anthropic_client(
    model_server: Callable[..., ModelServer],
) -> Iterator[Callable[..., anthropic.Anthropic]]:
    clients: list[anthropic.Anthropic] = []

    def connect(script: object, **more: object) -> anthropic.Anthropic:
        clients.append(anthropic.Anthropic(base_url=model_server(script).url, api_key="none", **more))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def test_chat_completions_say_what_the_script_says(openai_client: Callable[..., openai.OpenAI]) -> None:
    client = openai_client([*SAYS, *SAYS])
    hello = [{"role": "user", "content": "Hello"}]
    first = client.chat.completions.create(model="m", messages=hello).choices[0]
    second = client.chat.completions.create(model="m", messages=hello).choices[0]
    assert (first.message.content, first.finish_reason) == ("Good day to you", "stop")
    calls = second.message.tool_calls
    assert [(call.id, call.function.arguments) for call in calls] == [
        ("call_2_0", '{"cell": 3}'),
        ("call_2_1", '{"cell": 4}'),
    ]
    with client.chat.completions.stream(model="m", messages=hello) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Good day to you"
    with client.chat.completions.stream(model="m", messages=hello) as stream:
        choice = stream.get_final_completion().choices[0]
    assert [call.function.arguments for call in choice.message.tool_calls] == ['{"cell": 3}', '{"cell": 4}']


def test_responses_say_what_the_script_says(openai_client: Callable[..., openai.OpenAI]) -> None:
    client = openai_client([*SAYS, *SAYS])
    assert client.responses.create(model="m", input="Hello").output_text == "Good day to you"
    calls = client.responses.create(model="m", input="Hello").output
    assert [call.call_id for call in calls] == ["call_2_0", "call_2_1"]
    with client.responses.stream(model="m", input="Hello") as stream:
        assert stream.get_final_response().output_text == "Good day to you"
    with client.responses.stream(model="m", input="Hello") as stream:
        assert [call.arguments for call in stream.get_final_response().output] == [
            '{"cell": 3}',
            '{"cell": 4}',
        ]


def test_embeddings_are_numbers(openai_client: Callable[..., openai.OpenAI]) -> None:
    answer = openai_client([says("")]).embeddings.create(model="e", input=["abc", "d"])
    assert [list(one.embedding) for one in answer.data] == [[3.0, 0.5, -1.0], [1.0, 0.5, -1.0]]


def test_messages_say_what_the_script_says(anthropic_client: Callable[..., anthropic.Anthropic]) -> None:
    client = anthropic_client([*SAYS, *SAYS])
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    assert client.messages.create(**asked).content[0].text == "Good day to you"
    assert [block.input for block in client.messages.create(**asked).content] == [{"cell": 3}, {"cell": 4}]
    with client.messages.stream(**asked) as stream:
        assert stream.get_final_text() == "Good day to you"
    with client.messages.stream(**asked) as stream:
        message = stream.get_final_message()
    assert [block.input for block in message.content] == [{"cell": 3}, {"cell": 4}]
    assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 7)


@pytest.mark.parametrize(
    ("status", "openai_error", "anthropic_error"),
    [
        (400, openai.BadRequestError, anthropic.BadRequestError),
        (401, openai.AuthenticationError, anthropic.AuthenticationError),
        (429, openai.RateLimitError, anthropic.RateLimitError),
        (500, openai.InternalServerError, anthropic.InternalServerError),
        (529, openai.InternalServerError, anthropic.InternalServerError),
    ],
)
def test_refusals_are_those_of_the_real_services(
    openai_client: Callable[..., openai.OpenAI],
    anthropic_client: Callable[..., anthropic.Anthropic],
    status: int,
    openai_error: type[Exception],
    anthropic_error: type[Exception],
) -> None:
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    with pytest.raises(openai_error, match="too much"):
        openai_client([fails(status, message="too much")], max_retries=0).chat.completions.create(**asked)
    with pytest.raises(anthropic_error, match="too much"):
        anthropic_client([fails(status, message="too much")], max_retries=0).messages.create(**asked)


def test_clients_wait_and_ask_again_as_they_are_told(openai_client: Callable[..., openai.OpenAI]) -> None:
    client = openai_client([fails(429, retry_after=0.01), *SAYS], max_retries=1)
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])
    assert answer.choices[0].message.content == "Good day to you"


def test_a_stream_can_break_in_the_middle(openai_client: Callable[..., openai.OpenAI]) -> None:
    client = openai_client([says("one two three four", breaks_after=3)])
    hello = [{"role": "user", "content": "Hello"}]
    heard = []

    def listen() -> None:
        for chunk in client.chat.completions.create(model="m", messages=hello, stream=True):
            heard.append(chunk.choices[0].delta.content)

    with pytest.raises(openai.APIConnectionError):
        listen()
    assert heard == ["", "one ", "two "]


def test_a_script_that_has_run_dry_says_so(openai_client: Callable[..., openai.OpenAI]) -> None:
    with pytest.raises(openai.InternalServerError, match="the script has no more answers"):
        openai_client([], max_retries=0).responses.create(model="m", input="Hello")
