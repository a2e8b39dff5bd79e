"""The agent: its tools, the model that it talks to, the protocol between them, and the loop around them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.agent.__main__ import NOTES, main
from examples.agent.agent import Agent, GaveUp
from examples.agent.client import (
    Answer,
    Client,
    HttpClient,
    ModelError,
    RateLimited,
    ToolRequest,
    assemble,
    from_document,
)
from examples.agent.model import reply_to
from examples.agent.model_server import ModelServer, completion, stream_chunks
from examples.agent.sdk_client import SdkClient
from examples.agent.tools import Toolbox, ToolError, calculator, convert_units, search_notes

QUESTION = "What is 15% of 240, how many litres is the tank in the notes, and what is the price of diesel?"
ANSWER = "15% of 240 is 36. The tank, 5.0 gallon, is 18.93 litres. A litre of diesel costs 1.69."


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def ignore(text: str) -> None:
    """For those who do not want to hear the answer as it comes in."""


@pytest.fixture
def toolbox() -> Toolbox:
    return Toolbox(NOTES)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(params=["urllib", "openai package"])
def client(request: pytest.FixtureRequest, server: ModelServer) -> Iterator[Client]:
    """The client under test, in both makes."""
    if request.param == "urllib":
        yield HttpClient(server.url, "none")
    else:
        sdk = SdkClient(server.url, "none")
        yield sdk
        sdk.close()


# --- tools ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"), [("1 + 2 * 3", 7), ("-(4 - 6) / 8", 0.25), (" 15 / 100 * 240", 36)]
)
def test_the_calculator_knows_the_four_operations(expression: str, value: float) -> None:
    assert calculator(expression) == value


@pytest.mark.parametrize(
    "expression", ["", "2 +", "__import__('os')", "2 ** 9", "True + 1", "x", "1e308 * 10", "1+" * 200 + "1"]
)
def test_the_calculator_evaluates_nothing_else(expression: str) -> None:
    with pytest.raises(ToolError):
        calculator(expression)


@pytest.mark.parametrize(
    ("value", "unit", "target", "result"),
    [(5, "gallon", "litres", 18.927059), (36, "psi", "bar", 2.482113), (1, "Meters", "inch", 39.370079)],
)
def test_units_of_one_kind_convert(value: float, unit: str, target: str, result: float) -> None:
    assert convert_units(value, unit, target) == result


@pytest.mark.parametrize(("unit", "target"), [("gallon", "psi"), ("gallon", "parsec")])
def test_units_that_do_not_fit_are_refused(unit: str, target: str) -> None:
    with pytest.raises(ToolError):
        convert_units(1, unit, target)


def test_the_notes_are_searched_line_by_line() -> None:
    assert search_notes(NOTES, "tyre FRONT") == [
        {"file": "motorcycle.txt", "line": 4, "text": "tyre pressure front: 36 psi"}
    ]
    assert search_notes(NOTES, "submarine") == []


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("teleport", {}, "there is no tool teleport; there are calculator"),
        ("calculator", {}, "calculator takes expression, not nothing"),
        ("calculator", {"expression": "1 / 0"}, "calculator failed: division by zero"),
        ("convert_units", {"value": "many", "from_unit": "psi", "to_unit": "bar"}, "convert_units failed"),
    ],
)
def test_what_goes_wrong_in_a_tool_is_told(
    toolbox: Toolbox, name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ToolError, match=message):
        toolbox.call(name, arguments)


def test_the_price_list_fails_once(toolbox: Toolbox) -> None:
    with pytest.raises(ToolError, match="ask again"):
        toolbox.call("fuel_price", {"fuel": "diesel"})
    assert toolbox.call("fuel_price", {"fuel": "diesel"}) == 1.69


# --- the model --------------------------------------------------------------------------------------------


def test_a_model_without_tools_writes_a_plan() -> None:
    assert reply_to(user(QUESTION), []).text.splitlines() == [
        "1. calculator(expression=15 / 100 * 240)",
        "2. search_notes(words=tank)",
        "3. fuel_price(fuel=diesel)",
    ]


def test_a_model_asks_for_all_that_it_can_at_once(toolbox: Toolbox) -> None:
    reply = reply_to(user(QUESTION), toolbox.schemas)
    assert [call.name for call in reply.calls] == ["calculator", "search_notes", "fuel_price"]
    assert [call.id for call in reply.calls] == ["call_1", "call_2", "call_3"]
    assert reply.finish_reason == "tool_calls"


def test_a_model_gives_up_on_a_tool_that_fails_twice(toolbox: Toolbox) -> None:
    messages = user("price of diesel")
    for number in (1, 2):
        (call,) = reply_to(messages, toolbox.schemas).calls
        function = {"name": call.name, "arguments": json.dumps(call.arguments)}
        request = {"id": f"call_{number}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [request]})
        failed = json.dumps({"error": "closed for today"})
        messages.append({"role": "tool", "tool_call_id": f"call_{number}", "content": failed})
    assert reply_to(messages, toolbox.schemas).text == "I could not find out: closed for today."


def test_a_model_that_lacks_a_tool_says_so() -> None:
    offered = [{"type": "function", "function": {"name": "calculator"}}]
    assert (
        reply_to(user("price of diesel"), offered).text == "I could not find out: I have no tool fuel_price."
    )


@given(st.text())
def test_a_model_has_some_reply_to_everything(question: str) -> None:
    reply = reply_to(user(question), Toolbox(NOTES).schemas)
    assert reply.text or reply.calls


# --- the protocol -----------------------------------------------------------------------------------------


def test_a_streamed_answer_is_the_same_as_a_whole_one(toolbox: Toolbox) -> None:
    for question in (QUESTION, "hello", "two  spaces and 1 + 1"):
        messages = user(question)
        request = {"model": "m", "messages": messages, "tools": toolbox.schemas}
        streamed = {**request, "stream": True, "stream_options": {"include_usage": True}}
        reply = reply_to(messages, toolbox.schemas)
        said: list[str] = []
        whole = from_document(completion(streamed, reply))
        assert assemble(stream_chunks(streamed, reply), said.append) == whole
        assert "".join(said) == whole.text


def test_both_clients_understand_the_server(client: Client, toolbox: Toolbox) -> None:
    request = {"model": "m", "messages": user("2 + 2"), "tools": toolbox.schemas}
    whole = client.ask(request)
    assert whole.tool_requests == [
        ToolRequest(id="call_1", name="calculator", arguments='{"expression": "2 + 2"}')
    ]
    assert whole.finish_reason == "tool_calls"
    assert min(whole.input_tokens, whole.output_tokens) > 0
    streamed = client.stream(request, ignore)
    assert streamed.tool_requests == whole.tool_requests
    assert streamed.output_tokens == whole.output_tokens


def test_a_busy_server_says_when_to_come_back(toolbox: Toolbox) -> None:
    with ModelServer(busy=2) as server:
        sdk = SdkClient(server.url, "none")
        for client in (HttpClient(server.url, "none"), sdk):
            with pytest.raises(RateLimited) as limited:
                client.ask({"model": "m", "messages": user("hello")})
            assert limited.value.wait_s == 0
        assert sdk.ask({"model": "m", "messages": user("hello")}).text
        sdk.close()


def test_a_request_that_is_none_is_refused(client: Client) -> None:
    for wrong in (
        {},
        {"model": "m"},
        {"model": "m", "messages": "hello"},
        {"model": "m", "messages": [None]},
    ):
        with pytest.raises((ModelError, TypeError), match=r"400|Missing required|argument"):
            client.ask(wrong)


def test_a_path_that_is_not_served_is_refused(server: ModelServer) -> None:
    with pytest.raises(ModelError, match="404"):
        HttpClient(server.url + "/elsewhere", "none").ask({})


def test_a_request_without_a_length_is_refused(server: ModelServer) -> None:
    request = urllib.request.Request(f"{server.url}/chat/completions", b"{}", {"Content-Length": "-1"})
    with pytest.raises(OSError, match="413"):
        urllib.request.urlopen(request, timeout=10)


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [{}],
        [{"id": "a", "model": "m", "choices": [{"delta": {"content": "cut"}}]}],
        [{"id": "a", "choices": 1}],
    ],
)
def test_a_stream_that_is_cut_or_damaged_is_an_error(chunks: Sequence[dict[str, Any]]) -> None:
    with pytest.raises(ModelError, match="stream"):
        assemble(chunks, ignore)


# --- the loop ---------------------------------------------------------------------------------------------


class Scripted:
    """A client that plays back answers, or raises what it finds among them."""

    def __init__(self, *script: Answer | Exception) -> None:
        self.script = list(script)

    def ask(self, request: Any) -> Answer:
        assert request["messages"]
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step

    def stream(self, request: Any, say: Any) -> Answer:
        answer = self.ask(request)
        say(answer.text)
        return answer


def ask_agent(client: Client, toolbox: Toolbox) -> str:
    return Agent(client=client, toolbox=toolbox).answer(QUESTION, ignore)


def actions(decided: list[Any]) -> list[str]:
    return [one.action for one in decided]


def test_the_agent_answers_and_says_how_it_came_to_that(
    client: Client, toolbox: Toolbox, decided: list[Any]
) -> None:
    assert ask_agent(client, toolbox) == ANSWER
    assert actions(decided) == ["PLAN", "TOOL_CHOICE", "TOOL_CHOICE", "STOP"]
    assert [one.values["chosen"] for one in decided[1:3]] == [
        ["calculator", "search_notes", "fuel_price"],
        ["convert_units", "fuel_price"],
    ]
    assert decided[3].values == {"finish_reason": "stop", "rounds": 3}


def test_a_busy_model_is_asked_again_after_the_time_that_it_named(
    toolbox: Toolbox, decided: list[Any]
) -> None:
    waited: list[float] = []
    busy, fine = RateLimited("busy", wait_s=2.5), Answer(text="done", finish_reason="stop")
    agent = Agent(client=Scripted(busy, fine), toolbox=toolbox, wait=waited.append)
    assert agent.answer("hello", ignore) == "done"
    assert waited == [2.5]
    assert actions(decided) == ["RETRY", "PLAN", "STOP"]


def test_a_model_that_stays_busy_is_an_error(toolbox: Toolbox, decided: list[Any]) -> None:
    with pytest.raises(ModelError, match="still busy after 3 attempts"):
        ask_agent(Scripted(RateLimited("busy", wait_s=0)), toolbox)
    assert actions(decided) == ["RETRY"] * 3


def test_a_model_that_never_answers_is_stopped(toolbox: Toolbox, decided: list[Any]) -> None:
    request = ToolRequest(id="call_1", name="calculator", arguments='{"expression": "1"}')
    with pytest.raises(GaveUp, match="no answer after 8 rounds"):
        ask_agent(Scripted(Answer(tool_requests=[request], finish_reason="tool_calls")), toolbox)
    assert actions(decided) == ["PLAN", *["TOOL_CHOICE"] * 8, "STOP"]


@pytest.mark.parametrize("arguments", ["{", "[]", '{"other": 1}'])
def test_a_tool_call_that_makes_no_sense_goes_back_to_the_model(toolbox: Toolbox, arguments: str) -> None:
    request = ToolRequest(id="call_1", name="calculator", arguments=arguments)
    plan = Answer(text="plan", finish_reason="stop")
    ask = Answer(tool_requests=[request], finish_reason="tool_calls")
    assert ask_agent(Scripted(plan, ask, Answer(text="sorry", finish_reason="stop")), toolbox) == "sorry"


# --- the command ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--sdk"]])
def test_the_command_runs_everything_by_itself(
    capsys: pytest.CaptureFixture[str], options: list[str], decided: list[Any]
) -> None:
    assert main([QUESTION, *options]) == 0
    assert capsys.readouterr().out.startswith(ANSWER + "\n")
    assert actions(decided) == ["RETRY", "PLAN", "TOOL_CHOICE", "TOOL_CHOICE", "STOP"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--base-url", "http://127.0.0.1:9/v1"], "cannot reach the model"),
        (["--base-url", "nonsense"], "cannot reach the model"),
        (["--sdk", "--base-url", "http://127.0.0.1:9/v1"], "cannot ask the model"),
        (["--notes", "no-such-folder"], "are not a folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: list[str], message: str
) -> None:
    assert main(["hello", *options]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert message in shown
    assert shown.count("\n") == 1
