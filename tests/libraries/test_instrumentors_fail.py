"""Whatever fails in the hooks for libraries of models, the program asks and is answered as without them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from model_server import ModelServer, says
from store_kit import Store

PROGRAM = """
import sys
place, name, ways = sys.argv[1:4]
if ways == "ours":
    import otel_replay.libraries.instrumentors as instrumentors
    instrumentors.ways = lambda row: []
import importlib, operator
owner = importlib.import_module(place)
*path, last = name.split(".")
for part in path:
    owner = getattr(owner, part)
def fail(*args, **kwargs):
    raise RuntimeError("injected")
setattr(owner, last, fail)

import otel_replay
otel_replay.record_libraries(disabled=["httpx", "httpx2", "files", "subprocess", "logging"])
import openai
with otel_replay.start_run("failing"), openai.OpenAI() as client:
    hello = [{"role": "user", "content": "Hello"}]
    print(client.chat.completions.create(model="m", messages=hello).choices[0].message.content)
    stream = client.chat.completions.create(model="m", messages=hello, stream=True)
    print(*(chunk.choices[0].delta.content or "-" for chunk in stream))
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
OpenAIInstrumentor().instrument()
OpenAIInstrumentor().uninstrument()
"""
HOOKS = [
    ("otel_replay.libraries.instrumentors", "ask_for_content", "others"),
    ("otel_replay.libraries.instrumentors", "let_spans_in", "others"),
    ("otel_replay.libraries.instrumentors", "_watch_others", "others"),
    ("otel_replay.libraries.instrumentors", "_step_aside_for", "others"),
    ("otel_replay.libraries.instrumentors", "records_itself", "others"),
    ("otel_replay.recording.current", "parent_context", "others"),
    ("otel_replay.libraries.openai_calls", "install", "ours"),
    ("otel_replay.libraries.openai_calls", "start_span", "ours"),
    ("otel_replay.libraries.openai_words", "asked", "ours"),
    ("otel_replay.libraries.openai_words", "plain", "ours"),
    ("otel_replay.libraries.openai_words", "chat_answer", "ours"),
    ("otel_replay.libraries.openai_words", "joined_chunks", "ours"),
    ("otel_replay.recording.spans", "Generation.output", "ours"),
    ("otel_replay.content", "Content.body", "ours"),
    ("otel_replay.content", "Content.attributes", "ours"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("place", "name", "ways"), HOOKS, ids=[f"{hook[1]}" for hook in HOOKS])
def test_a_failure_never_reaches_the_program(
    python: Callable[..., object],
    store: Store,
    model_server: Callable[..., ModelServer],
    place: str,
    name: str,
    ways: str,
) -> None:
    server = model_server([says("Good day"), says("Good day")])
    environment = {**server.environment, "OTEL_REPLAY_CONTENT": "hashes"}
    done = python(PROGRAM, place, name, ways, env=environment, flags=())
    assert done.stdout == "Good day\n- Good  day -\n"
    assert "Traceback" not in done.stderr
