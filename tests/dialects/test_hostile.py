"""Whatever stands in the attributes, reading raises nothing and changes nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_replay.dialects.current import in_current_words, is_current
from otel_replay.dialects.kinds import KINDS, SAYS
from otel_replay.dialects.reading import PARTS, TABLES, read_span, usage_of
from otel_replay.records import Event, LogEntry

_SOURCES = [source for table in TABLES for sources in table.parts.values() for source in sources]
_FLATTENED = {
    *("input.value", "output.value", "llm.invocation_parameters", "final_result", "agent_name"),
    *("traceloop.entity.input", "traceloop.entity.output", "gen_ai.prompt.0.content", "gen_ai.prompt.x"),
    *("gen_ai.completion.0.tool_calls.0.arguments", "llm.input_messages.0.message.role"),
    "llm.output_messages.1.message.contents.0.message_content.type",
    *("llm.output_messages.999999999999.message.role", "llm.prompts.0.prompt.text"),
    *("llm.tools.0.tool.json_schema", "retrieval.documents.0.document.content"),
}
NAMES = sorted(
    {name for name in _SOURCES if isinstance(name, str)} | {name for name, _, _ in SAYS} | {*_FLATTENED}
)
SPOKEN = sorted({value for _, _, kinds in SAYS for value in kinds})

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.sampled_from(SPOKEN)
    | st.sampled_from(
        ["[", "{", "[]", "{}", '[{"role": 1}]', '{"type": "tool"}', "[[[", "NaN", '[1, "a", null]']
    )
)
keys = st.sampled_from(
    [
        "role",
        "content",
        "parts",
        "type",
        "text",
        "tool_calls",
        "function",
        "arguments",
        "message",
        "output",
        "id",
    ]
) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
maps = st.dictionaries(st.sampled_from(NAMES), values, max_size=10)
moments = st.lists(
    st.sampled_from(
        ["gen_ai.choice", "gen_ai.user.message", "gen_ai.tool.message", "gen_ai.content.prompt"]
    ).flatmap(
        lambda name: (
            st.dictionaries(keys, values, max_size=4).map(
                lambda content: Event(time_ns=1, span_id="a", name=name, attributes=content)
            )
            | values.map(lambda body: LogEntry(time_ns=1, event_name=name, body=body))
        )
    ),
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), maps, moments)
def test_reading_raises_nothing_whatever_was_recorded(
    name: str, attributes: dict[str, Any], events: list[Any]
) -> None:
    """Wrong types, JSON that is none, messages that are none; what was recorded stays as it was."""
    before = copy.deepcopy(attributes)
    meaning = read_span(name, attributes, events=events)
    assert meaning.kind in KINDS
    for part in PARTS:
        meaning.part(part)
    for message in [*(meaning.input_messages or ()), *(meaning.output_messages or ())]:
        assert isinstance(message["role"], str)
        assert all(isinstance(part, dict) for part in message["parts"])
    assert usage_of(attributes) is not None
    in_current_words(name, attributes, events=events)
    assert repr(attributes) == repr(before)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), maps)
def test_what_was_put_in_current_words_means_the_same(name: str, attributes: dict[str, Any]) -> None:
    """A translation says what the original said, of all that the current words can say."""
    once = in_current_words(name, attributes)
    if is_current(attributes):
        assert once is attributes
        return
    before, after = read_span(name, attributes), read_span(name, once)
    for part in ("model", "usage", "agent_name", "finish_reasons", "response_id"):
        assert getattr(after, part) == getattr(before, part)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("name", ["gen_ai.input.messages", "gen_ai.tool.call.arguments", "output.value"])
@pytest.mark.parametrize("kind", ["LLM", "TOOL"])
def test_a_value_that_is_nested_without_end_is_text(name: str, kind: str) -> None:
    """It was not meant for reading; nothing follows it down."""
    meaning = read_span("x", {"openinference.span.kind": kind, name: DEEP})
    assert all(meaning.part(part) in (None, DEEP) for part in PARTS if part != "operation")


def test_twenty_thousand_messages_are_read_in_one_pass() -> None:
    """The time grows with what is there, not with the numbers in the names."""
    many = {f"llm.input_messages.{at}.message.content": "x" for at in range(20_000)}
    meaning = read_span("x", {"openinference.span.kind": "LLM", **many})
    assert len(meaning.input_messages or ()) == 20_000


def test_a_structure_that_is_nested_deep_is_read_without_recursion_errors() -> None:
    """A recorded structure may be as deep as the journal lets it."""
    value: Any = "end"
    for _ in range(900):
        value = {"type": "tool_result", "content": [value]}
    messages = [{"role": "user", "parts": [value]}]
    meaning = read_span("x", {"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages})
    assert meaning.input_messages is not None
    text = json.dumps([{"role": "user", "content": "x"}] * 3)
    assert len(read_span("x", {"gen_ai.input.messages": text}).input_messages or ()) == 3
