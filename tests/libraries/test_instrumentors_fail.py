"""Whatever fails in the hooks for libraries of models, the program asks and is answered as without them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from model_server import ModelServer, says
from store_kit import Store

ASKING = """
import importlib, sys

class Fails:
    calls = 0
    def __call__(self, *args, **kwargs):
        self.calls += 1
        raise RuntimeError("injected")

def broken(place, name):
    owner = importlib.import_module(place)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    plain, fails = getattr(owner, last), Fails()
    setattr(owner, last, fails)
    return fails, lambda: setattr(owner, last, plain)

def ask():
    with otel_replay.start_run("failing"), openai.OpenAI() as client:
        hello = [{"role": "user", "content": "Hello"}]
        print(client.chat.completions.create(model="m", messages=hello).choices[0].message.content)
        stream = client.chat.completions.create(model="m", messages=hello, stream=True)
        print(*(chunk.choices[0].delta.content or "-" for chunk in stream))

def ours():
    import otel_replay.libraries.instrumentors as instrumentors
    instrumentors.ways = lambda row: []

SILENT = ["httpx", "httpx2", "files", "subprocess", "logging"]
"""
LOADING = (
    ASKING
    + """
place, name, ways = sys.argv[1:4]
if ways == "ours":
    ours()
broken(place, name)
import otel_replay
otel_replay.record_libraries(disabled=SILENT)
import openai
ask()
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
OpenAIInstrumentor().instrument()
OpenAIInstrumentor().uninstrument()
"""
)
CALLING = (
    ASKING
    + """
ours()
import otel_replay
otel_replay.record_libraries(disabled=SILENT)
import openai
for hook in sys.argv[1:]:
    fails, mend = broken(*hook.split(":"))
    ask()
    mend()
    assert fails.calls, hook
"""
)
ANSWERED = "Good day\n- Good  day -\n"

WHILE_LOADING = [
    ("otel_replay.libraries.instrumentors", "ask_for_content", "others"),
    ("otel_replay.libraries.instrumentors", "let_spans_in", "others"),
    ("otel_replay.libraries.instrumentors", "_watch_others", "others"),
    ("otel_replay.libraries.instrumentors", "_step_aside_for", "others"),
    ("otel_replay.libraries.instrumentors", "records_itself", "others"),
    ("otel_replay.recording.current", "parent_context", "others"),
    ("otel_replay.libraries.openai_calls", "install", "ours"),
]
IN_CALLS = [
    "otel_replay.libraries.openai_calls:start_span",
    "otel_replay.libraries.openai_words:asked",
    "otel_replay.libraries.openai_words:plain",
    "otel_replay.libraries.openai_words:chat_answer",
    "otel_replay.libraries.openai_words:joined_chunks",
    "otel_replay.recording.spans:Generation.output",
    "otel_replay.content:Content.body",
    "otel_replay.content:Content.attributes",
]

Python = Callable[..., object]
Serving = Callable[..., ModelServer]


@pytest.mark.slow
@pytest.mark.parametrize(("place", "name", "ways"), WHILE_LOADING, ids=[hook[1] for hook in WHILE_LOADING])
def test_a_failure_while_a_library_loads_never_reaches_the_program(
    python: Python, store: Store, model_server: Serving, place: str, name: str, ways: str
) -> None:
    server = model_server([says("Good day"), says("Good day")])
    environment = {**server.environment, "OTEL_REPLAY_CONTENT": "hashes"}
    done = python(LOADING, place, name, ways, env=environment, flags=())
    assert done.stdout == ANSWERED
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_failure_in_a_call_never_reaches_the_program(
    python: Python, store: Store, model_server: Serving
) -> None:
    """One process for all: loading the library takes most of the time."""
    server = model_server([says("Good day") for _ in range(2 * len(IN_CALLS))])
    environment = {**server.environment, "OTEL_REPLAY_CONTENT": "hashes"}
    done = python(CALLING, *IN_CALLS, env=environment, flags=())
    assert done.stdout == ANSWERED * len(IN_CALLS)
    assert "Traceback" not in done.stderr
