"""OpenAI's SDK where nobody has installed an instrumentor: generations all the same, by ours."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from model_protocols import Usage
from model_server import Answer, ModelServer, Request, asks, fails, says
from store_kit import Recorded, Store

from otel_replay.dialects.reading import Meaning, read_span
from otel_replay.formats.spans import Span
from otel_replay.libraries import openai_words as words

LOOP = Path(__file__).parents[1] / "agent_programs" / "programs" / "openai_loop.py"
ALONE = """
import otel_replay.libraries.instrumentors as instrumentors
instrumentors.ways = lambda row: []  # as where nothing is installed
import otel_replay, runpy
otel_replay.record_libraries(disabled=["httpx", "httpx2"])
with otel_replay.start_run("alone"):
    runpy.run_path({program!r}, run_name="__main__")
"""
LEFT = """
import openai, traceback
with openai.OpenAI() as client:
    for chunk in client.chat.completions.create(model="m", messages=[], stream=True):
        if chunk.choices[0].delta.content:
            break
    with client.responses.stream(model="m", input="Hello", instructions="Be kind.") as events:
        print(events.get_final_response().output_text)
    print(client.chat.completions.with_raw_response.create(model="m", messages=[]).parse().id)
    client.chat.completions.create(model="m", messages=[], stream=True).close()
    try:
        asked = [{"role": "user", "content": "break off"}]
        list(client.chat.completions.create(model="m", messages=asked, stream=True))
    except openai.APIConnectionError as error:
        print([frame.name for frame in traceback.extract_tb(error.__traceback__)][-3:])
"""


def answer(request: Request) -> Answer:
    """What the model says to the loop."""
    if request.says("Which cell"):
        if request.results:
            return says("Cell 4 is warmer.", usage=Usage(input=50, output=6, cached=40))
        return asks(("temperature", {"cell": 3}), ("temperature", {"cell": 4}))
    if request.says("refuse"):
        return fails(400, message="no such thing")
    if request.says("break off"):
        return says("one two three", breaks_after=2)
    return says("Once upon a time")


def generations(run: Recorded) -> list[tuple[Span, Meaning]]:
    """The generations by what they mean, in the order of their start."""
    read = [(span, read_span(span.name, span.attributes)) for span in run.spans]
    return sorted(((span, means) for span, means in read if means.kind == "generation"), key=_started)


def _started(one: tuple[Span, Meaning]) -> int:
    return one[0].start_ns


@pytest.fixture
def alone(
    python: Callable[..., object], store: Store, model_server: Callable[..., ModelServer]
) -> Callable[[Path], tuple[str, Recorded]]:
    def run(program: Path) -> tuple[str, Recorded]:
        done = python(ALONE.format(program=str(program)), env=model_server(answer).environment, flags=())
        return done.stdout, store.run()

    return run


@pytest.mark.slow
def test_messages_usage_reasons_streams_and_failures_are_told(
    alone: Callable[[Path], tuple[str, Recorded]],
) -> None:
    said, run = alone(LOOP)
    assert "Once |upon |a |time|" in said
    (_, first), (_, second), (_, story), (_, response), *_ = found = generations(run)
    assert [message["role"] for message in first.input_messages or ()] == ["system", "user"]
    (message,) = first.output_messages or ()
    assert [(part["id"], part["arguments"]) for part in message["parts"]] == [
        ("call_1_0", {"cell": 3}),
        ("call_1_1", {"cell": 4}),
    ]
    assert (first.finish_reasons, second.finish_reasons) == (("tool_calls",), ("stop",))
    usage = second.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (50, 6, 40)
    for one in (story, response):
        assert "Once upon a time" in str(one.output_messages)
        assert one.usage.input_tokens == 11
    failed = [span.attributes["error.type"] for span, _ in found if span.status == "error"]
    assert failed == ["openai.BadRequestError", "openai.APIConnectionError"]
    asked = [str(means.input_messages) for _, means in found[-3:]]
    assert [f"question {number}" in text for number, text in enumerate(sorted(asked))] == [True] * 3
    assert all("Once upon a time" in str(means.output_messages) for _, means in found[-3:])


def test_a_stream_that_is_left_and_an_answer_that_the_program_reads_itself_are_no_failures(
    alone: Callable[[Path], tuple[str, Recorded]], tmp_path: Path
) -> None:
    program = tmp_path / "left.py"
    program.write_text(LEFT)
    said, run = alone(program)
    assert said.splitlines()[:2] == ["Once upon a time", "chatcmpl-3"]
    (left, heard), (_, response), (raw, parsed), (unread, _), (broken, _) = generations(run)
    assert (unread.status, broken.status) == ("unset", "error")
    if sys.version_info >= (3, 11):
        assert "__next__" not in said.splitlines()[2]
    assert [part["content"] for part in heard.output_messages[0]["parts"]] == ["Once "]
    assert (left.status, raw.status) == ("unset", "unset")
    assert (parsed.usage.input_tokens, parsed.usage.output_tokens) == (11, 7)
    assert "Once upon a time" in str(response.output_messages)
    assert response.system_instructions == [{"type": "text", "content": "Be kind."}]


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        ({"role": "user", "content": "Hello"}, [{"type": "text", "content": "Hello"}]),
        (
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "image_url"}]},
            [{"type": "text", "content": "Hi"}, {"type": "image_url"}],
        ),
        (
            {"role": "tool", "tool_call_id": "c1", "content": "7"},
            [{"type": "tool_call_response", "id": "c1", "response": "7"}],
        ),
        (
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{broken"},
            [{"type": "tool_call", "id": "c1", "name": "look", "arguments": "{broken"}],
        ),
        (
            {"type": "function_call_output", "call_id": "c1", "output": "7"},
            [{"type": "tool_call_response", "id": "c1", "response": "7"}],
        ),
        ({"type": "reasoning", "summary": []}, [{"type": "reasoning", "summary": []}]),
    ],
)
def test_messages_take_the_shape_of_the_conventions(item: dict, parts: list) -> None:
    (message,) = words.asked({"input": [item]})["input_messages"]
    assert message["parts"] == parts


def test_doctor_says_that_more_could_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from otel_replay.doctor.found import examine
    from otel_replay.libraries import instrumentors
    from otel_replay.settings import Settings

    monkeypatch.setattr(instrumentors, "ways", lambda _: [])
    found = {one.name: one for one in examine(Settings())}
    assert (found["openai"].state, found["openai"].means) == ("on", "otel-replay")
    assert "pip install opentelemetry-instrumentation-genai-openai" in found["openai"].why
    assert found["openai-agents"].state == "off"
