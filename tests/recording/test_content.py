"""How much of what people and models say is kept: all of it, its hashes, or nothing."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from store_kit import Store

import otel_replay
from otel_replay.content import hash_of, is_content

PROMPT = "Where is the treasure, and who buried it there?"
MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}]
HASH = hash_of(MESSAGES)

FOREIGN = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.input.messages": json.dumps(MESSAGES),
    "gen_ai.prompt.0.content": PROMPT,
    "gen_ai.prompt.0.role": "user",
    "llm.input_messages.0.message.content": PROMPT,
    "input.value": PROMPT,
    "traceloop.entity.input": PROMPT,
    "pydantic_ai.all_messages": json.dumps(MESSAGES),
    "gen_ai.tool.call.arguments": json.dumps({"question": PROMPT}),
    "gen_ai.tool.description": PROMPT,
}
"""A span as instrumentors write it."""


def record(store: Store, monkeypatch: pytest.MonkeyPatch, content: str) -> str:
    """A run with content from every side; its id."""
    monkeypatch.setenv("OTEL_REPLAY_CONTENT", content)
    with otel_replay.start_run("told", store=store.root) as run:
        with otel_replay.generation("m", input_messages=MESSAGES) as generation:
            generation.output(MESSAGES, usage={"output_tokens": 5})
        with otel_replay.tool("dig", arguments={"question": PROMPT}) as call:
            call.result({"found": PROMPT})
        with trace.get_tracer("somebody").start_as_current_span("chat m", attributes=FOREIGN) as span:
            span.add_event("gen_ai.user.message", {"content": PROMPT, "role": "user"})
            span.set_attribute("gen_ai.output.messages", json.dumps([*MESSAGES, "x" * 100_000]))
    return run.run_id


def test_by_default_everything_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch, fresh_opentelemetry: None
) -> None:
    run = store.run(record(store, monkeypatch, "full"))
    attributes = next(span for span in run.spans if "input.value" in span.attributes).attributes
    assert attributes["input.value"] == PROMPT
    assert json.loads(attributes["gen_ai.input.messages"]) == MESSAGES


def test_hashes_still_tell_whether_two_calls_said_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, fresh_opentelemetry: None
) -> None:
    run = store.run(record(store, monkeypatch, "hashes"))
    assert b"treasure" not in run.bytes()
    assert b"xxxxx" not in run.bytes()
    ours, foreign = [span.attributes for span in run.spans if "gen_ai.input.messages" in span.attributes]
    # Ours stood there as a structure, the instrumentor's as JSON text.
    assert ours["gen_ai.input.messages"] == foreign["gen_ai.input.messages"] == HASH
    assert foreign["input.value"] == hash_of(PROMPT)


@pytest.mark.parametrize("content", ["hashes", "none"])
def test_models_usage_and_roles_are_no_content(
    store: Store, monkeypatch: pytest.MonkeyPatch, fresh_opentelemetry: None, content: str
) -> None:
    run = store.run(record(store, monkeypatch, content))
    attributes = next(span.attributes for span in run.spans if "gen_ai.prompt.0.role" in span.attributes)
    assert attributes["gen_ai.prompt.0.role"] == "user"
    assert attributes["gen_ai.usage.input_tokens"] == 3
    assert attributes["gen_ai.request.model"] == "m"


def test_with_none_nothing_of_it_reaches_the_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch, fresh_opentelemetry: None
) -> None:
    run = store.run(record(store, monkeypatch, "none"))
    assert b"treasure" not in run.bytes()
    assert HASH.encode() not in run.bytes()
    assert not any(is_content(name) for span in run.spans for name in span.attributes)
    assert [event.name for event in run.events] == ["gen_ai.user.message"]
    assert run.events[0].attributes == {"role": "user"}


def test_exporters_get_what_instrumentors_tell(
    store: Store, monkeypatch: pytest.MonkeyPatch, fresh_opentelemetry: None
) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    out = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(out))
    trace.set_tracer_provider(provider)
    record(store, monkeypatch, "none")
    sent = {key: value for span in out.get_finished_spans() for key, value in (span.attributes or {}).items()}
    assert sent["input.value"] == PROMPT


def test_a_setting_that_is_none_of_the_three_is_told_and_everything_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch, fresh_opentelemetry: None, caplog: pytest.LogCaptureFixture
) -> None:
    run = store.run(record(store, monkeypatch, "some"))
    assert "OTEL_REPLAY_CONTENT='some' is not full, hashes or none" in caplog.text
    assert b"treasure" in run.bytes()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gen_ai.input.messages", True),
        ("gen_ai.completion.0.content", True),
        ("gen_ai.completion.0.finish_reason", False),
        ("llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments", True),
        ("llm.output_messages.0.message.tool_calls.0.tool_call.function.name", False),
        ("gen_ai.tool.call.id", False),
        ("gen_ai.usage.output_tokens", False),
        ("otel_replay.values.input", False),
    ],
)
def test_what_counts_as_content(name: str, expected: bool) -> None:
    assert is_content(name) is expected
